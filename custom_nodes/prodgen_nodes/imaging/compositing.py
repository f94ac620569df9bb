"""The product over a background: one way of mixing, for a plain canvas as for a scene it is pasted back into.

The product is resampled premultiplied in linear light and mixed there; whatever it does not cover keeps its very bits.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .colorspace import linear_to_srgb, srgb_to_linear
from .errors import ShapeError
from .extent import product_box
from .placed import placed_batch, placed_product, rescaled
from .placement import Affine, Placement
from .resample import placed_bands
from .tensors import check_mask, item
from .transfer import encode_

LEAST_COVER = 1 / 255
"""Less than one step of a saved mask is nothing: what an 8-bit mask shows as untouched keeps its very bits."""


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
            patch.pixels.mul_(weight[patch.rows, patch.columns].unsqueeze(-1))
        cover.masked_fill_(cover < LEAST_COVER, 0.0)
        laid[patch.rows, patch.columns] = cover
        target = canvas[patch.rows, patch.columns]
        whole = cover >= 1
        edge = torch.nonzero((cover > 0) & ~whole, as_tuple=True)
        mixed = _mix_edge(target[edge], color[edge], cover[edge])
        if exact:
            top, left = patch.top - int(transform.ty), patch.left - int(transform.tx)
            fresh = _window(rgb, top, left, *cover.shape)
        else:
            fresh = encode_(color)
        share = whole.to(target)  # at 0 and 1 a mixture gives the very bits, for a fraction of a choice by mask
        for channel in range(3):
            target[..., channel].lerp_(fresh[..., channel], share)
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
    rgb, mask = placed_product(product, mask)
    batch = placed_batch(placement, product=rgb, mask=mask)
    size = (placement.canvas_height, placement.canvas_width)
    # Whole rows are copied many times faster than single colours.
    row = rgb.new_tensor(background).expand(size[1], 3).contiguous()
    image = row.expand(batch, *size, 3).contiguous()
    placed = rgb.new_empty((batch, *size))
    for index in range(batch):
        placed[index] = lay_over(image[index], item(rgb, index), item(mask, index), placement.transform(index))
    return image, placed


def mask_on_canvas(mask: Tensor, placement: Placement, width: int, height: int) -> Tensor:
    """The product's mask `[B,height,width]` on a canvas, from a `mask` `[B,h,w]` that is there or still its own.

    A mask of the photo's size is placed; one of the canvas' size is taken as it is. Where photo and canvas have the
    same size, its bounding box tells which of the two it is. Raises ShapeError for any other size.
    """
    mask = check_mask(mask)
    placement, _ = rescaled(placement, width, height)
    size = (mask.shape[2], mask.shape[1])
    own = size == (placement.product_width, placement.product_height)
    if size == (width, height) and not (own and _is_unplaced(mask, placement)):
        return mask
    if not own:
        raise ShapeError(
            f"mask {tuple(mask.shape)} is {size[0]}×{size[1]} pixels: neither the canvas' size ({width}×{height}) nor "
            f"that of the product photo ({placement.product_width}×{placement.product_height}) in the placement."
        )
    batch = placed_batch(placement, mask=mask)
    placed = mask.new_zeros((batch, height, width))
    for index in range(batch):
        alpha = item(mask, index)
        white = alpha.new_ones(()).expand(*alpha.shape, 3)
        for patch in placed_bands(white, alpha, placement.transform(index), width, height):
            cover = patch.pixels[..., 3]
            placed[index, patch.rows, patch.columns] = cover.masked_fill_(cover < LEAST_COVER, 0.0)
    return placed


def _is_unplaced(mask: Tensor, placement: Placement) -> bool:
    """Whether the first mask's bounding box is nearer to the product's in its photo than to the one on the canvas."""
    drawn, own, placed = product_box(mask[0]), placement.box(0), placement.canvas_box(0)
    here = (drawn.left, drawn.top, drawn.right, drawn.bottom)

    def distance(other: tuple[float, ...]) -> float:
        return sum(abs(a - b) for a, b in zip(here, other, strict=True))

    return distance((own.left, own.top, own.right, own.bottom)) < distance(placed)
