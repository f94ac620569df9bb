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
        # Only the lower edge itself: no leg's sides, nothing farther from the contact than the margin.
        aside = touch.width // 4
        part = alpha[rows, touch.left + aside : touch.right - aside]
        counts.append(((part > 0.01) & (part < 0.99)).sum(dim=0).float())
    return float(torch.cat(counts).quantile(0.6).clamp(1.0, float(margin)))


def reflectance(image: Tensor, alpha: Tensor, box: Box) -> float:
    """Mean linear luminance 0..1 of the product's lower half in `image` `[H,W,C]`: how much light it gives back."""
    step = max(1, max(box.width, box.height) // 128)
    rows = slice((box.top + box.bottom) // 2, box.bottom, step)
    part = srgb_to_linear(image[rows, box.left : box.right : step, :3]).mean(dim=-1)
    weight = (alpha[rows, box.left : box.right : step] > 0.95).float()
    return float(((part * weight).sum() / weight.sum().clamp(min=1.0)).clamp(0.0, 1.0))


def _ground_beside(image: Tensor, alpha: Tensor, at: tuple[Tensor, Tensor], width: float) -> Tensor:
    """The ground's own linear colour `[n,3]` under the soft edge: the canvas' one colour, or what is beside it."""
    step = max(1, min(alpha.shape) // 256)
    seen = image[::step, ::step, :3][alpha[::step, ::step] <= 0]
    if seen.numel():
        low, high = seen.amin(dim=0), seen.amax(dim=0)
        if float((high - low).max()) < _PLAIN:
            return srgb_to_linear(seen.mean(dim=0)).expand(at[0].numel(), 3)
    weight = (alpha < 0.02).float().unsqueeze(0)
    linear = srgb_to_linear(image[..., :3]).permute(2, 0, 1).unsqueeze(0)
    return masked_blur(linear, weight, max(2.0, 0.6 * width))[0].permute(1, 2, 0)[at]


def darken(image: Tensor, alpha: Tensor, shade: Tensor, width: float) -> None:
    """Take `shade` `[h,w]` of the light from the ground in `image` `[h,w,C]` (changed), which `alpha` partly covers.

    `width`: rows that the product's soft edge takes, see `edge_width`.
    """
    at = torch.nonzero((shade > 0) & (alpha < 1), as_tuple=True)
    covered, taken = alpha[at], shade[at].unsqueeze(-1)
    linear = srgb_to_linear(image[..., :3][at])
    loss = linear * taken
    edge = torch.nonzero(covered > 0).flatten()
    if edge.numel():
        # Under a half-covered pixel only its ground loses light.
        ground = _ground_beside(image, alpha, (at[0][edge], at[1][edge]), width)
        ground = torch.minimum(ground * (1 - covered[edge]).unsqueeze(-1), linear[edge])
        loss[edge] = ground * taken[edge]
    image[at[0], at[1], :3] = linear_to_srgb((linear - loss).clamp_(min=0.0))
