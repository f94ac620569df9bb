"""Per-pixel evidence: does a pixel show the backdrop, the backdrop in shadow, or something else?

A shadow scales the backdrop's light: linear RGB keeps its direction, only its length shrinks, and it does so smoothly.
So each pixel is split into a ratio along the backdrop's colour and what is left over beside it (the colour residue).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..filters import gaussian_blur
from ..transfer import decode_, encode_
from .backdrop import Backdrop, gradient


@dataclass(frozen=True)
class Evidence:
    """All `[H,W]`. `difference` = |pixel - backdrop| in spreads; `residue` = what no shadow can explain, in spreads;
    `ratio` = light relative to the backdrop (1 = lit as the model says, below 1 = darker); `steps` and `slopes`: the
    largest step to a neighbour, in the picture and in its `smooth` version `[H,W,3]`; `shaded` `[H,W,3]`: the backdrop
    in so much light (all sRGB)."""

    difference: Tensor
    residue: Tensor
    ratio: Tensor
    steps: Tensor
    slopes: Tensor
    smooth: Tensor
    shaded: Tensor


def weigh(srgb: Tensor, backdrop: Backdrop) -> Evidence:
    """Evidence of one picture `[H,W,3]` (sRGB) against its backdrop model."""
    planes, color = srgb.permute(2, 0, 1).contiguous(), backdrop.color.permute(2, 0, 1).contiguous()
    spread = backdrop.spread.clamp(min=1.5 / 255)
    difference = (planes - color).abs_().amax(dim=0) / spread
    linear, base = decode_(planes.clone()), decode_(color.clone())
    ratio = linear.mul_(base).sum(dim=0) / base.square().sum(dim=0).clamp_(min=1e-6)
    shaded = encode_(base.mul_(ratio)).clamp_(max=1.0)
    # A deep shadow is lit by what the room reflects, so its colour may drift a little: the tolerance grows with depth.
    depth = -torch.log(ratio.clamp(0.02, 1.0))
    tolerance = torch.sqrt(spread.square() + (0.012 * depth + 0.004).square())
    residue = (planes - shaded).abs_().amax(dim=0) / tolerance
    smooth = gaussian_blur(planes.unsqueeze(0), 1.0)[0].permute(1, 2, 0)
    return Evidence(difference, residue, ratio, gradient(srgb), gradient(smooth), smooth, shaded.permute(1, 2, 0))
