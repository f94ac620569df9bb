"""Where a product touches the ground, read from its mask: one line, several feet, or the underside of what lies there.

The mask's lower envelope (the last product row of each column) is followed from its lowest level outwards as long as it
stays as flat as a line on the ground can look under perspective. A handle, a lid's rim or an overhang leaves the
envelope in a step or too steeply and so does not count. Where only narrow pieces touch, further feet that end a leg are
looked for a little higher up: the hind legs of a chair. A foot touches at its lowest level only, whatever its outline
does beside it. What could not stand on what it would touch with hangs or flies, and touches nowhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from torch import Tensor

from ..tensors import Box, bounding_box
from .hanging import hangs_by_a_cord
from .legs import NARROW, bent_ends, more_feet, raised_ends, with_thin_legs
from .supports import climbing_supports, column_runs, is_a_bar, more_soles, without_notches

Array = npt.NDArray[np.float64]

_LEVEL = 0.012
"""What lies within this share of the product's height of the lowest point stands on the same line."""
_STEEPEST = 1.1
"""Slope beyond which an edge is no longer one that lies on the ground: a side that recedes is steep in the picture."""
_STEEP = 0.6
"""The same farther on, where only the steps of a ragged edge have to be told from a wheel's side."""
_RISE = 0.3
"""How far a product's ground edge may climb in the picture, as a share of its width: a box seen over its corner from
above, whose shade ended in a spike amid its side at .2."""
_RISE_LYING = 0.6
"""And of what is known to lie or to stand on a corner."""
_GAP = 0.012
"""Pieces of contact this share of the product's width apart are one; narrower specks of dirt are none."""
_LEG = 0.06
"""A hind leg is narrow over at least this share of the product's height."""
_STRAIGHT = 0.02
"""A contour that bends by less than this share of its width is an edge that stands."""
_DEEP, _BENT, _ASIDE, _UPRIGHT = 0.8, 0.04, 0.15, 2.5
"""A square leg's corner is no deeper than this share of what of the leg is level with it. Its edge bends where it rises
by more than this share of its width, and a pixel more. So far beside what stands, as a share of its width, the outline
is so many times higher where it goes up: legs lean by less, and a wheel is less steep beside what it touches with."""
_UNSUPPORTED = 0.08
"""A product's middle may lie so far outside what it stands on, as a share of its width: cut-outs are not exact."""
_TIP = 0.08
"""Of a single contact the part within this share of the product's width of its lowest point has to carry it."""
_POINT = 0.1
"""A single contact narrower than this, under an outline that rises steeply on both sides, is a point: nothing stands on
one."""


@dataclass(frozen=True)
class Touch:
    """One piece of contact: columns `left..right` and the contour there, sub-pixel rows from the top (float64)."""

    left: int
    right: int
    contour: Array
    height: float
    """How much product stands above the contact, in pixels: what shades the ground."""
    foot: bool = False
    """Whether it is the end of a leg or a wheel: narrow, at one level."""
    rounding: float = 0.0
    """Radius in pixels by which the product's lower edge is rounded, as its outline shows it at the contact's ends."""
    hangs: tuple[int, int] = (0, 0)
    """Columns at the left and at the right end of a foot that are rounded: there it hangs over the ground already."""
    close: tuple[int, int] = (0, 0)
    """And for how many from there on outwards it is still close to the ground."""

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def lowest(self) -> float:
        return float(self.contour.max())

    @property
    def highest(self) -> float:
        return float(self.contour.min())

    def level(self, columns: Array, blur: float = 0.0) -> Array:
        """The contour, or its low-pass over `blur` columns, at any column (centres at .5); level beyond its ends."""
        contour = ndimage.gaussian_filter1d(self.contour, blur, mode="nearest") if blur > 0 else self.contour
        line: Array = np.interp(columns, np.arange(self.left, self.right) + 0.5, contour)
        return line


@dataclass(frozen=True)
class Contact:
    """All pieces of contact of one product, from left to right, and how it rests: `line`, `feet`, `lying`, or `none`
    with no touches at all."""

    kind: str
    touches: tuple[Touch, ...]
    box: Box

    @property
    def lowest(self) -> float:
        return max((touch.lowest for touch in self.touches), default=float(self.box.bottom))

    @property
    def highest(self) -> float:
        return min((touch.highest for touch in self.touches), default=float(self.box.bottom))

    @property
    def span(self) -> float:
        """The product's size: the root of its box' area."""
        return math.sqrt(self.box.width * self.box.height)

    def report(self) -> dict[str, Any]:
        """Kind and pieces as plain numbers (canvas pixels)."""
        return {
            "kind": self.kind,
            "contact_line": [self.highest, self.lowest],
            "contacts": [
                {"left": touch.left, "right": touch.right, "top": touch.highest, "bottom": touch.lowest}
                for touch in self.touches
            ],
        }


def envelope_of(alpha: Tensor, box: Box) -> tuple[Array, Array]:
    """Per column of the box: the sub-pixel row where the product ends below (NaN in empty columns), and its height."""
    part = alpha[box.top : box.bottom, box.left : box.right]
    inside = part > 0.5
    count = part.shape[0]
    rows = torch.arange(count, device=part.device, dtype=torch.int16)[:, None]
    last = torch.where(inside, rows, -1).amax(dim=0).long()
    first = torch.where(inside, rows, count).amin(dim=0).long()
    # The coverage of the last whole row and of the one below it tells where between them the edge runs.
    below = (last + 1 + box.top).clamp(max=alpha.shape[0] - 1)
    columns = torch.arange(box.left, box.right, device=part.device)
    beyond = alpha[below, columns] * (below > last + box.top)
    end = last + alpha[(last + box.top).clamp(min=0), columns] + beyond + box.top
    end = torch.where(last >= 0, end.double(), torch.nan)
    return end.cpu().numpy(), (last - first + 1).clamp(min=0).double().cpu().numpy()


def _grown(seed: tuple[int, int], envelope: Array, floor: float) -> tuple[int, int]:
    """`seed` extended both ways over columns where the envelope stays flat enough and below `floor` (rows)."""
    count = envelope.size
    near, far = max(1, round(_LEVEL * count)), max(3, round(4 * _LEVEL * count))

    def too_steep(position: int, direction: int, distance: int, limit: float) -> bool:
        ahead = min(max(position + direction * distance, 0), count - 1)
        climb = abs(envelope[ahead] - envelope[position])
        return bool(np.isnan(climb) or climb > limit * max(1, abs(ahead - position)))

    def reach(position: int, direction: int) -> int:
        while 0 <= position + direction < count:
            ahead = envelope[position + direction]
            # A ragged mask has steps; only what is steep both near by and farther on leaves the ground.
            steep = too_steep(position, direction, near, _STEEPEST) and too_steep(position, direction, far, _STEEP)
            if np.isnan(ahead) or ahead < floor or steep:
                break
            position += direction
        return position

    return reach(seed[0], -1), reach(seed[1] - 1, 1) + 1


def _merged(runs: list[tuple[int, int]], gap: int) -> list[tuple[int, int]]:
    done: list[tuple[int, int]] = []
    for left, right in sorted(runs):
        if done and left <= done[-1][1] + gap:
            done[-1] = (done[-1][0], max(right, done[-1][1]))
        else:
            done.append((left, right))
    return done


def find_contact(alpha: Tensor, *, lies: bool = False) -> Contact:
    """Where the product of one mask `[H,W]` (1 = product) touches the ground; EmptyMaskError when there is none.

    `lies`: it is known not to hang or fly, however little it could stand on what is lowest of it. What hangs by a cord
    does so in any case.
    """
    box = bounding_box(alpha)
    if hangs_by_a_cord(alpha, box):
        return Contact("none", (), box)
    envelope, heights = envelope_of(alpha, box)
    width, height = box.width, box.height
    step = max(2, round(_GAP * width))
    # A speck of dirt in the mask is no foot: a median over a few columns decides what is lowest.
    calm = ndimage.median_filter(
        np.where(np.isnan(envelope), -1e9, envelope), size=min(2 * step + 1, max(1, width // 2))
    )
    calm = np.where(calm < 0, np.nan, calm)
    if bool(np.all(np.isnan(calm))):
        calm = envelope
    lowest = float(np.nanmax(calm))
    level = max(1.5, _LEVEL * height)
    climb = (_RISE_LYING if lies else _RISE) * width
    inside = alpha > 0.5

    def touching(runs: list[tuple[int, int]], outline: Array) -> list[Touch]:
        return _touches(runs, envelope, heights, outline, alpha, box)

    legs = with_thin_legs(envelope, calm, inside, box, level, _LEG)
    if legs is not None:
        foot = float(np.nanmax(legs))
        standing = touching(_runs(legs, foot, level, foot - climb, inside, box), legs)
        if standing and not _floats(standing, legs, alpha, box):
            return Contact(_kind(standing, width, height), tuple(standing), box)
    floor = lowest - climb
    runs = _runs(calm, lowest, level, floor, inside, box)
    touches = touching(runs, calm)
    floats = _floats(touches, calm, alpha, box)
    # A sole with lugs, a comb, a brush: on its teeth it stands as on one edge.
    whole = without_notches(calm) if floats else calm
    if floats:
        standing = touching(_runs(whole, lowest, level, floor, inside, box), whole)
        if not _floats(standing, whole, alpha, box):
            touches, floats = standing, False
    for outline in (calm, whole):
        soles = more_soles(outline, lowest, max(1.5, 2 * _LEVEL * height), height, runs) if floats else []
        if not soles:
            continue
        # A shoe that leans on the other one touches the ground at its tip alone.
        low = column_runs(calm >= lowest - _TIP * width)
        tips = [run for run in low if not any(run[0] < sole[1] and sole[0] < run[1] for sole in soles)]
        leaning = touching(sorted([*tips, *soles]), calm)
        if not _floats(leaning, calm, alpha, box):
            touches, floats = leaning, False
    if floats and (wheels := climbing_supports(ndimage.median_filter(envelope, step + 1), level)):
        standing = touching(wheels, calm)
        if not _floats(standing, calm, alpha, box):
            touches, floats = standing, False
    if floats and not (lies and touches):
        return Contact("none", (), box)
    return Contact(_kind(touches, width, height), tuple(touches), box)


def _runs(calm: Array, lowest: float, level: float, floor: float, inside: Tensor, box: Box) -> list[tuple[int, int]]:
    """The columns, relative to the `box`, in which the outline `calm` touches the ground."""
    width = box.width
    with np.errstate(invalid="ignore"):
        seeds = column_runs(calm >= lowest - level)
    runs = _merged([_grown(seed, calm, floor) for seed in seeds], gap=max(2, round(_GAP * width)))
    if sum(right - left for left, right in runs) < 0.35 * width:
        runs = sorted(runs + more_feet(calm, lowest, inside, box, runs, _LEG))
    if not runs[0][0] <= width / 2 <= runs[-1][1]:
        # It would tip over: wheels are shorter than legs.
        runs = sorted(runs + more_feet(calm, lowest, inside, box, runs, _LEG / 2))
    return runs


def _touches(
    runs: list[tuple[int, int]], envelope: Array, heights: Array, calm: Array, alpha: Tensor, box: Box
) -> list[Touch]:
    """The pieces of contact in the columns `runs`, relative to the `box`: feet where there are several narrow ones."""
    width, level = box.width, max(1.5, _LEVEL * box.height)
    several = len(runs) > 1
    low = np.fmin(envelope, calm + level)  # dirt under a product is no contact either
    touches = []
    for left, right in runs:
        contour = low[left:right]
        measured = np.flatnonzero(~np.isnan(contour))
        if measured.size == 0:
            continue
        contour = np.interp(np.arange(contour.size), measured, contour[measured])
        shade = max(1.0, float(np.median(heights[left:right][measured])))
        narrow = right - left <= NARROW * width
        if narrow and (several or right - left < 0.5 * NARROW * width):
            # The edges of a leg's corner go on beyond what is level with it.
            first, last = _grown((left, right), low, contour.max() - _DEEP * (right - left))
            if several and _is_cut_off(low, first, last):
                leg = Touch(box.left + first, box.left + last, low[first:last], shade, foot=True)
                ends = bent_ends(leg.contour)
                touches.append(replace(leg, hangs=ends, close=ends))
            else:
                touches.append(_foot(box.left + left, contour, calm[left:right], level, shade))
        else:
            line = Touch(box.left + left, box.left + right, contour, shade)
            touches.append(replace(line, rounding=_rounding(alpha, box, line)))
    return touches


def all_contacts(contacts: list[Contact]) -> Contact:
    """The contact of several things together; what hangs beside what stands counts for nothing."""
    standing = [contact for contact in contacts if contact.touches] or contacts
    if len(standing) == 1:
        return standing[0]
    boxes = [contact.box for contact in standing]
    box = Box(
        min(box.left for box in boxes), min(box.top for box in boxes),
        max(box.right for box in boxes), max(box.bottom for box in boxes),
    )  # fmt: skip
    touches = sorted((touch for contact in standing for touch in contact.touches), key=lambda touch: touch.left)
    return Contact("feet" if touches else "none", tuple(touches), box)


def _foot(left: int, contour: Array, calm: Array, level: float, height: float) -> Touch:
    """The part of a leg's end or a wheel that is at its lowest level, straight."""
    bottom = float(np.nanmax(calm)) if bool(np.isfinite(calm).any()) else float(contour.max())
    low = np.flatnonzero(contour >= bottom - level)
    first, last = (int(low[0]), int(low[-1]) + 1) if low.size else (0, contour.size)
    # The near edge of a round foot is an arc; the ground is met at its lowest.
    line = np.full(last - first, min(bottom, float(contour.max())))
    hangs, close = raised_ends(line[0] - contour, slice(first, last), level)
    return Touch(left + first, left + last, line, height, foot=True, hangs=hangs, close=close)


def _is_cut_off(envelope: Array, left: int, right: int) -> bool:
    """Whether the outline in the columns `left..right` of a foot bends, and goes up beside them: a leg that was cut
    off, whose whole lower edge lies on the ground, be it the corner of a square leg or the arc of a round one. A wheel
    and the ball of a foot go on beside what touches.
    """
    edge = envelope[left:right]
    if edge.size < 3 or not np.isfinite(edge).all() or np.ptp(edge[1:-1]) < _BENT * (right - left) + 1:
        return False
    return goes_up_beside(envelope, left, right)


def goes_up_beside(envelope: Array, left: int, right: int) -> bool:
    """Whether the lower outline `envelope` `[n]` (rows; NaN: no product) is far higher on both sides of the columns
    `left..right`, as the outline of what stands on these is: its sides go up."""
    aside = max(2, round(_ASIDE * (right - left)))
    for end, beyond in ((left, left - aside), (right - 1, right - 1 + aside)):
        outside = envelope[beyond] if 0 <= beyond < envelope.size else np.nan
        if envelope[end] - outside < _UPRIGHT * aside:  # nothing there (NaN) is as high as can be
            return False
    return True


def _rounding(alpha: Tensor, box: Box, touch: Touch) -> float:
    """Radius of the lower edge, from how far the outline's sides are drawn in where the contact ends.

    The contact ends where its outline is about as steep as a diagonal; there a rounded edge of radius r is about r/4
    short of the side above it, which is followed straight down.
    """
    rises = []
    for end, row in ((-1, float(touch.contour[0])), (1, float(touch.contour[-1]))):
        heights = np.linspace(0.0, 0.14, 15) * box.height
        rows = np.round(row - 0.5 - heights).astype(int)
        rows = np.minimum(rows[rows >= box.top], box.bottom - 1)
        if rows.size < 15:
            continue
        lines = alpha[torch.from_numpy(rows).to(alpha.device), box.left : box.right].double().cpu().numpy()
        if end < 0:
            lines = lines[:, ::-1]
        inside = lines > 0.5
        if not inside.any(axis=1).all():
            continue
        last = inside.shape[1] - 1 - inside[:, ::-1].argmax(axis=1)
        # Sub-pixel: the coverage of the last product pixel and of the one after it.
        after = np.pad(lines, ((0, 0), (0, 1)))[np.arange(rows.size), last + 1]
        edge = last + lines[np.arange(rows.size), last] + after
        upper = heights > 0.06 * box.height
        slope, start = np.polyfit(heights[upper], edge[upper], 1)
        if np.abs(edge[upper] - slope * heights[upper] - start).max() < 0.02 * box.width:
            rises.append(max(0.0, float(start - edge[:3].mean())))
    return 4.0 * min(rises) if rises else 0.0


def _floats(touches: list[Touch], envelope: Array, alpha: Tensor, box: Box) -> bool:
    """Whether the product could not stand on `touches`: its middle beyond them, or balanced on a point."""
    if not touches or box.width < 8 or box.height < 8 or box.bottom >= alpha.shape[0]:
        return not touches
    columns = alpha[box.top : box.bottom, box.left : box.right].sum(dim=0).double().cpu().numpy()
    middle = float((columns * (np.arange(box.width) + 0.5)).sum() / columns.sum())
    left, right = touches[0].left - box.left, max(touch.right for touch in touches) - box.left
    if len(touches) == 1:
        if is_a_bar(touches[0].contour, touches[0].height, box.width):
            return False
        # One long edge up from its lowest point is a thing on its tip, not a side that recedes.
        low = np.flatnonzero(touches[0].contour >= touches[0].lowest - _TIP * box.width)
        left, right = left + int(low[0]), left + int(low[-1]) + 1
    allowed = _UNSUPPORTED * box.width
    if not left - allowed <= middle <= right + allowed:
        return True
    if right - left > _POINT * box.width:
        return False
    aside = max(2, round(0.1 * box.width))
    sides = (envelope[max(0, left - aside)], envelope[min(envelope.size - 1, right + aside)])
    lowest = max(touch.lowest for touch in touches)
    return all(not np.isnan(side) and lowest - side > 0.5 * aside for side in sides)


def _kind(touches: list[Touch], width: int, height: int) -> str:
    if len(touches) > 1:
        return "feet"
    touch = touches[0]
    columns = np.arange(touch.width, dtype=np.float64)
    if touch.width < 3:
        return "line"
    # Its ends round the product's corners.
    inner = slice(touch.width // 10, touch.width - touch.width // 10)
    slope, start = np.polyfit(columns[inner], touch.contour[inner], 1)
    bend = float(np.abs(touch.contour[inner] - slope * columns[inner] - start).max())
    straight = bend <= _STRAIGHT * width and touch.width >= 0.6 * width
    return "line" if straight or width <= 1.2 * height else "lying"
