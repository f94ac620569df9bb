"""What is on the product's outline in a picture and not in its photo: an invented part, or a thing beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ..colorspace import delta_e00, srgb_to_lab
from ..fidelity.places import place_of
from ..fidelity.whole import unlike_any_shade
from ..filters import dilate, gaussian_blur, opened
from ..tensors import Box, bounding_box
from .studio import Studio

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

_SAME = 8.0
"""dE00 of smooth colours up to which the picture shows what the photo does."""


@dataclass(frozen=True)
class Addition:
    """Something on the outline at a `place` of the product, with its `box` in the picture and `share` of its area."""

    place: str
    box: Box
    share: float


def additions(
    picture: Tensor, seen: Tensor, cover: Tensor, shown: tuple[Tensor, Tensor], studio: Studio | None
) -> tuple[list[Addition], Tensor]:
    """What is on the outline of the product's `cover` `[H,W]` in sRGB `picture` `[H,W,3]` and not in its photo, largest
    first; and the mask of it. A shadow is none.

    It is what the own cut-out `seen` `[H,W]` has beyond the product, and on the plain ground of a `studio` whatever is
    no ground. `shown` is the picture with the whole photo laid over it at the product's place `[H,W,3]`, and where that
    is `[H,W]`.
    """
    product = bounding_box(cover)
    side, area = max(product.width, product.height), float((cover > 0.5).sum())
    reach = max(3, round(_BEYOND * side))
    away = ~dilate(cover > 0.02, reach)
    beyond = (seen > 0.6) & away
    if bool(beyond.any()):
        beyond[beyond.clone()] = ~_shaded(picture, beyond, dilate(seen > 0.02, reach) | (cover > 0.02))
    if studio is not None:
        foreign = studio.foreign(picture, away)
        foreign[product.bottom - reach :] = False  # what mirrors the product in a glossy ground
        beyond |= foreign
    if bool(beyond.any()):
        beyond[beyond.clone()] = ~_in_photo(picture, shown, beyond)
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


def _in_photo(picture: Tensor, shown: tuple[Tensor, Tensor], beyond: Tensor) -> Tensor:
    """Which of the pixels `beyond` the photo shows, too, `[n]`: there the picture is the photo's own, in some light."""
    smooth = gaussian_blur(torch.stack((picture, shown[0])).movedim(-1, 1), 2.0).movedim(1, -1)
    here, there = (srgb_to_lab(plane[beyond]) for plane in smooth)
    return (shown[1][beyond] > 0.5) & (delta_e00(here, there) < _SAME)


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
