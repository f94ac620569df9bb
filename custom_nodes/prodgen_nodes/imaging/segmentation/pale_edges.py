"""An outline between two colours that differ little, white on white or black on black, drawn as smoothly as it runs.

There a matte follows the noise and the blocks of a JPEG: the straight side of a white lid comes out in steps and bumps
of a pixel or two. Where the outline is straight but for those, it is drawn where it lies in the mean.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from ..filters import dilate, erode, gaussian_blur
from .pyramid import resized

_CLOSE, _APART = 36 / 255, 64 / 255
"""The difference of the two sides (sRGB, of any channel) up to which the outline is smoothed, and from which not at
all: a white lid's has 20 to 30, a pale belt's end 16 to 40."""
_BESIDE, _AROUND, _KNOWN = 2, 4.0, 0.02
"""How many pixels off the outline each side begins, over how many (1 sigma) its colour is averaged, and the least
weight of that, at the size for analysis."""
_SMOOTH, _COARSE, _EDGE = 3.0, 7.0, 1.4
"""Pixels of the photo (1 sigma) over which an outline lies in the mean, and in the mean of more of it; and how wide its
edge is drawn."""
_ALONG = 3.0
"""Pixels (1 sigma) along the outline over which it is judged."""
_STRAIGHT, _BENT = 0.4, 0.9
"""How far both means lie apart, in pixels, along a side and at a corner; on a circle of a radius of 25 it is .8."""
_THICK, _BAND = 6, 3
"""Half of the width from which a part, or the backdrop between two, has such an outline; how far off it is drawn."""
_TILE, _MARGIN = 512, 48
"""Pixels a side that are drawn at a time, and so many around that they depend on: an 8000² photo takes no more."""


def with_smooth_pale_edges(srgb: Tensor, alpha: Tensor, settled: Tensor) -> Tensor:
    """`alpha` `[H,W]` with a smooth outline where the picture `[h,w,3]`, at the size for analysis, hardly shows one.

    `settled` `[h,w]` bool: where the outline is certain from elsewhere and stays.
    """
    pale = _pale(srgb, resized(alpha, (srgb.shape[0], srgb.shape[1])), settled)
    if not bool((pale > 0).any()):
        return alpha
    out = alpha.clone()
    for rows, columns, part in _tiles(pale, alpha):
        inside = tuple(
            slice(own.start - around.start, own.stop - around.start)
            for own, around in zip((rows, columns), part, strict=True)
        )
        out[rows, columns] = _drawn(alpha[part], _part_of(pale, part, alpha))[inside]
    return out


def _pale(srgb: Tensor, alpha: Tensor, settled: Tensor) -> Tensor:
    """How little, 0 to 1, the two sides of the outline of `alpha` `[h,w]` differ, `[h,w]` around it; 0 elsewhere."""
    solid = alpha > 0.5
    rim = dilate(solid, _BAND) & ~erode(solid, _BAND) & ~settled
    if not bool(rim.any()):
        return torch.zeros_like(alpha)
    sides = torch.stack((erode(solid, _BESIDE), ~dilate(solid, _BESIDE))).float().unsqueeze(1)
    sums = gaussian_blur(torch.cat((srgb.permute(2, 0, 1) * sides, sides), dim=1), _AROUND)
    inside, outside = sums[:, :3] / sums[:, 3:].clamp(min=_KNOWN)
    off = (inside - outside).abs().amax(dim=0)
    known = (sums[:, 3] > _KNOWN).all(dim=0)
    return torch.where(rim & known, ((_APART - off) / (_APART - _CLOSE)).clamp(0.0, 1.0), 0.0)


def _tiles(pale: Tensor, alpha: Tensor) -> Iterator[tuple[slice, slice, tuple[slice, slice]]]:
    """Rows and columns of the tiles of `alpha` `[H,W]` that have a `pale` outline, and the same with the margin."""
    height, width = alpha.shape
    for top in range(0, height, _TILE):
        for left in range(0, width, _TILE):
            rows, columns = slice(top, min(height, top + _TILE)), slice(left, min(width, left + _TILE))
            if bool((pale[_scaled(rows, height, pale.shape[0]), _scaled(columns, width, pale.shape[1])] > 0).any()):
                around = tuple(
                    slice(max(0, own.start - _MARGIN), min(side, own.stop + _MARGIN))
                    for own, side in ((rows, height), (columns, width))
                )
                yield rows, columns, (around[0], around[1])


def _scaled(part: slice, side: int, other: int) -> slice:
    """The same part of a grid with `other` pixels instead of `side`, rounded outwards."""
    return slice(math.floor(part.start * other / side), math.ceil(part.stop * other / side))


def _part_of(pale: Tensor, part: tuple[slice, slice], alpha: Tensor) -> Tensor:
    """`pale` `[h,w]` over a `part` of `alpha` `[H,W]`, at its size."""
    rows, columns = (
        ((torch.arange(own.start, own.stop, device=pale.device) + 0.5) * (small / side)).long().clamp(max=small - 1)
        for own, side, small in zip(part, alpha.shape, pale.shape, strict=True)
    )
    return pale[rows][:, columns]


def _drawn(alpha: Tensor, pale: Tensor) -> Tensor:
    """A part of a matte `[h,w]`, smooth where it is `pale` `[h,w]` and straight."""
    solid = alpha > 0.5
    thick = dilate(erode(solid, _THICK), _THICK + _BAND) & dilate(erode(~solid, _THICK), _THICK + _BAND)
    band = thick & dilate(solid, _BAND) & ~erode(solid, _BAND)
    if not bool(band.any()):
        return alpha
    inside, coarse = (_inside(alpha, sigma) for sigma in (_SMOOTH, _COARSE))
    rim = solid & ~erode(solid, 1)
    sums = gaussian_blur(torch.stack(((inside - coarse).abs() * rim, pale * rim, rim)).unsqueeze(0), _ALONG)[0]
    along = sums[2].clamp(min=1e-3)
    straight = ((_BENT - sums[0] / along) / (_BENT - _STRAIGHT)).clamp(0.0, 1.0)
    contour = (inside / _EDGE + 0.5).clamp(0.0, 1.0)
    return torch.where(band, torch.lerp(alpha, contour, straight * sums[1] / along), alpha)


def _inside(alpha: Tensor, sigma: float) -> Tensor:
    """How many pixels a pixel lies inside the outline of `alpha` `[h,w]`, that being straight over `sigma` pixels."""
    return (gaussian_blur(alpha.unsqueeze(0), sigma)[0] - 0.5) * (sigma * math.sqrt(2 * math.pi))
