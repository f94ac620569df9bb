"""A hand as a network can count it: its four fingers unrolled side by side, and the whole hand upright.

Unrolled, finger i of the points stands upright at place i of a row, knuckle above and tip below, whatever the hand's
attitude. A finger that nobody found then stands between two places or beyond the last, and two that are grown
together have nothing between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..crops import Crop, cut, square

SIDE, HAND = 576, 300.0
"""Pixels of the square around a hand, and of the hand's length in it: a crease between two fingers is 3 wide there."""
CHAINS = ((5, 6, 7, 8), (9, 10, 11, 12), (13, 14, 15, 16), (17, 18, 19, 20))
_KNUCKLES = (5, 9, 13, 17)
ROWS, PER_PLACE = 48, 32
"""Rows of the unrolled fingers, and columns from one finger to the next: as fine as the square shows a closed hand."""
FIRST, LAST = -1.85, 4.9
"""The row's ends in places: a finger more on both sides of the outer two, which stand at 0 and 3, and some more."""
COLUMNS = round((LAST - FIRST) * PER_PLACE)
ALONG = (-0.06, 1.24)
"""From here to here of each finger's length: a little of the palm, and what is beyond the tip."""
UPRIGHT = 112
_SHARE = 1.4
"""Hand lengths that the upright view is wide."""
_POOLED = 3
"""Pixels of the square are one of the picture that the upright view is taken from: a pixel of the view is 3.75."""


@dataclass(frozen=True)
class Grid:
    """A row of so many `rows`, from one depth to another in finger lengths, by `columns`, from one place to another."""

    along: tuple[float, float] = ALONG
    rows: int = ROWS
    across: tuple[float, float] = (FIRST, LAST)
    columns: int = COLUMNS

    def places(self, device: torch.device) -> Tensor:
        """The place in the middle of each column."""
        first, last = self.across
        return first + (last - first) * (torch.arange(self.columns, device=device) + 0.5) / self.columns


SEEN = Grid()
"""The row that the networks read."""


@dataclass(frozen=True)
class Views:
    """`row` `[3,48,216]` sRGB of the unrolled fingers, `step` `[48]` from one place to the next in hand lengths;
    `whole` `[3,112,112]` of the upright hand, `points` `[21,2]` in its pixels."""

    row: Tensor
    step: Tensor
    whole: Tensor
    points: Tensor

    @property
    def contrast(self) -> float:
        """How much lighter and darker the unrolled fingers are than their mean, sRGB."""
        return float(self.row.std())


def unroll(image: Tensor, points: Tensor, length: float) -> Views:
    """Both views of the hand with `points` `[21,2]` in `image` `[H,W,C]` sRGB; `length` of the hand in pixels."""
    seen, hand, scale = _square(image, points, length)
    row, step = _row(seen, hand, SEEN)
    whole, placed = _upright(seen, hand, length * scale)
    return Views(row, step, whole, placed)


def unrolled_row(image: Tensor, points: Tensor, length: float, grid: Grid) -> tuple[Tensor, Tensor]:
    """The fingers alone `[3,h,w]` by another grid, and how far they are apart `[h]` in hand lengths."""
    seen, hand, _ = _square(image, points, length)
    return _row(seen, hand, grid)


def _square(image: Tensor, points: Tensor, length: float) -> tuple[Tensor, Tensor, float]:
    """The picture around the hand `[3,SIDE,SIDE]`, its points there, and how much larger it is there."""
    low, high = points.amin(dim=0), points.amax(dim=0)
    middle = ((low + high) / 2).tolist()
    height, width = image.shape[:2]
    crop = Crop(0, square((middle[0], middle[1]), SIDE * length / HAND, SIDE, width, height))
    seen = cut(image[..., :3].float(), crop, SIDE).movedim(-1, 0)
    move = crop.transform
    hand = (points * move.a + points.new_tensor((move.tx, move.ty))).float().to(seen.device)
    return seen, hand, move.a


def _lines(hand: Tensor, grid: Grid) -> Tensor:
    """`[4,h,2]`: places along index … little finger, by arc length, before the knuckle and beyond the tip straight."""
    shares = torch.linspace(*grid.along, grid.rows, device=hand.device)
    out = []
    for chain in CHAINS:
        joints = hand[list(chain)]
        steps = (joints[1:] - joints[:-1]).norm(dim=-1)
        far = torch.cat((steps.new_zeros(1), steps.cumsum(0)))
        wanted = far[-1] * shares
        bone = (torch.searchsorted(far, wanted, right=True) - 1).clamp(0, 2)
        share = ((wanted - far[bone]) / steps[bone].clamp(min=1e-6)).unsqueeze(-1)
        out.append(joints[bone] + (joints[bone + 1] - joints[bone]) * share)
    return torch.stack(out)


def _row(seen: Tensor, hand: Tensor, grid: Grid) -> tuple[Tensor, Tensor]:
    lines = _lines(hand, grid)
    places = grid.places(hand.device)
    low = places.floor().clamp(0, 2).long()
    share = (places - low).view(-1, 1, 1)
    spots = (lines[low] * (1 - share) + lines[low + 1] * share).transpose(0, 1)
    return _sampled(seen, spots), (lines[1:] - lines[:-1]).norm(dim=-1).mean(dim=0) / HAND


def _upright(seen: Tensor, hand: Tensor, length: float) -> tuple[Tensor, Tensor]:
    """The hand with its wrist below its knuckles in the middle, and its points there."""
    middle = (hand.amax(dim=0) + hand.amin(dim=0)) / 2
    up = hand[list(_KNUCKLES)].mean(dim=0) - hand[0]
    up = up / up.norm().clamp(min=1e-6)
    right = torch.stack((-up[1], up[0]))
    edge = torch.linspace(-_SHARE / 2, _SHARE / 2, UPRIGHT, device=hand.device) * length
    y, x = torch.meshgrid(edge, edge, indexing="ij")
    spots = middle + x.unsqueeze(-1) * right - y.unsqueeze(-1) * up
    whole = _sampled(F.avg_pool2d(seen.unsqueeze(0), _POOLED)[0], spots / _POOLED)
    away = hand - middle
    placed = torch.stack((away @ right, -(away @ up)), dim=-1) * (UPRIGHT / (_SHARE * length)) + UPRIGHT / 2
    return whole, placed


def _sampled(picture: Tensor, spots: Tensor) -> Tensor:
    """`picture` `[3,S,S]` at `spots` `[h,w,2]` (pixels, edges at integers); outside, what is at its border."""
    grid = (spots / picture.shape[-1] * 2 - 1).unsqueeze(0)
    values: Tensor = F.grid_sample(picture.unsqueeze(0), grid, align_corners=False, padding_mode="border")
    return values[0]
