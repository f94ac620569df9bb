"""What a picture lacks of a product: its plain ground shows where the product should be, on to the outline.

The comparison of a relit product follows the light from place to place. So it takes the ground in a missing piece of
something grey for light on it. Here only one light is allowed for the whole product.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from torch import Tensor

from ..colorspace import delta_e00, linear_to_lab, srgb_to_lab, srgb_to_linear
from ..fidelity.findings import Finding
from ..fidelity.places import place_of
from ..filters import dilate, opened
from ..tensors import Box, bounding_box
from .studio import Studio

_GROUND, _OTHER = 3.5, 14.0
"""dE00 to the ground up to which it is the ground; and that the product must have to it there."""
_THICK, _LEAST = 0.008, 0.004
"""What is thinner, of the product's longer side, is an edge; and the least share of its area that is a piece."""


def lost(picture: Tensor, wanted: Tensor, cover: Tensor, light: float, studio: Studio) -> list[Finding]:
    """Pieces of the product at `cover` `[H,W]` that sRGB `picture` `[H,W,3]` lacks, which `wanted` `[H,W,3]` has; that
    in `light` times the photo's. Largest first."""
    product = bounding_box(cover)
    side, area = max(product.width, product.height), float((cover > 0.5).sum())
    body = cover > 0.98
    ground = studio.at(body)
    here = srgb_to_lab(picture[body])
    there = linear_to_lab((srgb_to_linear(wanted[body]) * light).clamp(0.0, 1.0))
    gone = body.new_zeros(body.shape)
    noise = studio.ground.noise
    gone[body] = (delta_e00(here, ground) < _GROUND + noise) & (delta_e00(there, ground) > _OTHER + noise)
    gone = opened(gone, max(1, round(_THICK * side)))
    labels, count = ndimage.label(gone.cpu().numpy(), np.ones((3, 3)))
    rim = dilate(~body, 3).cpu().numpy()
    found: list[tuple[float, Finding]] = []
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels, count), start=1):
        own = labels[rows, columns] == number
        share = float(own.sum()) / area
        if share < _LEAST or not bool((rim[rows, columns] & own).any()):
            continue
        box = Box(columns.start, rows.start, columns.stop, rows.stop)
        place = place_of((box.left + box.right) / 2, (box.top + box.bottom) / 2, product)
        text = f"{place}: a piece of its outline is missing there, the ground shows ({share:.1%} of it)"
        found.append((share, Finding("missing", text, box, place)))
    return [one for _, one in sorted(found, key=lambda one: -one[0])]
