"""Where two looks at one photo differ, does the picture itself say which of them is right?

A network that sees a piece in the photo and not in its mirror image, or the other way round, guesses there. Mostly the
picture settles it: what was kept is plainly no backdrop. Of what was left out, or is about as light as the backdrop,
nothing is settled: white parts before white, a bottle's base in the dark. Nor is it at the foot, where the floor, its
light and a reflection are no plain backdrop either. Where the picture shows the very backdrop within the product, ends
it sharply and one look sees nothing there, that is an opening, however small. And a small opening in which each look
sees something is none, maybe, but print as white as the wall; or it is a part of one.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..filters import erode, opened
from .evidence import Evidence
from .pyramid import resized
from .regions import Regions
from .survey import Survey

UNSETTLED = "two looks at the photo differ where it shows no clear difference between product and backdrop"
FILLED = "an opening of the product that shows the bare backdrop may have been filled"
UNSURE = "a small opening was cut that no look at the photo is sure of: is it one, not white print, and whole?"
AT_THE_FOOT = "two looks at the photo differ where the product meets the ground: some of the floor may be left on it"
_SEEN = 0.5
"""What a look says of what it takes for product, at least."""
_LARGE = 24e-4
"""The least unsettled piece, as a share of the product. Of 186 right cut-outs of photographs before plain backdrops one
has more (a laptop of 220 pixels; the next 19e-4), of 34 wrong ones 14, all from 30e-4 on."""
_FLOOR, _FOOT = 8e-4, 0.95
"""The least piece at the foot, and how far down the product that begins: floor beside a shoe box 9e-4 to 40e-4 and a
mouse's base 30e-4 (.97 and .99 down); of the right ones, a shoe with noise 26e-4, the next 7.9e-4."""
_KEPT, _OFF = 0.9, 18 / 255
"""The share of a piece that was kept, and how much it is off the backdrop's colour, from which on the picture settles
it: a phone's white frame has 16, a black screen seen in one look only 20 to 132."""

_BARE, _WITHIN, _OPENING, _SHARP, _DOUBTED = 2.0, 2, 1e-4, 0.15, 0.6
"""A place within the product, so many pixels from its outline, that differs from the backdrop by no more than its noise
(`Evidence.difference`) and is of so much of the product at least: an opening if its rim is so steep (sRGB, mean) and
one look says no more than this of it. Two under a rucksack's handle: 2.7e-4 each, steep .28, .23 and .41; of 23 other
trusted cut-outs none; print, screens and stripes of 15 doubted ones, as steep, .73 and more."""

_SMALL, _SPECK, _NOTHING = 6e-4, 1e-4, 0.1
"""An opening of at most so much of the product, and at least so much, of which each look says more than that: a figure
on a telephone's screen 5.2e-4, .72 and .83; white stripes of a shoe's tongue 2.7e-4 to 3.7e-4, .11 to .54. Not chosen
by them: the half that was cut of an opening in a bag's handle 2.1e-4, .16 and .19; in a gold ring 4.3e-4, .13 and .32.
Of 28 other trusted cut-outs before plain backdrops and 28 mirror images none has one; right openings that each look
sees something of are .0024 of a watch and .0052 of a chair."""


def doubt_of_looks(photo: Survey, alpha: Tensor, first: Tensor, second: Tensor) -> str:
    """Why two looks `[y,x]` at the `photo` before a plain backdrop leave its matte `alpha` `[h,w]`, at the size for
    analysis, doubtful; empty where they do not."""
    backdrop, evidence, _ = photo.weighed
    product, size = alpha > 0.5, (alpha.shape[0], alpha.shape[1])
    one, other = (resized(look, size) > _SEEN for look in (first, second))
    regions, share = Regions(opened(one ^ other, 1)), max(1.0, float(product.float().sum()))
    if _bare_openings(evidence, product, first, second):
        return FILLED
    if _doubtful_openings(product, first, second):
        return UNSURE
    large = regions.area > _FLOOR * share
    if not large.any() or not bool(product.any()):
        return ""
    kept = regions.mean(product.float()) > _KEPT
    if (large & kept & (regions.mean(_depth(product)) > _FOOT)).any():
        return AT_THE_FOOT
    large &= regions.area > _LARGE * share
    if not large.any():
        return ""
    off = (photo.calm[0] - backdrop.color).abs().amax(dim=-1)
    settled = kept & (regions.mean(off) > _OFF)
    return UNSETTLED if bool(np.any(large & ~settled)) else ""


def _bare_openings(evidence: Evidence, product: Tensor, *looks: Tensor) -> bool:
    """Whether the `product` `[h,w]` bool holds a place that shows the very backdrop, ends sharply all around and is not
    product to one of the `looks` `[y,x]`. White print is product to each."""
    bare = Regions(opened((evidence.difference < _BARE) & erode(product, _WITHIN), 1))
    found = (bare.area > _OPENING * float(product.float().sum())) & (bare.rim_mean(evidence.steps) > _SHARP)
    if not found.any():
        return False
    size = (product.shape[0], product.shape[1])
    least = np.min([bare.mean(resized(look, size)) for look in looks], axis=0)
    return bool((found & (least < _DOUBTED)).any())


def _doubtful_openings(product: Tensor, *looks: Tensor) -> bool:
    """Whether the `product` `[h,w]` bool has a small opening in which each of the `looks` `[y,x]` sees something."""
    openings, whole = Regions(~product), float(product.float().sum())
    small = (openings.area > _SPECK * whole) & (openings.area < _SMALL * whole) & ~openings.on_frame()
    size = (product.shape[0], product.shape[1])
    for look in looks if small.any() else ():
        small &= openings.mean(resized(look, size)) > _NOTHING
    return bool(small.any())


def _depth(product: Tensor) -> Tensor:
    """How far down the `product` `[h,w]` bool each pixel `[h,w]` lies: 0 at its top, 1 at its bottom."""
    rows = torch.nonzero(product.any(dim=1)).flatten()
    top, bottom = int(rows[0]), int(rows[-1])
    depth = (torch.arange(product.shape[0], device=product.device) - top) / max(1, bottom - top)
    return depth.unsqueeze(1).expand(product.shape)
