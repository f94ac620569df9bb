"""Where a cut-out is doubted, two other networks that see one and the same product outvote the network that made it.

A network of many pixels may take a bag's handles for the bag, a print for the shirt, a visor's cap for the cap. Two
coarse ones, taught apart from it, do not share that error; but they fill openings, and lose what is thin. So they are
believed only where they see the same and far more than the first, hardly lose anything that it saw, and, unless its
cut-out would be refused, where what they see beyond it is no opening.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from ..filters import opened
from .pyramid import resized
from .regions import enclosed
from .witness import grid_of, is_same

OUTVOTED = "two other networks see one and the same product here, and more of it than the first: theirs was taken"
_LOST, _MORE = 0.1, 0.37
"""What may be lost of what the first network saw, and what it must have missed, as shares of what the others see. Of 18
photographs of small sellers in which these two see another product, a leaf above a crocheted bear is .07, a pendant's
chain .45, all else .02 at most. Missed is .42 to .97 of a quilt, that bear, a bag, a shirt and a game's box, which the
others have right; .04 to .35 of the rest, of which they have half: a plant's pot, but also a bottle beside shoes,
shadows between spanners, and outlines of thin things that are too thick."""


def outvoted(alpha: Tensor, refused: bool, second: Tensor, third: Callable[[], Tensor]) -> Tensor | None:
    """What two other networks see together, `[y,x]`, where it is another product than that of a matte `[h,w]`; else
    None. `refused`: whether the matte is believed so little that its openings are none."""
    if is_same(alpha, second) or not is_same(second, seen := third()):
        return None
    product, there = (resized(one, grid_of(alpha)) > 0.5 for one in (alpha, seen))
    area = float(there.float().sum())
    if not refused:
        product |= enclosed(product)
    lost, more = (float(opened(part, 1).float().sum()) for part in (product & ~there, there & ~product))
    return seen if lost <= _LOST * area and more >= _MORE * area else None
