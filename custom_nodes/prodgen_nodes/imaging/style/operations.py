"""Single operations of a style on linear light `[B,H,W,3]`, 0 and above. Each is the identity at its neutral figure."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..colorspace import lab_to_linear, linear_to_lab, luminance
from ..filters import gaussian_blur
from ..light import NEUTRAL, temperature_color

_TINT_OF_HALATION = (1.0, 0.38, 0.12)
"""Linear RGB: film halates in its red layer, less in the green, hardly in the blue."""
_BRIGHT = 0.55
"""Relative luminance above which light is strong enough to spread visibly."""
_SAMPLE = 1_000_000
"""Pixels, evenly spread, that a percentile is taken of: far more than it needs."""
_STRIP = 1 << 18
"""Pixels that are changed at a time."""


def white_balance(linear: Tensor, mired: float) -> Tensor:
    """As if the light were warmer by `mired`; a grey keeps its luminance."""
    if mired == 0:
        return linear
    kelvin = 1e6 / (1e6 / NEUTRAL + mired)
    gains = torch.tensor(temperature_color(kelvin), device=linear.device)
    return linear * (gains / luminance(gains))


def grade(linear: Tensor, contrast: float, lift: float, split: float, saturation: float) -> Tensor:
    """Tone and colour in CIELAB: S-curve about L* 50 that keeps both ends, faded blacks, split toning, chroma."""
    if not (contrast or lift or split or saturation):
        return linear

    def graded(part: Tensor) -> Tensor:
        lab = linear_to_lab(part)
        L, a, b = lab.unbind(-1)
        tone = (L / 100).clamp_(0, 1)
        # A cubic through (0,0), (½,½) and (1,1) whose slope in the middle is 1 + contrast.
        middle, dark = tone - 0.5, 1 - tone
        bell = torch.mul(tone, dark).mul_(4).mul_(middle)
        tone.add_(bell, alpha=contrast).add_(dark**3, alpha=lift / 100)
        torch.mul(tone, 100, out=L)
        a.mul_(1 + saturation).add_(bell, alpha=0.8 * split)
        b.mul_(1 + saturation).add_(bell, alpha=2 * split)
        return lab_to_linear(lab).clamp_(min=0)

    return _by_strips(graded, linear)


def glow(linear: Tensor, halation: float, bloom: float) -> Tensor:
    """Part of the brightest light, spread around it: red-orange behind a film's layers, neutral in a simple lens."""
    if not (halation or bloom):
        return linear
    light = luminance(linear).unsqueeze(-1)
    strong = light.sub_(_BRIGHT).div_(1 - _BRIGHT).clamp_(0, 1) * linear
    side = max(linear.shape[1:3])
    result = linear
    if halation:
        tint = torch.tensor(_TINT_OF_HALATION, device=linear.device)
        around = _blurred(strong, side * 0.008).sub_(strong).clamp_(min=0).mean(dim=-1, keepdim=True)
        result = torch.addcmul(result, around, halation * tint)
    if bloom:
        result = result.add(_blurred(strong, side * 0.02).sub_(strong), alpha=bloom)
    return result.clamp_(min=0)


def vignette(linear: Tensor, stops: float) -> Tensor:
    """The cos^4 fall-off of a lens, scaled so that the corners lose `stops`."""
    if stops == 0:
        return linear
    height, width = linear.shape[1:3]
    y = torch.linspace(-1, 1, height, device=linear.device)[:, None] * (height / max(height, width))
    x = torch.linspace(-1, 1, width, device=linear.device)[None, :] * (width / max(height, width))
    squared = x**2 + y**2
    corner = float(squared[0, 0])
    # cos^4 of the angle = 1 / (1 + k·r²)², with k such that the corner keeps 2^-stops of its light.
    k = (2 ** (stops / 2) - 1) / corner if corner else 0.0
    return linear / squared.mul_(k).add_(1).square_()[None, :, :, None]


def sharpen(linear: Tensor, amount: float) -> Tensor:
    """`amount` of the detail finer than 1.5 pixels, added to the luminance only."""
    if amount == 0:
        return linear
    light = luminance(linear)
    detail = light - gaussian_blur(light, 1.5)
    return (linear + amount * detail.unsqueeze(-1)).clamp(min=0)


def grain(linear: Tensor, deviation: float, size: float, seed: int) -> Tensor:
    """Noise of `deviation` in L*, strongest in the midtones, of `size` pixels at 1024; one seed gives one grain."""
    if deviation == 0:
        return linear
    batch, height, width = linear.shape[:3]
    generator = torch.Generator().manual_seed(seed)  # on the CPU: the same picture on every device
    noise = torch.randn((batch, height, width), generator=generator).to(linear.device)
    sigma = size * max(height, width) / 1024 / 2.355
    if sigma > 0.3:
        noise = gaussian_blur(noise, sigma)
        noise = noise / noise.std(dim=(1, 2), keepdim=True).clamp(min=1e-6)

    def grained(part: Tensor, noise: Tensor) -> Tensor:
        lab = linear_to_lab(part)
        L = lab[..., 0]
        tone = (L / 100).clamp_(0, 1)
        L.add_((1 - tone).mul_(tone).mul_(noise), alpha=4 * deviation).clamp_(0, 100)
        return lab_to_linear(lab).clamp_(min=0)

    return _by_strips(grained, linear, noise)


def tame(linear: Tensor, max_lightness: float, max_chroma: float) -> Tensor:
    """Against the look of a colour table laid over a picture: exposure and chroma come down until their 99th
    percentiles are `max_lightness` (L*) and `max_chroma` (C*); 0 leaves that one alone. A tame picture stays as it is.
    """
    if not (max_lightness > 0 or max_chroma > 0):
        return linear
    flat = linear.flatten(1, 2)
    sample = linear_to_lab(flat[:, :: max(1, flat.shape[1] // _SAMPLE)])
    chroma = torch.linalg.vector_norm(sample[..., 1:], dim=-1)
    scales = linear.new_ones(linear.shape[0], 3)
    if max_lightness > 0:
        scales[:, 0] = (max_lightness / _percentile(sample[..., 0], 0.99).clamp(min=1e-3)).clamp(max=1.0)
    if max_chroma > 0:
        scales[:, 1:] = (max_chroma / _percentile(chroma, 0.99).clamp(min=1e-3)).clamp(max=1.0).unsqueeze(-1)
    if not bool((scales < 1).any()):
        return linear
    return _by_strips(lambda part: lab_to_linear(linear_to_lab(part) * scales[:, None, None]).clamp_(min=0), linear)


def _percentile(values: Tensor, share: float) -> Tensor:
    """Of each row `[B,n]`: `[B]`."""
    return values.kthvalue(max(1, round(share * values.shape[1])), dim=1).values


def by_planes(pixels: Tensor) -> Tensor:
    """A copy of `[B,H,W,3]` whose channels lie one after the other: what is the same for all three costs little."""
    return pixels.movedim(-1, 1).clone(memory_format=torch.contiguous_format).movedim(1, -1)


def _by_strips(change: Callable[..., Tensor], linear: Tensor, *planes: Tensor) -> Tensor:
    """`change(part, *parts of planes)` of a few rows at a time: what a change of single pixels needs in between stays
    in the caches, and small at any size. `linear` `[B,H,W,3]`, `planes` `[B,H,W]`."""
    height, width = linear.shape[1:3]
    rows = max(1, _STRIP // width)
    out = torch.empty_like(linear)
    for top in range(0, height, rows):
        area = (slice(None), slice(top, top + rows))
        out[area] = change(linear[area], *(plane[area] for plane in planes))
    return out


def _blurred(linear: Tensor, sigma: float) -> Tensor:
    return gaussian_blur(linear.movedim(-1, 1), sigma).movedim(1, -1)
