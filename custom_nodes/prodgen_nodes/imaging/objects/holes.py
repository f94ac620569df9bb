"""Pinholes of a mask: what a glint or a dark stitch has knocked out of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_PINHOLE = 2e-5
"""The largest pinhole, as a share of the picture: 20 pixels of a million. An eyelet or the mesh of a basket, through
which the backdrop shows, is larger where anybody can see it."""


def pinholes(solid: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    """The pixels `[h,w]` of holes in `solid`, the part of a picture of so many `pixels` around one object, that are too
    small to be seen through."""
    labels, count = ndimage.label(~solid)
    small = np.bincount(labels.ravel(), minlength=count + 1) <= max(4.0, _PINHOLE * pixels)
    small[np.concatenate((labels[0], labels[-1], labels[:, 0], labels[:, -1]))] = False  # no hole: it is open
    small[0] = False
    return np.asarray(small[labels], dtype=bool)
