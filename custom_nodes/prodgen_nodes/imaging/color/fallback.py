"""Where a generated product cannot be relit at its place: the picture is moved back under the original, or painted.

A product that was generated beside its place, or a little larger, is found again and moved back together with what is
around it, less and less with the distance, so that its shadow stays with it and nothing shows twice. What cannot be
moved is covered by the original; then whatever still shows of the generated product along the outline is replaced by
what lies beyond it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from ..colorspace import linear_to_srgb, srgb_to_linear
from ..errors import NotRegisteredError
from ..filters import dilate, gaussian_blur, smoothstep
from ..placement import Affine, Placement
from ..registration import register_product, stretch_of
from ..tensors import bounding_box
from .beside import FARTHEST, carried_on, farthest_step, joined, strange_to
from .statistics import Statistics

IN_PLACE = 0.25
"""Outlines that correlate so well belong to the same product at the same place."""
_ROUGHLY = 0.02
"""Share of the longer side by which a silhouette may be off: its last steps are 1.5 % and 0.75 degrees."""
_GRID = 400
"""The displacement is drawn at about this size: it is smooth."""
_ROOM, _SPREAD = 0.12, 4.0
"""The move fades over this share of the product, and over so many times its own length: nothing folds or tears."""
_NEVER = 1.0
"""A product whose corners moved less than this many pixels is in place."""
_DRAWN = 0.008
"""Share of the longer side by which an end has to stick out: one drawn out by 2 % about its middle has 0.01."""
_ZOOM, _TURN = 0.3, 10.0
"""How much larger or smaller, as a share, and by how many degrees turned it may have become to be looked for at all."""
_RIM, _UNKNOWN = 0.012, 0.05
"""How far beyond the outline is looked for the generated product, of its longer side: where it lies in place, and where
it was not found."""
_COLOURS = 14.0
"""1 sigma of a* and b* together over a product from which it has several colours."""


@dataclass(frozen=True)
class Moved:
    """The picture `[H,W,3]` with its product back in place, and how far its farthest corner was moved, x and y."""

    image: Tensor
    by: tuple[float, float]


def move_back(image: Tensor, original: Tensor, mask: Tensor) -> Moved | None:
    """sRGB `image` `[H,W,3]` with the product of `original` (at `mask` `[H,W]`) moved back to where that has it.

    None where its texture is not found, lies in its place or has moved by more than `FARTHEST`.
    """
    height, width = mask.shape
    box = bounding_box(mask)
    identity = Affine.scale_translate(1.0, 0.0, 0.0)
    place = Placement(width, height, width, height, (identity,), (box,))
    size = max(box.width, box.height)
    reach = min(0.5, FARTHEST * size / max(width, height))
    try:
        registration = register_product(
            image[None], original[None], mask[None], place, max_shift=reach, max_scale=_ZOOM, max_rotation=_TURN
        )
    except NotRegisteredError:
        return None
    return moved_back_by(registration.placement.transform(0), image, mask)


def drawn_back(image: Tensor, original: Tensor, mask: Tensor) -> Moved | None:
    """The same for a product in its place that was drawn out, with a width and a height of its own."""
    motion = stretch_of(image, original, mask, Affine.scale_translate(1.0, 0.0, 0.0))
    box = bounding_box(mask)
    if math.hypot(*farthest_step(motion, box)) < _DRAWN * max(box.width, box.height):
        return None
    return moved_back_by(motion, image, mask)


def moved_back_by(motion: Affine, image: Tensor, mask: Tensor) -> Moved | None:
    """The same where it is known that `motion` maps the product in place to where `image` shows it."""
    box = bounding_box(mask)
    size = max(box.width, box.height)
    farthest = farthest_step(motion, box)
    length = math.hypot(*farthest)
    if not _NEVER <= length <= FARTHEST * size:
        return None
    return Moved(_warped(image, mask, motion, max(_ROOM * size, _SPREAD * length, 8.0)), (-farthest[0], -farthest[1]))


def _warped(image: Tensor, mask: Tensor, motion: Affine, room: float) -> Tensor:
    """`image` `[H,W,3]` read at `motion` of each pixel on the product, and less and less so up to `room` around it."""
    height, width = mask.shape
    weight = _share_moved(mask, room)
    area = bounding_box(weight, 0.0)
    rows, columns = slice(area.top, area.bottom), slice(area.left, area.right)
    y, x = torch.meshgrid(
        torch.arange(area.top, area.bottom, device=image.device, dtype=torch.float32) + 0.5,
        torch.arange(area.left, area.right, device=image.device, dtype=torch.float32) + 0.5,
        indexing="ij",
    )
    share = weight[rows, columns]
    from_x = x + share * ((motion.a - 1) * x + motion.b * y + motion.tx)
    from_y = y + share * (motion.c * x + (motion.d - 1) * y + motion.ty)
    grid = torch.stack((2 * from_x / width - 1, 2 * from_y / height - 1), dim=-1)[None]
    planes = image.permute(2, 0, 1)[None]
    read = F.grid_sample(planes, grid, mode="bicubic", padding_mode="border", align_corners=False)[0]
    out = image.clone()
    out[rows, columns] = torch.where(share[..., None] > 0, read.permute(1, 2, 0).clamp(0.0, 1.0), image[rows, columns])
    return out


def _share_moved(mask: Tensor, room: float) -> Tensor:
    """1 on the product and right beside it, falling smoothly to 0 at `room` pixels from it `[H,W]`."""
    factor = max(1, round(max(mask.shape) / _GRID))
    small = F.max_pool2d(mask[None, None], factor, ceil_mode=True)[0, 0] > 0.02
    distance = ndimage.distance_transform_edt(~small.cpu().numpy()).astype(np.float32) * factor
    fade = smoothstep(1.15 * (1 - torch.from_numpy(distance).to(mask) / room))[None, None]
    if factor > 1:
        fade = F.interpolate(fade, scale_factor=factor, mode="bilinear", align_corners=False)
    return fade[0, 0, : mask.shape[0], : mask.shape[1]]


def paint_surroundings(image: Tensor, mask: Tensor, away: float | None) -> tuple[Tensor, float]:
    """sRGB `image` `[H,W,3]` with what is left of a generated product beside `mask` `[H,W]` replaced by what lies
    beyond it, and the share of the product's area that was replaced.

    `away`: how many pixels the generated product lies beside its place; 0 where only a rim of it can show, None where
    that is not known. Backdrop and shadows stay.
    """
    box = bounding_box(mask, 0.02)
    size = max(box.width, box.height)
    reach = max(3, round(_UNKNOWN * size if away is None else max(_RIM * size, 1.2 * away)))
    margin = 4 * reach
    rows = slice(max(0, box.top - margin), box.bottom + margin)
    columns = slice(max(0, box.left - margin), box.right + margin)
    part, cover = srgb_to_linear(image[rows, columns]), mask[rows, columns]
    near = dilate(cover > 0.02, reach)
    far = ~near
    if not bool(far.any()):
        return image, 0.0
    beyond = carried_on(part, far, reach)
    ghost = _left_over(part, beyond, cover, near, reach)
    share = float(ghost.sum() / cover.sum().clamp(min=1.0))
    if share <= 0:
        return image, 0.0
    weight = gaussian_blur(dilate(ghost, 1)[None], max(1.0, 0.2 * reach))[0].mul_(near)
    weight = torch.maximum(weight, ghost)[..., None]
    out = image.clone()
    mixed = linear_to_srgb(torch.lerp(part, beyond, weight))
    out[rows, columns] = torch.where(weight > 0, mixed, image[rows, columns])
    return out, share


def _left_over(linear: Tensor, beyond: Tensor, cover: Tensor, near: Tensor, reach: int) -> Tensor:
    """1 where `linear` `[h,w,3]` near the product is neither what lies `beyond` nor a shadow on it `[h,w]`."""
    _, strange = strange_to(beyond, linear, near, 2 * reach)
    # Only what continues the product is a rest of it.
    return joined(strange & (cover < 0.98), dilate(cover > 0.02, 2)).to(linear)


def how_far(report: dict[str, Any], in_place: bool) -> float | None:
    """How many pixels beside its place a product lies that was not moved back, by the `report` of `relight_original`;
    None where that is not known."""
    if in_place:
        return 0.0
    return None if report["outline_correlation"] < IN_PLACE else max(map(abs, report["offset_px"]))


def left_by(mask: Tensor, by_silhouette: bool) -> float:
    """How many pixels a product that was moved back may still lie beside `mask` `[H,W]`."""
    box = bounding_box(mask, 0.02)
    return _ROUGHLY * max(box.width, box.height) if by_silhouette else 0.0


def colour_warning(method: str, target: Statistics) -> str | None:
    """What to say of a method that carries mean and deviation over to a product of several colours."""
    spread = float(target.covariance.diagonal()[1:].sum().clamp(min=0.0).sqrt())
    if method == "lab_histogram" or spread < _COLOURS:
        return None
    return (
        f"the product has several colours (they spread by {spread:.0f} in a* and b*) and {method} moves all of them "
        "alike: look for a colour cast on its smaller parts, or use relight_original"
    )
