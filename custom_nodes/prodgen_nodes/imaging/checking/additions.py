"""What is on the product's outline in a picture and not in its photo: an invented part, or a thing beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from torch import Tensor

from ..colorspace import srgb_to_lab
from ..fidelity.places import place_of
from ..fidelity.whole import unlike_any_shade
from ..filters import dilate, opened
from ..tensors import Box, bounding_box

_BEYOND = 0.012
"""How far beyond its outline a picture's own cut-out may reach, of the product's longer side: soft edges, and the dark
line on which it stands."""
_THICK = 0.008
"""What is thinner, of the same, is a rim and no part."""
_LEAST = 0.004
"""The least share of the product's area that is a part."""
_SHADE, _DARKEST = 8.0, 0.55
"""dE00 from the ground in any shade up to which something is a shadow on it; and how dark that may be, as the share of
its L* + 16 (the cube root of its light)."""


@dataclass(frozen=True)
class Addition:
    """Something on the outline at a `place` of the product, with its `box` in the picture and `share` of its area."""

    place: str
    box: Box
    share: float


def additions(picture: Tensor, seen: Tensor, cover: Tensor) -> tuple[list[Addition], Tensor]:
    """What the own cut-out `seen` `[H,W]` of sRGB `picture` `[H,W,3]` has beyond the product's `cover` `[H,W]`, largest
    first; and the mask of it. A shadow is none."""
    product = bounding_box(cover)
    side, area = max(product.width, product.height), float((cover > 0.5).sum())
    reach = max(3, round(_BEYOND * side))
    beyond = (seen > 0.6) & ~dilate(cover > 0.02, reach)
    if bool(beyond.any()):
        beyond[beyond.clone()] = ~_shaded(picture, beyond, dilate(seen > 0.02, reach) | (cover > 0.02))
    beyond = opened(beyond, max(1, round(_THICK * side)))
    labels, count = ndimage.label(beyond.cpu().numpy(), np.ones((3, 3)))
    near = dilate(cover > 0.5, reach + max(2, reach // 2)).cpu().numpy()
    found, kept = [], np.zeros(labels.shape, dtype=bool)
    for number, part in enumerate(ndimage.find_objects(labels, count), start=1):
        own = labels[part] == number
        share = float(own.sum()) / area
        if share < _LEAST or not bool((near[part] & own).any()):
            continue
        rows, columns = part
        box = Box(columns.start, rows.start, columns.stop, rows.stop)
        place = place_of((box.left + box.right) / 2, (box.top + box.bottom) / 2, product)
        found.append(Addition(place, box, share))
        kept[part] |= own
    found.sort(key=lambda one: -one.share)
    return found, seen.new_tensor(kept)


def _shaded(picture: Tensor, beyond: Tensor, things: Tensor) -> Tensor:
    """Which of the pixels `beyond` are the ground in shadow, `[n]`; the ground is what is not among the `things`."""
    ground = picture[~things]
    if len(ground) == 0:
        return beyond.new_zeros(int(beyond.sum()))
    step = max(1, len(ground) // 20_000)
    color = srgb_to_lab(ground[::step]).median(dim=0, keepdim=True).values
    lab = srgb_to_lab(picture[beyond])
    share = (lab[:, 0] + 16) / (color[:, 0] + 16)
    return (unlike_any_shade(lab, color.expand_as(lab)) < _SHADE) & (share >= _DARKEST)
