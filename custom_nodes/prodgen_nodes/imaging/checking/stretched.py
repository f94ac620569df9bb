"""Whether a product was stretched: taller or wider in a picture than in its photo, all else the same."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..tensors import Box, bounding_box
from .find import Found, find_product

_LEAST, _MOST = 0.012, 0.6
"""How much wider or narrower, as a share, is looked into: less may be a soft outline."""
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


def find_stretched(picture: Tensor, product: Tensor, mask: Tensor, things: list[Tensor]) -> Stretched | None:
    """The best place of `product` `[h,w,3]` with `mask` `[h,w]` in the proportions that one of the `things` `[H,W]` in
    `picture` `[H,W,3]` has; None where they have the product's own, or it is none of them."""
    own = _proportions(bounding_box(mask))
    best: Stretched | None = None
    ordered = sorted(things, key=lambda one: -float((one > 0.5).sum()))[:_THINGS]
    # A cut-out may have fallen into pieces: what all of them together are is tried, too.
    for thing in [*ordered, torch.stack(ordered).amax(dim=0)] if len(ordered) > 1 else ordered:
        wider = _proportions(bounding_box(thing)) / own
        if not _LEAST < abs(wider - 1) < _MOST:
            continue
        drawn = _drawn(torch.cat((product, mask[..., None]), dim=-1), wider)
        found = find_product(picture, drawn[..., :3], drawn[..., 3], [thing], anywhere=False)
        if found is not None and found.is_there and (best is None or found.confidence > best.found.confidence):
            best = Stretched(wider, drawn[..., :3].contiguous(), drawn[..., 3].contiguous(), found)
    return best


def _proportions(box: Box) -> float:
    return box.width / box.height


def _drawn(planes: Tensor, wider: float) -> Tensor:
    """`planes` `[h,w,C]` so much wider, or where that would lose pixels taller."""
    height, width = planes.shape[:2]
    size = (height, round(width * wider)) if wider > 1 else (round(height / wider), width)
    return F.interpolate(planes.movedim(-1, 0)[None], size=size, mode="bilinear")[0].movedim(0, -1)
