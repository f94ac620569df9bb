"""Openings through which the backdrop is seen in the product's shade, and which a network filled."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from prodgen_nodes.imaging.colorspace import linear_to_srgb
from prodgen_nodes.imaging.segmentation import TRUSTED, from_model
from scipy import ndimage
from torch import Tensor

SIDE = 400
BLUE, SAND, GREY = (0.27, 0.44, 0.57), (0.62, 0.45, 0.27), (0.5, 0.5, 0.5)
WOOD, RED = (0.66, 0.61, 0.56), (0.45, 0.05, 0.04)
PURPLE, DEEPER, ORANGE, WHITE = (0.26, 0.05, 0.35), (0.06, 0.02, 0.3), (0.8, 0.3, 0.03), (0.9, 0.9, 0.88)


def holes(kind: str) -> np.ndarray:
    """Where the seat is open, four times as fine."""
    y, x = np.mgrid[0 : 4 * SIDE, 0 : 4 * SIDE] / 4.0
    if kind == "slot":
        return (np.abs(y - 190) < 8) & (np.abs(x - 200) < 40)
    if kind == "grille":
        return (np.abs(y - 200) < 45) & (np.abs(x - 200) < 70) & ((x - 130) % 20 > 12)
    away = np.hypot((x - 120) % 26 - 13, (y - 120) % 26 - 13)
    return (away < 5) & (np.abs(x - 200) < 75) & (np.abs(y - 200) < 75)


def photo_of(open_: np.ndarray, seen: tuple[float, ...], back: tuple[float, ...], own: tuple[float, ...]) -> Tensor:
    """A board of the colour `own` before `back`, whose holes show the colour `seen` (all linear)."""
    rng = np.random.default_rng(4)
    share = open_.reshape(SIDE, 4, SIDE, 4).mean(axis=(1, 3))[..., None]
    board = np.zeros((SIDE, SIDE, 1))
    board[110:300, 90:310] = 1.0
    grain = 1 + 0.1 * ndimage.gaussian_filter(rng.standard_normal((SIDE, SIDE, 1)), (1, 6, 0))
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE - 0.5
    light = (1 - 0.3 * (x**2 + y**2))[..., None]
    product = np.asarray(own) * grain * (1 - share) + np.asarray(seen) * light * share
    linear = product * board + np.asarray(back) * light * (1 - board)
    photo = linear_to_srgb(torch.from_numpy(linear.clip(0, 1).astype(np.float32)))
    photo = photo + torch.from_numpy(rng.normal(0, 0.003, linear.shape).astype(np.float32))
    return (photo.clamp(0, 1) * 255).round() / 255


def confidence(photo: Tensor) -> float:
    """How far the board is believed by who saw no hole."""
    mask = torch.zeros(SIDE, SIDE)
    mask[110:300, 90:310] = 1.0
    return from_model(photo, torch.nn.functional.interpolate(mask[None, None], 1024, mode="area")[0, 0]).confidence


@pytest.mark.each_once
@pytest.mark.parametrize(("back", "own"), [(BLUE, WOOD), (SAND, RED)], ids=["wood before blue", "red before sand"])
@pytest.mark.parametrize("kind", ["slot", "grille", "perforated"])
def test_an_opening_that_shows_the_backdrop_in_the_shade_is_not_believed_filled(
    kind: str, back: tuple[float, ...], own: tuple[float, ...]
) -> None:
    assert confidence(photo_of(holes(kind), tuple(0.6 * value for value in back), back, own)) < TRUSTED


@pytest.mark.first(2)
@pytest.mark.parametrize(
    ("back", "own", "inlay"),
    [(BLUE, WOOD, (0.2, 0.2, 0.2)), (BLUE, WOOD, RED), (GREY, RED, (0.3, 0.3, 0.3)), (SAND, RED, (0.02, 0.02, 0.02))],
    ids=["grey", "red", "grey before grey", "black"],
)
def test_an_inlay_of_another_colour_is_no_opening(
    back: tuple[float, ...], own: tuple[float, ...], inlay: tuple[float, ...]
) -> None:
    """Before grey anything grey could be one: there nothing tells."""
    assert confidence(photo_of(holes("slot"), inlay, back, own)) >= TRUSTED


@pytest.mark.parametrize(("own", "believed"), [(ORANGE, False), (DEEPER, True)], ids=["orange", "purple, too"])
def test_a_slit_counts_where_the_product_has_quite_another_hue(own: tuple[float, ...], believed: bool) -> None:
    """Half a pixel in a thousand: between purple parts nobody could tell it from a fold."""
    y, x = np.mgrid[0 : 4 * SIDE, 0 : 4 * SIDE] / 4.0
    slit = (np.abs(y - 190) < 4) & (np.abs(x - 200) < 4)
    assert (confidence(photo_of(slit, tuple(0.5 * value for value in PURPLE), PURPLE, own)) >= TRUSTED) == believed


@pytest.mark.parametrize(("back", "believed"), [(WHITE, False), (BLUE, True)], ids=["white", "blue"])
def test_a_dark_opening_is_believed_where_its_tint_tells(back: tuple[float, ...], believed: bool) -> None:
    """Something grey that a network left out: the wall in the shade, or a lamp of the product?"""
    photo = photo_of(holes("slot"), tuple(0.5 * value for value in back), back, RED)
    mask = torch.zeros(SIDE, SIDE)
    mask[110:300, 90:310] = 1.0
    mask *= 1.0 - torch.from_numpy(holes("slot")[::4, ::4].astype(np.float32))
    cut = from_model(photo, torch.nn.functional.interpolate(mask[None, None], 1024, mode="area")[0, 0])
    assert float(cut.alpha[190, 200]) < 0.1
    assert (cut.confidence >= TRUSTED) == believed, cut.report
    said = cut.report["notes" if believed else "reasons"]
    assert any("not as light as the backdrop" in one for one in said), cut.report
