"""Where the certain line under a product ends, its outline goes on as a matte, through shadow as dark as its own edge.

There the matte frays: spurs, steps and notches of a few pixels. The outline is drawn smooth around those ends, and left
alone where that would change more than its edge: at thin legs, laces and chains.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..filters import gaussian_blur
from .footing import Footing

_REACH = 0.045
"""How far around an end the outline is drawn smooth, as a fraction of the short side; from half of it on it fades."""
_SMOOTH, _WIDTH = 2.0, 1.4
"""How smooth, in pixels of the grid on which the line was found; and the new edge's width in the photo's pixels."""
_LEAST, _MOST = 4.0, 0.08
"""Ends closer than this many pixels of the grid are one; the share of the product's area nearby that may change."""


def smooth_ends(alpha: Tensor, footing: Footing) -> Tensor:
    """`alpha` `[H,W]` with a smooth outline around the ends of the `footing`'s certain line."""
    scale = alpha.shape[0] / footing.whole[0]
    reach = max(8, round(_REACH * min(footing.whole) * scale))
    smooth = _SMOOTH * scale
    steepness = smooth * math.sqrt(2 * math.pi) / _WIDTH
    alpha = alpha.clone()
    for column, row in _ends(footing):
        x, y = round((column + 0.5) * scale), round(row * scale)
        margin = reach + math.ceil(3 * smooth)
        top, left = max(0, y - margin), max(0, x - margin)
        part = alpha[top : y + margin, left : x + margin]
        blurred = gaussian_blur(part.unsqueeze(0), smooth)[0]
        drawn = ((blurred - 0.5) * steepness + 0.5).clamp(0.0, 1.0)
        rows = torch.arange(part.shape[0], device=alpha.device).unsqueeze(1) + (top - y)
        columns = torch.arange(part.shape[1], device=alpha.device) + (left - x)
        share = (2.0 - 2.0 * (rows**2 + columns**2).sqrt() / reach).clamp(0.0, 1.0)
        changed = (drawn - part) * share
        if float(changed.abs().sum()) <= _MOST * float((part * share).sum()):
            part += changed
    return alpha


def _ends(footing: Footing) -> list[tuple[float, float]]:
    """Column and row of each end of the certain line, on the grid on which it was found."""
    certain = footing.certain.to(torch.int8)
    edge = certain[1:] - certain[:-1]
    starts = (torch.nonzero(edge == 1).flatten() + 1).tolist()
    stops = torch.nonzero(edge == -1).flatten().tolist()
    ends: list[tuple[float, float]] = []
    for column in sorted([*starts, *stops]):
        row = float(footing.line[column])
        if not ends or math.dist(ends[-1], (column, row)) >= _LEAST:
            ends.append((column, row))
    return ends
