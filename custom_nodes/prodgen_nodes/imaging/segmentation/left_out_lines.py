"""Thin dark or light lines in a product's openings that were left out: spokes of a wheel, strings of a racket.

A cut-out that loses every third spoke looks broken, and none of its pixels says so: each alone is as good as backdrop.
But the picture shows a line there, long and a few pixels wide, that the matte has nothing of. A shadow that is seen
through an opening is broader.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ..filters import dilate, square_max
from .regions import Regions

_OPEN = 0.02
"""The least share of the product that its openings have to be looked into."""
_HALF, _BESIDE = 2, 3
"""Half the width of a line at most; and pixels beside the matte that are its own edge."""
_NOISES, _STEP = 5.0, 8 / 255
"""The least contrast (sRGB) of a line, also in standard deviations of the noise."""
_LONG = 14
"""Pixels that a line is long at least: noise and a JPEG's ringing make none so long."""
_CLEAR = 0.02
"""Alpha up to which nothing is seen."""


def left_out_lines(srgb: Tensor, alpha: Tensor, noise: float) -> float:
    """How much of the product's area the lines have that the matte `alpha` `[h,w]` left out of its openings, in the
    picture `[h,w,3]` whose backdrop has this much `noise` (1 sigma)."""
    product = alpha > 0.5
    size, openings = max(1.0, float(product.float().sum())), Regions(~product)
    inner = ~openings.on_frame()
    if float(openings.area[inner].sum()) < _OPEN * size:
        return 0.0
    where = openings.chosen(inner)
    rows, columns = (torch.nonzero(where.any(dim=dim)).flatten() for dim in (1, 0))
    part = (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
    light, where = srgb[part].mean(dim=-1), where[part] & ~dilate(alpha[part] > _CLEAR, _BESIDE)
    least, found = max(_NOISES * noise, _STEP), 0
    for sign in (1.0, -1.0):
        shade = sign * light
        lines = (shade - _without_lines(shade) > least) & where
        labels, _ = ndimage.label(lines.cpu().numpy(), np.ones((3, 3)))
        for number, box in enumerate(ndimage.find_objects(labels), 1):
            if max(side.stop - side.start for side in box) >= _LONG:
                found += int((labels[box] == number).sum())
    return found / size


def _without_lines(shade: Tensor) -> Tensor:
    """A plane `[h,w]` without what is lighter than its surroundings and thinner than a line may be."""
    return square_max(-square_max(-shade, _HALF), _HALF)
