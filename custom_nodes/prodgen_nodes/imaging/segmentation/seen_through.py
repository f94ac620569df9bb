"""Openings of a product before a busy backdrop that a network hesitates to open: under a chair's back, in a handle.

No backdrop model says what is seen through them. But a network that fills such an opening is less sure of it in one
corner at least, the opening ends sharply all around, and its colours are found around the product and not on it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..filters import closed, dilate, erode, square_max
from .regions import Regions, connected_to_frame

_SURE, _DOUBTED = 0.985, 0.6
"""A network is sure of the product from here on; below, of one pixel of an opening, it doubts it."""
_SHARP = 0.08
"""The mean step (sRGB) in which an opening ends."""
_LEAST = 2e-4
"""The smallest opening, as a share of the picture."""
_AROUND = 0.2
"""Colours around the product are taken from so near, a fraction of the short side."""
_COLOURS = 512
"""How many pixels stand for the product's colours, and for those around it."""
_NEARER = 0.5
"""An opening's colours are so many times nearer to those around the product than to the product's own, at most."""
_MOSTLY, _FARTHER = 0.5, 0.06
"""The share of a doubted region that must be filled, and have such colours; how far beyond it an opening may go, of the
short side."""
_EDGE = 2
"""Pixels over which an edge out of focus spreads."""
_RING, _BEYOND = 0.1, 4
"""The surroundings of a product: from so many pixels off it up to a share of the short side."""


def colours_of(srgb: Tensor, where: Tensor) -> Tensor:
    """Colours `[n,3]` of at most `_COLOURS` pixels of the boolean `where` `[h,w]`, spread evenly."""
    colours = srgb[where]
    return colours[:: max(1, colours.shape[0] // _COLOURS)]


def surroundings(srgb: Tensor, product: Tensor) -> Tensor:
    """Colours `[n,3]` of what is around the `product` `[h,w]` bool in the picture `[h,w,3]`."""
    reach = max(2 * _BEYOND, round(_RING * min(product.shape)))
    return colours_of(srgb, dilate(product, reach) & ~dilate(product, _BEYOND))


def shows_around(colours: Tensor, around: Tensor, own: Tensor) -> Tensor:
    """Which of the `colours` `[n,3]` are far nearer to one of those `around` a product than to one of its `own`."""
    return torch.cdist(colours, around).amin(dim=1) < _NEARER * torch.cdist(colours, own).amin(dim=1)


def seen_through(srgb: Tensor, steps: Tensor, mask: Tensor, reach: int) -> Tensor:
    """Boolean `[h,w]`: the openings that a network's `mask` `[h,w]` fills, more or less, in the picture `[h,w,3]`.

    `steps` `[h,w]`: how the picture changes from pixel to pixel; `reach`: pixels from its outline within which the
    network's softness is only the outline's own.
    """
    none = torch.zeros_like(mask, dtype=torch.bool)
    filled = ~connected_to_frame(mask <= 0.5)
    doubtful = (mask < _SURE) & erode(filled, reach)
    regions = Regions(doubtful)
    if regions.count == 0:
        return none
    candidates = regions.touched(doubtful & (mask < _DOUBTED)) & (regions.area > _LEAST * mask.numel())
    # What is open already needs nothing; thin parts lie in it.
    candidates &= (regions.mean((mask > 0.5).float()) > _MOSTLY) & (regions.rim_mean(square_max(steps, _EDGE)) > _SHARP)
    if not candidates.any():
        return none
    # Around what the network doubts, the colours say how far the opening goes.
    side = min(mask.shape)
    close = dilate(regions.chosen(candidates), round(_FARTHER * side))
    near = dilate(filled, round(_AROUND * side)) & ~dilate(filled, reach)
    around, own = colours_of(srgb, near), colours_of(srgb, filled & (mask >= _SURE) & ~close)
    if not (around.shape[0] and own.shape[0]):
        return none
    window = erode(filled, 1) & close
    nearer = none.clone()
    nearer[window] = shows_around(srgb[window], around, own)
    candidates &= regions.mean(nearer.float()) > _MOSTLY
    openings = Regions(closed(nearer, 1) & window)
    return openings.chosen(openings.touched(regions.chosen(candidates)))
