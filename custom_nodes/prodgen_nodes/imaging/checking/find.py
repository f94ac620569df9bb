"""Where a product is in a picture that nobody says anything about: at any place, in any size, perhaps mirrored.

Every thing that was cut out of the picture is a place to begin, and so is the photo's own frame, for pictures that were
painted around the product; where none of them leads to it, the whole picture is searched in a few sizes. From each of
them the registration looks around, and says how much of outline and structure agree.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from ..errors import ImagingError
from ..placement import Affine, Placement
from ..registration import register_product
from ..tensors import Box, bounding_box

ENOUGH = 0.5
"""Confidence from which the product is there: that of 'Register Product'."""
_SURE = 0.9
"""From here on nobody looks any further: of 40 right places 37 have it at the first look (`benchmarks/README.md`)."""
_THINGS = 3
"""The largest things of the picture that are tried: a product is hardly ever the fourth largest."""
_SHIFT, _SCALE, _TURN = 0.12, 0.25, 8.0
"""How far a product may be from where a look begins: in shares of the picture's longer side, ±share, degrees."""
_SAME_SHAPE = 0.04
"""Up to this difference of its proportions a picture may have the photo's own frame."""
_ANYWHERE = (0.8, 0.5, 0.31)
"""Sizes of the product over the picture's in which the whole of it is searched; each ±25 %, so they meet."""
_FAR = 0.5
"""Share of the picture's longer side: from its middle to anywhere."""


@dataclass(frozen=True)
class Found:
    """Where the product is: its `placement` on the picture, how sure that is, and the registration's own figures.

    `mirrored`: it is the product's mirror image that is there.
    """

    placement: Placement
    confidence: float
    outline: float
    inside: float | None
    mirrored: bool = False

    @property
    def is_there(self) -> bool:
        return self.confidence >= ENOUGH


def find_product(
    picture: Tensor, product: Tensor, mask: Tensor, things: list[Tensor], *, anywhere: bool = True
) -> Found | None:
    """The best place of `product` `[h,w,3]` with `mask` `[h,w]` (1 = product) in `picture` `[H,W,3]`, all sRGB.

    `things`: masks `[H,W]` of what is in the picture; `anywhere`: where they lead nowhere, the whole of it is searched.
    None where no look led anywhere at all. Raises EmptyMaskError
    where the mask holds no product.
    """
    box = bounding_box(mask)
    best: Found | None = None
    for start, far in _starts(box, mask, picture, things):
        if far and (not anywhere or (best is not None and best.is_there)):
            break
        found = _looked(picture, product, mask, start, box, far)
        if found is not None and (best is None or found.confidence > best.confidence):
            best = found
        if best is not None and best.confidence >= _SURE:
            break
    return best


def find_mirrored(picture: Tensor, product: Tensor, mask: Tensor, things: list[Tensor]) -> Found | None:
    """The mirror image of the product at one of the `things`: its placement is of `product` and `mask` flipped."""
    found = find_product(picture, product.flip(1), mask.flip(1), things, anywhere=False)
    if found is None:
        return None
    return Found(found.placement, found.confidence, found.outline, found.inside, mirrored=True)


def _starts(box: Box, mask: Tensor, picture: Tensor, things: list[Tensor]) -> Iterator[tuple[Affine, bool]]:
    """Transforms of the photo to begin from, the likeliest first, and whether to look all over from there."""
    height, width = picture.shape[:2]
    ordered = sorted(things, key=lambda thing: -float((thing > 0.5).sum()))[:_THINGS]
    for thing in ordered:
        there = bounding_box(thing)
        scale = math.sqrt(there.width * there.height / (box.width * box.height))
        yield _onto(box, scale, (there.left + there.right) / 2, (there.top + there.bottom) / 2), False
    across, down = width / mask.shape[1], height / mask.shape[0]
    if abs(across / down - 1) <= _SAME_SHAPE:
        yield Affine(across, 0.0, 0.0, 0.0, down, 0.0), False
    for share in _ANYWHERE:
        scale = share * min(width / box.width, height / box.height)
        yield _onto(box, scale, width / 2, height / 2), True


def _onto(box: Box, scale: float, x: float, y: float) -> Affine:
    """The middle of `box`, `scale` times as large, at (x, y)."""
    return Affine.scale_translate(scale, x - scale * (box.left + box.right) / 2, y - scale * (box.top + box.bottom) / 2)


def _looked(picture: Tensor, product: Tensor, mask: Tensor, start: Affine, box: Box, far: bool) -> Found | None:
    """What the registration finds around `start`."""
    height, width = picture.shape[:2]
    given = Placement(width, height, mask.shape[1], mask.shape[0], (start,), (box,))
    try:
        done = register_product(
            picture[None],
            product[None],
            mask[None],
            given,
            max_shift=_FAR if far else _SHIFT,
            max_scale=_SCALE,
            max_rotation=_TURN,
            min_confidence=0.0,
        )
    except ImagingError:  # too small or too thin there to be told from anything
        return None
    report = done.reports[0]
    confidence = report["confidence"] if math.isfinite(report["confidence"]) else 0.0
    return Found(done.placement, confidence, report["outline_share"], report["inside_share"])
