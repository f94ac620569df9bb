"""Thin parts of a product, straps and chains: known product along their middle, so that no matting drains them.

Closed-form matting spreads what is known. A strap of three pixels lies in the unknown band with its whole width, hundreds
of pixels away from known product, and what is solved there is the backdrop's. So its spine is held fast.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..filters import dilate, erode

_CORE = 2
"""Parts thinner than twice this many pixels have no core that the band leaves known."""
_LEAST = 0.6
"""A spine is surely product: at least so much of it."""


def spine(alpha: Tensor) -> Tensor:
    """Boolean `[H,W]`: the middle line of the parts of `alpha` `[H,W]` that are too thin to hold a core."""
    solid = alpha > 0.5
    thin = solid & ~dilate(erode(solid, _CORE), _CORE + 1)
    if not bool(thin.any()):
        return thin
    rows, columns = (torch.nonzero(thin.any(dim=dim)).flatten() for dim in (1, 0))
    part = (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
    here = alpha[part]
    padded = F.pad(here[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
    height, width = here.shape

    def neighbour(down: int, right: int) -> Tensor:
        return padded[1 + down : 1 + down + height, 1 + right : 1 + right + width]

    ridge = torch.zeros_like(here, dtype=torch.bool)
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        before, after = neighbour(-down, -right), neighbour(down, right)
        # One of two equal pixels side by side is enough, and a plateau's inside is no ridge.
        ridge |= (here >= before) & (here > after) & (here > _LEAST)
    out = torch.zeros_like(thin)
    out[part] = ridge & thin[part]
    return out
