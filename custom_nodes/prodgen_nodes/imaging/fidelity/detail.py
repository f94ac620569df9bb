"""Where a product was changed: its structure and its colour compared in small windows, light and noise left out.

Both pictures are looked at in a small linear view. Structure is the contrast-structure term of SSIM (Wang et al. 2004)
on lightness; a window whose contrast is below what JPEG leaves cannot be told and counts as equal. Colour is dE00 of
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
_WINDOW = 2.0
"""1 sigma in pixels of the windows of structure and colour alike: so both take their means from one blur."""
_FLOOR = 0.022
"""Contrast (1 sigma of L*/100) that JPEG and resampling leave in a view of half the size; sqrt(2) as much in a full
one."""
_NEAR = 0.35
"""The share of a step to the neighbouring pixels that a colour may be off."""
_BLEED = 2
"""How far, in pixels, JPEG's halved colour reaches beyond an edge."""
_BLOWN, _BRIGHT = 0.98, 0.7
"""Linear light: where the picture is clipped and the product bright, its colour counts half."""
_LEAST = 0.3
"""Share of a window that must be product to be compared; from 0.15 to 0.45 no finding of 16 drawn scenes changes."""


@dataclass(frozen=True)
class Detail:
    """Maps `[h,w]` at the view's size: `structure` lost or new 0..1 (and more: turned round), `color` dE00; `valid`:
    what was compared."""

    structure: Tensor
    color: Tensor
    valid: Tensor


def as_seen(linear: Tensor) -> Tensor:
    """CIELAB `[1,3,h,w]` of linear RGB `[1,3,h,w]` on a screen in a lit room."""
    return linear_to_lab(((linear + GLARE) / (1 + GLARE)).movedim(1, -1)).movedim(-1, 1)


def compare_detail(view: Overview, expected: Tensor, inside: Tensor) -> Detail:
    """The view's generated picture against linear `expected` `[1,3,h,w]` where `inside` `[h,w]` is true."""
    here, there = as_seen(view.generated), as_seen(expected)
    weight = inside.to(here)[None, None]
    structure, color = _compared(here, there, weight, view.factor)
    coarse = _halved(torch.cat((here[:, :1], there[:, :1]), dim=1), weight)
    sums = gaussian_blur(_moments(coarse[0][:, :1], coarse[0][:, 1:], coarse[1]), _WINDOW)[0]
    small = _structure(sums, _floor(2 * view.factor))
    enlarged = F.interpolate(small[None, None], scale_factor=2, mode="bilinear", align_corners=False)[0, 0]
    height, width = inside.shape
    structure = torch.maximum(structure, enlarged[:height, :width]) * inside
    blown = (view.generated.amax(dim=1) > _BLOWN) & (expected.amax(dim=1) > _BRIGHT)
    color *= (1 - 0.5 * blown[0].to(here)) * inside
    return Detail(structure, color, inside)


def _floor(factor: int) -> float:
    """In L*."""
    return 100 * _FLOOR * math.sqrt(2 / factor)


def _halved(planes: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted means of 2×2 pixels of `planes` `[1,C,h,w]`, and their weight."""
    # Not `area_reduced`, which adds the four in another order: a last bit of most sums would differ.
    both = F.avg_pool2d(torch.cat((planes * weight, weight), dim=1), 2, ceil_mode=True, count_include_pad=False)
    return both[:, :-1] / both[:, -1:].clamp(min=1e-6), (both[:, -1:] > 0.6).to(planes)


def _compared(here: Tensor, there: Tensor, weight: Tensor, factor: int) -> tuple[Tensor, Tensor]:
    """What `_structure` and `_color` say of CIELAB `[1,3,h,w]` under `weight` `[1,1,h,w]` of 0 or 1; one blur."""
    colors = (here[:, 1:] * weight, there[:, 1:] * weight, there)
    planes = torch.cat((_moments(here[:, :1], there[:, :1], weight), *colors), dim=1)
    sums = gaussian_blur(planes, _WINDOW)[0]
    off = sums.new_zeros(weight.numel())
    index = torch.nonzero(weight.flatten()).flatten()
    # The weight; L*, a*, b* here, and there.
    means = sums[[0, 1, 5, 6, 2, 7, 8]].flatten(1).index_select(1, index)
    means = means[1:] / means[0].clamp(min=1e-4)
    off.index_copy_(0, index, delta_e00(means[:3].T, means[3:].T))
    color = _color(off.view(weight.shape[2:]), sums[9:], max(1, round(_BLEED / factor)))
    return _structure(sums[:5], _floor(factor)), color * (sums[0] > _LEAST)


def _moments(here: Tensor, there: Tensor, weight: Tensor) -> Tensor:
    """`[1,5,h,w]` of two L* planes `[1,1,h,w]`: the weight, and weighted both planes, their squares, their product."""
    a, b = here * weight, there * weight
    return torch.cat((weight, a, b, (a * here).addcmul_(b, there), a * there), dim=1)


def _structure(sums: Tensor, floor: float) -> Tensor:
    """1 - the contrast-structure term `[h,w]` of two L* planes from the `sums` `[5,h,w]` of their `_moments`."""
    total, a, b, squares, product = sums
    over = total.clamp(min=1e-4).reciprocal_()
    a, b = a * over, b * over
    variance = (squares * over - a.square() - b.square()).clamp_(min=0)
    covariance = product * over - a * b
    lost: Tensor = (1 - (2 * covariance + floor**2) / (variance + floor**2)) * (total > _LEAST)
    return lost


def _color(off: Tensor, around: Tensor, bleed: int) -> Tensor:
    """`off` `[h,w]`, dE00 of local means, less what the step of CIELAB `around` `[3,h,w]` to the pixels within `bleed`
    explains: JPEG halves colour."""
    step = square_max(around, bleed) + square_max(-around, bleed)
    return (off - _NEAR * length(step, 0)).clamp_(min=0)
