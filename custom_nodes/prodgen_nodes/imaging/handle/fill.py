"""What stands where the handle was: one colour, or the picture's own backdrop carried in from around the gap."""

from __future__ import annotations

import torch
from torch import Tensor

from ..colorspace import delta_e00, linear_to_lab
from ..filters import gaussian_blur

_COARSER = 4.0
_LEVELS = 3
_FALLBACK = 1e-3
"""Three levels, each four times as wide as the last and of a thousandth of its weight: a wider one only speaks where
the finer sees next to no backdrop. The widest reaches sixteen times as far as the first."""


def surroundings(linear: Tensor, alpha: Tensor, sigma: float, color: Tensor) -> Tensor:
    """Backdrop `[H,W,3]` (linear light) continued under the product.

    `linear` `[H,W,3]`, `alpha` `[H,W]`: only pixels without any product count. Normalised convolution (Knutsson 1993)
    at growing `sigma`; each coarser level counts only where the finer one saw no backdrop, `color` `[3]` last of all.
    """
    bare = (alpha <= 1 / 512).to(linear.dtype)
    planes = torch.cat((linear * bare.unsqueeze(-1), bare.unsqueeze(-1)), dim=-1).permute(2, 0, 1).unsqueeze(0)
    weight = 1.0
    total = torch.zeros_like(planes)
    for level in range(_LEVELS):
        total = total + weight * gaussian_blur(planes, sigma * _COARSER**level)
        weight *= _FALLBACK
    total = total[0].permute(1, 2, 0)
    return (total[..., :3] + weight * color) / (total[..., 3:] + weight)


def backdrop_difference(linear: Tensor, alpha: Tensor, color: Tensor) -> float | None:
    """CIEDE2000 between the mean backdrop of `linear` `[H,W,3]` (where `alpha` is 0) and `color` `[3]`, both linear."""
    bare = alpha <= 1 / 512
    if not bool(bare.any()):
        return None
    return float(delta_e00(linear_to_lab(linear[bare].mean(dim=0)), linear_to_lab(color)))
