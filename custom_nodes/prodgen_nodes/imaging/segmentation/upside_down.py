"""One more look, at the photo turned upside down, where it is in question whether an opening is one.

A network fills the opening in a chair's back because it knows chairs. Upside down it knows none, and sees what is
there. Before a busy backdrop that look is asked for openings that were filled: a place within the product that it sees
nothing of, in colours that are found around the product and not on it. Before a plain one, where something that looks
like the backdrop was opened although the network was sure of the product there: a pillar as white as the wall, a light
on leather. If it sees product there, too, that is a pale part and is kept; a person is asked to look at it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..filters import closed, dilate, erode, opened
from .pyramid import resized
from .regions import Regions
from .seen_through import colours_of, shows_around, surroundings

FILLED = "an opening that shows what is behind the product may have been filled"
PALE = "a part of the product that looks like the backdrop may have been taken for an opening"
KEPT = "a part of the product that looks like the backdrop was kept: is it an opening?"
_NOTHING, _SURE, _SEEN = 0.1, 0.9, 0.5
"""What a look says where it sees no product; where it is sure of it; and from which on it sees some."""
_EDGE, _THICK = 3, 2
"""Pixels along the outline that are the edge's own; and half of the width from which a place counts."""
_LEAST = 3e-4
"""The least filled place, as a share of the product: a chair's opening has 6e-3 to 1.1e-2, the floor between a
suitcase's wheels 1.7e-3 to 2.5e-3."""
_OPENED = 1.5e-4
"""The least opening that is asked about; the holes in a handbag's side have 3e-4 and 7e-4, a car's pillar 4e-3."""
_OWN = 6
"""The product's own colours are taken so many pixels off the place in question."""
_MOSTLY = 0.7
"""The share of a place that must show what is around the product. Chair and suitcase: .96 to 1; parts of a football, a
sofa, a camera and its strap that such a look does not see, .03 at most; a chair's leg in the shade .34."""

_RIM, _SKIN = 3, 2
"""Pixels around an opening over which its edge is soft; and along the product's outline that keep their own alpha."""

_BINS, _MUCH, _STRIDE = 8, 0.05, 3
"""Before it is asked: colours are alike in so many steps a channel; much of the product has one that so large a share
of it has, and an opening has less of it; every third pixel a side tells."""

_CERTAIN = 0.985
"""What a look says of the product that it is certain of. An armchair's filled opening, in noise, has .96 in the mean,
and 61 % of its pixels less; the floor between a suitcase's wheels .01 in one look; of such colours on an air fryer, a
skateboard and the armchair as it is 97 to 100 % are certain."""


def in_question(srgb: Tensor, alpha: Tensor, masks: list[Tensor], busy: bool) -> Tensor | None:
    """Boolean `[h,w]`: where one more look at the photo is asked for, None where there is no question.

    `srgb` `[h,w,3]`: the picture; `alpha` `[h,w]`: its matte; `masks` `[y,x]`: what was seen the right way up; `busy`:
    whether the backdrop says nothing itself. Then it is all the product, if colours from around it are found on it at
    all where a look is less than sure of it; else the openings that every look was sure to be product.
    """
    product, size = alpha > 0.5, (alpha.shape[0], alpha.shape[1])
    if busy:
        return product if bool(product.any()) and _may_show_through(srgb, product, masks) else None
    regions = Regions(~product)
    asked = (regions.area > _OPENED * float(product.float().sum())) & ~regions.on_frame()
    for mask in masks if asked.any() else ():
        asked &= regions.mean(resized(mask, size)) > _SURE
    return regions.chosen(asked) if asked.any() else None


def doubt_of_openings(srgb: Tensor, alpha: Tensor, asked: Tensor, turned: Tensor) -> str:
    """Why the openings of the matte `alpha` `[h,w]` of the picture `[h,w,3]` are doubted, empty where they are not.

    `asked` `[h,w]` bool: what is `in_question`; `turned` `[y,x]`: what was seen upside down, turned back.
    """
    product, turned = alpha > 0.5, resized(turned, (alpha.shape[0], alpha.shape[1]))
    openings = Regions(asked & ~product)
    if openings.count:
        return PALE if bool((openings.mean(turned) > _SEEN).any()) else ""
    return FILLED if _filled(srgb, product, turned) else ""


def pale_parts(alpha: Tensor, asked: Tensor, turned: Tensor) -> Tensor:
    """Boolean `[h,w]`: the openings of the matte `alpha` `[h,w]` among those `asked` about that the look `turned`
    `[y,x]` takes for product like all before it, with their soft edges.

    Phones' white icons, a watch's figures and a shoe's white side have .96 and more in each look the right way up and
    .56 to 1 upside down; what is an opening of a watch's strap .95, .59 and .16.
    """
    product, regions = alpha > 0.5, Regions(asked)
    parts = regions.chosen(regions.mean(resized(turned, (alpha.shape[0], alpha.shape[1]))) > _SEEN)
    return parts | (dilate(parts, _RIM) & erode(product | parts, _SKIN))


def _may_show_through(srgb: Tensor, product: Tensor, masks: list[Tensor]) -> bool:
    """Whether the `product` `[h,w]` bool of the picture `[h,w,3]` has a place at all, large enough, that one of the
    `masks` `[y,x]` doubts and that is nearer to the colours around it than to those that much of it has."""
    size, least = (product.shape[0], product.shape[1]), _MOSTLY * _LEAST * float(product.float().sum()) / _STRIDE**2
    doubted = torch.stack([resized(mask, size) for mask in masks]).amin(dim=0) < _CERTAIN
    doubted = (doubted & erode(product, _EDGE))[::_STRIDE, ::_STRIDE]
    around, own = surroundings(srgb, product), colours_of(srgb, erode(product, _THICK))
    if float(doubted.float().sum()) < least or not (around.shape[0] and own.shape[0]):
        return False
    steps = (own * _BINS).long().clamp(0, _BINS - 1)
    bins = (steps * torch.tensor([_BINS**2, _BINS, 1], device=own.device)).sum(dim=1)
    own = own[bins.bincount(minlength=_BINS**3)[bins] >= _MUCH * own.shape[0]]
    if not own.shape[0]:
        return True
    colours = srgb[::_STRIDE, ::_STRIDE][doubted]
    behind = torch.zeros_like(doubted)
    behind[doubted] = shows_around(colours, around, own)
    return bool((Regions(closed(behind, 1)).area >= least).any())


def _filled(srgb: Tensor, product: Tensor, turned: Tensor) -> bool:
    """Whether a place within the `product` of which the look `turned` `[h,w]` sees nothing shows what is behind it."""
    regions = Regions(opened((turned < _NOTHING) & erode(product, _EDGE), _THICK))
    large = regions.area > _LEAST * float(product.float().sum())
    if not large.any():
        return False
    places = regions.chosen(large)
    around = surroundings(srgb, product)
    own = colours_of(srgb, erode(product, _THICK) & ~dilate(places, _OWN))
    if not (around.shape[0] and own.shape[0]):
        return False
    colours = srgb[places]
    behind = torch.zeros_like(turned)
    behind[places] = shows_around(colours, around, own).float()
    return bool((large & (regions.mean(behind) > _MOSTLY)).any())
