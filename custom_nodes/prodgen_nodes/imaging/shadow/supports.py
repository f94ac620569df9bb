"""What a thing rests on although its outline climbs: two supports under a roof, as a car's wheels and a sofa's feet
are, or all of the edge of what is thin."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import ndimage

_EVEN, _WIDE = 0.7, 0.5
"""An underside is at least so high, over its highest, in so much of its width: the gap beside a thing that goes back, a
knife's blade beside its grip, narrows evenly."""
_FLANK, _STEEP = (0.25, 0.75), 0.4
"""Between these shares of its height what it stands on climbs by so many rows a column at least, as legs and wheels do;
the sides of a waist are less steep."""
_LEAST, _HIGHEST = 0.01, 0.35
"""How high over the line from one to the other, as shares of the product's width, what is between a wheel and one that
stands higher up in the picture is."""
_APART, _CLIMBS = 0.3, 0.4
"""How far apart the two are at least, as a share of the product's width, and how much that line climbs at most, in rows
a column."""

_ALL, _SLENDER, _ASLANT, _STRAIGHT = 0.9, 0.12, 0.35, 0.05
"""A bar touches along so much of its width, is no thicker than this share of it, lies aslant by so many rows a column
at most (on the ground it is turned by more; what hangs by one end is steeper), and its edge is off a straight line by
this share of the width at most: a knife's grip is thicker than its blade."""
_MOST = 0.9
"""In so much of its width: its end may be cut off square."""

_SOLE, _SOLE_LEVEL, _SOLE_RISE = 0.1, 0.1, 0.06
"""A level edge as broad as this share of the product's width, at most this share of its height above its lowest point
and apart from that by a rise of this share, is another sole: the shoe that a tilted one leans on."""

_NOTCH, _NOTCH_DEPTH = 0.08, 0.08
"""A notch in what stands on the ground is narrower than this share of it, and no deeper than this share of its width; a
boot's between its lugs are .03 to .06 wide."""

Array = npt.NDArray[np.float64]


def column_runs(flags: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The stretches (first, behind the last) in which `flags` `[n]` hold."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def without_notches(contour: Array) -> Array:
    """The outline (rows from the top; NaN: no product) straight on across its narrow notches, and as it is where there
    are none: a closing, with the outline gone on beyond its ends as it goes before them."""
    half, known = round(_NOTCH / 2 * contour.size), np.isfinite(contour)
    if half == 0 or not known.any():
        return contour
    places = np.arange(contour.size)
    filled = np.interp(places, places[known], contour[known])
    longer = np.pad(filled, 2 * half, mode="reflect", reflect_type="odd")
    closed = ndimage.grey_closing(longer, size=2 * half + 1)[2 * half : -2 * half]
    notch = known & (closed - filled <= _NOTCH_DEPTH * contour.size)
    whole: Array = np.where(notch, closed, contour)
    return whole


def over_lowest(contour: Array) -> tuple[Array, list[int]]:
    """The line over the lowest points of a `contour` (rows from the top), its convex hull's lower side, and the columns
    where it bends."""
    hull: list[int] = []
    for x in range(contour.size):
        while len(hull) > 1:
            a, b = hull[-2], hull[-1]
            if (contour[b] - contour[a]) * (x - b) > (contour[x] - contour[b]) * (b - a):
                break
            hull.pop()
        hull.append(x)
    line: Array = np.interp(np.arange(contour.size), hull, contour[hull])
    return line, hull


def is_a_roof(high: Array) -> bool:
    """Whether what is `high` over a gap `[n]` may be the underside of what stands on its sides, and not a wall on the
    ground that goes back: even over most of it, and ended by something steep on both sides."""
    most = float(high.max())
    if np.mean(high > _EVEN * most) < _WIDE:
        return False
    for flank in (high, high[::-1]):
        low, up = (int(np.argmax(flank >= share * most)) for share in _FLANK)
        if up - low > (_FLANK[1] - _FLANK[0]) * most / _STEEP + 1:
            return False
    return True


def climbing_supports(envelope: Array, level: float) -> list[tuple[int, int]]:
    """The columns of two supports under one roof, of which one stands higher in the picture, as the wheels of a car do
    that is seen from above over its corner; none where there are not two.

    `envelope` `[n]` are the rows in which the product ends below (NaN: nowhere), `level` what counts as level.
    """
    there = np.flatnonzero(np.isfinite(envelope))
    contour = np.interp(np.arange(envelope.size), there, envelope[there])
    line, hull = over_lowest(contour)
    high, width = line - contour, envelope.size
    for first, last in pairwise(hull):
        gap = high[first : last + 1]
        slope = (line[last] - line[first]) / (last - first)
        if last - first < _APART * width or abs(slope) > _CLIMBS:
            continue
        if not max(level, _LEAST * width) < gap.max() < _HIGHEST * width:
            continue
        raised = np.flatnonzero(gap > level)
        if not is_a_roof(gap[raised[0] : raised[-1] + 1]):
            continue
        sides = []
        for column in (first, last):
            # Along the line that the two stand on, not along the picture's rows.
            low = contour >= line[column] + slope * (np.arange(width) - column) - level
            start = stop = column
            while start > 0 and low[start - 1]:
                start -= 1
            while stop < width and low[stop]:
                stop += 1
            sides.append((start, stop))
        return sides
    return []


def is_a_bar(contour: Array, height: float, width: int) -> bool:
    """Whether all of what is so wide and high is thin, straight along its lower edge, the `contour` of what touches,
    and not too far from level: a knife or a pen lies along that edge."""
    if contour.size < _ALL * width or height > _SLENDER * width:
        return False
    columns = np.arange(contour.size)
    slope, start = np.polyfit(columns, contour, 1)
    off = np.quantile(np.abs(contour - slope * columns - start), _MOST)
    return bool(abs(slope) < _ASLANT and off < _STRAIGHT * width)


def more_soles(
    envelope: Array, lowest: float, level: float, height: int, taken: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Further broad edges near the ground, level to within `level` rows, apart from those `taken` by a rise: columns
    relative to the box."""
    width = envelope.size
    filled = np.where(np.isnan(envelope), -np.inf, envelope)
    bottom = ndimage.maximum_filter1d(filled, 2 * max(1, round(_SOLE * width)) + 1)
    runs = column_runs((filled >= bottom - level) & (bottom >= lowest - _SOLE_LEVEL * height))
    soles = [run for run in runs if run[1] - run[0] >= _SOLE * width]
    return [run for run in soles if all(_rises_between(filled, run, one, _SOLE_RISE * height) for one in taken)]


def _rises_between(envelope: Array, one: tuple[int, int], other: tuple[int, int], rise: float) -> bool:
    """Whether the `envelope` goes up by `rise` between the lowest columns of two runs."""
    first, last = sorted(run[0] + int(envelope[run[0] : run[1]].argmax()) for run in (one, other))
    between = envelope[first : last + 1]
    return bool(min(between[0], between[-1]) - between.min() >= rise)
