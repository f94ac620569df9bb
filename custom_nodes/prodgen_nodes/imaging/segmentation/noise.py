"""The noise of a photo at the size it is analysed, and the photo without it.

Evidence is read from single pixels and their steps: in a noisy photo every outline seems to have a step, and what
differs little from the backdrop drowns. Noise is averaged away first where nothing but noise is there; edges stay.
Source of the filter: K. He, J. Sun, X. Tang, "Guided image filtering", 2013, guided by the picture itself.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..filters import gaussian_blur
from .backdrop import pixel_noise

_NOISY = 1.6 / 255
"""1 sigma (sRGB) from which a photo is noisy; a good camera and a good JPEG stay below."""
_BAND, _BLOCK, _CALM = 1.5, 8, 0.25
"""What varies within so many pixels (1 sigma) is noise; it is measured in blocks, in the calmest quarter of them."""
_COARSER = 1.5
"""How much of the noise the finest steps may miss, when a reduction has made it coarser; what they miss more of is
texture: leaves, bricks."""
_RADIUS, _KEPT = 3, 2.0
"""The filter's window; what varies by more than so many times the noise is none."""


def noise_of(srgb: Tensor) -> float:
    """1 sigma of the noise of `[H,W,3]`, also where a reduction or a JPEG has made it coarser than a pixel."""
    if min(srgb.shape[:2]) < 4 * _BLOCK:
        return 0.0
    planes = srgb.permute(2, 0, 1).unsqueeze(0)
    off = (planes - gaussian_blur(planes, _BAND)).square_().mean(dim=1, keepdim=True)
    band = float(torch.quantile(F.avg_pool2d(off, _BLOCK).flatten(), _CALM).sqrt())
    return min(band, _COARSER * pixel_noise(srgb))


def is_noisy(noise: float) -> bool:
    """Whether this much noise (1 sigma) makes a photo a noisy one."""
    return noise >= _NOISY


def calmed(srgb: Tensor) -> tuple[Tensor, float]:
    """A picture `[H,W,3]` without its noise, and the 1 sigma of that; as it is where it has next to none."""
    noise = noise_of(srgb)
    if not is_noisy(noise):
        return srgb, noise
    planes = srgb.permute(2, 0, 1).unsqueeze(0)
    mean = _boxed(planes)
    variance = (_boxed(planes.square()) - mean.square()).clamp_(min=0.0).mean(dim=1, keepdim=True)
    kept = variance / (variance + (_KEPT * noise) ** 2)
    out = _boxed(kept) * planes + _boxed((1.0 - kept) * mean)
    return out[0].permute(1, 2, 0).contiguous(), noise


def _boxed(planes: Tensor) -> Tensor:
    """The mean over the filter's window, smaller at the frame."""
    side = 2 * _RADIUS + 1
    planes = F.avg_pool2d(planes, (side, 1), 1, (_RADIUS, 0), count_include_pad=False)
    return F.avg_pool2d(planes, (1, side), 1, (0, _RADIUS), count_include_pad=False)
