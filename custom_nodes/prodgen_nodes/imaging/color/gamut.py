"""Bringing colours that sRGB cannot show back into it, and moving lightness without clipping."""

from __future__ import annotations

import torch
from torch import Tensor

from ..colorspace import lab_to_linear, linear_to_lab

_TOLERANCE = 1e-4
"""Linear light a channel may leave 0..1 by before it counts as out of gamut: far below one 8-bit step."""
_STEPS = 12


def into_gamut(lab: Tensor) -> Tensor:
    """Linear RGB 0..1 `[...,3]` of CIELAB `[...,3]`: what sRGB cannot show loses chroma, never lightness or hue.

    L* is limited to 0..100 first. The largest chroma that fits is found by bisection, on the affected pixels only.
    """
    lab = torch.cat((lab[..., :1].clamp(0.0, 100.0), lab[..., 1:]), dim=-1)
    linear = lab_to_linear(lab)
    outside = ((linear < -_TOLERANCE) | (linear > 1.0 + _TOLERANCE)).any(dim=-1)
    if bool(outside.any()):
        linear[outside] = _largest_chroma(lab[outside])
    return linear.clamp(0.0, 1.0)


def _largest_chroma(lab: Tensor) -> Tensor:
    """Linear RGB of `[n,3]` with a* and b* scaled by the largest factor that stays in gamut."""
    low = lab.new_zeros(lab.shape[0], 1)
    high = torch.ones_like(low)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        linear = _scaled(lab, middle)
        fits = ((linear >= -_TOLERANCE) & (linear <= 1.0 + _TOLERANCE)).all(dim=-1, keepdim=True)
        low, high = torch.where(fits, middle, low), torch.where(fits, high, middle)
    return _scaled(lab, low)


def _scaled(lab: Tensor, factor: Tensor) -> Tensor:
    return lab_to_linear(torch.cat((lab[:, :1], lab[:, 1:] * factor), dim=-1))


def linear_into_gamut(linear: Tensor) -> Tensor:
    """Linear RGB `[...,3]` with only its out-of-gamut pixels changed, as `into_gamut` does."""
    outside = ((linear < -_TOLERANCE) | (linear > 1.0 + _TOLERANCE)).any(dim=-1)
    if bool(outside.any()):
        linear = linear.clone()
        linear[outside] = into_gamut(linear_to_lab(linear[outside]))
    return linear.clamp(0.0, 1.0)


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
