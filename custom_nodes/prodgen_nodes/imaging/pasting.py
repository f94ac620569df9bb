"""Pasting back: the seller's own full-resolution pixels over the scene that was generated around them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .compositing import lay_over
from .errors import ParameterError
from .extent import product_box
from .filters import erode, smoothstep, square_max
from .placed import on_scene
from .placement import Affine, Placement
from .resample import place
from .tensors import check_range, expand_batch, item

_FEATHER_STEPS = 24
"""Wider feathers are measured on a reduced mask, so that their cost stays bounded."""
MAX_FEATHER = 1024.0
"""Pixels of the canvas: wider, little of a product would stay opaque."""


@dataclass(frozen=True)
class Pasted:
    """Scenes with the product pasted `[B,H,W,C]`, what was pasted `[B,H,W]`, and the transforms that were used."""

    image: Tensor
    mask: Tensor
    transforms: tuple[Affine, ...]
    placement: Placement
    """Where the product belongs in these scenes, before `scale` enlarged it."""
    canvas_factor: float
    """1, or how much larger the scene is than the canvas the placement was made for."""


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
    weight = smoothstep(depth / square_max(depth, steps).clamp(min=1.0))
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
    given = on_scene(scene, product, mask, placement, keep_in_front=keep_in_front)
    check_range(scale, 0.1, 4.0, "scale")
    check_range(feather, 0.0, MAX_FEATHER, "feather")
    scene, placement, batch = given.scene, given.placement, given.batch
    height, width = scene.shape[1:3]
    image = expand_batch(scene, batch).clone(memory_format=torch.contiguous_format)
    pasted = scene.new_empty((batch, height, width))
    transforms = []
    for index in range(batch):
        alpha, transform = item(given.mask, index), placement.transform(index)
        box = product_box(alpha, item(given.rgb, index))
        center = transform.apply((box.left + box.right) / 2, (box.top + box.bottom) / 2)
        transform = transform if scale == 1.0 else transform.scaled_about(scale, *center)
        weight = _weight(alpha, transform, feather, given.cover("keep_in_front", index), width, height)
        pasted[index] = lay_over(image[index], item(given.rgb, index), alpha, transform, weight)
        if not bool((pasted[index] > 0).any()):
            raise ParameterError(
                "nothing of the product reached the scene: keep_in_front or feather takes all of it, or it lies "
                "outside the picture."
            )
        transforms.append(transform)
    return Pasted(image, pasted, tuple(transforms), placement, given.factor)
