"""A small linear-light view of two registered pictures and their mask, for what is decided before pixels are made."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..colorspace import luminance
from ..filters import area_reduced
from ..tensors import strips
from ..transfer import decode_

OVERVIEW_SIDE = 640
"""Pixels of the longer side: what is asked of it is smooth, a blur of 2 % of the picture, and each stage costs the
square."""


@dataclass(frozen=True)
class Overview:
    """One picture pair, area-reduced by the whole `factor`: linear RGB `[1,3,h,w]` and the mask `[1,h,w]`.

    Small pixel `i` covers full pixels `factor·i .. factor·(i+1)`. The scales of the maths derive from
    `picture_short_side` (the whole picture's, not the crop's) and `product_long_side`, both in small pixels.
    """

    generated: Tensor
    original: Tensor
    mask: Tensor
    factor: int
    picture_short_side: float
    product_long_side: float

    @property
    def generated_luminance(self) -> Tensor:
        """`[1,1,h,w]`"""
        return luminance(self.generated.movedim(1, -1)).unsqueeze(1)

    @property
    def original_luminance(self) -> Tensor:
        """`[1,1,h,w]`"""
        return luminance(self.original.movedim(1, -1)).unsqueeze(1)

    def enlarge(self, plane: Tensor, height: int, width: int) -> Tensor:
        """A small plane `[1,1,h,w]` at full size `[height,width]`, bilinear."""
        full = (plane.shape[-2] * self.factor, plane.shape[-1] * self.factor)
        if self.factor == 1:
            return plane[0, 0, :height, :width]
        return F.interpolate(plane, size=full, mode="bilinear", align_corners=False)[0, 0, :height, :width]

    def sample(self, planes: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """Values `[n,C]` of small planes `[1,C,h,w]` at full-size pixels (row and column indices `[n]`), bilinear."""
        height, width = planes.shape[-2:]
        x = (columns + 0.5) / (self.factor * width) * 2 - 1
        y = (rows + 0.5) / (self.factor * height) * 2 - 1
        grid = torch.stack((x, y), dim=-1).view(1, 1, -1, 2).to(planes)
        sampled = F.grid_sample(planes, grid, mode="bilinear", padding_mode="border", align_corners=False)
        return sampled[0, :, 0].T


def overview(
    generated: Tensor, original: Tensor, mask: Tensor, picture_short_side: int, product_long_side: int
) -> Overview:
    """Reduce sRGB `generated` and `original` `[H,W,3]` and `mask` `[H,W]` to at most about `OVERVIEW_SIDE`."""
    height, width = mask.shape
    factor = max(1, round(max(height, width) / OVERVIEW_SIDE))
    pieces: list[Tensor] = []
    for rows in strips(height, width, factor):
        planes = generated.new_empty((1, 7, rows.stop - rows.start, width))
        planes[0, :3], planes[0, 3:6] = generated[rows].permute(2, 0, 1), original[rows].permute(2, 0, 1)
        planes[0, 6] = mask[rows]
        decode_(planes[:, :6])
        pieces.append(area_reduced(planes, factor))
    small = pieces[0] if len(pieces) == 1 else torch.cat(pieces, dim=2)
    return Overview(
        generated=small[:, :3],
        original=small[:, 3:6],
        mask=small[:, 6],
        factor=factor,
        picture_short_side=picture_short_side / factor,
        product_long_side=product_long_side / factor,
    )
