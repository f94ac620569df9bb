"""A print that was mirrored where it is: a model, or somebody with a mirrored picture of the front, turned it round."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from ..colorspace import luminance, srgb_to_linear
from ..tensors import Box

_SIDE = 72
"""Pixels of a place's longer side at which the two are compared: strokes of a print have two there."""
_ASIDE = 0.12
"""How far the mirror's axis may lie beside the middle of what was found changed, of its width."""
_FITS, _PLAINLY = 0.7, 0.3
"""Correlation from which the mirror image is there, and by how much more than that of the print as it was."""
_MARGIN = 0.1
"""So much more than what was found changed is looked at, of its sides: strokes near its ends may agree by chance."""


def mirrored_at(picture: Tensor, wanted: Tensor, boxes: Sequence[Box]) -> Box | None:
    """The box, of all `boxes` together or of one of them, in which sRGB `picture` `[H,W,3]` shows what is `wanted`
    `[H,W,3]` mirrored left to right."""
    if not boxes:
        return None
    together = Box(
        min(one.left for one in boxes), min(one.top for one in boxes),
        max(one.right for one in boxes), max(one.bottom for one in boxes),
    )  # fmt: skip
    for box in dict.fromkeys((together, *boxes)):
        if _is_mirrored(picture, wanted, box):
            return box
    return None


def _is_mirrored(picture: Tensor, wanted: Tensor, box: Box) -> bool:
    down, across = round(_MARGIN * box.height), round((_MARGIN + _ASIDE) * box.width)
    left, right = max(0, box.left - across), min(picture.shape[1], box.right + across)
    area = (slice(max(0, box.top - down), box.bottom + down), slice(left, right))
    here, there = (luminance(srgb_to_linear(plane[area])).sqrt()[None, None] for plane in (picture, wanted))
    share = min(1.0, _SIDE / max(here.shape[-2:]))
    size = (max(8, round(share * here.shape[-2])), max(8, round(share * here.shape[-1])))
    here, there = (F.interpolate(plane, size=size, mode="area") for plane in (here, there))
    most = max(1, round(_ASIDE * box.width * share))
    if size[1] <= 2 * most + 4:
        return False
    # An axis beside the middle is a mirror image moved aside by twice as much.
    middle = slice(most, size[1] - most)
    turned = there.flip(-1)
    best = max(
        _alike(here[..., middle], turned[..., most + step : size[1] - most + step]) for step in range(-most, most + 1)
    )
    return best > _FITS and best > _alike(here[..., middle], there[..., middle]) + _PLAINLY


def _alike(one: Tensor, other: Tensor) -> float:
    """The correlation of two planes."""
    one, other = one - one.mean(), other - other.mean()
    return float((one * other).sum() / (one.norm() * other.norm()).clamp(min=1e-6))
