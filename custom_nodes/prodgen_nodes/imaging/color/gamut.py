"""Bringing colours that sRGB cannot show back into it, and moving lightness without clipping."""

from __future__ import annotations

import torch
from torch import Tensor

from ..color_planes import EPSILON, lab_of_roots, linear_of_roots, roots_of_lab, roots_of_linear, xyz_of_linear

_TOLERANCE = 1e-4
"""Linear light a channel may leave 0..1 by before it counts as out of gamut: far below one 8-bit step."""
_STEPS = 12
"""Halvings of the interval in which the chroma is sought: what is left of it is less than 0.04 of a unit of C*."""
_BLACK = 16 / 116
"""The roots of L* 0; those of L* 100 are 1."""


def into_gamut(lab: Tensor) -> Tensor:
    """Linear RGB 0..1 `[...,3]` of CIELAB `[...,3]`: what sRGB cannot show loses chroma, never lightness or hue.

    L* is limited to 0..100 first. The largest chroma that fits is found by bisection, on the affected pixels only.
    """
    return roots_into_gamut(roots_of_lab(lab.reshape(-1, 3).T)).T.reshape(lab.shape)


def roots_into_gamut(roots: Tensor) -> Tensor:
    """Linear RGB 0..1 `[3,n]` of the roots `[3,n]` of `planes`, as `into_gamut` does; `roots` may be overwritten."""
    lightness = roots[1]
    roots += lightness.clamp(_BLACK, 1.0).sub_(lightness)  # a* and b* are differences of roots: they stay
    linear = linear_of_roots(roots)
    outside = _outside(linear)
    if outside.numel():
        linear[:, outside] = _largest_chroma(roots.index_select(1, outside))
    return linear.clamp_(0.0, 1.0)


def linear_into_gamut(linear: Tensor) -> Tensor:
    """Linear RGB `[3,n]` with only its out-of-gamut pixels changed, as `into_gamut` does; works in place."""
    outside = _outside(linear)
    if outside.numel():
        linear[:, outside] = roots_into_gamut(roots_of_linear(linear.index_select(1, outside)))
    return linear.clamp_(0.0, 1.0)


def with_its_hue(linear: Tensor, ratio: Tensor) -> Tensor:
    """Linear RGB `[3,n]` that was multiplied by `ratio` `[n]`, with the hue it had before; works in place.

    CIELAB keeps hue under a change of light only above its linear toe: below, the same chromaticity reads as another
    hue, by 7° in the shadows of a brown bag. Lightness and chroma stay.
    """
    dark = torch.nonzero(xyz_of_linear(linear).amin(dim=0) < EPSILON).flatten()
    if dark.numel():
        pixels = linear.index_select(1, dark)
        lab = lab_of_roots(roots_of_linear(pixels))
        before = lab_of_roots(roots_of_linear(pixels / ratio[dark].clamp(min=1e-6)))[1:]
        length = torch.linalg.vector_norm(lab[1:], dim=0) / torch.linalg.vector_norm(before, dim=0).clamp(min=1e-6)
        lab[1:] = before.mul_(length)
        linear[:, dark] = linear_of_roots(roots_of_lab(lab))
    return linear


def _excess(linear: Tensor) -> Tensor:
    """How far `[n]` the pixels of linear RGB `[3,n]` leave what sRGB can show; 0 and less within it."""
    return (linear - 0.5).abs_().amax(dim=0).sub_(0.5 + _TOLERANCE)


def _outside(linear: Tensor) -> Tensor:
    """Indices of the pixels that sRGB cannot show."""
    excess = _excess(linear).clamp_(min=0.0)
    if not bool(excess.amax() > 0):
        return torch.empty(0, dtype=torch.long, device=linear.device)
    return torch.nonzero(excess).flatten()


def _largest_chroma(roots: Tensor) -> Tensor:
    """Linear RGB of roots `[3,n]` with a* and b* scaled by the largest factor that stays in gamut."""
    grey = roots[1]
    colour = roots - grey
    factor, step = torch.zeros_like(grey), 0.5
    for _ in range(_STEPS):
        fits = _excess(linear_of_roots(torch.addcmul(grey, colour, factor + step))) <= 0
        factor.add_(fits.to(factor), alpha=step)
        step /= 2
    return linear_of_roots(torch.addcmul(grey, colour, factor))


def raise_lightness(lab: Tensor, amount: float) -> Tensor:
    """CIELAB `[...,3]` with L* moved by `amount`; within 2·|amount| of white (or black) the step tapers to nothing.

    The curve stays monotone and reaches 0 and 100 exactly there, so nothing clips and no two levels merge.
    """
    if amount == 0.0:
        return lab
    lightness = lab[..., :1]
    room = 100.0 - lightness if amount > 0 else lightness
    step = amount * (room / (2 * abs(amount))).clamp(0.0, 1.0)
    return torch.cat((lightness + step, lab[..., 1:]), dim=-1)
