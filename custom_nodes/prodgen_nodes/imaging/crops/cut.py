"""A part of a picture as a square at a model's resolution, and the record that leads back.

A crop is a scaling and a shift, sub-pixel; where it reaches beyond the picture the picture is mirrored, so that the
model sees a continuation instead of a black bar. Only the part of the picture under a crop is ever resampled.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor

from ..placement import Affine
from ..resample import place
from ..tensors import check_color
from ..transfer import decode_, encode_

_MARGIN = 4
"""Pixels of a crop around what is cut, for the resampling kernel's reach."""
_LEAST_SIDE = 32.0
"""Crops are never smaller than this many pixels of the picture: a few pixels hold nothing to refine."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Crop:
    """One crop: `transform` leads from the pixels of picture number `picture` (from 0) to the crop's."""

    picture: int
    transform: Affine

    @property
    def corner(self) -> Point:
        """The square's left and top in pixels of the picture."""
        return -self.transform.tx / self.transform.a, -self.transform.ty / self.transform.d


AnyCrop = TypeVar("AnyCrop", bound=Crop)


@dataclass(frozen=True)
class Crops(Generic[AnyCrop]):
    """All crops of a batch: the pictures' size and number, the crops' side in pixels."""

    width: int
    height: int
    pictures: int
    size: int
    crops: tuple[AnyCrop, ...]

    def __len__(self) -> int:
        return len(self.crops)


def square(center: Point, side: float, size: int, width: int, height: int) -> Affine:
    """The way to a crop of `size` pixels: a square of `side` pixels of the picture around `center`, moved into the
    picture where it fits."""
    side = max(side, _LEAST_SIDE)
    corner = []
    for middle, limit in zip(center, (width, height), strict=True):
        low = middle - side / 2
        corner.append(min(max(low, 0.0), limit - side) if side <= limit else (limit - side) / 2)
    scale = size / side
    return Affine.scale_translate(scale, -corner[0] * scale, -corner[1] * scale)


def _mirrored(start: int, stop: int, limit: int, device: torch.device) -> Tensor:
    """Indices `start..stop` folded back into `0..limit`."""
    index = torch.arange(start, stop, device=device) % (2 * limit)
    return torch.where(index < limit, index, 2 * limit - 1 - index)


def cut(image: Tensor, crop: Crop, size: int) -> Tensor:
    """One crop `[size,size,C]` of one picture `[H,W,C]`, in linear light, mirrored beyond the picture's border."""
    left, top = crop.corner
    side = size / crop.transform.a
    margin = _MARGIN * math.ceil(max(1.0, 1.0 / crop.transform.a))
    x0, y0 = math.floor(left) - margin, math.floor(top) - margin
    x1, y1 = math.ceil(left + side) + margin, math.ceil(top + side) + margin
    rows = _mirrored(y0, y1, image.shape[0], image.device)
    columns = _mirrored(x0, x1, image.shape[1], image.device)
    window = decode_(image[rows[:, None], columns])
    shift = crop.transform.after(Affine.scale_translate(1.0, float(x0), float(y0)))
    patch = place(window, shift, size, size)
    return encode_(patch.pixels.clamp_(0.0, 1.0))


def cut_all(image: Tensor, plan: Crops[AnyCrop], mask_of: Callable[[AnyCrop], Tensor]) -> tuple[Tensor, Tensor]:
    """Crops `[N,size,size,3]` sRGB and masks `[N,size,size]` of `image` `[B,H,W,C]`; one black crop with an empty mask
    where nothing is to be refined, since a wire cannot carry none."""
    rgb = check_color(image)[..., :3]
    if not len(plan):
        return rgb.new_zeros((1, plan.size, plan.size, 3)), rgb.new_zeros((1, plan.size, plan.size))
    crops = torch.stack([cut(rgb[crop.picture], crop, plan.size) for crop in plan.crops])
    return crops, torch.stack([mask_of(crop) for crop in plan.crops])
