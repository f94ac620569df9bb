"""The recoloured product in the photo that it was cut out of: only what became another colour differs."""

from __future__ import annotations

import torch
from torch import Tensor

from ..colorspace import linear_to_srgb, srgb_to_linear

_CLEAR = 0.002
"""The least share of a photo that is transparent: less is a slip of an eraser, and the photo has a ground."""


def in_photo(photo: Tensor, before: Tensor, after: Tensor, mask: Tensor, clear: Tensor | None = None) -> Tensor:
    """`photo` `[H,W,3]` sRGB whose product, `before` `[H,W,3]` with `mask` `[H,W]`, is the one of `after` `[H,W,3]`.

    An edge is a mix of product and ground: the product's share of it is exchanged in linear light, so no rim of the old
    colour stays. All else keeps its bits. A photo that is transparent around its product (`clear` `[H,W]`, 1 =
    transparent) is shown on white.
    """
    old, new = srgb_to_linear(before), srgb_to_linear(after)
    share = mask.unsqueeze(-1)
    if clear is not None and float((clear > 0.5).float().mean()) > _CLEAR:
        mixed = linear_to_srgb((new * share + (1 - share)).clamp(0, 1))
        return torch.where(share >= 1, after, torch.where(share <= 0, torch.ones_like(after), mixed))
    changed = ((before != after).any(dim=-1, keepdim=True) & (share > 0)).expand_as(photo)
    mixed = linear_to_srgb((srgb_to_linear(photo) + (new - old) * share).clamp(0, 1)).clamp(0, 1)
    return torch.where(changed, mixed, photo)
