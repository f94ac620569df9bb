"""Whether the product's finest detail is still there: how much of a fine band of its own survives, by tiles.

The share that a band keeps is the regression of the finished picture's band on the product's, so that noise and JPEG
add nothing; the fine band's share over the next coarser one's leaves light and contrast out.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..filters import gaussian_blur
from .pixels import luma

_TILE, _MOST = 96, 48
"""Pixels of a tile's side, five of the coarser detail, so that its share is no accident; and how many are looked at."""
_BANDS = (1.0, 2.2, 5.0)
"""Three blurs (1 sigma in pixels) make two bands: detail of about 8 and of about 18 pixels."""
_EVEN, _CLEAR = 0.004, 0.012
"""Contrast (1 sigma of luma) of the fine band below which there is nothing to lose, in all the product and in one
tile."""
_AGREES = 0.5
"""Share of the coarse band that must still be there: where that is lost, too, the place was redrawn and not blurred,
which `detail` says. From 0.25 to 0.75 no finding of 16 drawn scenes changes."""


@dataclass(frozen=True)
class Sharpness:
    """Share of the fine detail that is left: of all the `product`, and in its `worst` tile, with that tile's middle.

    None where there is too little detail to tell.
    """

    product: float | None
    worst: float | None = None
    at: tuple[float, float] | None = None


def sharpness(picture: Tensor, expected: Tensor, inside: Tensor, origin: tuple[int, int] = (0, 0)) -> Sharpness:
    """Compare sRGB `picture` with `expected` `[H,W,3]` where `inside` `[H,W]` is true, in at most 48 tiles of 96 px.

    Pixel (0, 0) lies at canvas `origin` (x, y).
    """
    corners = _tiles(inside)
    if not corners:
        return Sharpness(None)
    sums = _bands(picture, expected, inside, corners)
    fine, coarse = _share(sums.sum(dim=0))
    count = float(sums[:, 4].sum())
    if float(sums[:, 1].sum()) < count * _EVEN**2 or coarse < _AGREES:
        return Sharpness(None)
    worst, at = None, None
    for (top, left), one in zip(corners, sums, strict=True):
        tile_fine, tile_coarse = _share(one)
        if float(one[1]) > float(one[4]) * _CLEAR**2 and tile_coarse > _AGREES:
            left_over = tile_fine / tile_coarse
            if worst is None or left_over < worst:
                worst, at = left_over, (origin[0] + left + _TILE / 2, origin[1] + top + _TILE / 2)
    return Sharpness(fine / coarse, worst, at)


def _tiles(inside: Tensor) -> list[tuple[int, int]]:
    """Top left corners of tiles that are mostly product, evenly thinned to a bounded number."""
    height, width = inside.shape
    rows, columns = (range(0, max(1, length - _TILE // 2), _TILE) for length in (height, width))
    corners = [
        (y, x) for y in rows for x in columns if float(inside[y : y + _TILE, x : x + _TILE].float().mean()) > 0.4
    ]
    return corners[:: max(1, -(-len(corners) // _MOST))]


def _bands(observed: Tensor, expected: Tensor, inside: Tensor, corners: list[tuple[int, int]]) -> Tensor:
    """Sums `[n,5]` over each tile: fine found·expected, fine expected², coarse found·expected, coarse expected², count.

    Tiles of one size are looked at together.
    """
    height, width = inside.shape
    sizes = [(min(_TILE, height - top), min(_TILE, width - left)) for top, left in corners]
    sums = observed.new_empty(len(corners), 5)
    for size in set(sizes):
        index = [number for number, own in enumerate(sizes) if own == size]
        areas = [(slice(top, top + _TILE), slice(left, left + _TILE)) for top, left in (corners[n] for n in index)]
        planes = torch.stack([luma(picture[area]) for area in areas for picture in (observed, expected)])
        weight = torch.stack([inside[area] for area in areas]).to(planes)
        first, second, third = (gaussian_blur(planes, sigma).view(-1, 2, *size) for sigma in _BANDS)
        parts = []
        for band in (first - second, second - third):
            parts += [(band[:, 0] * band[:, 1] * weight), (band[:, 1].square() * weight)]
        sums[index] = torch.stack([part.sum(dim=(1, 2)) for part in (*parts, weight)], dim=1)
    return sums


def _share(sums: Tensor) -> tuple[float, float]:
    fine, fine_square, coarse, coarse_square, _ = sums.clamp(min=-1e9).tolist()
    return fine / max(fine_square, 1e-9), coarse / max(coarse_square, 1e-9)
