"""Where one network hesitates over a part of a product, another one that sees the thing as a whole may know.

A network of many pixels asks of each part whether it is product, and is in doubt of a closed laptop's lid, of coffee in
a cup, of a white sole before white. A coarse one sees a laptop, a cup, a shoe; but it fills their openings, too. So it
is believed about parts only to which the first network leans itself, well inside of what the coarse one is sure of, and
which do not show what is seen around the product.

Where a cut-out would be refused for what the picture looks like around it, and the other network, asked for the first
time, sees the very same product, it is delivered with a doubt: two networks that were taught apart seldom dream alike.
What is trusted before a busy backdrop is doubted where the other one sees another product.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ..filters import dilate, erode, opened
from .cutout import Look
from .fusion import HESITANT
from .pyramid import averaged, encoded, resized, within
from .regions import Regions
from .seen_through import colours_of, shows_around, surroundings

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
_SIDE = 1024
"""Pixels of the longer side that the other network is shown: it reads 320."""
_GRID, _EDGE, _APART_AT_MOST = 320, 2, 0.02
"""Whether two networks see the same product is compared at so many pixels of the longer side, areas no wider than twice
the edge's pixels aside; and the share of the product in which they may differ. Of 72 photographs of small sellers 14
were refused: four right ones and a hat with the woman who wears it differ by up to .005, the nine others, all wrong or
torn, by .10 and more."""
AGREED = 0.55
"""The least confidence of a cut-out that both see."""
BOTH_SEE = "another network sees exactly this product, so it was not refused: look at it"
_UNSEEN, _MORE = 0.004, 0.05
"""One piece of a product, as a share of it, that the other network sees in no look, and one that it sees beside it in
both: before a busy backdrop nothing else tells. Of 21 trusted photographs of small sellers before such, a printed leaf
at a bottle's foot is .0045, a clock whose middle was cut out has .011 (its hands), a figure without its block .63 more;
four of the 18 right ones have .0054 to .022 (a computer's corner, chair legs, a base, a handle), the others at most
.0013, and .023 more."""
ANOTHER = (
    "another network does not see all of this before the busy backdrop, or sees more: is it whole, and nothing else?"
)
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


def is_same(alpha: Tensor, other: Tensor) -> bool:
    """Whether a matte `[h,w]` and what another network sees, `[y,x]`, are the same product but for their edges."""
    size = within(_GRID, alpha.shape[0], alpha.shape[1])
    product, seen = (resized(one, size) > 0.5 for one in (alpha, other))
    area = float(product.float().sum())
    return area > 0 and float(opened(product ^ seen, _EDGE).float().sum()) <= _APART_AT_MOST * area


def is_another(alpha: Tensor, least: Tensor, most: Tensor) -> bool:
    """Whether another network misses one piece of a matte `[h,w]` in both of its looks (`most` `[y,x]` is what it sees
    in either), or sees one beside it in both (`least`)."""
    size = within(_GRID, alpha.shape[0], alpha.shape[1])
    product, both, either = (resized(one, size) > 0.5 for one in (alpha, least, most))
    area = max(1.0, float(product.float().sum()))
    unseen, more = (
        Regions(opened(part, 1)).area.max(initial=0) / area for part in (product & ~either, both & ~product)
    )
    return bool(unseen > _UNSEEN or more > _MORE)


class WithSecond:
    """A `look` whose parts in doubt the `other` network settles; `filled` tells whether it ever did."""

    def __init__(self, look: Look, other: Look | None, busy: Callable[[], bool]) -> None:
        self._look, self._other, self._busy = look, other, busy
        self.filled = False
        self._seen: tuple[Tensor, Tensor, Tensor] | None = None
        self._last: tuple[Tensor, Tensor] | None = None

    def __call__(self, picture: Tensor) -> Tensor:
        mask = self._look(picture)
        if self._other is None or not hesitates(mask):
            return mask
        small = self._small(picture)
        whole = settled(small, mask, self._looks(small, self._other)[0], self._busy())
        self.filled |= whole is not mask
        return whole

    def sees(self, picture: Tensor, alpha: Tensor) -> bool:
        """Whether the other network sees the product of a matte `[h,w]` of a picture `[1,H,W,3]`, and no other."""
        return self._other is not None and is_same(alpha, self._looks(self._small(picture), self._other)[0])

    def sure_of(self, picture: Tensor) -> Tensor | None:
        """What the other network sees in a picture `[1,H,W,3]` and in its mirror image, `[y,x]`; None without one."""
        return None if self._other is None else self._looks(self._small(picture), self._other)[0]

    def is_other(self, picture: Tensor, alpha: Tensor) -> bool:
        """Whether the other network sees another product in a picture `[1,H,W,3]` than a matte `[h,w]`: not all of it,
        or far more."""
        return self._other is not None and is_another(alpha, *self._looks(self._small(picture), self._other))

    def _small(self, picture: Tensor) -> Tensor:
        """The picture with few pixels, made once however often it is asked about: a large photo takes long."""
        if self._last is None or self._last[0] is not picture:
            self._last = picture, _reduced(picture)
        return self._last[1]

    def _looks(self, picture: Tensor, other: Look) -> tuple[Tensor, Tensor]:
        """What the other network sees in a picture and in its mirror image: in both, and in either; asked once."""
        if self._seen is not None and torch.equal(self._seen[0], picture.flip(2)):
            return self._seen[1].flip(1), self._seen[2].flip(1)
        if self._seen is None or not torch.equal(self._seen[0], picture):
            one, mirrored = other(picture), other(picture.flip(2)).flip(1)
            self._seen = picture, torch.minimum(one, mirrored), torch.maximum(one, mirrored)
        return self._seen[1], self._seen[2]


def _reduced(picture: Tensor) -> Tensor:
    """The picture `[1,H,W,3]` with at most `_SIDE` pixels a side, whatever its own."""
    size = within(_SIDE, picture.shape[1], picture.shape[2])
    return encoded(averaged(picture[0], size)).unsqueeze(0) if size != tuple(picture.shape[1:3]) else picture
