"""Felt, whose outline holds backdrop between its hairs, and bites out of an outline that the photo shows whole."""

from __future__ import annotations

import math

import pytest
import torch
from prodgen_nodes.imaging.segmentation import TRUSTED, from_model
from prodgen_nodes.imaging.segmentation.confidence import Trust
from prodgen_nodes.imaging.segmentation.looks import from_looks
from prodgen_nodes.imaging.segmentation.ragged import BITTEN, FELT, judge_ragged
from torch import Tensor
from torch.nn.functional import avg_pool2d

SIDE, RADIUS = 480, 130.0
DARK, CREAM = (0.06, 0.14, 0.17), (0.9, 0.86, 0.78)
PAIRS = [(DARK, (0.75, 0.85, 0.15)), (CREAM, (0.5, 0.1, 0.1)), (CREAM, (0.15, 0.16, 0.2))]
NAMES = ["tennis ball", "red wool", "black brush"]


def away() -> Tensor:
    """How far each pixel lies from the middle."""
    rows, columns = torch.meshgrid(torch.arange(SIDE) - SIDE / 2, torch.arange(SIDE) - SIDE / 2, indexing="ij")
    return torch.hypot(rows + 0.5, columns + 0.5)


def painted(alpha: Tensor, back: tuple[float, ...], own: tuple[float, ...]) -> Tensor:
    """A thing of this `alpha` before a ground that gets lighter, lit from one side."""
    made = torch.Generator().manual_seed(3)
    y, x = torch.meshgrid(torch.linspace(-1, 1, SIDE), torch.linspace(-1, 1, SIDE), indexing="ij")
    ground = torch.tensor(back) * (1 + 0.12 * x - 0.05 * y).unsqueeze(-1)
    light = (1 - 0.12 * (x + y)) * (1 + 0.03 * torch.randn(SIDE, SIDE, generator=made))
    photo = torch.lerp(ground, torch.tensor(own) * light.unsqueeze(-1), alpha.unsqueeze(-1))
    return (photo + 0.004 * torch.randn(SIDE, SIDE, 3, generator=made)).clamp(0, 1)


def fluffy(hairs: float) -> tuple[Tensor, Tensor]:
    """The alpha of a ball with `hairs` pixels of felt around it; and a matte in which tufts of backdrop are kept."""
    made = torch.Generator().manual_seed(3)
    fine = 2 * SIDE
    rows, columns = torch.meshgrid(torch.arange(fine) + 0.5, torch.arange(fine) + 0.5, indexing="ij")
    alpha = (torch.hypot(rows - SIDE, columns - SIDE) < 2 * RADIUS).float()
    start = torch.rand(700, generator=made) * 2 * math.pi
    bend = start + torch.randn(700, generator=made) * 0.04
    long = hairs * (0.5 + torch.rand(700, generator=made))
    for step in torch.linspace(0, 1, 40):
        turn, out = torch.lerp(start, bend, step), 2 * (RADIUS + step * long)
        alpha[(SIDE + out * turn.sin()).long(), (SIDE + out * turn.cos()).long()] = 1.0
    alpha = avg_pool2d(alpha[None, None], 2)[0, 0]
    clumps = avg_pool2d(torch.rand((1, 1, SIDE + 6, SIDE + 6), generator=made), 7, stride=1)[0, 0]
    tufts = (away() < RADIUS + 1.2 * hairs) & (clumps > 0.5)
    kept = tufts | (away() < RADIUS + 0.5 * hairs)
    return alpha, torch.maximum(alpha, kept.float())


def judged(photo: Tensor, matte: Tensor) -> Trust:
    trust = Trust()
    judge_ragged(photo, matte, trust)
    return trust


@pytest.mark.parametrize(("back", "own"), PAIRS, ids=NAMES)
def test_tufts_of_backdrop_in_felt_are_not_trusted(back: tuple[float, ...], own: tuple[float, ...]) -> None:
    alpha, ragged = fluffy(9.0)
    trust = judged(painted(alpha, back, own), ragged)
    assert trust.confidence < TRUSTED and FELT in trust.reasons


@pytest.mark.parametrize(("back", "own"), PAIRS, ids=NAMES)
def test_felt_that_is_cut_out_hair_by_hair_is(back: tuple[float, ...], own: tuple[float, ...]) -> None:
    alpha, _ = fluffy(9.0)
    assert judged(painted(alpha, back, own), alpha).confidence == 1.0


def toothed(teeth: int) -> Tensor:
    """The alpha of a wheel with hard-edged teeth: as rough as felt, and the photo shows each of them."""
    rows, columns = torch.meshgrid(torch.arange(SIDE) - SIDE / 2, torch.arange(SIDE) - SIDE / 2, indexing="ij")
    tooth = torch.sin(torch.atan2(rows, columns) * teeth) > 0
    return (away() < torch.where(tooth, RADIUS + 7, RADIUS)).float()


@pytest.mark.each_once
@pytest.mark.parametrize("teeth", [0, 24, 60])
@pytest.mark.parametrize(("back", "own"), PAIRS, ids=NAMES)
def test_hard_edges_stay_trusted(back: tuple[float, ...], own: tuple[float, ...], teeth: int) -> None:
    alpha = toothed(teeth) if teeth else (RADIUS + 0.5 - away()).clamp(0, 1)
    cut = from_model(painted(alpha, back, own), alpha)
    assert cut.confidence >= TRUSTED, cut.report["reasons"]


@pytest.mark.parametrize(("back", "own"), PAIRS, ids=NAMES)
def test_a_dark_seam_along_the_outline_is_no_felt(back: tuple[float, ...], own: tuple[float, ...]) -> None:
    """A border of the backdrop's very colour, smooth all around."""
    alpha = (RADIUS + 0.5 - away()).clamp(0, 1)
    photo = painted((RADIUS - 5.5 - away()).clamp(0, 1), back, own)
    assert judged(photo, alpha).confidence == 1.0


@pytest.mark.parametrize(("back", "own"), PAIRS, ids=NAMES)
def test_a_bite_that_the_photo_does_not_show_is_told(back: tuple[float, ...], own: tuple[float, ...]) -> None:
    alpha = (RADIUS + 0.5 - away()).clamp(0, 1)
    matte = alpha.clone()
    low = round(SIDE / 2 + RADIUS)
    matte[low - 10 : low + 4, 236:245] = 0.0
    whole, bitten = painted(alpha, back, own), painted(matte, back, own)
    trust = judged(whole, matte)
    assert trust.confidence < TRUSTED and trust.reasons == [BITTEN]
    assert judged(bitten, matte).confidence == 1.0, "a notch of the product's own"


def lowest(half: int, deep: int) -> tuple[Tensor, Tensor]:
    """The alpha of a ball, and where at its lowest point so wide and deep a notch lies."""
    low, columns = round(SIDE / 2 + RADIUS), (torch.arange(SIDE) - SIDE // 2).abs() < half
    there = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    there[low - deep : low + 4] = columns
    return (RADIUS + 0.5 - away()).clamp(0, 1), there


@pytest.mark.parametrize("wide", [0.12, 0.2, 0.3])
@pytest.mark.parametrize(("back", "own"), PAIRS, ids=NAMES)
def test_a_wide_bite_without_corners_is_told(back: tuple[float, ...], own: tuple[float, ...], wide: float) -> None:
    """As wide as a fifth of the ball, with ends that slope."""
    alpha = (RADIUS + 0.5 - away()).clamp(0, 1)
    rows, columns = torch.meshgrid(torch.arange(SIDE) - SIDE / 2, torch.arange(SIDE) - SIDE / 2, indexing="ij")
    turn = (torch.atan2(columns, rows) / wide).clamp(-1, 1)
    matte = (RADIUS + 0.5 - 12 * (1 + torch.cos(math.pi * turn)) / 2 - away()).clamp(0, 1)
    assert judged(painted(alpha, back, own), matte).reasons == [BITTEN]
    assert judged(painted(matte, back, own), matte).confidence == 1.0, "a dent of the product's own"


@pytest.mark.parametrize(("back", "own"), PAIRS, ids=NAMES)
def test_a_wide_notch_with_the_products_shade_in_its_depth_stays_trusted(
    back: tuple[float, ...], own: tuple[float, ...]
) -> None:
    """Deep in the hollow under a camera the backdrop is as dark as the camera: but only there."""
    alpha, there = lowest(30, 24)
    matte, shade = torch.where(there, 0.0, alpha), there.clone()
    shade[round(SIDE / 2 + RADIUS) - 19 :] = False
    photo = painted(torch.where(there & ~shade, 0.0, alpha), back, own)
    assert judged(photo, matte).confidence == 1.0


def test_one_look_that_shows_felt_is_enough() -> None:
    """The mirrored look sees a little less of the hairs, and its cut-out is smooth: the product is of felt still."""
    alpha, ragged = fluffy(5.0)
    photo = painted(alpha, *PAIRS[0])
    smooth, seen = (RADIUS + 2.5 - away()).clamp(0, 1), []

    def look(picture: Tensor) -> Tensor:
        seen.append(picture)
        return ragged if len(seen) == 1 else smooth

    cut = from_looks(photo, look)
    first = from_model(photo, ragged)
    assert len(seen) == 2 and FELT in first.report["reasons"]
    assert cut.confidence < TRUSTED and FELT in cut.report["reasons"]
