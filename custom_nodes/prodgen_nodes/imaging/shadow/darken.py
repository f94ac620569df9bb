"""Taking light from the ground of a finished picture, also from what of it shows through the product's soft edge."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..colorspace import linear_to_srgb, srgb_to_linear
from ..filters import masked_blur
from ..tensors import Box
from .contact import Contact
from .contact_shade import USUAL_UNDERCUT

_PLAIN = 1.5 / 255
"""A ground whose values differ by less is one colour: the canvas'."""
_WIDEST = 0.03
"""Of the product's longer side: how far down the end of its edge is looked for."""
_EVEN = 0.01
"""Deviation over mean of the light near the edge: below, it has no shading to read."""
_SEAM, _UNSEEN = 4, 2 / 255
"""Rows beyond the soft edge that are looked at for a pale line, and by how much it may stay brighter."""


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
        solid = part >= 0.99
        # Below what is solid: a leg that leans has soft sides above it, too.
        below = solid.flip(0).cumsum(dim=0).flip(0) == 0
        soft, reached = ((part > 0.01) & below).sum(dim=0).float(), solid.any(dim=0)
        counts.append(soft[reached] if bool(reached.any()) else soft)
    return float(torch.cat(counts).quantile(0.6).clamp(1.0, float(margin)))


def reflectance(image: Tensor, alpha: Tensor, box: Box) -> float:
    """Mean linear luminance 0..1 of the product's lower half in `image` `[H,W,C]`: how much light it gives back."""
    step = max(1, max(box.width, box.height) // 128)
    rows = slice((box.top + box.bottom) // 2, box.bottom, step)
    # Of these rows every pixel: of every second column a thin leg's own may be none.
    part = srgb_to_linear(image[rows, box.left : box.right, :3]).mean(dim=-1)
    weight = (alpha[rows, box.left : box.right] > 0.95).float()
    return float(((part * weight).sum() / weight.sum().clamp(min=1.0)).clamp(0.0, 1.0))


def undercut(image: Tensor, alpha: Tensor, contact: Contact, width: float) -> float:
    """Median over the contact's columns: luminance just above the lower edge in `image` `[H,W,C]` over that a little
    higher, 1 for a wall that stands on the ground, less for an edge that turns under; the usual where nothing tells.

    `width`: rows of the product's soft edge.
    """
    span = contact.span
    edge, low, high = (max(least, round(share * span)) for least, share in ((2, 0.015), (3, 0.05), (6, 0.10)))
    ratios = []
    for touch in contact.touches:
        aside = touch.width // 5
        columns = torch.arange(touch.left + aside, touch.right - aside, max(1, touch.width // 256))
        if touch.foot or columns.numel() == 0:
            continue
        ends = torch.from_numpy(touch.contour)[columns - touch.left].long() - 1 - math.ceil(width)
        rows = (ends[:, None] - torch.arange(high)).clamp(min=0).to(alpha.device)
        columns = columns[:, None].expand_as(rows).to(alpha.device)
        light, solid = srgb_to_linear(image[rows, columns, :3]).mean(dim=-1), alpha[rows, columns] > 0.9
        if not bool(solid.all(dim=1).any()):
            continue
        light = light[solid.all(dim=1)]
        if float(light.std()) < _EVEN * float(light.mean()):
            continue  # drawn or lit without any shading, it says nothing about its shape
        ratios.append(light[:, :edge].mean(dim=1) / light[:, low:].mean(dim=1).clamp(min=1e-3))
    return float(torch.cat(ratios).median()) if ratios else USUAL_UNDERCUT


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


def close_seam(image: Tensor, alpha: Tensor, contact: Contact, width: float) -> None:
    """Darken what is left of a pale line between product and shadow in `image` `[h,w,C]` (changed): along the contact
    no pixel that shows ground is brighter than both the darkest above it and the darkest below it.

    `width`: rows of the product's soft edge. Pixels that are wholly product keep their bits.
    """
    reach = _SEAM + math.ceil(1.5 * width)
    for touch in contact.touches:
        columns = torch.arange(touch.left, touch.right, device=alpha.device)
        inside = alpha[: math.ceil(touch.lowest) + 2, touch.left : touch.right] > 0.5
        bottom = inside.shape[0] - 1 - inside.flip(0).to(torch.uint8).argmax(dim=0)
        rows = (bottom + torch.arange(-reach, reach + 1, device=alpha.device)[:, None]).clamp(0, alpha.shape[0] - 1)
        colors, covered = image[rows, columns, :3], alpha[rows, columns]
        grey = colors.mean(dim=-1)
        above, below = grey.cummin(dim=0).values, grey.flip(0).cummin(dim=0).values.flip(0)
        most = torch.maximum(above, below) + _UNSEEN
        # No ground adds more light than its share: a product's own bright pattern stays.
        most = torch.maximum(most, linear_to_srgb((srgb_to_linear(grey) - (1 - covered)).clamp(min=0.0)))
        pale = (covered < 1) & (grey > most)
        if bool(pale.any()):
            factor = torch.where(pale, most / grey.clamp(min=1e-6), 1.0)
            image[rows, columns, :3] = torch.where(pale[..., None], colors * factor[..., None], colors)
