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
