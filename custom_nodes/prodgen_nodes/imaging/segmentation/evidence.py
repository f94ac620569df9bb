"""Per-pixel evidence: does a pixel show the backdrop, the backdrop in shadow, or something else?

A shadow scales the backdrop's light: linear RGB keeps its direction, only its length shrinks, and it does so smoothly.
So each pixel is split into a ratio along the backdrop's colour and what is left over beside it (the colour residue).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..colorspace import linear_to_srgb, srgb_to_linear
from .backdrop import Backdrop


@dataclass(frozen=True)
class Evidence:
    """All `[H,W]`. `difference` = |pixel − backdrop| in spreads; `residue` = what no shadow can explain, in spreads;
    `ratio` = light relative to the backdrop (1 = lit as the model says, below 1 = darker)."""

    difference: Tensor
    residue: Tensor
    ratio: Tensor


def weigh(srgb: Tensor, backdrop: Backdrop) -> Evidence:
    """Evidence of one picture `[H,W,3]` (sRGB) against its backdrop model."""
    spread = backdrop.spread.clamp(min=1.5 / 255)
    difference = (srgb - backdrop.color).abs().amax(dim=-1) / spread
    linear, base = srgb_to_linear(srgb), srgb_to_linear(backdrop.color)
    ratio = (linear * base).sum(dim=-1) / base.square().sum(dim=-1).clamp(min=1e-6)
    shaded = linear_to_srgb(base * ratio.unsqueeze(-1)).clamp(0.0, 1.0)
    # A deep shadow is lit by what the room reflects, so its colour may drift a little: the tolerance grows with depth.
    depth = -torch.log(ratio.clamp(0.02, 1.0))
    tolerance = torch.sqrt(spread.square() + (0.012 * depth + 0.004).square())
    residue = (srgb - shaded).abs().amax(dim=-1) / tolerance
    return Evidence(difference, residue, ratio)
