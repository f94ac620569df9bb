"""Outlines that the picture hardly shows are drawn smoothly; what it shows, and what is no side, stays."""

from __future__ import annotations

import math

import pytest
import torch
from prodgen_nodes.imaging.segmentation.pale_edges import with_smooth_pale_edges
from torch import Tensor

SIDE = 260
WHITE, PALE, DARK = 0.97, 0.9, 0.3


def leaning(seed: int) -> tuple[Tensor, Tensor]:
    """The matte of a plane whose edge leans, as it is, and with steps and bumps of a pixel or two."""
    generator = torch.Generator().manual_seed(seed)
    angle = float(torch.rand(1, generator=generator)) * math.pi
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    off = (columns - SIDE / 2) * math.cos(angle) + (rows - SIDE / 2) * math.sin(angle)
    along = ((rows - SIDE / 2) * math.cos(angle) - (columns - SIDE / 2) * math.sin(angle)).round().long()
    bumps = torch.randn(4 * SIDE, generator=generator)[along + 2 * SIDE]
    return (off + 0.5).clamp(0, 1), (off + bumps + 0.5).clamp(0, 1).round()


def picture(alpha: Tensor, product: float) -> Tensor:
    return (product * alpha + WHITE * (1 - alpha)).unsqueeze(-1).expand(-1, -1, 3)


def inner(plane: Tensor) -> Tensor:
    """Without the frame, where nothing is known of what lies beyond."""
    return plane[16:-16, 16:-16]


@pytest.mark.parametrize("seed", range(4))
def test_the_ragged_edge_of_a_pale_plane_becomes_straight(seed: int) -> None:
    truth, ragged = leaning(seed)
    nowhere = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    drawn = with_smooth_pale_edges(picture(truth, PALE), ragged, nowhere)
    before, after = (float(inner(alpha - truth).abs().mean()) for alpha in (ragged, drawn))
    assert after < 0.5 * before, (before, after)
    assert torch.equal(with_smooth_pale_edges(picture(truth, PALE), ragged, ~nowhere), ragged), "settled elsewhere"


@pytest.mark.parametrize("seed", range(2))
def test_an_edge_that_the_picture_shows_is_left_to_it(seed: int) -> None:
    truth, ragged = leaning(seed)
    nowhere = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    assert torch.equal(with_smooth_pale_edges(picture(truth, DARK), ragged, nowhere), ragged)


def test_corners_and_thin_parts_of_something_pale_stay() -> None:
    alpha = torch.zeros(SIDE, SIDE)
    alpha[60:200, 60:200] = 1.0
    alpha[20:60, 120:126] = 1.0
    drawn = with_smooth_pale_edges(picture(alpha, PALE), alpha, torch.zeros(SIDE, SIDE, dtype=torch.bool))
    assert torch.equal(drawn[20:50], alpha[20:50]), "a strap"
    assert float((drawn - alpha).abs().max()) < 0.5
    assert float((drawn - alpha)[185:215, 185:215].abs().max()) < 0.2, "a corner"


def test_a_photo_larger_than_its_analysis_is_drawn_at_its_own_size_without_seams() -> None:
    rows, columns = torch.meshgrid(torch.arange(1400), torch.arange(1400), indexing="ij")
    truth = (0.1 * rows + columns - 760.0 + 0.5).clamp(0, 1)
    bumps = torch.randn(1400, generator=torch.Generator().manual_seed(1))
    ragged = (0.1 * rows + columns - 760.0 + bumps.unsqueeze(1)).clamp(0, 1).round()
    small = picture(truth, PALE)[::2, ::2]
    nowhere = torch.zeros(700, 700, dtype=torch.bool)
    drawn = with_smooth_pale_edges(small, ragged, nowhere)
    off = [(alpha - truth).abs()[20:-20].sum(dim=1).mean() for alpha in (drawn, ragged)]
    assert float(off[0]) < 0.7 * float(off[1])
    part = slice(300, 1200)
    other = with_smooth_pale_edges(small[150:600], ragged[part], nowhere[150:600])
    assert float((other - drawn[part])[60:-60].abs().max()) < 0.02, "where tiles meet, too"
