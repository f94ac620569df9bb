"""One picture at its own size and at ever smaller ones, each made once, by averaging linear light."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..transfer import decode_, encode_

_STRIP = 64
"""Rows of the reduced picture that are made at a time: what a strip needs stays in the processor's cache."""
_SMALLEST = 128
"""Pixels of the longer side at which a solve starts; from half to twice of it the mattes of nine scenes are the
same."""


def within(side: int, height: int, width: int) -> tuple[int, int]:
    """`height` and `width` at the same shape, with no side longer than `side` pixels."""
    scale = min(1.0, side / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def between(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    """Sizes from `start` (excluded) to `end` (included), each at most about twice the one before."""
    steps = math.ceil(math.log2(max(end[0] / start[0], end[1] / start[1], 1.0)) - 1e-6)
    return [
        end if step == steps else tuple(round(a * (b / a) ** (step / steps)) for a, b in zip(start, end, strict=True))
        for step in range(1, steps + 1)
    ]


def resized(grid: Tensor, size: tuple[int, int]) -> Tensor:
    """`[H,W]` averaged down or interpolated up to `size`."""
    if tuple(grid.shape) == size:
        return grid
    mode = "area" if size[0] < grid.shape[0] else "bilinear"
    extra = {} if mode == "area" else {"align_corners": False}
    return F.interpolate(grid[None, None], size=size, mode=mode, **extra)[0, 0]


def planar(picture: Tensor) -> Tensor:
    """The same picture `[H,W,3]`, channel after channel in memory: arithmetic across channels is then far faster."""
    return picture.permute(2, 0, 1).contiguous().permute(1, 2, 0)


def linear_planes(srgb: Tensor) -> Tensor:
    """Linear light `[3,h,w]` of sRGB `[h,w,3]`, a copy."""
    return decode_(srgb.permute(2, 0, 1).clone(memory_format=torch.contiguous_format))


def averaged(srgb: Tensor, size: tuple[int, int]) -> Tensor:
    """Linear light `[3,h,w]` of sRGB `[H,W,3]`, averaged to `size` a strip of rows at a time."""
    height = srgb.shape[0]
    if size == tuple(srgb.shape[:2]):
        return linear_planes(srgb)
    out = torch.empty((3, *size), device=srgb.device)
    scale = height / size[0]
    for start in range(0, size[0], _STRIP):
        stop = min(start + _STRIP, size[0])
        top, bottom = int(start * scale), min(height, math.ceil(stop * scale - 1e-9))
        part = linear_planes(srgb[top:bottom])
        out[:, start:stop] = F.interpolate(part.unsqueeze(0), size=(stop - start, size[1]), mode="area")[0]
    return out


def encoded(linear: Tensor) -> Tensor:
    """sRGB `[H,W,3]`, `planar`, of linear light `[3,H,W]`."""
    return encode_(linear.clone()).clamp_(max=1.0).permute(1, 2, 0)


class Pyramid:
    """The picture `srgb` `[H,W,3]` at sizes that at most double, through `middle` up to its own."""

    def __init__(self, srgb: Tensor, middle: tuple[int, int] | None = None) -> None:
        self.srgb = srgb
        own = (srgb.shape[0], srgb.shape[1])
        self.middle = middle or own
        self.sizes = [self.middle]
        while max(self.sizes[0]) > _SMALLEST:
            height, width = self.sizes[0]
            self.sizes.insert(0, ((height + 1) // 2, (width + 1) // 2))
        self.sizes += between(self.middle, own)
        self._linear: dict[tuple[int, int], Tensor] = {}

    def above(self) -> list[tuple[int, int]]:
        """The sizes larger than the middle one, in rising order."""
        return self.sizes[self.sizes.index(self.middle) + 1 :]

    def linear(self, size: tuple[int, int]) -> Tensor:
        """Linear light `[3,h,w]` at one of the sizes."""
        if size not in self._linear:
            larger = self.sizes[self.sizes.index(size) + 1] if size != self.sizes[-1] else size
            if larger == self.sizes[-1]:
                made = averaged(self.srgb, size)
            else:
                made = F.interpolate(self.linear(larger).unsqueeze(0), size=size, mode="area")[0]
            self._linear[size] = made
        return self._linear[size]

    def forget(self) -> None:
        """Frees the sizes made so far; they are made anew when they are asked for."""
        self._linear.clear()

    def picture(self, size: tuple[int, int]) -> Tensor:
        """sRGB `[h,w,3]` at one of the sizes; reduced ones are `planar`."""
        if size == self.sizes[-1]:
            return self.srgb
        return encoded(self.linear(size))
