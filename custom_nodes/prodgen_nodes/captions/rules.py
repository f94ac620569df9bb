"""What can be said of a photo without a language model: how much of the frame the product fills, where, on what."""

from __future__ import annotations

import torch
from torch import Tensor

from ..imaging.colorspace import srgb_to_lab
from ..imaging.product.palette import name_of
from ..imaging.tensors import bounding_box

_CLOSE, _FAR = 0.85, 0.4
"""Longest side of the product over the frame's matching side, from which it is a close-up, and up to which it is small
in the frame."""
_ASIDE = 0.12
"""Share of the frame by which its middle lies aside."""
_PLAIN = 9.0
"""Spread of a* b* and half of L* up to which a backdrop is plain: a horizon and a shadow stay below."""


def framing_words(image: Tensor, mask: Tensor) -> str:
    """Of `image` `[H,W,3]` sRGB and the product's `mask` `[H,W]`: `centered, on a plain light grey backdrop`."""
    height, width = mask.shape
    box = bounding_box(mask)
    fills = max(box.width / width, box.height / height)
    aside = (box.left + box.right) / 2 / width - 0.5
    cut = 0 in (box.left, box.top) or box.right == width or box.bottom == height
    if cut or fills > _CLOSE:
        view = "close-up"
    elif abs(aside) > _ASIDE:
        view = f"on the {'right' if aside > 0 else 'left'} of the frame"
    else:
        view = "centered"
    size = ", small in the frame" if fills < _FAR else ""
    return f"{view}{size}, {_backdrop(image, mask)}"


def _backdrop(image: Tensor, mask: Tensor) -> str:
    around = image[mask < 0.02]
    if len(around) < 16:
        return "filling the frame"
    lab = srgb_to_lab(around[:: max(1, len(around) // 20_000)])
    spread = lab.std(dim=0)
    name = name_of(lab.median(dim=0).values)
    plain = float(torch.hypot(spread[1], spread[2])) + 0.5 * float(spread[0]) < _PLAIN
    return f"on a plain {name} backdrop" if plain else f"in {name} surroundings"
