"""From a picture to what a network reads, and from what it gives to a mask."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..imaging.segmentation.birefnet import Letterbox, letterbox, unletterbox
from .architectures import Architecture

_MOST_STRETCH = 2.0
"""See `stretch`: without this limit the noise of an empty picture (below 0.1) would be stretched to a product."""
_DARKEST = 1 / 255
"""One step of 8 bits: a black picture is not divided by 0, nor its noise made a picture of."""


def prepare(picture: Tensor, architecture: Architecture, side: int, *, squash: bool) -> tuple[Tensor, Letterbox | None]:
    """What the network reads, `[1,3,side,side]`, of one picture `[1,H,W,3]`; and its letterbox unless it is squashed.

    The picture is reduced before anything else, so an 8000² photo costs no more memory than a small one.
    """
    box = None
    if squash:
        planes = picture.permute(0, 3, 1, 2)
        planes = F.interpolate(
            planes, size=(side, side), mode=architecture.resampling, antialias=True, align_corners=False
        )
    else:
        square, box = letterbox(picture, side)
        planes = square.permute(0, 3, 1, 2)
    planes = torch.nan_to_num(planes.float()).clamp(0.0, 1.0)
    if architecture.by_maximum:
        planes = planes / planes.max().clamp(min=_DARKEST)
    mean, std = (planes.new_tensor(values).view(1, 3, 1, 1) for values in (architecture.mean, architecture.std))
    return ((planes - mean) / std).contiguous(), box


def stretch(mask: Tensor) -> Tensor:
    """`[...]` with its smallest value moved to 0 and its largest towards 1, at most doubled.

    U²-Net's authors stretch every output to the whole of 0..1, which makes a product of the noise in an empty picture.
    Over products the outputs reach 1 by themselves; over empty pictures they stay below 0.1, and stay so here.
    """
    low, high = torch.aminmax(mask)
    return (mask - low) * min(_MOST_STRETCH, 1.0 / max(float(high - low), 1.0 / _MOST_STRETCH))


def unfit(mask: Tensor, box: Letterbox | None) -> Tensor:
    """The part of the network's mask `[1,h,w]` that belongs to the picture, at the network's own resolution."""
    return mask if box is None else unletterbox(mask, box, (box.rows, box.columns))


def enlarge(mask: Tensor, height: int, width: int) -> Tensor:
    """A mask `[1,h,w]` at `height` × `width`."""
    if mask.shape[1:] == (height, width):
        return mask
    sized = F.interpolate(
        mask.unsqueeze(1), size=(height, width), mode="bilinear", align_corners=False, antialias=height < mask.shape[1]
    )
    return sized.squeeze(1).clamp(0.0, 1.0)
