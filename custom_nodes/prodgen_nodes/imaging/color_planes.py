"""Colours of a strip of pixels as planes `[3,n]`: what the statistics are taken from and what the maps work on.

CIELAB is a linear function of the cube roots of X/Xn, Y/Yn and Z/Zn (the `f` of CIE 15:2018, with its linear toe), so a
linear map of L*a*b* is a linear map of these roots too and the conversion in between is saved. Steps on whole planes
cost a fraction of those on pixels whose three values lie side by side.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

# Rows give X, Y, Z of linear sRGB; the white point is the D65 that scikit-image uses, so figures compare.
RGB_TO_XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
WHITE = (0.95047, 1.0, 1.08883)
"""D65, 2°, as scikit-image has it."""
EPSILON = 0.008856
"""CIE 15: (6/29)³, where the cube root gives way to a line."""
KAPPA_SLOPE = 7.787
"""That line's slope, as the standard rounds it."""

_WHITE = torch.tensor(WHITE, dtype=torch.float64)
_TO_XYZ = torch.tensor(RGB_TO_XYZ, dtype=torch.float64) / _WHITE[:, None]
_FROM_XYZ = torch.linalg.inv(_TO_XYZ)
_THIRD = 1 / (3 * math.log(2))
"""With it a cube root is a natural logarithm and a power of 2, the two that are quick."""
_ROOT_KNEE = EPSILON ** (1 / 3)
"""The same place on the side of the roots."""

_MOST = 0.7
"""Share of the pixels from which picking the others out costs more than it saves."""

L_SCALE, A_SCALE, B_SCALE = 116.0, 500.0, 200.0
L_OFFSET = -16.0
"""L* = 116·y - 16, a* = 500·(x - y), b* = 200·(y - z) of the roots x, y, z."""


def planes(pixels: Tensor) -> Tensor:
    """A copy of `[h,W,3]` as `[3, h·W]`."""
    height, width, channels = pixels.shape
    flat = pixels.new_empty(channels, height, width)
    for plane, channel in zip(flat, pixels.unbind(-1), strict=True):  # a sixth of the time of a permuted copy
        plane.copy_(channel)
    return flat.view(channels, -1)


def xyz_of_linear(linear: Tensor) -> Tensor:
    """X/Xn, Y/Yn and Z/Zn `[3,n]` of linear RGB `[3,n]`."""
    return torch.mm(_TO_XYZ.to(linear), linear)


def roots_of_linear(linear: Tensor) -> Tensor:
    """Roots `[3,n]` (of X, Y, Z; 16/116 at black, 1 at white) of linear RGB `[3,n]`."""
    xyz = xyz_of_linear(linear)
    # The root of what lies above the toe, plus the straight line below it: no mask, everything in place.
    toe = xyz.sub(EPSILON).clamp_(max=0.0)
    return xyz.clamp_(min=EPSILON).log_().mul_(_THIRD).exp2_().add_(toe, alpha=KAPPA_SLOPE)


def linear_of_roots(roots: Tensor) -> Tensor:
    """Linear RGB `[3,n]` (unclipped) of roots `[3,n]`."""
    toe = roots.sub(_ROOT_KNEE).clamp_(max=0.0)
    above = roots.clamp(min=_ROOT_KNEE)
    xyz = (above * above).mul_(above).add_(toe, alpha=1 / KAPPA_SLOPE)
    return torch.mm(_FROM_XYZ.to(roots), xyz)


def lab_of_roots(roots: Tensor) -> Tensor:
    """CIELAB `[3,n]` of roots `[3,n]`."""
    # The differences come first: scaled roots would lose the small a* and b* of greys in float32.
    lab = torch.empty_like(roots)
    torch.mul(roots[1], L_SCALE, out=lab[0]).add_(L_OFFSET)
    torch.sub(roots[0], roots[1], out=lab[1]).mul_(A_SCALE)
    torch.sub(roots[1], roots[2], out=lab[2]).mul_(B_SCALE)
    return lab


def roots_of_lab(lab: Tensor) -> Tensor:
    """Roots `[3,n]` of CIELAB `[3,n]`."""
    y = (lab[0] - L_OFFSET) / L_SCALE
    return torch.stack((y + lab[1] / A_SCALE, y, y - lab[2] / B_SCALE))


def counting(weights: Tensor) -> Tensor | None:
    """Indices of the pixels `[n]` whose weight is above 0; None where all are."""
    counts = weights > 0
    return None if bool(counts.all()) else torch.nonzero(counts).flatten()


def sparse(weights: Tensor) -> Tensor | None:
    """Indices of the pixels `[n]` whose weight, 0..1, is above 0; None where most are, so that working on all of them
    is quicker than picking some."""
    return None if float(weights.sign().mean()) > _MOST else torch.nonzero(weights).flatten()


def picked(values: Tensor, index: Tensor | None) -> Tensor:
    """The pixels `index` of `[n]` or `[3,n]` as a copy; `values` themselves where `index` is None, for all."""
    return values if index is None else values.index_select(-1, index)
