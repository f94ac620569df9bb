"""A picture that somebody else made, as the check of a shop's rules takes it: its own ground, shadow and edge."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..imaging.filters import dilate
from . import encode
from .channels import Channel
from .encode import Encoded
from .finish import Finished
from .inspection import inspect_picture
from .rule import Rule

_RING = 0.012
"""Around the product, of its picture's shorter side, and at least 9 pixels: what JPEG's blocks ring over."""
_LEAST_RING = 9
_EDGE = 0.01
"""Cover of that ring: too little to be product, enough not to be background."""
_NEUTRAL = 8
"""Levels by which the channels of a shadow on white may differ."""
_SHADOW_REACH = 0.12
"""How far from the product a shadow is one, of the picture's longer side."""


def inspect_elsewhere(
    picture: Tensor, cover: Tensor, channel: Channel, missing: tuple[str, ...] = (), unchecked: str | None = None
) -> list[Rule]:
    """The rules of `channel` on `picture` `[H,W,3]` sRGB whose product is where `cover` `[H,W]` (1 = product) says.

    `missing` and `unchecked` as in `Finished`.
    """
    height, width = cover.shape
    ring = max(_LEAST_RING, round(_RING * min(height, width)))
    around = dilate(cover > 0.02, ring)
    mask = torch.maximum(cover, _EDGE * around.to(cover))
    pixels = encode.to_bytes(picture)
    shadow = _shadow(pixels, dilate(cover > 0.02, round(_SHADOW_REACH * max(height, width))))
    nothing = Encoded(b"")
    done = Finished(
        pixels,
        mask.cpu().numpy().astype(np.float32),
        shadow if channel.allows_shadow else None,
        nothing,
        nothing,
        missing=missing,
        unchecked=unchecked,
    )
    return inspect_picture(done, channel)


def _shadow(pixels: NDArray[np.uint8], near: Tensor) -> NDArray[np.float32]:
    """How dark the neutral pixels `near` `[H,W]` the product are, 0..1."""
    values = pixels.astype(np.int16)
    neutral = values.max(axis=-1) - values.min(axis=-1) <= _NEUTRAL
    dark: NDArray[np.float32] = ((1.0 - values.mean(axis=-1) / 255.0) * neutral * near.cpu().numpy()).astype(np.float32)
    return dark
