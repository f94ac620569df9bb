"""Another network than the one that cuts out, as a witness: what it sees in a photo and in its mirror image.

Where a cut-out would be refused for what the picture looks like around it, and the other network, asked for the first
time, sees the very same product, it is delivered with a doubt: two networks that were taught apart seldom dream alike.
What is trusted before a busy backdrop is doubted where the other one sees another product.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..filters import opened
from .cutout import Look
from .pyramid import averaged, encoded, resized, within
from .regions import Regions

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


def grid_of(alpha: Tensor) -> tuple[int, int]:
    """The size at which a matte `[h,w]` is compared with what a network sees."""
    return within(_GRID, alpha.shape[0], alpha.shape[1])


def is_same(alpha: Tensor, other: Tensor) -> bool:
    """Whether a matte `[h,w]` and what another network sees, `[y,x]`, are the same product but for their edges."""
    product, seen = (resized(one, grid_of(alpha)) > 0.5 for one in (alpha, other))
    area = float(product.float().sum())
    return area > 0 and float(opened(product ^ seen, _EDGE).float().sum()) <= _APART_AT_MOST * area


def is_another(alpha: Tensor, least: Tensor, most: Tensor) -> bool:
    """Whether another network misses one piece of a matte `[h,w]` in both of its looks (`most` `[y,x]` is what it sees
    in either), or sees one beside it in both (`least`)."""
    product, both, either = (resized(one, grid_of(alpha)) > 0.5 for one in (alpha, least, most))
    area = max(1.0, float(product.float().sum()))
    unseen, more = (
        Regions(opened(part, 1)).area.max(initial=0) / area for part in (product & ~either, both & ~product)
    )
    return bool(unseen > _UNSEEN or more > _MORE)


class Witness:
    """What a network `look`s at: a photo with few pixels, which is all that it reads, and that one's mirror image."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._seen: tuple[Tensor, Tensor, Tensor] | None = None
        self._last: tuple[Tensor, Tensor] | None = None

    def sure_of(self, picture: Tensor) -> Tensor:
        """What is seen in a picture `[1,H,W,3]` as well as in its mirror image, `[y,x]`."""
        return self._looks(self.small(picture))[0]

    def seen(self, picture: Tensor) -> Tensor:
        """What is seen in a picture `[1,H,W,3]` and in its mirror image on average, `[y,x]`."""
        return torch.stack(self._looks(self.small(picture))).mean(dim=0)

    def sees(self, picture: Tensor, alpha: Tensor) -> bool:
        """Whether it sees the product of a matte `[h,w]` of a picture `[1,H,W,3]`, and no other."""
        return is_same(alpha, self.sure_of(picture))

    def sees_another(self, picture: Tensor, alpha: Tensor) -> bool:
        """Whether it sees another product in a picture `[1,H,W,3]` than a matte `[h,w]`: not all of it, or far more."""
        return is_another(alpha, *self._looks(self.small(picture)))

    def small(self, picture: Tensor) -> Tensor:
        """The picture with few pixels, made once however often it is asked about: a large photo takes long."""
        if self._last is None or self._last[0] is not picture:
            self._last = picture, _reduced(picture)
        return self._last[1]

    def _looks(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """What it sees in a picture and in its mirror image: in both, and in either; asked once."""
        if self._seen is not None and torch.equal(self._seen[0], picture.flip(2)):
            return self._seen[1].flip(1), self._seen[2].flip(1)
        if self._seen is None or not torch.equal(self._seen[0], picture):
            one, mirrored = self._look(picture), self._look(picture.flip(2)).flip(1)
            self._seen = picture, torch.minimum(one, mirrored), torch.maximum(one, mirrored)
        return self._seen[1], self._seen[2]


def others_see(picture: Tensor, alpha: Tensor, second: Witness | None, third: Witness | None) -> bool:
    """Whether other networks see the product of a matte `[h,w]` of a picture `[1,H,W,3]`, and no other: the second in
    both of its looks, or two of them on average. Of 53 refused cut-outs of 277 photographs two are seen so: earphones
    in their case, right, and a ladder with some white floor between two feet; of the others one of the two differs by
    .03 of it and more."""
    if second is None:
        return False
    if second.sees(picture, alpha):
        return True
    return third is not None and all(is_same(alpha, one.seen(picture)) for one in (second, third))


def _reduced(picture: Tensor) -> Tensor:
    """The picture `[1,H,W,3]` with at most `_SIDE` pixels a side, whatever its own."""
    size = within(_SIDE, picture.shape[1], picture.shape[2])
    return encoded(averaged(picture[0], size)).unsqueeze(0) if size != tuple(picture.shape[1:3]) else picture
