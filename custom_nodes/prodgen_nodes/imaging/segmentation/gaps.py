"""Narrow gaps that a network filled and the backdrop flows into: between a comb's teeth, a fork's tines.

No network at 1024 px sees them all, and the backdrop is darker in there, so its colour alone proves nothing: a
highlight on black leather is grey, narrow and sharp, too. But a gap is open at its end. From outside, the backdrop's
light goes on into it from pixel to pixel without a step, while the teeth end it sharply on both sides; and where there
is one there are more of its size. Among them, one that grain in the backdrop bars the way into is a gap as well.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from ..filters import closed, dilate, opened
from .backdrop import Backdrop
from .evidence import Evidence
from .regions import Regions

_TINT, _DEEPEST, _LIGHT = 3.0, 0.2, 1.06
"""The backdrop's own tint (`Evidence.residue`), and how much of its light may be left or added in a gap (`ratio`)."""
_HALF = 0.016
"""Half the width of the widest gap, as a fraction of the short side: beyond, a network sees for itself."""
_STEP, _NOISES = 7 / 255, 5.0
"""From pixel to pixel the light in a gap changes by less (sRGB; standard deviations of the backdrop's noise)."""
_BETWEEN = 0.7
"""The share of a gap that lies between parts of the product."""
_SHARP = 0.08
"""The step (sRGB) at which a gap ends."""
_MOUTH = 3
"""Pixels from the outside on which a gap begins."""
_LEAST = 8
"""Pixels of the smallest gap."""
_MOSTLY, _MANY = 0.5, 3
"""The share of a gap that the light must reach for all of it to be open; and how many such gaps make a comb."""
_SIZES, _LIGHTS = 3.0, 0.08
"""How many times smaller or larger than usual another of its gaps is at most, and how much darker or lighter."""


def open_gaps(srgb: Tensor, backdrop: Backdrop, evidence: Evidence, product: Tensor) -> Tensor:
    """Boolean `[h,w]`: where the backdrop, lit or shaded, flows into narrow gaps of what is taken for `product`."""
    alike = (evidence.residue < _TINT) & (evidence.ratio > _DEEPEST) & (evidence.ratio < _LIGHT)
    half = max(2, round(_HALF * backdrop.side))
    # What runs along the outline is as broad as the outside it lies beside; what runs into the product is not.
    narrow = alike & product & ~opened(alike | ~product, half)
    if not bool(narrow.any()):
        return narrow
    ways = narrow | (alike & product & dilate(~product, _MOUTH))
    reached = _flown_into(srgb, ways, alike & ~product, max(_STEP, _NOISES * backdrop.noise))
    regions = Regions(narrow)
    between = regions.mean(closed(product & ~alike, half).float()) > _BETWEEN
    gap = between & (regions.rim_mean(evidence.steps) > _SHARP) & (regions.area >= _LEAST)
    share = regions.mean(reached.float())
    return regions.chosen(gap & _comb(regions, gap & (share > _MOSTLY), evidence.ratio))


def _comb(regions: Regions, proven: NDArray[np.bool_], light: Tensor) -> NDArray[np.bool_]:
    """Which regions are like most of the `proven` ones in size and `light` `[h,w]`; none where these are too few.

    One alone may be anything that is narrow and shiny at a product's edge: a welt, a sole, a bottle's neck.
    """
    none = np.zeros_like(proven)
    if not proven.any():
        return none
    area, lit = regions.area, regions.mean(light)
    usual = float(np.median(area[proven]))
    sized = (area > usual / _SIZES) & (area < usual * _SIZES)
    proven = proven & sized
    if proven.sum() < _MANY:
        return none
    others = sized & ~proven & (lit > lit[proven].min() - _LIGHTS) & (lit < lit[proven].max() + _LIGHTS)
    return proven | others if others.sum() <= proven.sum() else proven


def _flown_into(srgb: Tensor, where: Tensor, outside: Tensor, step: float) -> Tensor:
    """The part of `where` `[h,w]` that hangs together with pixels `outside` over steps smaller than `step`; bool."""
    start = outside & dilate(where, 1)
    nodes = where | start
    places = torch.full(nodes.shape, -1, dtype=torch.long, device=nodes.device)
    places[nodes] = torch.arange(int(nodes.sum()), device=nodes.device)
    pairs = []
    for dim in (0, 1):
        length = srgb.shape[dim] - 1
        smooth = (srgb.narrow(dim, 1, length) - srgb.narrow(dim, 0, length)).abs().amax(dim=-1) < step
        one, other = places.narrow(dim, 0, length), places.narrow(dim, 1, length)
        joined = smooth & (one >= 0) & (other >= 0)
        pairs.append(torch.stack((one[joined], other[joined])))
    rows, columns = torch.cat(pairs, dim=1).cpu().numpy()
    count = int(nodes.sum())
    links = coo_array((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(count, count))
    total, labels = connected_components(links, directed=False)
    held = np.zeros(total, dtype=bool)
    held[labels[places[start].cpu().numpy()]] = True
    out = torch.zeros_like(nodes)
    out[nodes] = torch.from_numpy(held[labels]).to(out.device)
    return out & where
