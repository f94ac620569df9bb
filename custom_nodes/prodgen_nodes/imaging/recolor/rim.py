"""The pixels of a hard edge between the recoloured part and what is beside it: a mix of both, each in its share."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..colorspace import linear_to_srgb, srgb_to_linear
from ..filters import gaussian_blur

_SIGMA = 1.5
"""Pixels (1 sigma) around an edge over which both sides' colours are taken."""
_WEIGHT = 0.01
"""Of either side that must be near: less is no side of this edge."""
_APART = 0.04
"""Squared distance of both sides in linear light, from which a share between them can be read."""
_OFF = 0.1
"""Distance from the line between both sides, in its lengths, up to which a pixel is their mix."""
_LEAST = 0.03
"""Share of the part below which a pixel keeps its bits: grain and what is left of a JPEG."""

_NOTCH = 0.3
"""The same where the part's smoothed outline cuts off what lies deep between two strokes."""


def mend_rim(before: Tensor, after: Tensor, part: Tensor, mask: Tensor) -> Tensor:
    """`after` `[H,W,3]` sRGB, where the mixed pixels along hard edges of `part` `[H,W]` within the product (`mask`
    `[H,W]`) have the new colour in the share in which they had the old one; `before` is the product as it was.

    What lies between two sides that are both a pixel wide or less keeps what it has.
    """
    inner = _eroded((part > 0.95).float())
    outer = _eroded(((part < 0.05) & (mask > 0.95)).float())
    old, new = srgb_to_linear(before), srgb_to_linear(after)
    mine, other = _mean((old, new), inner), _mean((old,), outer)
    span = mine[0] - other[0]
    length = span.square().sum(dim=-1)
    offset = old - other[0]
    cover = ((offset * span).sum(dim=-1) / length.clamp(min=1e-6)).clamp(0, 1)
    off = (offset - cover.unsqueeze(-1) * span).square().sum(dim=-1).sqrt()
    mixed = (mine[-1][..., 0] > _WEIGHT) & (other[-1][..., 0] > _WEIGHT) & (inner < 0.5)
    mixed &= (
        (mask > 0.95)
        & (length > _APART)
        & (off < _OFF * length.sqrt())
        & (cover > torch.where(outer > 0.5, _NOTCH, _LEAST))
    )
    shown = linear_to_srgb((old + cover.unsqueeze(-1) * (mine[1] - mine[0])).clamp(0, 1)).clamp(0, 1)
    return torch.where(mixed.unsqueeze(-1), shown, after)


def _eroded(plane: Tensor) -> Tensor:
    return -F.max_pool2d(-plane[None, None], 3, stride=1, padding=1)[0, 0]


def _mean(pictures: tuple[Tensor, ...], where: Tensor) -> tuple[Tensor, ...]:
    """Of each picture `[H,W,3]` the mean around every pixel of what is `where` `[H,W]`; then how much that is
    `[H,W,1]`."""
    weight = where.unsqueeze(-1)
    planes = torch.cat((*(one * weight for one in pictures), weight), dim=-1).movedim(-1, 0)[None]
    blurred = gaussian_blur(planes, _SIGMA)[0].movedim(0, -1)
    much = blurred[..., -1:]
    return (*(blurred[..., 3 * at : 3 * at + 3] / much.clamp(min=1e-6) for at in range(len(pictures))), much)
