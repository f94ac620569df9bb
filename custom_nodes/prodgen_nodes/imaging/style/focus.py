"""Depth of field from a depth picture: the product stays sharp, what lies nearer or farther blurs with its distance."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..filters import masked_blur
from ..tensors import item

_LEVELS = (0.25, 0.5, 1.0)
"""Blurs that are made, as shares of the largest; what lies between two is mixed from both."""
_NEARER = 0.6
"""How much of the blur the ground before the product takes on, where the depth is only assumed."""


def depth_of_field(linear: Tensor, depth: Tensor, product: Tensor | None, radius: float) -> Tensor:
    """Blur `linear` `[B,H,W,3]` by its distance from the plane of focus.

    Args:
        depth: `[B,h,w]`, any units that grow with nearness or with distance; brought to the picture's size and 0..1.
        product: `[B,H,W]`, 1 = product, or None. Focus is at its median depth, without it at the median of the middle
            of the picture; nothing of it spills into the blurred scene.
        radius: largest blur in pixels (the circle's radius; a Gaussian of half of it).

    Returns:
        `[B,H,W,3]`.
    """
    if radius < 0.3:
        return linear
    height, width = linear.shape[1:3]
    depth = F.interpolate(depth.unsqueeze(1), size=(height, width), mode="bilinear", align_corners=False)[:, 0]
    low, high = depth.amin(dim=(1, 2), keepdim=True), depth.amax(dim=(1, 2), keepdim=True)
    depth = (depth - low) / (high - low).clamp(min=1e-6)
    amount = torch.stack([_defocus(item(depth, index), _of(product, index)) for index in range(linear.shape[0])])
    clear = torch.ones_like(depth) if product is None else 1.0 - product
    layers = [linear]
    for level in _LEVELS:
        sigma = level * radius / 2
        layers.append(masked_blur(linear.movedim(-1, 1), clear, sigma).movedim(1, -1))
    stops = (0.0, *_LEVELS)
    result = linear
    for index in range(1, len(stops)):
        share = ((amount - stops[index - 1]) / (stops[index] - stops[index - 1])).clamp(0, 1).unsqueeze(-1)
        result = torch.lerp(result, layers[index], share)
    return result


def assumed_depth(product: Tensor) -> Tensor | None:
    """A depth for scenes that come without: what stands on a floor or a table recedes with its height in the picture.

    `product` `[B,H,W]`; `[B,H,W]`, 0 at the product and on the level of its foot, 1 at the top of the picture. None
    where there is no product, or its foot is cut off or so high that no such floor is seen.
    """
    height = product.shape[1]
    rows = torch.arange(height, device=product.device, dtype=torch.float32)
    depths = []
    for alpha in product:
        held = torch.nonzero((alpha > 0.5).any(dim=1)).flatten()
        # A foot higher up than this stands on nothing that leads to the viewer, and one at the border was cut off.
        if not held.numel() or not 0.3 * height <= int(held[-1]) < height - 1:
            return None
        above = (int(held[-1]) - rows) / height
        away = torch.where(above > 0, above, -_NEARER * above).clamp(0, 1)
        depths.append(away.unsqueeze(1) * (1 - alpha))
    depth = torch.stack(depths)
    return depth / depth.amax(dim=(1, 2), keepdim=True).clamp(min=1e-6)


def _of(product: Tensor | None, index: int) -> Tensor | None:
    return None if product is None else item(product, index)


def _defocus(depth: Tensor, product: Tensor | None) -> Tensor:
    """0 in focus .. 1 as far from it as the picture goes, `[H,W]`."""
    height, width = depth.shape
    middle = depth[height // 4 : height - height // 4, width // 4 : width - width // 4]
    inside = middle.flatten() if product is None or not bool((product > 0.5).any()) else depth[product > 0.5]
    focus = inside.median()
    away = (depth - focus).abs()
    reach = torch.maximum(focus, 1 - focus)
    # As near to the focus as this is sharp: a lens has a depth of field.
    return ((away / reach.clamp(min=1e-6) - 0.06) / 0.94).clamp(0, 1)
