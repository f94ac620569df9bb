"""An even border around a photo, a Polaroid's paper, a page's frame: none of it is product or backdrop.

Such a frame is told by its straightness: strips of one colour along all four sides, that end all together in a closed
rectangle. What is inside is the photo.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_TOLERANCE = 8 / 255
"""How far a border's pixels may lie from its colour (sRGB): compression and scanning."""
_EVEN, _STRAIGHT = 0.97, 0.93
"""The share of a strip's pixels that have its colour; and of the rectangle's side that ends it at once."""
_WIDEST = 0.4
"""The widest border, as a fraction of the side."""
_STEP = 9 / 255
"""The least step (sRGB) in which a border ends."""
_SOFT = 3
"""Pixels over which a compressed or enlarged border may end."""
_NESTED = 3
"""A mount within a border within a screenshot."""


@dataclass(frozen=True)
class Inside:
    """Rows `top` to `bottom` and columns `left` to `right` (excluded) inside the frame."""

    top: int
    bottom: int
    left: int
    right: int


def _depth(lines: Tensor, color: Tensor) -> int:
    """How many of `lines` `[n,m,3]`, from the first on, have one `color` `[3]`."""
    off = (lines - color).abs().amax(dim=-1) < _TOLERANCE
    even = off.float().mean(dim=1) > _EVEN
    return int(even.to(torch.uint8).argmin()) if not bool(even.all()) else lines.shape[0]


def _one_frame(srgb: Tensor) -> Inside | None:
    height, width, _ = srgb.shape
    sides = (srgb, srgb.flip(0), srgb.transpose(0, 1), srgb.flip(1).transpose(0, 1))
    colors = [side[: max(1, min(3, side.shape[0] // 50))].reshape(-1, 3).median(dim=0).values for side in sides]
    color = torch.stack(colors).median(dim=0).values
    if float((torch.stack(colors) - color).abs().max()) > _TOLERANCE:
        return None
    top, bottom, left, right = (_depth(side, color) for side in sides)
    if min(top, bottom, left, right) < 1 or max(top, bottom) > _WIDEST * height or max(left, right) > _WIDEST * width:
        return None
    box = Inside(top, height - bottom, left, width - right)
    if box.bottom - box.top < 0.3 * height or box.right - box.left < 0.3 * width:
        return None
    inner = srgb[box.top : box.bottom, box.left : box.right]
    off = (inner - color).abs().amax(dim=-1) > _STEP
    # The border ends within a few pixels, all along the rectangle.
    for strip in (off[:_SOFT], off[-_SOFT:], off[:, :_SOFT].T, off[:, -_SOFT:].T):
        if float(strip.any(dim=0).float().mean()) < _STRAIGHT:
            return None
    return Inside(box.top + _SOFT, box.bottom - _SOFT, box.left + _SOFT, box.right - _SOFT)


def find_frame(srgb: Tensor) -> Inside | None:
    """What is inside the frame around the picture `[H,W,3]` sRGB, or None where it has none. Frames may be nested."""
    inside: Inside | None = None
    for _ in range(_NESTED):
        part = srgb if inside is None else srgb[inside.top : inside.bottom, inside.left : inside.right]
        if min(part.shape[:2]) < 32:
            break
        next_ = _one_frame(part)
        if next_ is None:
            break
        top, left = (0, 0) if inside is None else (inside.top, inside.left)
        inside = Inside(top + next_.top, top + next_.bottom, left + next_.left, left + next_.right)
    return inside


def product_fills(mask: Tensor, box: Inside) -> bool:
    """Whether a segmenter's `mask` `[H,W]` takes the whole rectangle for the product: a book, a box, a poster."""
    inner = mask[box.top : box.bottom, box.left : box.right] > 0.5
    if not bool(inner.any()):
        return False
    rim = torch.cat((inner[0], inner[-1], inner[:, 0], inner[:, -1])).float().mean()
    return float(rim) > 0.5
