"""Cast shadows: floor that is darker than the model says, and still floor.

A shadow has no outline of its own: it grows out of the lit backdrop without a step, is as smooth as the backdrop,
darker than it and at most faintly tinted (by light that the product throws back). Where all of that holds, what the
labels took for product is given back to the backdrop: from the outside in, as far as no edge stands in the way.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..filters import closed, dilate, erode
from .backdrop import Backdrop
from .evidence import Evidence
from .regions import Regions

_DARKEST, _LIGHTEST = 0.35, 1.25
"""The floor's light, over what is modelled, that a shadow may leave; a floor seen between legs is a little brighter."""
_TINT = 0.075
"""The colour (sRGB) that a deep shadow may have of its own; a faint one has less."""
_STEP, _SLOPE = 0.017, 0.028
"""Steps from pixel to pixel (sRGB) that lit floor and a penumbra may have."""
_EDGE, _CUT_OFF = 0.05, 0.25
"""The step (sRGB) of an edge that cuts a shadow off, and in what share of its border with the product it must be
seen."""
_UPPER = 0.4
"""Share of the product's height, from above, to which no shadow reaches. Half or half as much again of any of these
changes no matte of nine scenes (five drawn, four rendered): they speak where a shadow was taken for product."""
_PASSAGE = 0.006
"""Half the width of the narrowest way into a shadow, as a fraction of the short side."""


def cast_shadow(product: Tensor, backdrop: Backdrop, evidence: Evidence, rough: Tensor) -> Tensor:
    """Boolean `[H,W]`: pixels of `product` `[H,W]` that are backdrop in shadow; `rough` `[H,W]`: textured ones."""
    rows = torch.nonzero(product.any(dim=1)).flatten()
    if rows.numel() == 0:
        return torch.zeros_like(product)
    ratio = evidence.ratio
    limit = max(_STEP, 2.2 * backdrop.noise, 1.2 * backdrop.usual)
    calm = (evidence.slopes < limit) | ((evidence.slopes < max(_SLOPE, limit)) & (ratio < 0.88))
    tint = (evidence.smooth - evidence.shaded).abs_().amax(dim=-1)
    depth = -torch.log(ratio.clamp(0.02, 1.0))
    like = (ratio > _DARKEST) & (ratio < _LIGHTEST) & (tint < _TINT * (0.3 + depth).clamp(max=1.0)) & ~rough
    passage = max(1, round(_PASSAGE * backdrop.side))
    # A shadow falls on what the product stands on: to its upper part none reaches.
    low = torch.zeros_like(product)
    low[int(rows[0]) + round(_UPPER * (int(rows[-1]) - int(rows[0]))) :] = True
    open_ = (~product | (low & like)) & calm
    broad = erode(open_, passage)
    regions = Regions(broad)
    reached = dilate(regions.chosen(regions.touched(~product & broad)), passage) & open_
    shaded = _beside_an_edge(reached & product, product & ~like, evidence.steps)
    # Where two penumbras meet it may be steeper: such seams inside a shadow belong to it.
    return closed(shaded, 2 * passage) & product & like


def _beside_an_edge(shaded: Tensor, rest: Tensor, steps: Tensor) -> Tensor:
    """The regions of `shaded` that end in an edge at what is surely product, `rest`; and that edge's own pixels.

    A shadow is cut off by the product that stands in it. Where the product itself mirrors the backdrop, in the rim of a
    glossy jar, that fades into the product instead.
    """
    regions = Regions(shaded)
    beside = regions.rim_mean(rest.float())
    hard = regions.rim_mean((dilate(steps > _EDGE, 2) & rest).float())
    return dilate(regions.chosen(hard > _CUT_OFF * np.maximum(beside, 0.02)), 1)
