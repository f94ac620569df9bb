"""The gap: which part of a found handle goes, as smooth fields on the working grid that scale to the full picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .find import Handle
from .topology import EIGHT, Bools, Floats

_SOFT = 3.0  # working pixels of soft edge beyond the half thickness

_BALANCED = 0.05  # of the handle's width
_MOST_LEAN = 0.12  # of its length
_SCRAP = 0.25  # of the gap's largest piece


@dataclass(frozen=True)
class Gap:
    """The part of the handle that goes.

    `inside` `[h,w]` signed distance in working pixels to the border of what goes (positive inside), over rows `top..`
    and columns `left..` of the working grid; `start`, `stop` 0..1 along the handle; `clamped` when less than asked for
    could go.
    """

    top: int
    left: int
    inside: Floats
    start: float
    stop: float
    clamped: bool


def open_gap(handle: Handle, gap: float, position: float) -> Gap:
    """Place a gap of `gap` (0..1 of the length) centred at `position` (0..1), keeping a stub at each end."""
    strands = handle.strands
    main = handle.main
    # As long as the handle is thick, so that an end is seen to be one; never more than leaves half to open.
    stub = min(0.25, main.half_thickness / max(main.length, 1.0))
    width = min(gap, 1 - 2 * stub)
    low, high = stub + width / 2, 1 - stub - width / 2
    lean = _lean(handle, width) * (1 - abs(2 * position - 1))
    middle = min(max(position + lean, low), high)

    rows = np.concatenate([s.rows for s in strands])
    columns = np.concatenate([s.columns for s in strands])
    along = np.concatenate([s.along for s in strands])
    half = np.concatenate([s.half for s in strands])
    length = np.concatenate([np.full(s.rows.size, max(s.length, 1.0)) for s in strands])
    product = handle.survey.product
    in_gap = np.abs(along - middle) <= width / 2
    margin = int(2 * half.max() + 4 * _SOFT + 4)
    top, bottom = _span(rows[in_gap], margin, product.shape[0])
    left, right = _span(columns[in_gap], margin, product.shape[1])
    window = (slice(top, bottom), slice(left, right))

    inside = (rows >= top) & (rows < bottom) & (columns >= left) & (columns < right)
    number = np.full((bottom - top, right - left), -1, dtype=np.int64)
    number[rows[inside] - top, columns[inside] - left] = np.flatnonzero(inside)
    away, index = ndimage.distance_transform_edt(number < 0, return_indices=True)
    nearest = number[tuple(index)]

    # How far along each pixel lies: that of the nearest centre line, smoothed across its pixel steps.
    reach = half[nearest] + _SOFT
    weight = (away <= reach).astype(np.float64)
    sigma = max(1.0, main.half_thickness / 2)
    total = np.maximum(ndimage.gaussian_filter(weight, sigma), 1e-6)
    t = ndimage.gaussian_filter(along[nearest] * weight, sigma) / total
    to_cut = (width / 2 - np.abs(t - middle)) * length[nearest]

    # Whose pixel is it? The handle's where its surface is nearer than the body's or a bead's.
    cover = np.logical_or.reduce([strand.cover[window] for strand in strands])
    kept = (handle.anatomy.thick > 0)[window] | cover
    to_kept = ndimage.distance_transform_edt(~kept) if kept.any() else np.full(kept.shape, 1e3)
    to_rim = reach - away
    to_owner = to_kept - 1.0 - np.maximum(away - half[nearest], 0.0)
    field = np.minimum(np.minimum(to_cut, to_rim), to_owner)
    if cover.any():
        field = _without_scraps(field, cover, int(main.half_thickness + _SOFT))
    # The full-size work pays for every pixel: keep what goes and a little backdrop around it.
    goes = np.nonzero(field > -1.0)
    if goes[0].size:
        room = int(main.half_thickness + _SOFT) + 1
        (t0, t1), (l0, l1) = _span(goes[0], room, field.shape[0]), _span(goes[1], room, field.shape[1])
        field, top, left = field[t0:t1, l0:l1], top + t0, left + l0
    return Gap(top, left, field, middle - width / 2, middle + width / 2, width < gap - 1e-9)


def _without_scraps(field: Floats, cover: Bools, reach: int) -> Floats:
    """`field` without the small pieces beyond what covers the handle: the gap ends at a knot rather than peep out.

    What hangs from a knot lies just there, and looks like handle; a hand needs the opening before it only.
    """
    labels, count = ndimage.label(field > 0, EIGHT)
    if count < 2:
        return field
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    near = ndimage.binary_dilation(cover, EIGHT, iterations=reach)
    beside = np.unique(labels[near])
    scraps = [label for label in beside if label and sizes[label - 1] < _SCRAP * sizes.max()]
    gone = ndimage.binary_dilation(np.isin(labels, scraps), EIGHT, iterations=2)
    return np.where(gone, np.minimum(field, -_SOFT), field)


def _lean(handle: Handle, width: float) -> float:
    """How far along a tilted handle its middle moves so that a hand from above stays over the handle's own middle.

    On an upright handle the two middles agree. On a long strap that leans sideways the middle of its length is not the
    middle of what one sees; it moves just as far as keeps the gap within `_BALANCED` of the handle's width, and at
    most `_MOST_LEAN` of the length.
    """
    if handle.kind == "side":
        return 0.0
    along = np.concatenate([s.along[s.seen] for s in handle.strands])
    columns = np.concatenate([s.columns[s.seen] for s in handle.strands]).astype(np.float64)
    weight = np.concatenate([s.half[s.seen] for s in handle.strands])
    center, extent = float(np.average(columns, weights=weight)), float(np.ptp(columns)) + 1
    steps = sorted(np.linspace(-_MOST_LEAN, _MOST_LEAN, 41), key=abs)
    places = []
    for step in steps:
        near = np.abs(along - 0.5 - step) <= width / 2
        off = abs(float(np.average(columns[near], weights=weight[near])) - center) / extent if near.any() else 1.0
        if off <= _BALANCED:
            return float(step)
        places.append(off)
    return float(steps[int(np.argmin(places))])


def _span(values: np.ndarray, margin: int, limit: int) -> tuple[int, int]:
    return max(0, int(values.min()) - margin), min(limit, int(values.max()) + margin + 1)
