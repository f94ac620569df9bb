"""What is in a picture, before anything is known of the product: its own cut-out, and the things in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from ..colorspace import linear_to_srgb, srgb_to_linear
from ..objects import separate
from ..segmentation import TRUSTED, Cutout

_MOST = 2048
"""Pixels of the longer side that are compared: a change that cannot be seen there is none that a buyer sees."""
_SIGHT = 768
"""Pixels of the longer side at which it is told what is in the picture: it only says where to look."""


@dataclass(frozen=True)
class Seen:
    """`alpha` `[H,W]` of everything that was cut out of the picture, the masks of its `things`, and whether the cut-out
    is `plain`: so sure that what is on the product's outline counts as a part of it."""

    alpha: Tensor
    things: list[Tensor]
    is_plain: bool


def reduced(picture: Tensor, side: int = _MOST) -> Tensor:
    """`picture` `[H,W,3]` sRGB, no longer than `side`, averaged in linear light."""
    height, width = picture.shape[:2]
    if max(height, width) <= side:
        return picture
    size = (max(1, round(height * side / max(height, width))), max(1, round(width * side / max(height, width))))
    planes = srgb_to_linear(picture).permute(2, 0, 1)[None]
    small = F.interpolate(planes, size=size, mode="area")[0].permute(1, 2, 0)
    return linear_to_srgb(small).clamp(0.0, 1.0).contiguous()


def seen_in(picture: Tensor, cut_out: Callable[[Tensor], Cutout]) -> Seen:
    """What `cut_out` finds in `picture` `[H,W,3]`; it is given a smaller copy, and asked for all parts."""
    small = reduced(picture, _SIGHT)
    cut = cut_out(small)
    size = (picture.shape[0], picture.shape[1])

    def enlarged(mask: Tensor) -> Tensor:
        if tuple(mask.shape) == size:
            return mask
        return F.interpolate(mask[None, None], size=size, mode="bilinear")[0, 0]

    things = [enlarged(thing.mask) for thing in separate(cut.alpha).things]
    return Seen(enlarged(cut.alpha), things, cut.confidence >= TRUSTED)
