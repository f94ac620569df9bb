"""A ring that was filled before a plain backdrop, and a thing with as pale a print, look alike: nobody is sure."""

from __future__ import annotations

import pytest
import torch
from prodgen_nodes.imaging.segmentation import TRUSTED, from_model
from torch import Tensor

SIDE = 480
BACKDROP = 0.96


def before_white(inside: Tensor, radius: float) -> tuple[Tensor, Tensor]:
    """A dark round thing with the backdrop's colour `inside` `[H,W]` it, and its outline: photo and mask."""
    grid = torch.arange(SIDE) + 0.5 - SIDE / 2
    away = torch.hypot(grid[:, None], grid)
    mask = (radius - away + 0.5).clamp(0, 1)
    torch.manual_seed(4)
    grain = 0.004 * torch.randn(SIDE, SIDE, 1)
    dark = torch.tensor((0.16, 0.15, 0.17)) + 0.05 * torch.sin(grid / 9)[:, None, None]
    product = torch.where(inside[..., None], torch.tensor(BACKDROP), dark.expand(SIDE, SIDE, 3))
    return (mask[..., None] * product + (1 - mask[..., None]) * BACKDROP + grain).clamp(0, 1), mask


@pytest.mark.first(1)
@pytest.mark.parametrize("share", [0.04, 0.08])
def test_one_part_of_the_backdrops_colour_inside_is_doubted_and_delivered(share: float) -> None:
    grid = torch.arange(SIDE) + 0.5 - SIDE / 2
    hole = torch.hypot(grid[:, None], grid) < 130 * share**0.5
    cut = from_model(*before_white(hole, 130.0))
    assert 0.5 <= cut.confidence < TRUSTED, cut.report
    assert any("an opening that was filled" in why for why in cut.report["reasons"])


def test_as_much_of_it_in_small_letters_is_no_opening() -> None:
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    letters = (y % 16 < 4) & (x % 16 < 5) & ((y - SIDE / 2).abs() < 70) & ((x - SIDE / 2).abs() < 70)
    cut = from_model(*before_white(letters, 130.0))
    assert cut.confidence >= TRUSTED, cut.report
