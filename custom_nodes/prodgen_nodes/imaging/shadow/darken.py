"""Taking light from the ground of a finished picture, also from what of it shows through the product's soft edge."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..colorspace import linear_to_srgb, srgb_to_linear
from ..filters import masked_blur
from ..tensors import Box
from .contact import Contact

_PLAIN = 1.5 / 255
"""A ground whose values differ by less is one colour: the canvas'."""
_WIDEST = 0.03


def edge_width(alpha: Tensor, contact: Contact) -> float:
    """Rows over which the product's edge along its contact goes from covered to clear; at least 1."""
    if not contact.touches:
        return 1.0
    margin = max(4, round(_WIDEST * max(contact.box.width, contact.box.height)))
    counts = []
    for touch in contact.touches:
        rows = slice(max(0, math.floor(touch.highest) - margin), math.ceil(touch.lowest) + margin)
        part = alpha[rows, touch.left : touch.right]
        # Only the edge itself: what is partly covered and no farther from the contact than the margin.
        counts.append(((part > 0.01) & (part < 0.99)).sum(dim=0).float())
    return float(torch.cat(counts).quantile(0.8).clamp(1.0, float(margin)))


def reflectance(image: Tensor, alpha: Tensor, box: Box) -> float:
    """Mean linear luminance 0..1 of the product's lower half in `image` `[H,W,C]`: how much light it gives back."""
    step = max(1, max(box.width, box.height) // 128)
    rows = slice((box.top + box.bottom) // 2, box.bottom, step)
    part = srgb_to_linear(image[rows, box.left : box.right : step, :3]).mean(dim=-1)
    weight = (alpha[rows, box.left : box.right : step] > 0.95).float()
    return float(((part * weight).sum() / weight.sum().clamp(min=1.0)).clamp(0.0, 1.0))


def _ground_beside(linear: Tensor, alpha: Tensor, width: float) -> Tensor:
    """The ground's own colour under the soft edge: the canvas' one colour, or what is beside it."""
    step = max(1, min(alpha.shape) // 256)
    clear = alpha[::step, ::step] <= 0
    if bool(clear.any()):
        seen = linear[::step, ::step][clear]
        low, high = seen.amin(dim=0), seen.amax(dim=0)
        if float((high - low).max()) < _PLAIN:
            return seen.mean(dim=0).expand(linear.shape)
    weight = (alpha < 0.02).float().unsqueeze(0)
    blurred = masked_blur(linear.permute(2, 0, 1).unsqueeze(0), weight, max(2.0, 0.6 * width))
    return blurred[0].permute(1, 2, 0)


def darken(image: Tensor, alpha: Tensor, shade: Tensor, width: float) -> None:
    """Take `shade` `[h,w]` of the light from the ground in `image` `[h,w,C]` (changed), which `alpha` partly covers.

    `width`: rows that the product's soft edge takes, see `edge_width`.
    """
    linear = srgb_to_linear(image[..., :3])
    edge = (alpha > 0) & (alpha < 1) & (shade > 0)
    loss = linear * shade.unsqueeze(-1)
    if bool(edge.any()):
        # Under a half-covered pixel only its ground loses light.
        ground = _ground_beside(linear, alpha, width) * (1 - alpha).unsqueeze(-1)
        loss = torch.where(edge.unsqueeze(-1), torch.minimum(ground, linear) * shade.unsqueeze(-1), loss)
    touched = ((shade > 0) & (alpha < 1)).unsqueeze(-1)
    image[..., :3] = torch.where(touched, linear_to_srgb((linear - loss).clamp(min=0.0)), image[..., :3])
