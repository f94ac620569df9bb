"""Where a product goes on a canvas: from its bounding box and a pose to the placement record.

The poses, all in fractions of the canvas (x from the left, y from the top). The anchor is the point of the product's
bounding box that is put at the given point of the canvas; `room` is the largest share of either canvas side that the
pose's fill may take before it is reduced, `margin` the border that an unshifted product keeps where it can.

| pose             | fill | product anchor | at x, y    | room | margin | for                                        |
|------------------|------|----------------|------------|------|--------|--------------------------------------------|
| centered         | 0.80 | centre         | 0.50, 0.50 | 0.94 | 0.03   | plain product pictures                     |
| on_surface       | 0.60 | bottom centre  | 0.50, 0.80 | 0.94 | 0.05   | standing on a table or floor, shadow below |
| held_beside_hips | 0.36 | top centre     | 0.66, 0.54 | 0.60 | 0.03   | one hand, arm down, half-body shot         |
| held_in_front    | 0.44 | top centre     | 0.50, 0.48 | 0.70 | 0.03   | both hands before the body                 |
| held_in_hand     | 0.40 | centre         | 0.60, 0.50 | 0.42 | 0.03   | one hand around a thing without a handle   |
| held_by_legs     | 0.34 | top centre     | 0.62, 0.60 | 0.60 | 0.03   | long straps, full-body shot                |
| marketplace      | 0.86 | centre         | 0.50, 0.50 | 0.90 | 0.03   | white packshots (shops ask for 85-90 %)    |
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .errors import ParameterError, ShapeError
from .extent import product_box
from .placement import Affine, Placement
from .tensors import Box, check_mask, check_range, common_batch, item, same_size, split_alpha

MAX_SIDE = 16384
"""Pixels: ComfyUI's own limit of a picture's side."""
_SMALL_PHOTO = 256
"""A product of fewer pixels than this along its longest side is too small for any shop's picture."""
_SMALL_ON_CANVAS = 0.08
"""Below this share of the canvas' longer side nobody sees the product."""
_VISIBLE = 1e-4
"""Of the product: less is rounding at its edge, so neither a product that is there nor one that is cut off."""
_UPSCALED = 1.0005
"""An enlargement by half a pixel in a thousand is rounding of the canvas and no loss."""
_LIFE_SIZE = 0.01
"""A product whose longest side differs by less than this many pixels from the photo's keeps the photo's own pixels."""


@dataclass(frozen=True)
class Pose:
    """One row of the table above."""

    fill: float
    anchor: tuple[float, float]
    at: tuple[float, float]
    room: float
    margin: float


_CENTER, _TOP, _BOTTOM = (0.5, 0.5), (0.5, 0.0), (0.5, 1.0)
"""Points of a product's own box, as shares of it: where a pose holds on to it."""

POSES: dict[str, Pose] = {
    "centered": Pose(0.80, _CENTER, (0.50, 0.50), 0.94, 0.03),
    "on_surface": Pose(0.60, _BOTTOM, (0.50, 0.80), 0.94, 0.05),
    "held_beside_hips": Pose(0.36, _TOP, (0.66, 0.54), 0.60, 0.03),
    "held_in_front": Pose(0.44, _TOP, (0.50, 0.48), 0.70, 0.03),
    "held_in_hand": Pose(0.40, _CENTER, (0.60, 0.50), 0.42, 0.03),
    "held_by_legs": Pose(0.34, _TOP, (0.62, 0.60), 0.60, 0.03),
    "marketplace": Pose(0.86, _CENTER, (0.50, 0.50), 0.90, 0.03),
}


@dataclass(frozen=True)
class Fit:
    """How one product came to lie on its canvas, for the report."""

    box: Box
    canvas_box: tuple[float, float, float, float]
    scale: float
    fill: float
    limited: bool
    cropped: float
    small_photo: bool
    small_on_canvas: bool
    touches_frame: bool

    @property
    def upscaled(self) -> bool:
        return self.scale > _UPSCALED


def _scale(box: Box, width: int, height: int, fill: float, pose: Pose) -> tuple[float, bool]:
    """Product-to-canvas scale for `fill`, and whether the product's other side forced a smaller one."""
    wide = box.width >= box.height
    wanted = fill * width / box.width if wide else fill * height / box.height
    # On a canvas of another shape the shorter side may be the one that runs out of room (a square bag on a tall page).
    room = max(fill, pose.room)
    most = room * height / box.height if wide else room * width / box.width
    return min(wanted, most), most < wanted * (1 - 1e-9)


def _inside(low: float, size: float, canvas: int, margin: float) -> float:
    """`low` moved the least that keeps `low..low+size` within the margins; centred where it does not fit."""
    border = margin * canvas
    if size > canvas - 2 * border:
        return (canvas - size) / 2
    return min(max(low, border), canvas - border - size)


def _visible_share(alpha: Tensor, transform: Affine, width: int, height: int) -> float:
    """Share of the product's coverage that lies on the canvas; `alpha` `[H,W]`."""
    total = float(alpha.sum(dtype=torch.float64))

    def kept(offset: float, scale: float, canvas: int, count: int) -> tuple[int, int]:
        first, last = math.floor(-offset / scale + 0.5), math.floor((canvas - offset) / scale + 0.5)
        return min(max(0, first), count), max(0, min(count, last))

    top, bottom = kept(transform.ty, transform.d, height, alpha.shape[0])
    left, right = kept(transform.tx, transform.a, width, alpha.shape[1])
    if (top, left, bottom, right) == (0, 0, *alpha.shape):
        return 1.0
    return float(alpha[top:bottom, left:right].sum(dtype=torch.float64)) / max(total, 1e-9)


def _touches_frame(box: Box, height: int, width: int) -> bool:
    return box.left == 0 and box.top == 0 and box.right == width and box.bottom == height


def fit(
    alpha: Tensor,
    width: int,
    height: int,
    pose: str,
    fill: float,
    offset_x: float,
    offset_y: float,
    product: Tensor | None = None,
) -> tuple[Affine, Fit]:
    """Transform of one product, from its mask `[H,W]` (1 = product), and what to say about it."""
    preset = POSES[pose]
    box = product_box(alpha, product)
    scale, limited = _scale(box, width, height, fill or preset.fill, preset)
    own = abs(scale - 1) * max(box.width, box.height) < _LIFE_SIZE
    if own:
        scale = 1.0
    wide, tall = box.width * scale, box.height * scale
    left = _inside(preset.at[0] * width - preset.anchor[0] * wide, wide, width, preset.margin) + offset_x * width
    top = _inside(preset.at[1] * height - preset.anchor[1] * tall, tall, height, preset.margin) + offset_y * height
    if own:  # between whole pixels even a kernel that keeps the size takes a seventh of the sharpness
        left, top = float(math.floor(left + 0.5)), float(math.floor(top + 0.5))
    transform = Affine.scale_translate(scale, left - box.left * scale, top - box.top * scale)
    visible = _visible_share(alpha, transform, width, height)
    if visible < _VISIBLE:
        raise ParameterError(
            f"the product would lie wholly outside the {width}×{height} canvas: bring offset_x ({offset_x:g}) and "
            f"offset_y ({offset_y:g}) closer to 0."
        )
    cropped = 1 - visible if visible < 1 - _VISIBLE else 0.0
    longest = max(wide, tall)
    return transform, Fit(
        box=box,
        canvas_box=(left, top, left + wide, top + tall),
        scale=scale,
        fill=wide / width if box.width >= box.height else tall / height,
        limited=limited,
        cropped=cropped,
        small_photo=max(box.width, box.height) < _SMALL_PHOTO,
        small_on_canvas=longest < _SMALL_ON_CANVAS * max(width, height),
        touches_frame=_touches_frame(box, *alpha.shape),
    )


def pose_product(
    mask: Tensor,
    width: int,
    height: int,
    pose: str = "centered",
    fill: float = 0.0,
    offset_x: float = 0.0,
    offset_y: float = 0.0,
    product: Tensor | None = None,
) -> tuple[Placement, list[Fit]]:
    """Placement of each product of a batch on a canvas of `width` × `height` pixels.

    `mask` `[B,H,W]`, 1 = product; its bounding box counts, never the file's frame. `fill` 0..1 is the longest side of
    that box over the matching side of the canvas (0 = the pose's own); `offset_x`, `offset_y` shift by fractions of
    the canvas after the pose has been applied. Positions are sub-pixel. `product` `[B,H,W,C]`, where it is given, shows
    what of the mask is a black shadow. Raises EmptyMaskError for an empty mask, ShapeError for sizes that do not fit
    and ParameterError for a setting out of range or a product that would not be seen at all.
    """
    mask, rgb = check_mask(mask), None if product is None else split_alpha(product, "product")[0]
    if rgb is not None:
        same_size(product=rgb, mask=mask)
        common_batch(product=rgb, mask=mask)
    if pose not in POSES:
        raise ParameterError(f"pose is {pose!r}; choose one of: {', '.join(POSES)}.")
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise ShapeError(f"a canvas of {width}×{height} pixels cannot be made; each side is 1 to {MAX_SIDE}.")
    check_range(fill, 0.0, 1.0, "fill")
    check_range(offset_x, -2.0, 2.0, "offset_x")
    check_range(offset_y, -2.0, 2.0, "offset_y")
    fits = [
        fit(alpha, width, height, pose, fill, offset_x, offset_y, None if rgb is None else item(rgb, index))
        for index, alpha in enumerate(mask)
    ]
    placement = Placement(
        canvas_width=width,
        canvas_height=height,
        product_width=mask.shape[2],
        product_height=mask.shape[1],
        transforms=tuple(transform for transform, _ in fits),
        boxes=tuple(result.box for _, result in fits),
        pose=pose,
    )
    return placement, [result for _, result in fits]
