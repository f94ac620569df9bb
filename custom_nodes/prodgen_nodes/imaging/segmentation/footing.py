"""The line on which a product stands, read column by column from the floor upwards.

Under a product the floor's light fades ever faster and is darkest where the two touch. Above that line comes the
product: lighter, or as dark but no longer fading. So the shadow of a column ends at the first row, seen from below,
above which it gets no darker, or, where that row still has no colour but the floor's, where the product's own begins.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..filters import gaussian_blur, running_max
from .backdrop import Backdrop
from .evidence import Evidence

_REACH, _BELOW = 0.035, 0.006
"""How far above and below the labels' lowest row the line is looked for, as fractions of the short side."""
_STILL, _DEEP = 0.05, 0.35
"""Shares of the floor's light: what a row must still lose to be fading, and what must be lost in all."""

_UMBRA = 0.013
"""The thickest stretch of full shadow between floor and product, as a fraction of the short side."""
_WIDE = 0.004
_PLAIN, _COLOURED = 1.2, 2.5


def under_footing(srgb: Tensor, product: Tensor, backdrop: Backdrop, evidence: Evidence) -> Tensor:
    """Boolean `[H,W]`: the pixels of `product` `[H,W]` that lie below the line on which it stands."""
    height = product.shape[0]
    size = min(product.shape)
    reach, below = max(4, round(_REACH * size)), max(2, round(_BELOW * size))
    ahead = max(2, round(0.012 * size))
    luma = gaussian_blur(srgb.mean(dim=-1).unsqueeze(0), 0.6)[0]
    floor = backdrop.color.mean(dim=-1)
    rows = torch.arange(height, device=srgb.device).unsqueeze(1)
    lowest = torch.where(product, rows, -1).amax(dim=0)
    steps = torch.arange(below + reach + ahead, device=srgb.device).unsqueeze(1)
    at = (lowest + below - steps).clamp(0, height - 1)
    profile, lit = luma.gather(0, at), floor.gather(0, at)
    count = below + reach
    least = torch.stack([profile[shift : shift + count] for shift in range(ahead + 1)]).amin(dim=0)
    here, lit = profile[:count], lit[:count].clamp(min=1e-3)
    drop = (lit - here) / lit
    stands = (drop > _DEEP) & (here - least < _STILL * drop * lit + 2 * backdrop.noise)
    first = torch.where(stands.any(dim=0), stands.to(torch.uint8).argmax(dim=0), count)
    first = first + _colourless(evidence.residue.gather(0, at), first, round(_UMBRA * size))
    line = torch.where((first < count) & (lowest >= 0), lowest + below - first, height)
    depth = (lowest - line).clamp(min=0)
    # What is found in a few columns alone is a detail of the product, not the line it stands on.
    wide = max(1, round(_WIDE * size))
    depth = running_max(-running_max(-depth.float(), wide, wide, 0), wide, wide, 0)
    return product & (rows > lowest - depth)


def _colourless(residue: Tensor, first: Tensor, longest: int) -> Tensor:
    """How many rows from `first` `[W]` on, upwards in `residue` `[n,W]`, are shadow that ends at a coloured product."""
    count = residue.shape[0]
    run, going = torch.zeros_like(first), torch.ones_like(first, dtype=torch.bool)
    ends = torch.zeros_like(going)
    for step in range(longest + 2):
        here = residue.gather(0, (first + step).clamp(max=count - 1).unsqueeze(0))[0]
        ends |= ~going & (step <= run + 2) & (here > _COLOURED)
        going &= here < _PLAIN
        run += going
        ends |= ~going & (step == run) & (here > _COLOURED)
    return torch.where(ends & (run <= longest), run, 0)
