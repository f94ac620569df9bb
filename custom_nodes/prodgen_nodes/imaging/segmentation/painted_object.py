"""What somebody painted roughly, as the one object that a network sees there which knows objects.

Paint says what is product, not where it ends. Where the photo is plain, the picture shows the end; before a busy
backdrop, or where a product has the colours behind it, it does not. Segment Anything, asked at points of the paint and
for its box, draws objects: the one that agrees with the paint, but for its sloppy outline, is what was meant; unless
what another network sees agrees as well, which knows thin parts and openings. A dab marks what it lies on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..filters import dilate, erode, touching
from .backdrop import BUSY
from .confidence import UNCONFIRMED
from .cutout import Cutout, Progress, from_model
from .painted import sloppy_width
from .parts import Parts
from .pyramid import resized
from .whole_objects import POINTS, Seen, box_of, share, spread
from .witness import AGREED

FITS = "a network that knows objects sees one where it was painted: it says where that ends"
DAB = "only a dab was painted: the object that it lies on was taken; paint all of it to say exactly what is product"
UNSEEN = "before this busy backdrop the photo itself does not say where what was painted ends: look at its outline"
_GOOD = 0.9
"""What the network must say of an answer. Of eight hard photographs, roughly painted, the object meant has .93 to 1.0,
a cup without its handle .80; what lies around a dab, as large as it, has .79 to .86."""
_OFF = 0.2
"""How much of an object may lie beyond the paint's sloppy outline, or of the paint beyond the object's, as a share. Of
17 photographs, each painted in three ways, where the object is taken the cut-out overlaps (IoU) with the product by .02
to .3 more in 14, by .01 to .05 less in six (a pair of earrings, key rings, a chair), and by .15 less in one: an arm
around the bottle was painted, too."""
_BETTER = 0.02
"""By how much less it must be off than another network is, which sees spokes, strings and what is between them."""
_CONFIRMED = 0.03
"""How much it may be off to confirm a hint before a busy backdrop."""
_GRID, _BESIDE = 256, 3
"""Pixels of the longer side of an answer; and those around it that its soft edge has. Farther off it may be soft over a
hand, which nobody painted."""
_DAB = 0.3
"""The most paint, as a share of an object, that is a dab on it."""
_UNDER = 0.9
"""The share of a dab that lies on its object."""


@dataclass(frozen=True)
class Meant:
    """The object that paint means: an answer `[rows,columns]` (above 0: object), and whether only a dab says so."""

    answer: Tensor
    dab: bool


def from_painted(
    srgb: Tensor, mask: Tensor | None, hint: Tensor, seen: Seen | None, progress: Progress | None, parts: Parts
) -> Cutout:
    """Cut out what a `hint` `[H,W]` marks in a photo `[H,W,3]` that a network has `seen`; as `from_model`, with another
    network's `mask`, where that one fits the hint as well: it knows thin parts and openings."""
    paint = _painted(hint)
    meant = None if seen is None else object_meant(seen, hint, mask)
    if meant is None:
        cut = from_model(srgb, mask, hint, progress, parts)
    else:
        soft = torch.sigmoid(meant.answer) * _around(meant.answer > 0, paint)
        whole = resized(soft, (hint.shape[0], hint.shape[1]))
        whole = whole if meant.dab else torch.maximum(whole, erode(hint > 0.5, sloppy_width(hint)).to(whole))
        cut = from_model(srgb, soft, whole, progress, parts)
        cut = cut.doubted(AGREED, DAB) if meant.dab else cut.noted(FITS)
    if cut.report["backdrop"]["plain"] > BUSY or (mask is not None and _fit(mask, paint) <= _CONFIRMED):
        return cut
    return cut.doubted(UNCONFIRMED, UNSEEN)


def object_meant(seen: Seen, hint: Tensor, mask: Tensor | None = None) -> Meant | None:
    """The object that a `hint` `[H,W]` means; None where none fits it, or not better than another network's `mask`
    `[h,w]`."""
    paint = resized(hint, seen.grid) > 0.5
    if not bool(paint.any()):
        return None
    known = _OFF if mask is None else min(_OFF, _fit(mask, paint) - _BETTER)
    if known < 0:
        return None
    points, box = spread(paint, POINTS), box_of(paint)
    asked = [seen.objects(points, box), seen.objects(points), seen.objects(points[:0], box)]
    answers = [answer for these, good in asked for answer, quality in zip(these, good, strict=True) if quality >= _GOOD]
    if not answers:
        return None
    best = min(answers, key=lambda answer: _off(answer > 0, paint))
    if _off(best > 0, paint) <= known:
        return Meant(best, dab=False)
    under, good = asked[1]
    lies_on = [
        (float(quality), answer)
        for answer, quality in zip(under, good, strict=True)
        if quality >= _GOOD
        and share(answer > 0, paint) >= _UNDER
        and float(paint.float().sum()) <= _DAB * float((answer > 0).float().sum())
    ]
    return Meant(max(lies_on, key=lambda one: one[0])[1], dab=True) if lies_on else None


def _painted(hint: Tensor) -> Tensor:
    """Boolean `[rows,columns]`: what a `hint` `[H,W]` marks, in as many pixels as the network's answers."""
    scale = _GRID / max(hint.shape)
    return resized(hint, (max(1, math.ceil(hint.shape[0] * scale)), max(1, math.ceil(hint.shape[1] * scale)))) > 0.5


def _around(answer: Tensor, paint: Tensor) -> Tensor:
    """1 on the pieces of an `answer` `[h,w]` bool that hold something of the `paint`, and beside them; else 0."""
    held = touching(answer, answer & resized(paint.float(), (answer.shape[0], answer.shape[1])).gt(0.5))
    return dilate(held, _BESIDE).float()


def _fit(mask: Tensor, paint: Tensor) -> float:
    """How far off another network's `mask` `[h,w]` is from `paint` `[y,x]` bool."""
    return _off(resized(mask, (paint.shape[0], paint.shape[1])) > 0.5, paint)


def _off(answer: Tensor, paint: Tensor) -> float:
    """How far an object and `paint` `[h,w]` bool differ but for that one's sloppy outline, as a share of the object."""
    width = sloppy_width(paint)
    beyond, missing = answer & ~dilate(paint, width), paint & ~dilate(answer, width)
    return float((beyond | missing).float().sum()) / max(1.0, float(answer.float().sum()))
