"""How a product was drawn out: with a width and a height of its own in a picture where it was found without."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..placement import Affine
from .patches import make_patches
from .refine import Frame, stretching_step
from .views import level_count, scene_view, template_view, work_factor

_HALF, _COARSE_HALF = 6, 5
"""Half the side of a window in pixels, as in `register`."""
_REACH, _FINE_REACH = 5, 3
"""How far is looked, in pixels, at the coarsest level and the finer ones: there a product is 44 to 88 pixels long, and
one that is 15 % longer ends 3 to 7 pixels farther out."""
_ROUNDS = 4
"""At each level; the third still moves a jar's edges by a tenth of a pixel, the fourth does not."""


def stretch_of(picture: Tensor, product: Tensor, mask: Tensor, given: Affine) -> Affine:
    """Where `product` `[h,w,3]` with `mask` `[h,w]` (1 = product) is in `picture` `[H,W,3]`, near `given`, where width
    and height may have changed by a fifth, each by itself."""
    rows, columns = torch.nonzero(mask.amax(dim=1) > 0.5), torch.nonzero(mask.amax(dim=0) > 0.5)
    width, height = (float(ends[-1] - ends[0] + 1) for ends in (columns, rows))
    long_side = max(width * math.hypot(given.a, given.c), height * math.hypot(given.b, given.d))
    factor = work_factor(long_side)
    levels = level_count(long_side / factor)
    down = Affine.scale_translate(1 / factor, 0.0, 0.0)
    scene, template = scene_view(picture, None, factor, levels), template_view(product, mask, down.after(given), levels)
    frame = Frame(template.center, template.radius)
    motion = Affine.scale_translate(1.0, 0.0, 0.0)
    for level in range(levels - 1, -1, -1):
        patches = make_patches(template, level, _COARSE_HALF if level == levels - 1 else _HALF)
        if not len(patches):
            break
        for _ in range(_ROUNDS):
            motion = stretching_step(patches, scene, motion, frame, _REACH if level == levels - 1 else _FINE_REACH)
    up = Affine.scale_translate(float(factor), 0.0, 0.0)
    return up.after(motion).after(down).after(given)
