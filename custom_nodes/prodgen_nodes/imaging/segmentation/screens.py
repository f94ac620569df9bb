"""A screen or a framed picture before a plain backdrop, in which a network sees only what the picture shows.

Of a television that shows a lake a network sees the island. But the set has a straight rim all around: four lines, and
inside of each, all along, a second edge parallel to it where its frame ends and the picture begins. A sheet, a board or
a box on which a product lies has no such second edge. What has it is taken whole, with what it stands on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..filters import erode
from .backdrop import Backdrop
from .evidence import Evidence
from .leaks import flowing_in
from .regions import Regions

FRAMED = "only what a screen or a framed picture shows was seen: it was taken by its straight frame"
_EDGE, _NOISES = 9 / 255, 5.0
"""The least step (sRGB, of the smoothed picture) of an edge that holds the backdrop out, also in standard deviations of
the noise: a soft shadow fades in less."""
_SPREAD = 2
"""Pixels by which an edge in the smoothed picture is broader than the thing that ends there."""
_STRAIGHT, _STANDING, _OFF_LINE = 0.85, 0.08, 1.5
"""The share of a side's pixels that lie on a line; at the bottom, where it may stand on something; and how far (in
pixels) from it."""
_SHORT, _ENDS, _TRIED = 0.05, 0.1, 40
"""The share of a side that may end before its line; how much of it is left out at both ends, since corners may be
round; and between how many of its pixels lines are tried."""
_LEAST, _MOST = 0.02, 0.9
"""How large a screen is, as a share of the picture, and how much of it a network sees at most, to have overlooked the
rest."""
_SCREEN = 0.7
"""The share of a screen with its stand that is the screen."""
_DEEPEST, _FIRST = 0.15, 3
"""How wide a frame may be, as a share of the screen's short side; and the pixels that its outer edge takes."""
_INNER_STEP, _ALL_ALONG, _SIDES = 8 / 255, 0.6, 3
"""The least step (sRGB) where a frame ends, the share of a side along which it does at one depth, and on how many
sides."""
_SEEN_PART = 0.6
"""The share of what a network sees that lies in the screen or on its stand."""
_SURE = 0.98
"""What the mask of a screen then says."""


@dataclass(frozen=True)
class Screen:
    """`whole` `[h,w]` bool: the screen with its stand; `inside` `[h,w]` bool: all between its four lines."""

    whole: Tensor
    inside: Tensor

    def mask(self) -> Tensor:
        """What a network that had seen it would say `[h,w]`."""
        return self.whole.float() * _SURE


def find_screen(srgb: Tensor, backdrop: Backdrop, evidence: Evidence, seen: Tensor) -> Screen | None:
    """The screen or framed picture in the photo `[h,w,3]` of which a network has `seen` `[h,w]` (bool) only a part."""
    smooth = evidence.slopes < max(_EDGE, _NOISES * backdrop.noise)
    things = Regions(~flowing_in(smooth, backdrop.side))
    if things.count == 0 or not bool(seen.any()):
        return None
    shares = things.mean(seen.float()) * things.area
    index = int(np.argmax(shares))
    whole = erode(things.chosen(np.arange(things.count) == index), _SPREAD)
    if shares[index] < _SEEN_PART * float(seen.float().sum()) or not _LEAST * seen.numel() < things.area[index]:
        return None
    corners = _corners(whole.cpu().numpy())
    if corners is None:
        return None
    inside = _between(corners, seen.shape).to(seen.device)
    covered, area = float((whole & inside).float().sum()), float(inside.float().sum())
    if covered < _SCREEN * things.area[index] or covered < _STRAIGHT * area:
        return None
    if float((seen & inside).float().sum()) > _MOST * area or not _has_frame(srgb, corners):
        return None
    return Screen(whole | inside, erode(inside, _FIRST))


def _corners(body: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """The corners `[4,2]` (row, column; from the top left one clockwise) of a `body` `[h,w]` with four straight sides,
    each within half a right angle of the picture's; None for another shape."""
    if not body.any():
        return None
    top, bottom = _side(body, False, _STRAIGHT), _side(body, True, _STANDING)
    if top is None or bottom is None:
        return None
    y, x = np.mgrid[0 : body.shape[0], 0 : body.shape[1]]
    screen = body & (y <= bottom[0] + bottom[1] * x)
    left, right = (_side(screen.T, last, _STRAIGHT) for last in (False, True))
    if left is None or right is None:
        return None
    return np.array(
        [_meeting(row, column) for row, column in ((top, left), (top, right), (bottom, right), (bottom, left))]
    )


def _side(body: NDArray[np.bool_], last: bool, least: float) -> tuple[float, float] | None:
    """The line (offset, slope) along the first or `last` pixel of each column of a `body`, which all of it reaches and
    at least a share of the columns ends on; None where there is none."""
    columns = np.flatnonzero(body.any(axis=0))
    cut = round(_ENDS * len(columns))
    columns = columns[cut : len(columns) - cut]
    if len(columns) < 2 * _FIRST:
        return None
    here = body[:, columns]
    rows = (body.shape[0] - 1 - here[::-1].argmax(axis=0) if last else here.argmax(axis=0)).astype(float)
    one, other = np.triu_indices(min(_TRIED, len(columns)), 1)
    tried = np.linspace(0, len(columns) - 1, min(_TRIED, len(columns))).astype(int)
    one, other = tried[one], tried[other]
    slopes = (rows[other] - rows[one]) / (columns[other] - columns[one])
    offsets = rows[one] - slopes * columns[one]
    beyond = (rows - slopes[:, None] * columns - offsets[:, None]) * (1 if last else -1)
    ending = (np.abs(beyond) <= _OFF_LINE).mean(axis=1)
    ending[((beyond < -_OFF_LINE).mean(axis=1) > _SHORT) | (np.abs(slopes) >= 1)] = 0.0
    best = int(ending.argmax())
    return (float(offsets[best]), float(slopes[best])) if ending[best] >= least else None


def _meeting(row: tuple[float, float], column: tuple[float, float]) -> tuple[float, float]:
    """Where a line along the rows and one along the columns meet: (row, column)."""
    y = (row[0] + row[1] * column[0]) / (1 - row[1] * column[1])
    return y, column[0] + column[1] * y


def _between(corners: NDArray[np.float64], size: tuple[int, ...]) -> Tensor:
    """Boolean `[h,w]`: what lies between four `corners` `[4,2]`, their own pixels among it."""
    y, x = np.mgrid[0 : size[0], 0 : size[1]]
    inside = np.ones(size[:2], dtype=bool)
    for one, other in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        (down, across), (y0, x0) = other - one, one
        inside &= (y - y0) * across - (x - x0) * down >= -0.5 * np.hypot(down, across)
    return torch.from_numpy(inside)


def _has_frame(srgb: Tensor, corners: NDArray[np.float64]) -> bool:
    """Whether inside of most of the four sides a second edge runs all along, parallel to the side."""
    ends = torch.as_tensor(corners, dtype=torch.float32, device=srgb.device)
    upper, lower = float((ends[1] - ends[0]).norm()), float((ends[2] - ends[3]).norm())
    left, right = float((ends[3] - ends[0]).norm()), float((ends[2] - ends[1]).norm())
    size = (max(8, round((left + right) / 2)), max(8, round((upper + lower) / 2)))
    v, u = (torch.linspace(0, 1, count, device=srgb.device) for count in size)
    top = ends[0] + u[:, None] * (ends[1] - ends[0])
    bottom = ends[3] + u[:, None] * (ends[2] - ends[3])
    places = top + v[:, None, None] * (bottom - top)
    scale = torch.tensor([srgb.shape[0], srgb.shape[1]], device=srgb.device)
    grid = ((2 * places + 1) / scale - 1).flip(-1).unsqueeze(0)
    flat = F.grid_sample(srgb.permute(2, 0, 1).unsqueeze(0), grid, padding_mode="border", align_corners=False)[0]
    deepest = max(2 * _FIRST, round(_DEEPEST * min(size)))
    sides = (flat, flat.flip(1), flat.transpose(1, 2), flat.transpose(1, 2).flip(1))
    return sum(_ends_at_once(side[:, : deepest + 2]) for side in sides) >= _SIDES


def _ends_at_once(strip: Tensor) -> bool:
    """Whether at one depth of a `strip` `[3,depth,n]` an edge runs all along it."""
    cut = round(_ENDS * strip.shape[2])
    step = (strip[:, 2:] - strip[:, :-2]).abs().amax(dim=0)[_FIRST - 1 :, cut : strip.shape[2] - cut] > _INNER_STEP
    return bool(step.numel()) and float(step.float().mean(dim=1).amax()) > _ALL_ALONG
