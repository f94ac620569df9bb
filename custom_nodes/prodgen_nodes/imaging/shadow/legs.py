"""The ends of legs that touch the ground higher up in the picture than the lowest: a chair's hind ones."""

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
