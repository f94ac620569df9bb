"""A ball's outline stays round where it and its shadow are equally dark; what only has a round part keeps its own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from prodgen_nodes.imaging.colorspace import linear_to_srgb, srgb_to_linear
from prodgen_nodes.imaging.segmentation import from_plain_backdrop
from prodgen_nodes.imaging.segmentation.backdrop import Backdrop
from prodgen_nodes.imaging.segmentation.evidence import weigh
from prodgen_nodes.imaging.segmentation.roundness import find_roundness
from prodgen_nodes.imaging.segmentation.survey import backdrop_of

SIDE, RADIUS, FLOOR = 420, 122.0, 340.0
COLOURS = {
    "green on beige": ((0.15, 0.5, 0.25), (0.86, 0.79, 0.68)),
    "red on white": ((0.75, 0.12, 0.1), (0.96,) * 3),
    "blue on grey": ((0.1, 0.25, 0.65), (0.72,) * 3),
}


def globe(color: tuple[float, ...], ground: tuple[float, ...], feet: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    """A shaded ball, or a thing as round on two feet, over a deep contact shadow; and its alpha."""
    y, x = (np.mgrid[0 : 2 * SIDE, 0 : 2 * SIDE] + 0.5) / 2
    bottom = FLOOR - (14 if feet else 0)
    u, v = (x - SIDE / 2) / RADIUS, (y - bottom + RADIUS) / RADIUS
    alpha = np.hypot(u, v) < 1
    if feet:
        alpha |= (np.abs(np.abs(x - SIDE / 2) - 50) < 12) & (y > FLOOR - 60) & (y < FLOOR)
    facing = np.sqrt(np.clip(1 - u * u - v * v, 0, 1))
    light = 0.3 * (1 - 0.6 * np.clip(v, 0, 1)) + 0.75 * np.clip(-0.45 * u - 0.7 * v + 0.55 * facing, 0, 1)
    across, down = (x - SIDE / 2) / RADIUS, (y - FLOOR) / RADIUS
    close = np.exp(-0.5 * ((across / 0.65) ** 2 + (down / 0.065) ** 2))
    wide = 0.55 * np.exp(-0.5 * ((across / 0.9) ** 2 + (down / 0.14) ** 2))
    lit = (1 - 0.97 * close) * (1 - 0.97 * wide)
    planes = [srgb_to_linear(torch.tensor(values)).numpy() for values in (color, ground)]
    picture = np.where(alpha[..., None], planes[0] * light[..., None], planes[1] * lit[..., None])

    def halved(plane: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(plane.reshape(SIDE, 2, SIDE, 2, -1).mean(axis=(1, 3)).astype(np.float32))

    srgb = (
        linear_to_srgb(halved(picture)) + torch.randn(SIDE, SIDE, 3, generator=torch.Generator().manual_seed(5)) / 255
    )
    return ((srgb.clamp(0, 1) * 255).round() / 255), halved(alpha.astype(np.float32))[..., 0]


def off(alpha: torch.Tensor, truth: torch.Tensor) -> float:
    """The share of the product that is missing or too much, in the lower half of its height."""
    below = slice(round(FLOOR - RADIUS), SIDE)
    return float((alpha[below] - truth[below]).abs().sum() / truth.sum())


@pytest.mark.parametrize("name", list(COLOURS))
def test_a_ball_is_round_at_its_base(name: str) -> None:
    picture, truth = globe(*COLOURS[name])
    cut = from_plain_backdrop(picture)
    assert off(cut.alpha, truth) < 0.003
    assert cut.confidence > 0.8


def test_feet_under_something_round_are_no_shadow() -> None:
    picture, truth = globe(*COLOURS["red on white"], feet=True)
    backdrop, _ = backdrop_of(picture)
    assert isinstance(backdrop, Backdrop)
    assert find_roundness(truth > 0.5, weigh(picture, backdrop)) is None


def test_what_is_not_round_all_around_is_none() -> None:
    picture, truth = globe(*COLOURS["red on white"])
    evidence = weigh(picture, backdrop_of(picture)[0])
    assert find_roundness(truth > 0.5, evidence) is None, "nothing is hidden"
    cut_flat = truth.clone()
    cut_flat[round(FLOOR - 0.2 * RADIUS) :] = 0
    assert find_roundness(cut_flat > 0.5, evidence) is None, "a flat foot"
    box = torch.zeros_like(truth)
    box[100:340, 90:330] = 1
    assert find_roundness(box > 0.5, evidence) is None
