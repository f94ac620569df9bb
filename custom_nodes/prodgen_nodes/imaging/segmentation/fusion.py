"""A segmenter's mask and the picture's own evidence, fused: the model says what is product, the picture where it ends.

A network at 1024 px (or 320) knows a bag from the table under it, but not to the pixel where the bag ends. The picture
knows that, but takes a pale seat for the wall behind it. So the model's outline may be moved by the picture's edges,
though no farther than the model is coarse; over whole areas only strong evidence overrules it: the backdrop itself seen
through a handle, a strap too thin for the network. Where the two contradict each other over an area, that is counted,
for the confidence to fall.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..filters import closed, dilate, erode, gaussian_blur, square_max
from .backdrop import Backdrop
from .evidence import Evidence
from .fading import fading
from .footing import find_footing
from .gaps import open_gaps
from .leaks import edges, flowing_in
from .regions import Regions, connected_to_frame
from .seen_through import seen_through
from .trimap import conductances, enclosed_backdrop, texture, within_reach
from .walker import random_walker

_LOCK = 1.0
"""Weight of what model and picture agree on."""
_FOOT_WEIGHT = _CLEAR_WEIGHT = 0.3
"""Of what the picture alone shows: where a product stands, and a colour of its own where the model hesitates."""
_LEAST_REACH, _REACH = 3.0, 1.5
"""How far the picture may move the model's outline: pixels of the analysis grid, and so many of the model's own."""
_SURE, _UNSURE, HESITANT = 0.9, 0.1, 0.12
"""The model's value from which it is product, up to which it is none, and up to which from either end it hesitates."""
_HANDLE = 0.07
"""An opening lies no farther from the outside than the thickest handle: a fraction of the short side."""
_THIN = 0.007
"""Half the width of what a network may overlook, a strap or a chain: a fraction of the short side."""
_SPECK = 1.2e-4
"""The smallest contradiction that counts, as a share of the picture."""
_GLIMPSE, _SEEN, _SOLID = 0.04, 0.1, 0.5
"""The least response of a model that saw something, and of one that saw it well; the share of a hole that must show no
backdrop to be none."""
_BACKDROP, _SHOWN, _LITTLE = 3.0, 0.08, 0.35
"""A colour difference (`Evidence.difference`) that is nothing but the backdrop's; the share of a hole's middle that
shows it, from which on it is one: rings on earrings and on a bag have .1 to .29, filled by mistake; a chain's links and
clear resin up to .05, and what is left of a hole of nine pixels. And how little the model sees in it on average: in
those rings .16 to .31, in a highlight between wires .44."""
_SAME = 2.0
"""A colour difference (`Evidence.difference`) that is none."""
_STEP, _NOISES, _ALONG, _CLEAR_SHARE = 8 / 255, 5.0, 4.0, 0.4
"""The least step (sRGB) of an edge that can be seen, also in standard deviations of the noise; over how many pixels
(1 sigma) along the outline that is judged, and in what share of them."""
_OWN_EDGE = 2
"""Pixels of the model's outline that are its own edge in the picture."""
_OPENING = 0.12
"""The step (sRGB) in which an opening ends all around that the model takes for product."""
_BARE, _SIDES = 0.6, 3
"""The share of what a model half filled that is bare backdrop, to be an opening; and on how many of its four sides the
product lies: a pale part that ends in nothing has it on one or two."""
_NO_DOUBT, _LARGE = 0.97, 5e-4
"""The response of a model that has no doubt; the size of an opening, as a share of the picture, in which that is one
that it overlooked."""


@dataclass(frozen=True)
class Fused:
    """Soft `likelihood` `[h,w]` of product; and where model and picture contradict each other over an area, bool:
    `ignored`, looks like product but is none to the model; `faded`, the same without any outline of its own, and not
    only shade; `missing`, looks like the backdrop but is product to it;
    `enclosed`, has the backdrop's very colour inside the product: white lettering, or a ring that was filled. `gaps`
    was opened beyond doubt: the backdrop flows in there. `opened`: the share of the picture that is seen through the
    product although the model filled it. `half_filled`: where the model hesitates between product and what the picture
    shows, the bare backdrop with product around it, under a headband; it is left out."""

    likelihood: Tensor
    ignored: Tensor
    faded: Tensor
    missing: Tensor
    enclosed: Tensor
    gaps: Tensor
    opened: float
    half_filled: Tensor


def reach_of(grain: float) -> int:
    """How many pixels of the analysis grid the picture may move the outline of a model whose own are `grain` wide."""
    return round(_LEAST_REACH + _REACH * grain)


def own_evidence(srgb: Tensor, backdrop: Backdrop, evidence: Evidence) -> Tensor:
    """Boolean `[h,w]`: what no backdrop and no shadow on it explains: another colour, more light, or texture."""
    coloured = (evidence.residue > 3.0) & (evidence.difference > 8)
    lit = (evidence.ratio > 1.06) & (evidence.difference > 8)
    deep = (evidence.ratio < 0.2) & (evidence.difference > 12)
    rough = (texture(srgb, backdrop, evidence) > 3.5) & (evidence.difference > 5)
    return coloured | lit | rough | deep


def _openings(
    srgb: Tensor, backdrop: Backdrop, evidence: Evidence, mask: Tensor, product: Tensor, clear: Tensor, reach: int
) -> Tensor:
    """Boolean `[h,w]`: the backdrop seen through the product, which the model filled: enclosed, alike, cut out sharply.
    `clear`: where a visible edge is close by.

    What the model is sure of must be cut out all the more sharply: white lettering is not a hole.
    """
    near = (evidence.difference < 3.5) & (evidence.steps < 4 * backdrop.spread.clamp(min=1.5 / 255))
    near_outside = within_reach(~product, round(_HANDLE * backdrop.side))
    openings = enclosed_backdrop(srgb, backdrop, (evidence.difference < 3.5) & product, near_outside)
    regions = Regions(openings)
    if regions.count == 0:
        return openings
    response = regions.mean(mask)
    # A small spot that the model has no doubt of is a highlight or a seam that happens to have the backdrop's colour.
    doubtful = (response < _NO_DOUBT) | (regions.area > _LARGE * product.numel())
    sharp = (regions.rim_mean(evidence.steps) > _OPENING) & doubtful
    unsure = response < _SURE
    open_to_outside = regions.touched(dilate(connected_to_frame(near), 1))
    # A sliver at the edge, narrower than that may move, is a matter of the edge, not of what is product.
    narrow = ~regions.touched(erode(openings, reach)) & regions.touched(~erode(product, reach))
    slivers = regions.chosen(narrow)
    # What reaches the model's outline and ends in nothing is product that has the backdrop's colour there.
    inside = ~regions.touched(~erode(product, 1))
    ends = regions.rim_mean((clear & product).float()) > _CLEAR_SHARE * regions.rim_mean(product.float())
    wide = regions.chosen(((sharp & ~open_to_outside) | (unsure & (inside | ends))) & ~narrow)
    return wide | (slivers & _ends_clearly(slivers, product, clear))


def _ends_clearly(shown: Tensor, product: Tensor, clear: Tensor) -> Tensor:
    """Boolean `[h,w]`: where backdrop `shown` inside the `product` of the model ends in a `clear` step, as one that it
    took for product does. Where it ends in nothing, product of the backdrop's colour begins, nobody can see where. The
    step at the model's own outline is no such end: beyond it begins the product, whatever its colour."""
    rim = erode(product, _OWN_EDGE) & ~shown & dilate(shown, 1)
    near, all_ = gaussian_blur(torch.stack((rim & clear, rim)).float().unsqueeze(0), _ALONG)[0].unbind()
    return near.gt(_CLEAR_SHARE * all_)


def _thin_parts(own: Tensor, mask: Tensor, product: Tensor, reach: int, side: int) -> Tensor:
    """Boolean `[h,w]`: what is `own`, hangs on the product and is thin and long all over: a strap, a chain, a cable
    that the model saw faintly. What runs along the outline within `reach` is a shadow or the edge itself."""
    radius = max(2, round(_THIN * side))
    candidate = own & ~product
    regions = Regions(candidate)
    if regions.count == 0:
        return candidate
    thin = ~regions.touched(erode(candidate, radius))
    long = regions.area > 12 * radius
    beside = dilate(product, reach)
    # The outline's own softness, where the part begins, says nothing of the part.
    apart = regions.mean((~beside).float())
    response = regions.mean(torch.where(beside, 0.0, mask)) / np.maximum(apart, 1e-6)
    along = apart < 1 - _SOLID
    chosen = thin & long & (response > _GLIMPSE) & ~along & regions.touched(dilate(product, 3)) & ~regions.on_frame()
    # A strap comes back to its product; a line on the table, which only meets it, has to be seen better.
    for index in np.flatnonzero(chosen & (response < _SEEN)):
        part = regions.chosen(np.arange(regions.count) == index)
        chosen[index] = Regions(dilate(part, 3) & product).count > 1
    return regions.chosen(chosen)


def _holes(own: Tensor, bare: Tensor, mask: Tensor, product: Tensor) -> tuple[Tensor, Tensor]:
    """Booleans `[h,w]`: holes that the model left in the product and the picture shows no backdrop in, a clasp; and
    of those that it does show it in what is not the product's `own`.

    A ring a few pixels wide is tinted all around by its edge, and still is bare in its middle.
    """
    regions = Regions(~product)
    if regions.count == 0:
        return product & ~product, product & ~product
    middle = erode(~product, 1).float()
    shown = regions.mean(middle * bare) > _SHOWN * regions.mean(middle)  # not where a hole has no middle
    inside, seen = ~regions.on_frame(), regions.mean(mask)
    filled = regions.chosen(inside & ~shown & (regions.mean(own.float()) > _SOLID) & (seen > _GLIMPSE))
    return filled, regions.chosen(inside & shown & (seen < _LITTLE)) & ~own


def fuse(srgb: Tensor, backdrop: Backdrop, evidence: Evidence, mask: Tensor, grain: float, plain: bool) -> Fused:
    """Labels of one picture `[h,w,3]` at analysis size from a segmenter's `mask` `[h,w]`.

    `grain`: how many pixels of this grid one of the model's own is wide; `plain`: whether the backdrop model holds.
    """
    reach = reach_of(grain)
    product = mask > 0.5
    sure = (mask - 0.5).abs() * 2
    data = 0.3 * sure.square() + 1e-4
    target = product.float()
    inner = erode((mask > _SURE) & product, reach)
    outer = ~dilate(mask > _UNSURE, reach)
    none = torch.zeros_like(product)
    ignored, faded, missing, enclosed, openings, thin, gaps, half_filled = (none,) * 8
    if plain:
        own = own_evidence(srgb, backdrop, evidence)
        gaps = open_gaps(srgb, backdrop, evidence, product)
        clear = square_max(evidence.steps, 2) > max(_STEP, _NOISES * backdrop.noise)
        openings = _openings(srgb, backdrop, evidence, mask, product, clear, reach) | gaps
        thin = _thin_parts(own, mask, product, reach, backdrop.side)
        filled, shown_through = _holes(own, evidence.difference < _BACKDROP, mask, product)
        openings, thin = openings | shown_through, thin | filled
        passable = (evidence.difference < 3.5) & ~edges(evidence, backdrop)
        alike = flowing_in(passable, backdrop.side)
        # Where the model hesitates, what the picture shows clearly decides.
        unsure = (mask > HESITANT) & (mask < 1 - HESITANT)
        data[unsure & own], target[unsure & own] = _CLEAR_WEIGHT, 1.0
        data[unsure & alike], target[unsure & alike] = _CLEAR_WEIGHT, 0.0
        near_edge = dilate(product, reach) & ~erode(product, reach)
        shown = alike & near_edge
        # Where the backdrop's colour goes on beyond the reach it does not end there, whatever grain steps up.
        shown &= ~product | _ends_clearly(shown, product, clear & ~alike)
        data[shown], target[shown] = _LOCK, 0.0
        ignored = _areas(own & ~dilate(product | thin, reach))
        missing = _areas(alike & erode(product & ~openings, reach))
    else:
        openings = seen_through(srgb, evidence.steps, mask, reach)
    data[inner], target[inner] = _LOCK, 1.0
    data[outer], target[outer] = _LOCK, 0.0
    data[thin], target[thin] = _LOCK, 1.0
    data[openings], target[openings] = _LOCK, 0.0
    right, down = conductances(srgb, evidence.steps, backdrop.noise)
    likelihood = random_walker(right, down, data, target)
    if plain:
        footing = find_footing(srgb, likelihood > 0.5, backdrop, evidence).steady(srgb, evidence, product, grain, reach)
        free = ~(inner | outer) | footing.proven
        standing, shadow = footing.standing & free, footing.shadow & free
        if bool(shadow.any()):
            data[standing], target[standing] = _FOOT_WEIGHT, 1.0
            data[shadow], target[shadow] = _FOOT_WEIGHT, 0.0
            likelihood = random_walker(right, down, data, target, start=likelihood)
        shade, faded = fading(evidence, likelihood > 0.5, ignored, reach)
        ignored = ignored & ~shade & ~faded
        enclosed = _areas((evidence.difference < _SAME) & erode(likelihood > 0.5, reach))
        half_filled = _half_filled(passable, mask, likelihood > 0.5)
    return Fused(likelihood, ignored, faded, missing, enclosed, gaps, float(openings.float().mean()), half_filled)


def _half_filled(passable: Tensor, mask: Tensor, product: Tensor) -> Tensor:
    """Boolean `[h,w]`: what the model has no opinion of, was left out of the `product`, has it around itself, and is
    for the most part bare backdrop (`passable`)."""
    sides = torch.zeros_like(product, dtype=torch.uint8)
    for axis in (0, 1):
        before = product.to(torch.uint8).cummax(dim=axis).values
        behind = product.flip(axis).to(torch.uint8).cummax(dim=axis).values.flip(axis)
        sides += before + behind
    regions = Regions(~product & (mask > _UNSURE) & (mask < _SURE) & (sides >= _SIDES))
    if regions.count == 0:
        return passable & ~passable
    return regions.chosen(regions.mean(passable.float()) > _BARE)


def _areas(where: Tensor) -> Tensor:
    """The regions of `where` that are larger than specks."""
    regions = Regions(closed(where, 1))
    return regions.chosen(regions.area > np.maximum(6.0, _SPECK * where.numel()))
