"""The product and the generated picture at working size: pyramids that share one frame of coordinates.

Work pixels are generated pixels reduced by the whole `factor`; level `n` halves them `n` times. Pixel edges are at
integers in every frame, so a point of one level is the point of another divided by a power of two.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..colorspace import linear_to_srgb, srgb_to_linear
from ..errors import ShapeError
from ..placement import Affine
from ..resample import placed_bands
from ..tensors import strips

_FINE = 560.0
"""The product's longest side is reduced by whole factors as long as it stays above this many work pixels."""
_COARSE = 44.0
"""The same at the level of the global search."""
_MAX_LEVELS = 6
"""Enough for `_COARSE` to be reached from a product of 2800 work pixels; with three the places found in five scenes of
512² differ by less than 0.002 px."""


@dataclass(frozen=True)
class Scene:
    """The generated picture: planes `[1,6,h,w]` and how far they can be trusted `[1,1,h,w]`, finest level first.

    The planes are sRGB, then linear light: structure is compared as the eye sees it, outlines as light mixes there.
    """

    planes: tuple[Tensor, ...]
    trust: tuple[Tensor, ...]

    def sample(self, level: int, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """sRGB and linear light `[6,n,m]` and trust `[n,m]` (0 outside) at work points `x`, `y` `[n,m]`."""
        return _sample(self.planes[level], x, y, level), _sample(self.trust[level], x, y, level)[0]


@dataclass(frozen=True)
class Template:
    """The product where it was meant to be, `[1,7,h,w]` per level, finest first.

    The planes are alpha times sRGB, alpha times linear light, and alpha. `left`, `top` is the work point of the crop's
    corner; `center` and `radius` are the product's, in work pixels.
    """

    planes: tuple[Tensor, ...]
    left: int
    top: int
    center: tuple[float, float]
    radius: float

    def sample(self, level: int, x: Tensor, y: Tensor) -> Tensor:
        """Alpha-weighted sRGB and linear light, and alpha `[7,n,m]` at work points `x`, `y` `[n,m]`, 0 outside."""
        return self.sample_plane(self.planes[level], level, x, y)

    def sample_plane(self, planes: Tensor, level: int, x: Tensor, y: Tensor) -> Tensor:
        """The same of other `planes` `[1,c,h,w]` that lie where that level's own do: `[c,n,m]`."""
        return _sample(planes, x - self.left, y - self.top, level)


def _sample(planes: Tensor, x: Tensor, y: Tensor, level: int) -> Tensor:
    height, width = planes.shape[-2:]
    step = 2.0 / 2**level
    grid = torch.stack((x * (step / width) - 1, y * (step / height) - 1), dim=-1)
    sampled = F.grid_sample(planes, grid.unsqueeze(0), mode="bilinear", padding_mode="zeros", align_corners=False)
    return sampled[0]


def work_factor(long_side: float) -> int:
    """By how much a generated picture is reduced whose product is `long_side` pixels long."""
    return max(1, int(long_side / _FINE))


def level_count(long_side: float) -> int:
    """Levels for a product of `long_side` work pixels."""
    return max(1, min(_MAX_LEVELS, int(math.log2(max(1.0, long_side / _COARSE))) + 1))


def _pyramid(finest: Tensor, levels: int) -> tuple[Tensor, ...]:
    planes = [finest]
    for _ in range(levels - 1):
        height, width = planes[-1].shape[-2:]
        planes.append(F.avg_pool2d(planes[-1], (min(2, height), min(2, width))))  # a line of pixels stays one
    return tuple(planes)


def scene_view(image: Tensor, ignore: Tensor | None, factor: int, levels: int) -> Scene:
    """`image` `[H,W,3]` sRGB and `ignore` `[H,W]` (1 = not to be trusted) reduced strip by strip.

    Raises ShapeError where it has fewer rows or columns than `factor`: nothing would be left of it.
    """
    if min(image.shape[:2]) < factor:
        raise ShapeError(
            f"the generated picture has {image.shape[1]}×{image.shape[0]} pixels: too narrow to hold the product."
        )
    height, width = image.shape[0] // factor * factor, image.shape[1] // factor * factor
    pieces = []
    for rows in strips(height, image.shape[1], factor):
        planes = image[rows, :width].permute(2, 0, 1).unsqueeze(0)
        if ignore is not None:
            planes = torch.cat((planes, 1 - ignore[None, None, rows, :width]), dim=1)
        pieces.append(F.avg_pool2d(planes, factor) if factor > 1 else planes)
    finest = torch.cat(pieces, dim=2).contiguous()
    trust = finest[:, 3:] if ignore is not None else finest.new_ones((1, 1, *finest.shape[-2:]))
    color = finest[:, :3]
    return Scene(_pyramid(torch.cat((color, srgb_to_linear(color)), dim=1), levels), _pyramid(trust, levels))


def template_view(rgb: Tensor, alpha: Tensor, to_work: Affine, levels: int) -> Template:
    """The product `rgb` `[h,w,3]` with `alpha` `[h,w]`, laid out by `to_work` (product pixels to work pixels)."""
    rows, columns = torch.nonzero(alpha.amax(dim=1) > 0.5), torch.nonzero(alpha.amax(dim=0) > 0.5)
    ends_x = (float(columns[0]), float(columns[-1]) + 1)
    ends_y = (float(rows[0]), float(rows[-1]) + 1)
    corners = [to_work.apply(x, y) for x in ends_x for y in ends_y]
    block = 2 ** (levels - 1)
    margin = 8 * block
    left, top = (math.floor(min(c[i] for c in corners)) - margin for i in (0, 1))
    right, bottom = (math.ceil(max(c[i] for c in corners)) + margin for i in (0, 1))
    width, height = (-(-(right - left) // block) * block, -(-(bottom - top) // block) * block)
    finest = rgb.new_zeros((height, width, 7))
    for patch in placed_bands(rgb, alpha, Affine.scale_translate(1.0, -left, -top).after(to_work), width, height):
        cover = patch.pixels[..., 3:]
        color = linear_to_srgb((patch.pixels[..., :3] / cover.clamp(min=1e-4)).clamp(0.0, 1.0)) * cover
        finest[patch.rows, patch.columns] = torch.cat((color, patch.pixels), dim=-1)
    planes = _pyramid(finest.permute(2, 0, 1).unsqueeze(0).contiguous(), levels)
    center = to_work.apply(sum(ends_x) / 2, sum(ends_y) / 2)
    radius = max(math.dist(center, corner) for corner in corners)
    return Template(planes, left, top, center, radius)
