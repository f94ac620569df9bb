"""What is on the product's outline in a picture and not in its photo: an invented part, or a thing beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from torch import Tensor

from ..fidelity.places import place_of
from ..filters import dilate, opened
from ..tensors import Box, bounding_box

_BEYOND = 0.012
"""How far beyond its outline a picture's own cut-out may reach, of the product's longer side: soft edges, and the dark
line on which it stands."""
_THICK = 0.008
"""What is thinner, of the same, is a rim and no part."""
_LEAST = 0.004
"""The least share of the product's area that is a part."""


@dataclass(frozen=True)
class Addition:
    """Something on the outline at a `place` of the product, with its `box` in the picture and `share` of its area."""

    place: str
    box: Box
    share: float


def additions(seen: Tensor, cover: Tensor) -> tuple[list[Addition], Tensor]:
    """What the picture's own cut-out `seen` `[H,W]` has beyond the product's `cover` `[H,W]`, largest first; and the
    mask of it."""
    product = bounding_box(cover)
    side, area = max(product.width, product.height), float((cover > 0.5).sum())
    reach = max(3, round(_BEYOND * side))
    beyond = (seen > 0.6) & ~dilate(cover > 0.02, reach)
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
