"""How much of a photo's size is detail: a small photo that was enlarged, or one out of focus, shows less than it has
pixels, and an outline that nobody can see is not drawn right."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

COARSE = 4
"""Pixels that are averaged into one: what such a picture shows as well is all that the photo shows."""
_BLURRED = 16
"""The same for a picture that shows next to nothing any more."""
_LOST = 0.22
"""What averaging over `COARSE` takes away over what averaging over `_BLURRED` does. Photographs that were reduced to a
sixth and enlarged again have .12 to .20 (14 of them), photographs as they are .34 to .99, and one of earbuds out of
focus .24."""
_STRONGEST = 0.995
"""The share of the pixels that lose less: edges count, not how much of the picture has none."""
_SAMPLE = 200_000
"""As many pixels, evenly spread, tell."""
_LEAST = 3 * _BLURRED
"""Pixels a side from which there is something to average."""


def is_blurred(srgb: Tensor) -> bool:
    """Whether a picture `[H,W,3]` shows no more than one of a quarter of its width and height."""
    grey = srgb.mean(dim=-1)[None, None]
    if min(grey.shape[2:]) < _LEAST:
        return False
    blurred = _lost(grey, _BLURRED)
    return blurred > 0 and _lost(grey, COARSE) < _LOST * blurred


def _lost(grey: Tensor, block: int) -> float:
    """How much averaging over `block` pixels a side changes where it changes most."""
    height, width = grey.shape[2:]
    small = F.interpolate(grey, size=(round(height / block), round(width / block)), mode="area")
    again = F.interpolate(small, size=(height, width), mode="bicubic", align_corners=False)
    off = (grey - again).abs().flatten()
    return float(off[:: max(1, off.numel() // _SAMPLE)].quantile(_STRONGEST))
