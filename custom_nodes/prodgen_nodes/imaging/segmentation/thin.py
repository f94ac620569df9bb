"""Thin parts of a product, straps and chains, and thin gaps: known along their middle, so that no matting drains them.

Closed-form matting spreads what is known. A strap of three pixels lies in the unknown band with its whole width, a long
way from known product, and what is solved there is the backdrop's. So its spine is held fast: the pixels that differ
most from what lies on both sides of the strap. A narrow gap between two parts is the same the other way round.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..filters import dilate, erode, square_max

_CORE = 2
"""Parts thinner than twice this many pixels have no core that the band leaves known."""
_ASIDE = 4
"""Pixels from a strap's middle to what surely is beside it."""
_FULL = 0.8
"""A spine's contrast to both sides, as a share of the strongest nearby: there the strap fills the pixel."""
_DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))
"""Across a line, whichever way it runs."""


def spine(picture: Tensor, alpha: Tensor) -> Tensor:
    """Boolean `[H,W]`: the middle line of the parts of `alpha` `[H,W]` that are too thin to hold a core.

    `picture` `[H,W,3]` sRGB.
    """
    solid = alpha > 0.5
    thin = solid & ~dilate(erode(solid, _CORE), _CORE + 1)
    rows, columns = torch.nonzero(thin, as_tuple=True)
    if rows.numel() == 0:
        return thin
    height, width = thin.shape
    here = picture[rows, columns]
    contrast = torch.zeros(rows.numel(), device=picture.device)
    for down, right in _DIRECTIONS:
        sides = [
            picture[
                (rows + sign * _ASIDE * down).clamp(0, height - 1),
                (columns + sign * _ASIDE * right).clamp(0, width - 1),
            ]
            for sign in (-1, 1)
        ]
        # A ridge differs from both sides; the edge of something broad from one only.
        least = torch.minimum((here - sides[0]).abs().amax(dim=-1), (here - sides[1]).abs().amax(dim=-1))
        contrast = torch.maximum(contrast, least)
    top, left = int(rows.min()), int(columns.min())
    plane = torch.zeros((int(rows.max()) - top + 1, int(columns.max()) - left + 1), device=picture.device)
    plane[rows - top, columns - left] = contrast
    strongest = square_max(plane, _ASIDE)[rows - top, columns - left]
    out = torch.zeros_like(thin)
    out[rows, columns] = (contrast > _FULL * strongest) & (contrast > 0)
    return out
