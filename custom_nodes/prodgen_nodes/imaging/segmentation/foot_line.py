"""The line under a product, found again at the photo's own size, where the labels' grid is too coarse for it.

Going up from the darkest row of the contact shadow, the product begins where the light has risen nearly halfway to its
own: there a pixel is half product, for the product's last row is darker than what is above it. Where no shadow lies
below the darkest row, that row is the product's own foot, and nothing is to be moved. What single columns say is
checked against their neighbours.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..filters import gaussian_blur
from ..transfer import decode_

_UP, _DOWN = 5.0, 1.5
"""How far above and below the coarse line the darkest row and the edge are looked for, in pixels of the coarse grid."""
_EDGE, _SHARE = 1.0, 0.4
"""The widest edge of the product, from dark to its own light, in pixels of the coarse grid (and one of the photo's);
and the share of its light at which the product begins."""
_RISE = 10 / 255
"""How much lighter (sRGB) than the darkest row the product's edge must be to be seen."""
_APART = 1.5
"""Pixels of the coarse grid by which a column may differ from its neighbours."""


def relocated(picture: Tensor, line: Tensor, certain: Tensor, scale: float) -> Tensor:
    """The `line` `[W]` (rows from the top, pixel edges) of the photo `[H,W,3]`, moved to the product's own edge.

    `certain` `[W]` bool: the columns where there is a line; `scale`: pixels of the photo to one of the grid on which
    it was found. Where no edge is seen, the line moves as its neighbours do.
    """
    columns = torch.nonzero(certain).flatten()
    if columns.numel() == 0:
        return line
    shift, seen = _edge(picture, line, columns, scale)
    for _ in range(2):
        around = _mean(shift, seen, 3.0 * scale)
        seen = seen & ((shift - around).abs() < _APART * scale)
    around = _mean(shift, seen, 3.0 * scale)
    moved = line.clone()
    moved[columns] += _mean(torch.where(seen, shift, around), torch.ones_like(seen), scale)
    return moved


def _edge(picture: Tensor, line: Tensor, columns: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """How far below `line` the product's edge lies in each of the `columns`, and whether one is seen."""
    height = picture.shape[0]
    lowest = line[columns] + _DOWN * scale
    wide, count = round(_EDGE * scale) + 1, round((_UP + _DOWN) * scale)
    # Going up: the lowest row comes first.
    steps = torch.arange(count + 2 * wide, device=line.device).unsqueeze(1)
    rows = lowest.floor().long() + wide - steps
    light = picture[rows.clamp(0, height - 1), columns].mean(dim=-1)
    low, dark = light[wide : wide + count].min(dim=0)
    dark = dark + wide
    own, below = (light.gather(0, (dark + away).unsqueeze(0))[0] for away in (wide, -wide))
    seen = (own - low > _RISE) & (below - low < 0.5 * (own - low)) & (rows[-1] >= 0) & (rows[0] < height)
    linear = decode_(light.clone())
    half = torch.lerp(decode_(low.clone()), decode_(own.clone()), _SHARE)
    lit = (linear > half) & (steps > dark)
    first = lit.to(torch.uint8).argmax(dim=0).clamp(min=1)
    after, before = (linear.gather(0, (first - back).unsqueeze(0))[0] for back in (0, 1))
    part = ((half - before) / (after - before).clamp(min=1e-6)).clamp(0.0, 1.0)
    edge = lowest.floor() + wide - (first - 1 + part) + 0.5
    return edge - line[columns], seen


def _mean(values: Tensor, weight: Tensor, sigma: float) -> Tensor:
    """Mean of `values` `[n]` over the neighbours that count."""
    both = torch.stack((values * weight, weight.float())).view(1, 2, 1, -1)
    sums = gaussian_blur(both, sigma)[0, :, 0]
    return sums[0] / sums[1].clamp(min=1e-3)
