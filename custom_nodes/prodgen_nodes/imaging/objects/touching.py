"""Whether one outline looks like several things that touch: where it is worn away, large parts come apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_SIDE = 384
"""Pixels of the longer side: the smallest step, 3 % of the side, is still several of them."""
_STEPS = (0.03, 0.06, 0.09, 0.12)
"""How far an outline is worn away, as shares of the square root of its area: a bag's strap is gone at the first, two
bottles side by side hang together by their shoulders until the last."""
_PART = 0.2
"""A part counts from this share of what is left: less is a corner or a lid."""
_LEFT = 0.25
"""So much of the area is left at least: what falls to pieces later was thin all over, like a pair of glasses."""
_COLOUR_SIDE = 192
"""Pixels of the longer side where colours are compared: a part of a tenth of the area is still 40 wide."""
_COLOUR_PART = 0.1
"""A colour counts from this share of the area: less is a cap, a label, a handle."""
_ALIKE = 0.15
"""Distance in sRGB (of 1.7) up to which it is one colour in more or less light."""
_KINDS = 8
"""Colours that are told apart: a print with more is one pattern."""
_CORNER = 0.06
"""Radius in which an outline's corner is looked at, as a share of the square root of the area."""
_NOTCH, _LEVEL = 0.66, 0.42
"""How much around the end of a line is filled: half on a level, three quarters in the corner of two boxes of which one
is taller, less in the curve of a shoe's throat; less than half on a product's own corner."""
_UPRIGHT = 1.5
"""How many times as high as wide the line is along which things that stand side by side meet."""
_BESIDE = 4
"""Pixels beside it in which the colours are compared: the mixed ones of the edge itself are two wide."""
_HALVES = 0.93
"""Intersection over union of one part and the other's mirror image: the halves of a heart or a V-neck have 0.97."""
_STANDING = 0.12
"""What stands side by side ends at one height, to this share of the higher one: a hammer's head and handle do not."""


def seems_several(solid: NDArray[np.bool_]) -> bool:
    """Whether the one region of a boolean `[H,W]` may be several things."""
    (box,) = ndimage.find_objects(solid.astype(np.uint8))
    step = max(1, -(-max(solid[box].shape) // _SIDE))
    part = np.pad(solid[box][::step, ::step], 1)
    area = int(part.sum())
    depth = ndimage.distance_transform_edt(part)
    for share in _STEPS:
        left = depth > share * area**0.5
        labels, count = ndimage.label(left)
        sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
        if sizes.sum() < _LEFT * area:
            return False
        if (sizes >= _PART * sizes.sum()).sum() > 1:
            return True
    return False


def differently_coloured(solid: NDArray[np.bool_], colour: NDArray[np.float32]) -> bool:
    """Whether the one region of a boolean `[H,W]` may be things of different colours side by side; `colour` `[H,W,3]`
    sRGB.

    Where two products meet the outline has a notch above, and none of its corners below; the parts of one product of
    two colours (a cap, a sole, a sleeve, halves) meet on a level, one below the other, or at both ends of a handle.
    """
    (box,) = ndimage.find_objects(solid.astype(np.uint8))
    step = max(1, -(-max(solid[box].shape) // _COLOUR_SIDE))
    part, seen = np.pad(solid[box][::step, ::step], 1), np.pad(colour[box][::step, ::step], ((1, 1), (1, 1), (0, 0)))
    labels, count = _coloured(part, seen)
    radius = max(3, round(_CORNER * float(part.sum()) ** 0.5))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disc = (x * x + y * y <= radius * radius).astype(np.float32)
    filled = ndimage.convolve(part.astype(np.float32), disc / disc.sum(), mode="constant")
    pairs = [(one, other) for one in range(1, count + 1) for other in range(one + 1, count + 1)]
    return any(
        _side_by_side(labels == one, labels == other, filled) and _is_edge(labels == one, labels == other, seen)
        for one, other in pairs
    )


def _coloured(part: NDArray[np.bool_], seen: NDArray[np.float32]) -> tuple[NDArray[np.int32], int]:
    """The large parts of one colour each: numbers `[H,W]`, 0 outside; what belongs to none is the nearest one's."""
    smooth = np.stack([ndimage.median_filter(seen[..., channel], 5) for channel in range(3)], axis=-1)
    kinds: list[NDArray[np.float32]] = []
    labels, count = np.zeros(part.shape, dtype=np.int32), 0
    open_still = ndimage.binary_erosion(part, iterations=2)
    while open_still.any() and len(kinds) < _KINDS:
        kind = np.median(smooth[open_still], axis=0)
        near = np.linalg.norm(smooth - kind, axis=-1) < _ALIKE
        if not (near & open_still).any():  # the middle of two colours is neither
            kind = smooth[open_still][0]
            near = np.linalg.norm(smooth - kind, axis=-1) < _ALIKE
        kinds.append(kind)
        found, number = ndimage.label(near & open_still)
        sizes = np.bincount(found.ravel(), minlength=number + 1)
        for piece in np.flatnonzero(sizes >= _COLOUR_PART * part.sum()):
            if piece:
                count += 1
                labels[found == piece] = count
        open_still &= ~near
    if count < 2:
        return labels, 0
    nearest = ndimage.distance_transform_edt(labels == 0, return_distances=False, return_indices=True)
    return np.where(part, labels[tuple(nearest)], 0).astype(np.int32), count


def _is_edge(one: NDArray[np.bool_], other: NDArray[np.bool_], seen: NDArray[np.float32]) -> bool:
    """Whether the colour changes at once where they meet: along a shade it does so little by little."""
    square = np.ones((3, 3), dtype=bool)
    beside = [
        mine & ndimage.binary_dilation(yours, square, iterations=_BESIDE)
        & ~ndimage.binary_dilation(yours, square, iterations=1)
        for mine, yours in ((one, other), (other, one))
    ]  # fmt: skip
    if not all(each.any() for each in beside):
        return False
    return bool(np.linalg.norm(np.median(seen[beside[0]], axis=0) - np.median(seen[beside[1]], axis=0)) > _ALIKE)


def _are_halves(one: NDArray[np.bool_], other: NDArray[np.bool_], middle: int) -> bool:
    """Whether each is the other's mirror image in the column `middle`."""
    columns = 2 * middle - np.arange(one.shape[1])
    there = (columns >= 0) & (columns < one.shape[1])
    mirrored = np.zeros_like(one)
    mirrored[:, there] = one[:, columns[there]]
    return bool((mirrored & other).sum() > _HALVES * (mirrored | other).sum())


def _side_by_side(one: NDArray[np.bool_], other: NDArray[np.bool_], filled: NDArray[np.float32]) -> bool:
    """Whether two parts meet along one upright line that ends in a notch above and in no corner below."""
    contact = one & ndimage.binary_dilation(other, np.ones((3, 3), dtype=bool))
    if not contact.any() or ndimage.label(ndimage.binary_dilation(contact, iterations=2))[1] > 1:
        return False
    rows, columns = np.nonzero(contact)
    if np.ptp(rows) < _UPRIGHT * np.ptp(columns):
        return False
    (upper, lower), (upper2, lower2) = (np.flatnonzero(each.any(axis=1))[[0, -1]] for each in (one, other))
    if abs(lower - lower2) > _STANDING * max(lower - upper, lower2 - upper2):
        return False
    if _are_halves(one, other, round(float(columns.mean()))):
        return False
    top, bottom = np.argmin(rows), np.argmax(rows)
    notch, foot = filled[rows[top], columns[top]], filled[rows[bottom], columns[bottom]]
    return bool(notch > _NOTCH and foot > _LEVEL)
