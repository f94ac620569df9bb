"""Whether a product was stretched: taller or wider in a picture than in its photo, all else the same."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..placement import Affine
from ..registration import stretch_of
from ..tensors import Box, bounding_box
from .find import Found, find_product

_LEAST, _MOST = 0.012, 0.6
"""How much wider or narrower, as a share, is looked into: less may be a soft outline."""
_SURE = 0.9
"""Confidence from which nobody looks any further."""
_THINGS = 3
"""The largest things of the picture that are tried."""


@dataclass(frozen=True)
class Stretched:
    """The product so drawn out, with where it was `found`: `wider` is its width over that of the photo's, its height
    being the same."""

    wider: float
    product: Tensor
    mask: Tensor
    found: Found


def find_stretched(
    picture: Tensor, product: Tensor, mask: Tensor, things: list[Tensor], found: Found | None = None
) -> Stretched | None:
    """The best place of `product` `[h,w,3]` with `mask` `[h,w]` in other proportions than its own, looked for where it
    was `found` without and at the `things` `[H,W]` of `picture` `[H,W,3]`; None where it is nowhere so.

    A cut-out with a shadow, or without a pale lid, has other proportions than what it is of: things only say where to
    begin, and how wide it is say the product's outline and details.
    """
    best: Stretched | None = None
    for start in _starts(mask, things, found):
        there = stretch_of(picture, product, mask, start)
        wider = math.hypot(there.a, there.c) / max(math.hypot(there.b, there.d), 1e-6)
        if not _LEAST < abs(wider - 1) < _MOST:
            continue
        drawn = _drawn(torch.cat((product, mask[..., None]), dim=-1), wider)
        again = find_product(picture, drawn[..., :3], drawn[..., 3], things, anywhere=False)
        if again is not None and again.is_there and (best is None or again.confidence > best.found.confidence):
            best = Stretched(wider, drawn[..., :3].contiguous(), drawn[..., 3].contiguous(), again)
            if again.confidence >= _SURE:
                break
    return best


def _starts(mask: Tensor, things: list[Tensor], found: Found | None) -> Iterator[Affine]:
    """Where to begin: where it was found, and drawn onto the boxes of the largest things, and of all of them."""
    if found is not None:
        yield found.placement.transform(0)
    own = bounding_box(mask)
    ordered = sorted(things, key=lambda one: -float((one > 0.5).sum()))[:_THINGS]
    # A cut-out may have fallen into pieces: what all of them together are is tried, too.
    for thing in [*ordered, torch.stack(ordered).amax(dim=0)] if len(ordered) > 1 else ordered:
        yield _onto(own, bounding_box(thing))


def _onto(own: Box, there: Box) -> Affine:
    across, down = there.width / own.width, there.height / own.height
    return Affine(across, 0.0, there.left - across * own.left, 0.0, down, there.top - down * own.top)


def _drawn(planes: Tensor, wider: float) -> Tensor:
    """`planes` `[h,w,C]` so much wider, or where that would lose pixels taller."""
    height, width = planes.shape[:2]
    size = (height, round(width * wider)) if wider > 1 else (round(height / wider), width)
    return F.interpolate(planes.movedim(-1, 0)[None], size=size, mode="bilinear")[0].movedim(0, -1)
