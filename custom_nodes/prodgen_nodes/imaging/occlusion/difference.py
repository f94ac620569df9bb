"""How far the scene is from the relit original, pixel by pixel, forgiving small shifts; and what may be skin."""

from __future__ import annotations

import torch
from torch import Tensor

from ..colorspace import linear_to_lab, srgb_to_linear
from ..filters import dilate, gaussian_blur, masked_blur, smoothstep

_FLOOR = 0.01
"""Linear light added before a logarithm: noise in the black is no ratio of lights. Higher, the light on dark products
is missed; lower, their noise speaks."""
_BLACK = 1e-3
"""Linear light added to both sides of one pixel's ratio, three steps of 8 bits at the black end: below them the ratio
is the rounding's."""
_WHITE = 0.97
"""Linear light from which a picture may be clipped: what would be brighter in it tells nothing of the light."""
_ROUNDS = 5
"""Of the robust fit: the width that counts as usual falls to 0.2 in the last, which is the light of one neighbourhood.
"""
_LIGHT_SHARE = 0.14
"""Light is followed over this share of the product's length: wider than a hand, so that a hand does not count as light.
"""
_REACH = 2
"""Pixels of the working size that a registration may be off by without making a difference."""
_DARKEST = 0.9
"""Logarithm: a shade that leaves 40 % of the light. What is darker is a thing and no shade of a hand."""
_SHADE_COST = 8.0
"""A shadow counts as so much difference per unit of its logarithm: half the light 5.5."""
_WINDOW = 5.0
_CORRELATION = 0.9
"""Pixels (1 sigma) over which lightness is compared, and the correlation from which both show one print: lower and a
finger with a lit edge passes for the product, higher and noise hides the print."""
_STRUCTURE = 5.0
"""Local deviation of lightness from which a print or an edge can be recognised, and how well it must agree."""
_LIGHTNESS = 0.6
"""Weight of lightness in the difference: light that changed a little is no hand."""


def relit_original(scene: Tensor, original: Tensor, inside: Tensor, long_side: float) -> Tensor:
    """Linear `original` `[3,h,w]` under the light of linear `scene` `[3,h,w]`, measured where `inside` `[h,w]` is 1.

    The light is a smooth gain per channel, found robustly: what is far from the usual gain (a hand) does not count,
    and a channel counts by how much of it the product has: brown glass has next to no blue and says little of it.
    """
    usual = _usual_light(scene, original, inside > 0.5)[:, None, None]
    field = usual.expand_as(scene)
    sigma = _LIGHT_SHARE * long_side
    for index in range(_ROUNDS):
        lit = original.clamp(min=0) * torch.exp(field)
        away = _log(scene) - _log(lit.clamp(max=1.0))
        tells = _tells(lit) * ~((lit > 1.0) & (scene > _WHITE))
        # First whatever is near the usual light may speak, then only what fits its neighbourhood.
        width = 0.7 * 0.6**index + 0.12
        weight = inside / (1 + away.square().sum(dim=0) / width**2) ** 2 + 1e-5 * inside
        told, all_told = weight * tells.square(), inside * tells.square()
        smooth = masked_blur((field + away / tells.clamp(min=1e-3))[:, None], told, sigma, 1e-9)[:, 0]
        trust = gaussian_blur(told[None], sigma)[0]
        trust = trust / (trust + 0.08 * gaussian_blur(all_told[None], sigma)[0] + 1e-6)
        field = usual + (smooth - usual) * trust
    return (original * torch.exp(field)).clamp(0.0, 1.5)


def _log(linear: Tensor) -> Tensor:
    return torch.log(linear.clamp(min=0) + _FLOOR)


def _tells(linear: Tensor) -> Tensor:
    """How far a change of `_log` follows a change of the light on `linear`: 0 in black, near 1 in what is bright."""
    return linear / (linear + _FLOOR)


def _usual_light(scene: Tensor, original: Tensor, chosen: Tensor) -> Tensor:
    """Logarithm `[3]` of the light on most of what is `chosen` `[h,w]`, each pixel by how much it tells of it."""
    own = original[:, chosen].clamp(min=0)
    gain, order = torch.log((scene[:, chosen].clamp(min=0) + _BLACK) / (own + _BLACK)).sort(dim=1)
    share = (_tells(own).square() + 1e-6).gather(1, order).cumsum(dim=1)
    middle = (share < 0.5 * share[:, -1:]).sum(dim=1, keepdim=True).clamp(max=gain.shape[1] - 1)
    return gain.gather(1, middle)[:, 0]


def in_plain_light(scene: Tensor, expected: Tensor, original: Tensor, inside: Tensor) -> Tensor:
    """Linear `scene` `[3,h,w]` without the hue of its light, which the relit product `expected` has over `original`."""
    light = _usual_light(expected, original, inside > 0.5)
    return (scene / torch.exp(light - light.mean())[:, None, None]).clamp(0.0, 1.0)


def nearest_difference(scene: Tensor, expected: Tensor, valid: Tensor) -> Tensor:
    """Smallest CIELAB difference `[h,w]` of `scene` `[h,w,3]` to `expected` `[h,w,3]` within two pixels of the place.

    A small error of the registration is no difference then. `valid` `[h,w]` says where `expected` holds anything.
    """
    best = torch.full(valid.shape, float("inf"), device=valid.device)
    far = torch.where(valid.unsqueeze(-1), expected, torch.full_like(expected, 1e3))
    for dy in range(-_REACH, _REACH + 1):
        for dx in range(-_REACH, _REACH + 1):
            if dx * dx + dy * dy > _REACH * _REACH:
                continue
            moved = torch.roll(far, (dy, dx), dims=(0, 1))
            step = scene - moved
            best = torch.minimum(best, (_LIGHTNESS * step[..., 0] ** 2 + step[..., 1] ** 2 + step[..., 2] ** 2))
    return best.sqrt()


def unlike_in_shade(scene: Tensor, expected: Tensor, valid: Tensor) -> Tensor:
    """CIELAB difference `[h,w]` of linear `scene` `[3,h,w]` to `expected` in whatever shade makes it least, and the
    cost of that shade: a hand's shadow darkens the product and leaves its hue."""
    light = torch.log((scene.clamp(min=0) + _FLOOR) / (expected.clamp(min=0) + _FLOOR))
    shade = gaussian_blur(light.mean(dim=0)[None, None], 1.5)[0, 0].clamp(-_DARKEST, 0.0)
    shaded = (expected + _FLOOR) * torch.exp(shade) - _FLOOR
    lab, own = (linear_to_lab(gaussian_blur(x[None], 0.8)[0].permute(1, 2, 0)) for x in (scene, shaded))
    return nearest_difference(lab, own, valid) - _SHADE_COST * shade


def same_structure(lab: Tensor, own: Tensor, valid: Tensor) -> Tensor:
    """Where `lab` `[h,w,3]` shows the very print and edges of the product's `own` `[h,w,3]`: `[h,w]` boolean.

    Local correlation of lightness over a few pixels; what has no structure there is not said to be the same.
    """
    planes = torch.stack((lab[..., 0], own[..., 0])) * valid
    mean = masked_blur(planes[None], valid[None].to(planes), _WINDOW, 1e-3)[0]
    away = (planes - mean) * valid
    products = torch.stack((away[0] ** 2, away[1] ** 2, away[0] * away[1]))
    scene, original, both = masked_blur(products[None], valid[None].to(planes), _WINDOW, 1e-3)[0]
    alike = both > _CORRELATION * (scene * original).clamp(min=1e-6).sqrt()
    fits = (scene < 4 * original) & (original < 4 * scene)
    return dilate((alike & fits & (original > _STRUCTURE**2)).to(lab)[None], 2)[0] > 0.5


def skin_likeness(lab: Tensor) -> Tensor:
    """0..1 `[h,w]`: how well CIELAB `[h,w,3]` may be human skin, from very dark to very light, in warm or cool light.

    Skin's hue lies between red and yellow in any light people are photographed in (about 10° to 95° in CIELAB), its
    chroma between 3 and 50; the darkest and the lightest skin have little of it.
    """
    lightness, a, b = lab.unbind(-1)
    chroma = torch.hypot(a, b)
    hue = torch.rad2deg(torch.atan2(b, a))
    fits_hue = _ramp(hue, -5, 12) * (1 - _ramp(hue, 88, 105))
    fits_chroma = _ramp(chroma, 2.5, 6) * (1 - _ramp(chroma, 48, 62))
    return fits_hue * fits_chroma * _ramp(lightness, 4, 10) * (1 - _ramp(lightness, 95, 99))


def _ramp(value: Tensor, low: float, high: float) -> Tensor:
    return smoothstep((value - low) / (high - low))


def lab_of(srgb: Tensor) -> Tensor:
    """CIELAB `[h,w,3]` of sRGB `[h,w,3]`, slightly smoothed against noise."""
    calm = gaussian_blur(srgb.permute(2, 0, 1)[None], 0.8)[0].permute(1, 2, 0)
    return linear_to_lab(srgb_to_linear(calm))
