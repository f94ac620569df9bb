"""A painted checkerboard is made even, in shade and along the product's edge, and nothing of its squares stays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from prodgen_nodes.imaging.checkerboard import evened
from prodgen_nodes.imaging.segmentation import from_model
from scipy import ndimage

from .test_checkerboard import Colour, found, jpeg, product_mask, squares, tensor, with_product

SIZE = (640, 560)


def in_shade(backdrop: Image.Image, depth: float, wide: float) -> Image.Image:
    """The board with the product's soft shadow on it, as cut-outs are pasted with one."""
    alpha = np.asarray(product_mask(*backdrop.size), np.float64) / 255
    shade = 1.0 - depth * ndimage.gaussian_filter(ndimage.shift(alpha, (10, 6)), wide)
    return Image.fromarray((np.asarray(backdrop) * shade[..., None]).round().astype(np.uint8))


def relief(picture: torch.Tensor, backdrop: Image.Image, where: np.ndarray) -> float:
    """How much lighter the light squares are than the dark ones beside them, where that is most of `where`."""
    plane, painted = picture.mean(dim=-1).numpy(), np.asarray(backdrop.convert("L"))
    light = painted > painted.mean()
    means = []
    for squares_ in (light & where, ~light & where):
        weight = ndimage.gaussian_filter(squares_.astype(np.float64), 16) + 1e-6
        means.append(ndimage.gaussian_filter(plane * squares_, 16) / weight)
    return float(np.quantile(np.abs(means[0] - means[1])[where], 0.99))


@pytest.mark.each_once
@pytest.mark.parametrize(("greys", "side"), [((255, 204), 8), ((255, 204), 20), ((255, 239), 8), ((153, 102), 20)])
@pytest.mark.parametrize("depth", [0.0, 0.3])
def test_squares_go_in_light_and_shade(greys: tuple[int, int], side: int, depth: float) -> None:
    board = squares(*SIZE, side, (3, 5), greys)
    picture = with_product(in_shade(board, depth, 12.0))
    out = evened(tensor(picture), found(picture))
    away = ~ndimage.binary_dilation(np.asarray(product_mask(*SIZE)) > 2, iterations=6)
    before, after = relief(tensor(picture), board, away), relief(out, board, away)
    assert after < 0.1 * before, (before, after)


@pytest.mark.parametrize("colour", [(120, 120, 120), (200, 200, 200), (60, 60, 62), (150, 40, 60)])
def test_the_product_stays_as_it_was(colour: Colour) -> None:
    picture = with_product(in_shade(squares(*SIZE, 16), 0.3, 12.0), colour)
    out = evened(tensor(picture), found(picture))
    inside = ndimage.binary_erosion(np.asarray(product_mask(*SIZE)) > 250, iterations=8)
    assert float((out - tensor(picture)).abs().amax(dim=-1)[torch.from_numpy(inside)].max()) < 0.02


made = given(
    side=st.integers(6, 30),
    phase=st.integers(0, 59),
    greys=st.sampled_from([(255, 204), (255, 239), (253, 230), (153, 102), (255, 191)]),
    quality=st.sampled_from([0, 75, 90]),
    depth=st.sampled_from([0.0, 0.2, 0.35]),
    colour=st.sampled_from([(150, 40, 60), (70, 110, 160), (30, 30, 34), (120, 80, 40)]),
)


@example(side=14, phase=3, greys=(255, 204), quality=75, depth=0.0, colour=(70, 110, 160))
@example(side=8, phase=0, greys=(255, 191), quality=75, depth=0.35, colour=(30, 30, 34))
@made
@settings(max_examples=1, deadline=None)
def test_nothing_of_the_squares_stays_beside_the_product(**drawn: Any) -> None:
    check_beside(**drawn)


@pytest.mark.slow
@made
@settings(max_examples=30, deadline=None)
def test_nothing_of_the_squares_stays_beside_dozens_of_products(**drawn: Any) -> None:
    check_beside(**drawn)


def check_beside(side: int, phase: int, greys: tuple[int, int], quality: int, depth: float, colour: Colour) -> None:
    picture = with_product(in_shade(squares(*SIZE, side, (phase, phase // 2), greys), depth, 9.0), colour)
    if quality:
        picture = jpeg(picture, quality)
    alpha = np.asarray(product_mask(*SIZE), np.float32) / 255
    cut = from_model(tensor(picture), torch.from_numpy(ndimage.gaussian_filter(alpha, 2.0)))
    beside = ~ndimage.binary_dilation(alpha > 0.02, iterations=3)
    assert int(((cut.alpha.numpy() > 0.1) & beside).sum()) < 20
    inside = ndimage.binary_erosion(alpha > 0.98, iterations=3)
    assert float(cut.alpha.numpy()[inside].min()) > 0.9
