"""Shadow taken for product where two things nearly meet: a narrow, half-sure bridge between solid bodies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Labels = NDArray[np.int32]

_SURE = 0.95
"""Alpha of a body; a bridge of shadow stays below."""
_BODY = 0.1
"""A body has at least this share of the largest one's area: less is a lid or a buckle."""
_NARROW = 0.25
"""How long the line between two bodies is at most, as a share of the root of the smaller one's area. A wall of glass
between a flask and its cap is as long as the flask is wide, four times as much."""
_EIGHT = np.ones((3, 3), dtype=bool)
"""Pixels that touch at a corner belong together, as in `handle.topology`."""


def parted(matte: NDArray[np.float32], regions: Labels, area: NDArray[np.int64], least: float) -> Labels:
    """`regions` `[H,W]` (from 1) of a matte, those parted whose bodies only a narrow half-sure bridge joins.

    `area`: of each region; `least`: the area from which a region may be an object.
    """
    out, last = regions, int(regions.max())
    for number, box in enumerate(ndimage.find_objects(regions), 1):
        if box is None or area[number] < 2 * least:
            continue
        mine = regions[box] == number
        bodies = _bodies(mine & (matte[box] > _SURE), least)
        count = int(bodies.max())
        if count < 2:
            continue
        place = ndimage.distance_transform_cdt(bodies == 0, "chessboard", return_distances=False, return_indices=True)
        nearest = np.where(mine, bodies[tuple(place)], 0)
        groups = _held_together(nearest, np.bincount(bodies.ravel(), minlength=count + 1))
        if len(set(groups[1:])) < 2:
            continue
        out = out.copy() if out is regions else out
        names = {group: (number if group == groups[1] else last + group) for group in groups[1:]}
        out[box][mine] = np.array([0, *(names[group] for group in groups[1:])])[nearest[mine]]
        last += count
    return out


def _bodies(sure: NDArray[np.bool_], least: float) -> Labels:
    """The large regions of a boolean `[h,w]`, numbered from 1."""
    labels, count = ndimage.label(sure, structure=_EIGHT)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    large = np.flatnonzero(sizes >= max(least, _BODY * sizes.max(initial=0), 1))
    new = np.zeros(count + 1, dtype=np.int32)
    new[large] = np.arange(1, len(large) + 1)
    return np.asarray(new[labels], dtype=np.int32)


def _held_together(nearest: Labels, sizes: NDArray[np.int64]) -> list[int]:
    """For each body (from 1) the least number of those it hangs together with by more than a narrow bridge."""
    group = list(range(len(sizes)))
    met: dict[tuple[int, int], int] = {}
    for one, other in ((nearest[:, 1:], nearest[:, :-1]), (nearest[1:], nearest[:-1])):
        edge = (one != other) & (one > 0) & (other > 0)
        pairs, counts = np.unique(np.sort(np.stack((one[edge], other[edge])), axis=0), axis=1, return_counts=True)
        for (low, high), count in zip(pairs.T.tolist(), counts.tolist(), strict=True):
            met[low, high] = met.get((low, high), 0) + count
    for (low, high), length in met.items():
        if length > _NARROW * min(sizes[low], sizes[high]) ** 0.5:
            keep, gone = min(group[low], group[high]), max(group[low], group[high])
            group = [keep if value == gone else value for value in group]
    return group
