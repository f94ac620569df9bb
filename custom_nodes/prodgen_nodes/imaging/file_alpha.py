"""Whether a file's own transparency outlines a product, or only shapes the picture: corners, wedges, bands, specks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError
from torch import Tensor

Plane = NDArray[np.bool_]

_SIDE = 1024
"""The outline is judged on a plane reduced to about this side."""
_OPAQUE = 0.98
"""Alpha from which a file counts as opaque everywhere (and 1 less this as nowhere): five steps of 8 bits for rounding.
"""
_CONTRAST = 0.2
"""Between the most and the least transparent pixel; below, the transparency has no outline."""
_SHARE = 0.2
"""Where between those two a pixel counts as there: hair and gauze do, a rounding error does not."""
_MARGIN = 0.02
"""Of the shorter side: a transparent border as narrow as this is a border, even or not."""
_EVEN_MARGIN = 0.08
"""Of the shorter side: a border as wide as this is one if it is even; a product with wider room around it may be cut
out."""
_RIM, _CORNER = 0.04, 0.25
"""Shares of the shorter side: transparent slivers within the rim, and rounded or cut corners, only shape a picture."""
_HARDLY = 0.0002
"""Of the picture: less than this is dust, neither a product nor a backdrop."""
_RECTANGLE = 0.975
"""Share of a (turned) rectangle that is there; the rest are rounded corners and soft edges."""
_STRAIGHT = 0.08
"""Of the shorter side: edges of the outline at least this long may be a side of the turned rectangle."""


@dataclass(frozen=True)
class _Margins:
    """Transparent columns and rows around what is there, in shares of the shorter side."""

    left: float
    top: float
    right: float
    bottom: float

    def belongs_to_a_picture(self) -> bool:
        """None, a narrow or an even border, bands that make a picture wider or taller, or a picture in a corner."""
        sides = (self.left, self.top, self.right, self.bottom)
        touched = [side <= _MARGIN for side in sides]
        across, along = touched[0] and touched[2], touched[1] and touched[3]
        in_a_corner = (touched[0] or touched[2]) and (touched[1] or touched[3])
        even = max(sides) <= _EVEN_MARGIN and max(sides) - min(sides) <= _MARGIN / 2
        return across or along or in_a_corner or even


def outlines(alpha: Tensor) -> tuple[bool, str]:
    """Whether `alpha` `[H,W]` (0..1, 1 = opaque) outlines something, and the reason, in a seller's words.

    A cut-out's transparency follows the product. What follows the picture's own rectangle is none: nothing or
    everything transparent, a few pixels, holes inside the picture, rounded corners, narrow borders, bands, and the
    wedges beside a turned or straightened picture. A rectangle with room around it may be a flat product, or a photo
    that was only cropped: `is_plain_figure` says that, and what is in the picture decides.
    """
    alpha = torch.nan_to_num(alpha.float()).clamp(0.0, 1.0)
    lowest, highest = (float(value) for value in torch.aminmax(alpha))
    if lowest >= _OPAQUE:
        return False, "the file's transparency channel is opaque everywhere"
    if highest <= 1 - _OPAQUE:
        return False, "the file is transparent everywhere"
    if highest - lowest < _CONTRAST:
        return False, "the whole picture is equally see-through"
    why_not = _why_not(_presence(alpha))
    return not why_not, why_not or "the file's own transparency outlines the product"


def is_plain_figure(alpha: Tensor) -> bool:
    """Whether what `alpha` `[H,W]` leaves there is a rectangle, turned or not, a rounded box or an ellipse: what a
    selection tool draws."""
    there: Plane = ndimage.binary_fill_holes(_presence(torch.nan_to_num(alpha.float()).clamp(0.0, 1.0)))
    if not there.any():
        return False
    left, top, right, bottom = _box(there)
    crop = there[top:bottom, left:right]
    return bool(crop.all()) or _only_its_rim(crop) or _is_turned_rectangle(crop) or _is_ellipse(crop)


def _presence(alpha: Tensor) -> Plane:
    """Where something is, on a plane reduced to about `_SIDE`."""
    factor = math.ceil(max(alpha.shape) / _SIDE)
    small = F.avg_pool2d(alpha[None, None], factor, ceil_mode=True, count_include_pad=False)[0, 0]
    lowest, highest = (float(value) for value in torch.aminmax(small))
    there: Plane = (small > lowest + _SHARE * (highest - lowest)).cpu().numpy()
    return there


def _why_not(there: Plane) -> str:
    """Why what is there is no cut-out, empty for one."""
    if 1.0 - there.mean() < _HARDLY:
        return "only a few pixels of the file are transparent"
    if there.mean() < _HARDLY:
        return "the file is transparent almost everywhere"
    filled: Plane = ndimage.binary_fill_holes(there)
    if filled.all():
        return "the file is transparent only inside the picture, its backdrop is still there"
    return _shape_of_a_picture(filled)


def _shape_of_a_picture(there: Plane) -> str:
    """How the outline of what is there, without holes, follows the picture's own rectangle; empty where it does not."""
    left, top, right, bottom = _box(there)
    height, width = there.shape
    short = min(height, width)
    margins = _Margins(left / short, top / short, (width - right) / short, (height - bottom) / short)
    if not margins.belongs_to_a_picture():
        return ""
    crop = there[top:bottom, left:right]
    if crop.all():
        return "the file is transparent only in bands or a border beside the picture"
    if _only_its_rim(crop):
        return "the file is transparent only at its corners or along its edges"
    if _is_turned_rectangle(crop):
        return "the file is transparent only in the wedges beside a turned picture"
    return ""


def _box(there: Plane) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of what is there, half-open."""
    rows, columns = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _only_its_rim(there: Plane) -> bool:
    """Whether all but a narrow rim and the four corners is there."""
    height, width = there.shape
    rim, corner = (max(1, round(share * min(height, width))) for share in (_RIM, _CORNER))
    asked = np.zeros_like(there)
    asked[rim : height - rim, rim : width - rim] = True
    # A corner may be cut or rounded off: its triangle is free.
    x, y = np.arange(width), np.arange(height)
    from_corner = np.minimum(x, width - 1 - x)[None, :] + np.minimum(y, height - 1 - y)[:, None]
    return not (asked & (from_corner >= corner) & ~there).any()


def _is_turned_rectangle(there: Plane) -> bool:
    """Whether what is there is a rectangle at some angle, as far as it lies within the frame."""
    y, x = np.nonzero(there & ~ndimage.binary_erosion(there))
    points = np.column_stack((x, y)).astype(np.float64)
    try:
        corners = points[ConvexHull(points).vertices]
    except (QhullError, ValueError):
        return False  # a line has no hull
    sides = np.roll(corners, -1, axis=0) - corners
    long = np.hypot(*sides.T) >= max(4.0, _STRAIGHT * min(there.shape))
    angles = np.unique(np.round(np.degrees(np.arctan2(sides[long, 1], sides[long, 0])) % 90.0, 1))
    total = int(there.sum())
    grid_y, grid_x = np.ogrid[: there.shape[0], : there.shape[1]]
    for angle in np.radians(angles):
        within = np.ones_like(there)
        for cosine, sine in ((math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))):
            reach = points @ (cosine, sine)
            across = grid_x * cosine + grid_y * sine
            within &= (across >= reach.min()) & (across <= reach.max())
        if total >= _RECTANGLE * int(within.sum()):
            return True
    return False


def _is_ellipse(there: Plane) -> bool:
    """Whether what is there is an ellipse at some angle: the one with the same area, place and moments."""
    y, x = np.nonzero(there)
    points = np.column_stack((x, y)).astype(np.float64)
    spread = np.cov(points, rowvar=False, bias=True) + np.eye(2) / 12
    grid_y, grid_x = np.ogrid[: there.shape[0], : there.shape[1]]
    dx, dy = grid_x - points[:, 0].mean(), grid_y - points[:, 1].mean()
    inverse = np.linalg.inv(spread)
    # In a full ellipse the squared distance from the middle, in moments, reaches four at the outline.
    within = inverse[0, 0] * dx * dx + 2 * inverse[0, 1] * dx * dy + inverse[1, 1] * dy * dy <= 4.0
    return int((within & there).sum()) >= _RECTANGLE * int((within | there).sum())
