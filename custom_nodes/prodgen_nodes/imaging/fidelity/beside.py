"""Something foreign that comes from the picture's border up to the product, over a plain ground: a strap, a cable.

Around a product on a plain ground there is nothing but ground and shadow. What has another colour than the ground in
any shade, reaches from the border of the picture to the product's outline, and has the same ground on both of its
sides, lies there or hangs into the picture. Where the ground itself changes, a table before a wall, it does so on one
side. What lies below the product may be its reflection.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ..colorspace import linear_to_lab, srgb_to_linear
from ..filters import area_reduced, dilate, length
from ..tensors import Box, bounding_box
from .outline import Ground, ground_of, reach_of
from .whole import unlike_any_shade

_SIDE = 480
"""Pixels of the longer side looked at: a strap of three pixels in 640 is still two wide."""
_SEEN, _NOISE, _MOST_NOISE = 6.0, 4.0, 5.0
"""Difference in CIELAB from which something is no ground, in multiples of the ground's own; with more of that nothing
is said."""
_FOREIGN, _DARKEST = 8.0, 0.55
"""dE00 from the ground in any shade from which something is no shadow on it, and how dark a shadow may be, as the share
of its L* + 16: a sixth of its light. The drawn shadows leave a third."""
_EDGE, _NEAR = 3, 6
"""Pixels beside the product that its soft edge and JPEG tint, and within which something comes up to it."""
_AWAY, _LEAST_AWAY = 0.08, 10
"""How far from the product it reaches at least, of the product's longer side and in pixels: JPEG tints eight."""
_BORDER = 2
"""Pixels from the picture's border that count as at it."""
_CLEAN = 0.5
"""Share of the limit that clean ground may be off: where the ground itself changes it is off by the limit."""
_SIDES, _BOTH = (4, 9), 1.0
"""Pixels beside it where the ground is looked at, beyond what JPEG tints; and how long the clean ground there is on
both sides together, of its own length: with .75 pieces of a horizon count in 2 of 135 good drawn scenes, with this
in 1, and 2 of 102 straps less are found."""
_MOST = 0.25
"""Of the ground: what covers more of it is a scene."""


@dataclass(frozen=True)
class Beside:
    """Something foreign, `at` (x, y) of the picture where it comes up to the product, in its `box`."""

    at: tuple[float, float]
    box: Box


def find_beside(scene: Tensor, cover: Tensor) -> Beside | None:
    """The largest such thing in sRGB `scene` `[H,W,3]` with the product where `cover` `[H,W]` says; None for none."""
    factor = max(1, round(max(cover.shape) / _SIDE))
    linear = area_reduced(srgb_to_linear(scene).permute(2, 0, 1), factor)
    product = area_reduced(cover[None], factor)[0] > 0.02
    box = bounding_box(product.to(linear))
    reach, around = reach_of(box), ~dilate(product, _EDGE)
    far = ~dilate(product, reach)
    if float(far.float().mean()) < 0.01:
        return None
    lab = linear_to_lab(linear.permute(1, 2, 0))
    ground, off = _ground(linear, lab, far, far, reach)
    off_limits = dilate(off > _limit(ground), 2) & far
    if float(off_limits.sum()) > _MOST * float(far.sum()):
        return None
    ground, off = _ground(linear, lab, far & ~off_limits, far, reach)
    if ground.noise > _MOST_NOISE:
        return None
    limit = _limit(ground)
    foreign = _foreign(lab, ground, (off > limit) & around)
    if not bool(foreign.any()) or float(foreign.sum()) > _MOST * float(around.sum()):
        return None
    return _coming(foreign, product, off, limit, factor, box)


def _limit(ground: Ground) -> float:
    return max(_SEEN, _NOISE * ground.noise)


def _ground(linear: Tensor, lab: Tensor, clear: Tensor, far: Tensor, reach: int) -> tuple[Ground, Tensor]:
    """The ground as it shows where it is `clear`, and how far `lab` `[h,w,3]` is off it everywhere."""
    ground = ground_of(linear, clear if bool(clear.any()) else far, reach)
    return ground, length(lab - _everywhere(ground, lab), -1)


def _everywhere(ground: Ground, lab: Tensor) -> Tensor:
    rows, columns = (torch.arange(side, device=lab.device) for side in lab.shape[:2])
    return ground.at(*torch.meshgrid(rows, columns, indexing="ij"))


def _foreign(lab: Tensor, ground: Ground, some: Tensor) -> Tensor:
    """Which of the pixels `some` `[h,w]` are neither ground nor its shadow."""
    rows, columns = torch.nonzero(some, as_tuple=True)
    color, plain = lab[rows, columns], ground.at(rows, columns)
    dark = (color[:, 0] + 16) / (plain[:, 0] + 16) < _DARKEST
    foreign = torch.zeros_like(some)
    foreign[rows, columns] = dark | (unlike_any_shade(color, plain) > max(_FOREIGN, _limit(ground)))
    return foreign


def _coming(foreign: Tensor, product: Tensor, off: Tensor, limit: float, factor: int, box: Box) -> Beside | None:
    """The largest part of `foreign` `[h,w]` that comes from the border to the `product` `[h,w]`."""
    border = torch.ones_like(foreign)
    border[_BORDER:-_BORDER, _BORDER:-_BORDER] = False
    away = max(_LEAST_AWAY, round(_AWAY * max(box.width, box.height)))
    near, apart = dilate(product, _NEAR), ~dilate(product, away)
    free = ~dilate(product, _LEAST_AWAY)
    labels, count = ndimage.label(dilate(foreign, 1).cpu().numpy(), np.ones((3, 3)))
    parts = torch.from_numpy(labels).to(foreign.device)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    for number in np.argsort(-sizes) + 1:
        own = (parts == int(number)) & foreign
        if not all(bool((own & place).any()) for place in (border, near, apart)):
            continue
        clean = dilate(own, _SIDES[1]) & ~dilate(foreign, _SIDES[0]) & free & (off < _CLEAN * limit)
        rows, columns = torch.nonzero(own, as_tuple=True)
        below = box.left <= float(columns.float().median()) < box.right and float(rows.float().median()) > box.bottom
        whole = bounding_box(own.to(off))
        if below or float(clean.sum()) < _BOTH * (_SIDES[1] - _SIDES[0]) * max(whole.width, whole.height):
            continue
        y, x = (float(one.float().mean()) * factor for one in torch.nonzero(own & near, as_tuple=True))
        return Beside((x, y), Box(*(factor * side for side in (whole.left, whole.top, whole.right, whole.bottom))))
    return None
