"""Where one network hesitates over a part of a product, another one that sees the thing as a whole may know.

A network of many pixels asks of each part whether it is product, and is in doubt of a closed laptop's lid, of coffee in
a cup, of a white sole before white. A coarse one sees a laptop, a cup, a shoe; but it fills their openings, too. So it
is believed about parts only to which the first network leans itself, well inside of what the coarse one is sure of, and
which do not show what is seen around the product.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ..filters import dilate, erode, opened
from .cutout import Look
from .fusion import HESITANT
from .pyramid import resized
from .regions import Regions
from .seen_through import colours_of, shows_around, surroundings
from .witness import Witness

SETTLED = "a part of the product that one network hesitated over was kept because another one is sure of it"
_THIN = 4
"""Half of the width, in the mask's pixels, up to which what is soft is only an outline."""
_LEAST = 2e-3
"""The least part that is asked about, as a share of the product."""
_SURE, _WELL_INSIDE = 0.9, 6
"""What the other network says of what it is sure of; and how far from that one's outline, in pixels of the mask."""
_LEANS, _LEANS_BEFORE_BUSY = 0.45, 0.65
"""The least mean of a part to which the first network leans, before a plain backdrop and before a busy one. Of 46
photographs with such parts those that are product have .46 (coffee in a cup), .53 to .87 (a laptop's lid, soles, a
camera's side, boots); a hanging basket's gaps .33 to .38, a chain's and a cushion's surroundings .36 and .41, what a
bicycle, a ring vase, a stool are seen through .04 to .13. Of 92 rendered things with openings, on white and on busy
photographs, no opening on white has .45; on busy ones openings of a knot, a scooter and a comb have .49 to .58, what is
product there .70 to .86, and so have three small openings."""
_APART = 4
"""The product's own colours are taken so many pixels off the part in question."""
_MOSTLY = 0.5
"""The share of a part that must show what is around the product, to be an opening. On a table a racket's strings leave
openings to which the network leans with .45 to .8: there the colours tell."""
_FILLED = 0.95
"""What such a part then has: product, but none that every look is certain of."""


def hesitates(mask: Tensor) -> bool:
    """Whether a network's `mask` `[h,w]` has a part, larger than an outline, that is neither product nor none."""
    soft = opened((mask > HESITANT) & (mask < 1 - HESITANT), _THIN)
    return float(soft.float().sum()) > _LEAST * float((mask > 0.5).float().sum())


def settled(picture: Tensor, mask: Tensor, other: Tensor, busy: bool) -> Tensor:
    """The `mask` `[h,w]` that one network has of a `picture` `[1,H,W,3]`, with the parts that it hesitates over and
    `other` `[y,x]`, another network's, is sure of filled. `busy`: whether the backdrop says nothing itself."""
    size = (mask.shape[0], mask.shape[1])
    inside = erode(resized(other, size) > _SURE, _WELL_INSIDE)
    regions = Regions(inside & (mask < 1 - HESITANT))
    if regions.count == 0:
        return mask
    leans = _LEANS_BEFORE_BUSY if busy else _LEANS
    filled = (regions.area > _LEAST * float((mask > 0.5).float().sum())) & (regions.mean(mask) > leans)
    if not filled.any():
        return mask
    filled &= regions.mean(_seen_behind(picture, mask, regions.chosen(filled))) < _MOSTLY
    return torch.where(regions.chosen(filled), mask.clamp(min=_FILLED), mask) if filled.any() else mask


def _seen_behind(picture: Tensor, mask: Tensor, places: Tensor) -> Tensor:
    """Of each pixel of the boolean `places` `[h,w]` whether (1 or 0) it shows what is seen around the product."""
    srgb = F.interpolate(picture.movedim(-1, 1), size=tuple(mask.shape), mode="area")[0].movedim(0, -1)
    around = surroundings(srgb, (mask > 0.5) | places)
    own = colours_of(srgb, (mask > 1 - HESITANT) & ~dilate(places, _APART))
    behind = torch.zeros_like(mask)
    if around.shape[0] and own.shape[0]:
        behind[places] = shows_around(srgb[places], around, own).float()
    return behind


class WithSecond:
    """A `look` whose parts in doubt a `second` network settles; `filled` tells whether it ever did."""

    def __init__(self, look: Look, second: Witness | None, busy: Callable[[], bool]) -> None:
        self._look, self._second, self._busy = look, second, busy
        self.filled = False

    def __call__(self, picture: Tensor) -> Tensor:
        mask = self._look(picture)
        if self._second is None or not hesitates(mask):
            return mask
        whole = settled(self._second.small(picture), mask, self._second.sure_of(picture), self._busy())
        self.filled |= whole is not mask
        return whole
