"""Gaps that a network filled are opened where the backdrop flows into a row of them; what only looks like it stays."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from prodgen_nodes.imaging.segmentation import TRUSTED, from_model
from scipy import ndimage

from .segmentation_products import Scene, photographed

SIDE = 400
COLOURS = [(0.16, 0.04, 0.25), (0.02, 0.02, 0.02), (0.35, 0.08, 0.06), (0.10, 0.20, 0.40)]


def photo_of(shape: np.ndarray, filled: np.ndarray, colour: tuple[float, ...], shaded: float, seed: int) -> Scene:
    """A thing on grey; `shaded`: how much of its light the backdrop lacks in the gaps."""
    made = photographed(
        shape.astype(np.float32), np.array(colour), np.random.default_rng(seed), backdrop=(0.5, 0.5, 0.5), shadow=0.3
    )
    dark = 1 - shaded * ndimage.gaussian_filter(filled.astype(np.float32), 14)
    light = torch.from_numpy(dark.astype(np.float32)).unsqueeze(-1) ** 0.45
    alpha = made.alpha.unsqueeze(-1)
    return Scene(made.photo * (alpha + (1 - alpha) * light), made.alpha, made.color)


def comb(tooth: int, gap: int, turned: bool) -> tuple[np.ndarray, np.ndarray]:
    """A comb, and the same with its gaps filled."""
    shape, filled = np.zeros((SIDE, SIDE), bool), np.zeros((SIDE, SIDE), bool)
    right = 80 + (tooth + gap) * (240 // (tooth + gap)) + tooth
    filled[150:250, 80:right] = shape[150:175, 80:right] = True
    for left in range(80, right, tooth + gap):
        shape[150:250, left : left + tooth] = True
    return (shape.T, filled.T) if turned else (shape, filled)


def soft(mask: np.ndarray) -> torch.Tensor:
    """What a network says of it."""
    return torch.from_numpy(ndimage.gaussian_filter(mask.astype(np.float32), 1.0))


@example(tooth=4, gap=4, turned=False, colour=COLOURS[0], shaded=0.4, seed=0)
@example(tooth=5, gap=5, turned=True, colour=COLOURS[1], shaded=0.4, seed=1)
@given(
    tooth=st.integers(4, 9),
    gap=st.integers(4, 8),
    turned=st.booleans(),
    colour=st.sampled_from(COLOURS),
    shaded=st.floats(0.0, 0.4),
    seed=st.integers(0, 9),
)
@settings(max_examples=5, deadline=None)
def test_a_filled_comb_is_opened(
    tooth: int, gap: int, turned: bool, colour: tuple[float, ...], shaded: float, seed: int
) -> None:
    shape, filled = comb(tooth, gap, turned)
    made = photo_of(shape, filled, colour, shaded, seed)
    alpha = from_model(made.photo, soft(filled)).alpha.numpy()
    between = filled & ~ndimage.binary_dilation(shape)
    assert alpha[between].mean() < 0.05
    assert alpha[ndimage.binary_erosion(shape)].mean() > 0.95


def test_what_was_opened_beyond_doubt_is_trusted() -> None:
    shape, filled = comb(6, 6, False)
    made = photo_of(shape, filled, COLOURS[0], 0.4, 3)
    cut = from_model(made.photo, soft(filled))
    assert cut.confidence >= TRUSTED, cut.report


@pytest.mark.first(2)
@pytest.mark.parametrize("colour", COLOURS)
def test_stripes_of_the_backdrops_colour_that_end_inside_stay(colour: tuple[float, ...]) -> None:
    shape, filled = comb(6, 4, False)
    outline = filled.copy()
    outline[250:262, 80:320] = True
    made = photo_of(outline, outline, colour, 0.0, 2)
    photo = made.photo.clone()
    printed = torch.from_numpy(filled & ~shape)
    photo[printed] = 0.8 * photo[:20].mean(dim=(0, 1))
    alpha = from_model(photo, soft(outline)).alpha
    assert float(alpha[printed].mean()) > 0.95


def test_one_welt_of_the_backdrops_colour_at_the_edge_stays() -> None:
    """A sole, a neck, a piping: narrow, sharp, and with no step to the backdrop where it ends."""
    outline = np.zeros((SIDE, SIDE), bool)
    outline[150:250, 80:320] = True
    made = photo_of(outline, outline, COLOURS[3], 0.0, 2)
    photo = made.photo.clone()
    photo[225:233, 80:320] = photo[225:233, 40:70].mean(dim=(0, 1))
    alpha = from_model(photo, soft(outline)).alpha
    assert float(alpha[227:231, 100:300].mean()) > 0.95
