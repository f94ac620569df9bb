"""The ends of legs: those that touch the ground higher up in the picture than the lowest, a chair's hind ones, and how
far they are rounded."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from torch import Tensor

from ..tensors import Box
from .supports import column_runs

Array = npt.NDArray[np.float64]

_FOOT_LEVEL = 0.3
"""Hind feet end at most this share of the product's height above the lowest foot."""
NARROW = 0.25
"""A leg, or what touches as a foot does, is narrower than this share of the product's width."""

_RAISED, _PIXELS = 0.1, 0.35
"""What is higher than this share of what counts as level, and than so much of a pixel (an antialiased edge is known to
about that), hangs over the ground."""
_CLOSE = 3.0
"""And is close to it where it is no higher than so many times what counts as level: beside a wheel it is dark farther
out than beside a leg, whose side goes up."""
_BENDS, _STEEPER = 2.0, 0.6
"""A foot's edge is rounded where it rises in the outer half of its side by more than so many times what it does in the
inner one (a corner's straight side by as much, a circle's arc by 3.7 times as much), and hangs over the ground from
where it is so steep, over its end: an arc's middle is still the near edge of what stands."""


def raised_ends(high: Array, touching: slice, level: float) -> tuple[tuple[int, int], tuple[int, int]]:
    """How many columns at both ends of those `touching`, of a foot whose outline is so `high` over the ground `[n]`,
    hang over it, as a wheel touches with less than what counts as `level`; and from there on are close to it."""
    low = touching.start + np.flatnonzero(high[touching] <= max(_PIXELS, _RAISED * level))
    if low.size == 0:
        return (0, 0), (0, 0)
    first, last = int(low[0]), int(low[-1])
    near = np.flatnonzero(high <= _CLOSE * level)
    return (first - touching.start, touching.stop - 1 - last), (first - int(near[0]), int(near[-1]) - last)


def bent_ends(edge: Array) -> tuple[int, int]:
    """The same of a foot that stands on all of its lower `edge` `[n]` (rows): a square leg's corner has none."""
    low = np.flatnonzero(edge >= edge.max() - _PIXELS)
    both = int(low[0] + low[-1])  # twice the middle, which may lie between two columns: then it is on both sides
    return _bent(edge[: (both + 1) // 2 + 1][::-1]), _bent(edge[both // 2 :])


def _bent(side: Array) -> int:
    """How many columns at the end of one `side`, from its lowest column outwards, are rounded."""
    half = side.size // 2
    inner, outer = side[0] - side[half], side[half] - side[-1]
    if side.size < 3 or outer <= _BENDS * max(inner, 0.0) + _PIXELS:
        return 0
    steep = -np.gradient(ndimage.gaussian_filter1d(side, 0.05 * side.size, mode="nearest"))
    return int(np.count_nonzero(steep[half:] > _STEEPER * steep[half:].max()))


def _ends_a_leg(inside: Tensor, column: int, row: int, rise: int, most: float) -> bool:
    """Whether the product above (`column`, `row`) is a narrow upright piece over at least `rise` rows."""
    for above in (rise // 2, rise):
        if row - above < 0:
            return False
        line = inside[row - above].cpu().numpy()
        # A leg leans: look for it a little to both sides.
        runs = [run for run in column_runs(line) if run[0] - rise // 2 <= column < run[1] + rise // 2]
        if not runs or min(right - left for left, right in runs) > most:
            return False
    return True


def more_feet(
    envelope: Array, lowest: float, inside: Tensor, box: Box, taken: list[tuple[int, int]], leg: float
) -> list[tuple[int, int]]:
    """Further low points of the envelope that end a leg, `leg` of the height long: column runs relative to the box."""
    height, width = box.height, box.width
    filled = np.where(np.isnan(envelope), -np.inf, envelope)
    level = max(1.5, 0.03 * height)
    rise = max(3, round(leg * height))
    feet: list[tuple[int, int]] = []
    reach = max(2, round(0.03 * width))
    peaks = np.flatnonzero((filled == ndimage.maximum_filter1d(filled, 2 * reach + 1)) & np.isfinite(filled))
    for peak in peaks.tolist():
        bottom = filled[peak]
        if lowest - bottom > _FOOT_LEVEL * height or any(left <= peak < right for left, right in taken + feet):
            continue
        low = filled >= bottom - level
        run = next(run for run in column_runs(low) if run[0] <= peak < run[1])
        if run[1] - run[0] > NARROW * width:
            continue
        if _ends_a_leg(inside, box.left + peak, int(bottom) - 1, rise, NARROW * width):
            feet.append(run)
    return feet


def with_thin_legs(envelope: Array, calm: Array, inside: Tensor, box: Box, level: float, leg: float) -> Array | None:
    """The outline `calm` with those of the `envelope`'s low places that were too narrow for it and end a leg, `leg` of
    the product's height long; None where there are none. What is shorter is dirt in the mask, or a ragged edge."""
    rise = max(3, round(leg * box.height))
    with np.errstate(invalid="ignore"):
        lower = envelope > calm + level
    legs = [
        (left, right)
        for left, right in column_runs(lower)
        if float((envelope - calm)[left:right].max()) > rise
        and _ends_a_leg(
            inside,
            box.left + left + int(envelope[left:right].argmax()),
            int(envelope[left:right].max()) - 1,
            rise,
            NARROW * box.width,
        )
    ]
    if not legs:
        return None
    outline: Array = calm.copy()
    for left, right in legs:
        outline[left:right] = envelope[left:right]
    return outline
