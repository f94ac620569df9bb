"""Where a product was changed: its structure and its colour compared in small windows, light and noise left out.

Both pictures are looked at in a small linear view. Structure is the contrast-structure term of SSIM (Wang et al. 2004)
on lightness; a window whose contrast is below what JPEG leaves cannot be told and counts as equal. Colour is ΔE00 of
means over a few pixels (as FLIP, Andersson et al. 2020), beyond what a neighbouring pixel explains. Both are taken
with the glare of a screen added: what is nearly black looks nearly black.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..color.overview import Overview
from ..colorspace import delta_e00, linear_to_lab
from ..filters import gaussian_blur, length, square_max

GLARE = 0.005
"""Share of white that a screen in a lit room adds to every pixel (IEC 61966-2-1 reckons with 0.2 to 1 %)."""
_WINDOW, _SPOT = 2.0, 2.0
_FLOOR = 0.022
"""Contrast (1σ of L*/100) that JPEG and resampling leave in a view of half the size; √2 as much in a full one."""
_NEAR = 0.35
"""The share of a step to the neighbouring pixels that a colour may be off."""
_BLEED = 2
"""How far, in pixels, JPEG's halved colour reaches beyond an edge."""
_BLOWN, _BRIGHT = 0.98, 0.7
"""Linear light: where the picture is clipped and the product bright, its colour counts half."""
_LEAST = 0.3


@dataclass(frozen=True)
class Detail:
    """Maps `[h,w]` at the view's size: `structure` lost or new 0..1 (and more: turned round), `color` ΔE00; `known`."""

    structure: Tensor
    color: Tensor
    known: Tensor


def as_seen(linear: Tensor) -> Tensor:
    """CIELAB `[1,3,h,w]` of linear RGB `[1,3,h,w]` on a screen in a lit room."""
    return linear_to_lab(((linear + GLARE) / (1 + GLARE)).movedim(1, -1)).movedim(-1, 1)


def compare_detail(view: Overview, expected: Tensor, inside: Tensor) -> Detail:
    """The view's generated picture against linear `expected` `[1,3,h,w]` where `inside` `[h,w]` is true."""
    here, there = as_seen(view.generated), as_seen(expected)
    weight = inside.to(here)[None, None]
    structure = _structure(here[:, :1], there[:, :1], weight, _floor(view.factor))
    coarse = _halved(torch.cat((here[:, :1], there[:, :1]), dim=1), weight)
    small = _structure(coarse[0][:, :1], coarse[0][:, 1:], coarse[1], _floor(2 * view.factor))
    enlarged = F.interpolate(small[None, None], scale_factor=2, mode="bilinear", align_corners=False)[0, 0]
    height, width = inside.shape
    structure = torch.maximum(structure, enlarged[:height, :width]) * inside
    blown = (view.generated.amax(dim=1) > _BLOWN) & (expected.amax(dim=1) > _BRIGHT)
    color = _color(here, there, weight, max(1, round(_BLEED / view.factor))) * (1 - 0.5 * blown[0].to(here))
    return Detail(structure, color * inside, inside)


def _floor(factor: int) -> float:
    return _FLOOR * math.sqrt(2 / factor)


def _halved(planes: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted means of 2×2 pixels of `planes` `[1,C,h,w]`, and their weight."""
    both = F.avg_pool2d(torch.cat((planes * weight, weight), dim=1), 2, ceil_mode=True, count_include_pad=False)
    return both[:, :-1] / both[:, -1:].clamp(min=1e-6), (both[:, -1:] > 0.6).to(planes)


def _structure(here: Tensor, there: Tensor, weight: Tensor, floor: float) -> Tensor:
    """1 - the contrast-structure term `[h,w]` of two L* planes `[1,1,h,w]`, by windows of their common `weight`."""
    a, b = here / 100, there / 100
    planes = torch.cat((weight, a * weight, b * weight, a * a * weight, b * b * weight, a * b * weight), dim=1)
    sums = gaussian_blur(planes, _WINDOW)[0]
    total = sums[0].clamp(min=1e-4)
    mean_a, mean_b, square_a, square_b, product = (sums[1:] / total).unbind(0)
    variance = (square_a - mean_a**2).clamp(min=0) + (square_b - mean_b**2).clamp(min=0)
    covariance = product - mean_a * mean_b
    return (1 - (2 * covariance + floor**2) / (variance + floor**2)) * (sums[0] > _LEAST)


def _color(here: Tensor, there: Tensor, weight: Tensor, bleed: int) -> Tensor:
    """ΔE00 `[h,w]` of local means, less what the step to the pixels within `bleed` explains: JPEG halves colour."""
    both = gaussian_blur(torch.cat((here * weight, there * weight, weight, there), dim=1), _SPOT)
    total = both[:, 6:7].clamp(min=1e-4)
    off = delta_e00(*((both[0, first : first + 3] / total[0]).movedim(0, -1) for first in (0, 3)))
    around = both[:, 7:]
    step = square_max(around, bleed) + square_max(-around, bleed)
    beyond: Tensor = (off - _NEAR * length(step, 1)[0]).clamp(min=0) * (total[0, 0] > _LEAST)
    return beyond
