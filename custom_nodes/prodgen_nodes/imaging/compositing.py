"""The product over a background: one way of mixing, for placing on a plain canvas and for pasting back into a scene.

The product is resampled premultiplied in linear light and mixed there; whatever it does not cover keeps its very bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .colorspace import linear_to_srgb, srgb_to_linear
from .errors import ParameterError, ShapeError
from .filters import erode
from .placement import Affine, Placement
from .resample import place, placed_bands
from .tensors import (
    Box,
    bounding_box,
    check_image,
    check_mask,
    check_range,
    common_batch,
    expand_batch,
    item,
    same_size,
    split_alpha,
)

_FEATHER_STEPS = 24
"""Wider feathers are measured on a reduced mask, so that their cost stays bounded."""
MAX_FEATHER = 1024.0


def _whole_shift(transform: Affine) -> bool:
    """Whether the product's pixels fall exactly on canvas pixels."""
    return (
        transform.is_separable
        and transform.a == transform.d == 1.0
        and transform.tx.is_integer()
        and transform.ty.is_integer()
    )


def _mix_edge(scene: Tensor, color: Tensor, alpha: Tensor) -> Tensor:
    """Premultiplied linear `color` `[n,3]` over sRGB scene pixels `[n,C]` (C of 3, or 4 with alpha), as sRGB."""
    rest = (1 - alpha).unsqueeze(-1)
    below = srgb_to_linear(scene[:, :3])
    if scene.shape[1] == 3:
        return linear_to_srgb(color + below * rest)
    opacity = scene[:, 3:].clamp(0.0, 1.0) * rest
    total = alpha.unsqueeze(-1) + opacity
    return torch.cat((linear_to_srgb((color + below * opacity) / total.clamp(min=1e-6)), total), dim=-1)


def lay_over(canvas: Tensor, rgb: Tensor, alpha: Tensor, transform: Affine, weight: Tensor | None = None) -> Tensor:
    """Lay one product over `canvas`, which is the caller's own copy and is changed; returns what was laid `[H,W]`.

    `canvas` `[H,W,C]` sRGB (C of 3, or 4 with straight alpha), `rgb` `[h,w,3]` sRGB and `alpha` `[h,w]` in the
    product's own pixels, `weight` `[H,W]` multiplies the coverage on the canvas (0 = the canvas wins). Canvas pixels
    that the product does not touch keep their bits; wholly covered ones under a whole-pixel shift get the product's.
    """
    laid = canvas.new_zeros(canvas.shape[:2])
    exact = _whole_shift(transform)
    for patch in placed_bands(rgb, alpha, transform, canvas.shape[1], canvas.shape[0]):
        color, cover = patch.pixels[..., :3], patch.pixels[..., 3]
        if weight is not None:
            share = weight[patch.rows, patch.columns]
            color, cover = color * share.unsqueeze(-1), cover * share
        laid[patch.rows, patch.columns] = cover
        target = canvas[patch.rows, patch.columns]
        whole = cover >= 1
        if exact:
            top, left = patch.top - int(transform.ty), patch.left - int(transform.tx)
            fresh = _window(rgb, top, left, *cover.shape)
        else:
            fresh = linear_to_srgb(color)
        edge = torch.nonzero((cover > 0) & ~whole, as_tuple=True)
        mixed = _mix_edge(target[edge], color[edge], cover[edge])
        target[..., :3] = torch.where(whole.unsqueeze(-1), fresh, target[..., :3])
        if target.shape[-1] == 4:
            target[..., 3].masked_fill_(whole, 1.0)
        target[edge] = mixed
    return laid


def _window(rgb: Tensor, top: int, left: int, height: int, width: int) -> Tensor:
    """`height` × `width` pixels of `rgb` from (`top`, `left`), which may lie beyond its borders (zeros there)."""
    bottom, right = top + height - rgb.shape[0], left + width - rgb.shape[1]
    inner = rgb[max(top, 0) : top + height, max(left, 0) : left + width]
    if max(-top, -left, bottom, right) <= 0:
        return inner
    return F.pad(inner, (0, 0, max(-left, 0), max(right, 0), max(-top, 0), max(bottom, 0)))


def place_on_background(
    product: Tensor, mask: Tensor, placement: Placement, background: tuple[float, float, float]
) -> tuple[Tensor, Tensor]:
    """Products on a plain canvas: picture `[B,H,W,3]` sRGB and the placed mask `[B,H,W]`.

    `product` `[B,h,w,C]` sRGB, `mask` `[B,h,w]`, both at the size that `placement` was made for; `background` sRGB
    0..1 is exactly that colour wherever no product is. Raises ShapeError where sizes or batches do not fit.
    """
    rgb, _ = split_alpha(product, "product")
    mask = check_mask(mask)
    same_size(product=rgb, mask=mask)
    batch = _batch(placement, product=rgb, mask=mask)
    size = (placement.canvas_height, placement.canvas_width)
    image = rgb.new_tensor(background).expand(batch, *size, 3).contiguous()
    placed = rgb.new_empty((batch, *size))
    for index in range(batch):
        placed[index] = lay_over(image[index], item(rgb, index), item(mask, index), placement.transform(index))
    return image, placed


def _batch(placement: Placement, **tensors: Tensor) -> int:
    batch = common_batch(**tensors)
    if len(placement) != 1 and batch not in (1, len(placement)):
        shapes = ", ".join(f"{name} {tuple(tensor.shape)}" for name, tensor in tensors.items())
        raise ShapeError(
            f"the placement holds {len(placement)} positions but the pictures come in a batch of {batch} ({shapes}); "
            "take product, mask and placement from the same 'Place Product' node."
        )
    return max(batch, len(placement))


@dataclass(frozen=True)
class Pasted:
    """Scenes with the product pasted `[B,H,W,C]`, what was pasted `[B,H,W]`, and the transforms that were used."""

    image: Tensor
    mask: Tensor
    transforms: tuple[Affine, ...]
    canvas_factor: float
    """1, or how much larger the scene is than the canvas the placement was made for."""


def rescaled(placement: Placement, width: int, height: int) -> tuple[Placement, float]:
    """`placement` for a scene of another size but the same shape, and the factor; ShapeError for another shape."""
    was = (placement.canvas_width, placement.canvas_height)
    if (width, height) == was:
        return placement, 1.0
    sx, sy = width / was[0], height / was[1]
    # The same shape once sides have been rounded to whole pixels: 1 px on either side explains the difference.
    if min(abs(width - was[0] * sy), abs(height - was[1] * sx)) > 1.0:
        raise ShapeError(
            f"the scene is {width}×{height} pixels but the placement was made on a {was[0]}×{was[1]} canvas of another "
            "shape: use the scene that was generated from that canvas, or resize it back first."
        )
    stretch = Affine(sx, 0.0, 0.0, 0.0, sy, 0.0)
    moved = Placement(
        canvas_width=width,
        canvas_height=height,
        product_width=placement.product_width,
        product_height=placement.product_height,
        transforms=tuple(stretch.after(transform) for transform in placement.transforms),
        boxes=placement.boxes,
        pose=placement.pose,
    )
    return moved, (sx * sy) ** 0.5


def check_product_size(placement: Placement, product: Tensor) -> None:
    """Raise ShapeError unless `product` `[B,h,w,...]` has the size that `placement` was made for."""
    if (product.shape[2], product.shape[1]) != (placement.product_width, placement.product_height):
        raise ShapeError(
            f"product {tuple(product.shape)} is {product.shape[2]}×{product.shape[1]} pixels but the placement was "
            f"made for a product photo of {placement.product_width}×{placement.product_height}: connect the same "
            "picture and mask that went into 'Place Product', at full resolution."
        )


def _in_place(scene: Tensor, product: Tensor, mask: Tensor) -> Placement:
    """The placement of a product that already has the scene's size: where it is."""
    if product.shape[1:3] != scene.shape[1:3]:
        raise ShapeError(
            f"product {tuple(product.shape)} does not have the size of the scene {tuple(scene.shape)}; connect the "
            "placement of 'Place Product', which says where it belongs."
        )
    height, width = scene.shape[1:3]
    boxes = tuple(bounding_box(one) for one in mask)
    identity = Affine.scale_translate(1.0, 0.0, 0.0)
    return Placement(width, height, width, height, (identity,) * len(boxes), boxes)


def inward_feather(alpha: Tensor, feather: float) -> Tensor:
    """Weights `[H,W]` that rise from 0 at the outline of `alpha` `[H,W]` to 1 at `feather` pixels inside.

    Never reaches outwards; the picture's own border is no outline. A strap thinner than the feather keeps its full
    weight along its middle instead of fading away as a whole.
    """
    factor = max(1, round(feather / _FEATHER_STEPS))
    small = alpha[None, None]
    if factor > 1:
        small = F.avg_pool2d(small, factor, ceil_mode=True, count_include_pad=False)
    steps = max(1, round(feather / factor))
    layer = small[0]
    # Summed erosions count how many steps lie between a pixel and the outline, with soft edges kept soft.
    depth = torch.zeros_like(layer)
    for _ in range(steps):
        layer = erode(layer, 1)
        depth += layer
    span = 2 * steps + 1
    deepest = F.max_pool2d(depth, (1, span), stride=1, padding=(0, steps))
    deepest = F.max_pool2d(deepest, (span, 1), stride=1, padding=(steps, 0))
    ramp = (depth / deepest.clamp(min=1.0)).clamp(0.0, 1.0)
    weight = ramp * ramp * (3 - 2 * ramp)
    if factor > 1:
        size = (alpha.shape[0], alpha.shape[1])
        weight = F.interpolate(weight[None], scale_factor=factor, mode="bilinear", align_corners=False)[0]
        weight = weight[:, : size[0], : size[1]]
    return weight[0]


def _weight(
    alpha: Tensor, transform: Affine, feather: float, keep: Tensor | None, width: int, height: int
) -> Tensor | None:
    """What the coverage is multiplied with on the canvas `[H,W]`, or None for 1 everywhere."""
    if feather <= 0:
        return None if keep is None else 1 - keep
    patch = place(alpha.unsqueeze(-1), transform, width, height)
    ramp = alpha.new_zeros((height, width))
    if patch.pixels.numel():
        ramp[patch.rows, patch.columns] = patch.pixels[..., 0].clamp(0.0, 1.0)
        ramp = inward_feather(ramp, feather)
    return ramp if keep is None else ramp * (1 - keep)


def paste_back(
    scene: Tensor,
    product: Tensor,
    mask: Tensor,
    placement: Placement | None = None,
    scale: float = 1.01,
    feather: float = 0.0,
    keep_in_front: Tensor | None = None,
) -> Pasted:
    """Paste the product's own full-resolution pixels into the scene that was generated around them.

    `scene` `[B,H,W,C]` sRGB; `product` `[B,h,w,C]` sRGB and `mask` `[B,h,w]` (1 = product) at the size that
    `placement` was made for, or at the scene's size without one; `scale` enlarges about the centre of the product's
    bounding box; `feather` is in canvas pixels, inward only; `keep_in_front` `[B,H,W]`, 1 = the scene wins.
    Outside the returned mask the scene is bit-identical. Raises ShapeError where sizes or batches do not fit and
    EmptyMaskError where there is no product.
    """
    scene = check_image(scene, "scene")
    if scene.shape[-1] == 1:
        scene = scene.expand(*scene.shape[:-1], 3)
    rgb, _ = split_alpha(product, "product")
    mask = check_mask(mask)
    same_size(product=rgb, mask=mask)
    check_range(scale, 0.1, 4.0, "scale")
    check_range(feather, 0.0, MAX_FEATHER, "feather")
    factor = 1.0
    if placement is None:
        placement = _in_place(scene, rgb, mask)
    else:
        check_product_size(placement, rgb)
        placement, factor = rescaled(placement, scene.shape[2], scene.shape[1])
    inputs = {"scene": scene, "product": rgb, "mask": mask}
    if keep_in_front is not None:
        keep_in_front = check_mask(keep_in_front, "keep_in_front")
        same_size(scene=scene, keep_in_front=keep_in_front)
        inputs["keep_in_front"] = keep_in_front
    batch = _batch(placement, **inputs)
    height, width = scene.shape[1:3]
    image = expand_batch(scene, batch).clone(memory_format=torch.contiguous_format)
    pasted = scene.new_empty((batch, height, width))
    transforms = []
    for index in range(batch):
        alpha, transform = item(mask, index), placement.transform(index)
        box: Box = bounding_box(alpha)
        center = transform.apply((box.left + box.right) / 2, (box.top + box.bottom) / 2)
        transform = transform if scale == 1.0 else transform.scaled_about(scale, *center)
        keep = None if keep_in_front is None else item(keep_in_front, index)
        weight = _weight(alpha, transform, feather, keep, width, height)
        pasted[index] = lay_over(image[index], item(rgb, index), alpha, transform, weight)
        if not bool((pasted[index] > 0).any()):
            raise ParameterError(
                "nothing of the product reached the scene: keep_in_front or feather takes all of it, or it lies "
                "outside the picture."
            )
        transforms.append(transform)
    return Pasted(image, pasted, tuple(transforms), factor)
