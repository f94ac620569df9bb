"""Pinholes of a mask: what a glint or a dark stitch has knocked out of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_PINHOLE = 2e-5
"""The largest pinhole, as a share of the picture: 20 pixels of a million. An eyelet or the mesh of a basket, through
which the backdrop shows, is larger where anybody can see it."""


def pinholes(solid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels `[H,W]` of holes in `solid` that are too small to be seen through."""
    enclosed = ndimage.binary_fill_holes(solid) & ~solid
    if not enclosed.any():
        return np.asarray(enclosed, dtype=bool)
    labels, count = ndimage.label(enclosed)
    area = np.bincount(labels.ravel(), minlength=count + 1)
    small = area <= max(4.0, _PINHOLE * solid.size)
    small[0] = False
    return np.asarray(small[labels], dtype=bool)
