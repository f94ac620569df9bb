"""sRGB, linear light, CIELAB (D65, 2°) and CIEDE2000 on tensors whose last axis is colour.

Domain and range: sRGB 0..1; linear 0..1; L* 0..100, a* and b* about -128..127; hue angles in degrees.
Sources: IEC 61966-2-1 (sRGB), CIE 15:2018 (CIELAB), Sharma, Wu, Dalal 2005 (CIEDE2000; its test data is in the tests).
"""

from __future__ import annotations

import re

import torch
from torch import Tensor

from .errors import ParameterError

# Rows give X, Y, Z of linear sRGB; the white point is the D65 that scikit-image uses, so figures compare.
RGB_TO_XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
WHITE = (0.95047, 1.0, 1.08883)
EPSILON = 0.008856
KAPPA_SLOPE = 7.787


def srgb_to_linear(srgb: Tensor) -> Tensor:
    """Decode sRGB values `[...]` to linear light."""
    # In place on a fresh copy: these curves are the most used arithmetic here. Division keeps white exactly 1.
    high = srgb.clamp(min=0.04045).add_(0.055).div_(1.055).log_().mul_(2.4).exp_()  # a power costs twice as much
    return torch.where(srgb <= 0.04045, srgb / 12.92, high)


def linear_to_srgb(linear: Tensor) -> Tensor:
    """Encode linear light `[...]` as sRGB; values outside 0..1 pass through the same curves unclipped below 0."""
    high = linear.clamp(min=0.0031308).log_().mul_(1 / 2.4).exp_().mul_(1.055).sub_(0.055)
    return torch.where(linear <= 0.0031308, linear * 12.92, high)


def luminance(linear: Tensor) -> Tensor:
    """Relative luminance Y `[...]` of linear RGB `[...,3]`."""
    return torch.matmul(linear, linear.new_tensor(RGB_TO_XYZ[1]))


def linear_to_lab(linear: Tensor) -> Tensor:
    """CIELAB `[...,3]` of linear RGB `[...,3]`."""
    xyz = torch.matmul(linear, linear.new_tensor(RGB_TO_XYZ).T).div_(linear.new_tensor(WHITE))
    root = xyz.clamp(min=EPSILON).log_().div_(3).exp_()  # a power costs twice as much
    x, y, z = torch.where(xyz > EPSILON, root, xyz.mul_(KAPPA_SLOPE).add_(16 / 116)).unbind(-1)
    return torch.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), dim=-1)


def lab_to_linear(lab: Tensor) -> Tensor:
    """Linear RGB `[...,3]` (unclipped) of CIELAB `[...,3]`."""
    lightness, a, b = lab.unbind(-1)
    y = (lightness + 16) / 116
    f = torch.stack((y + a / 500, y, y - b / 200), dim=-1)
    xyz = torch.where(f > EPSILON ** (1 / 3), f**3, (f - 16 / 116) / KAPPA_SLOPE) * lab.new_tensor(WHITE)
    inverse = torch.linalg.inv(torch.tensor(RGB_TO_XYZ, dtype=torch.float64)).to(lab)
    return torch.matmul(xyz, inverse.T)


def srgb_to_lab(srgb: Tensor) -> Tensor:
    """CIELAB `[...,3]` of sRGB `[...,3]`."""
    return linear_to_lab(srgb_to_linear(srgb))


def lab_to_srgb(lab: Tensor) -> Tensor:
    """sRGB `[...,3]` of CIELAB `[...,3]`, unclipped: out-of-gamut colours leave 0..1."""
    return linear_to_srgb(lab_to_linear(lab))


def chroma(lab: Tensor) -> Tensor:
    """C*ab `[...]` of CIELAB `[...,3]`."""
    return torch.hypot(lab[..., 1], lab[..., 2])


def hue_degrees(lab: Tensor) -> Tensor:
    """h_ab `[...]` in degrees, 0..360, of CIELAB `[...,3]`."""
    return torch.rad2deg(torch.atan2(lab[..., 2], lab[..., 1])) % 360


def hue_difference(first: Tensor, second: Tensor) -> Tensor:
    """Absolute hue-angle difference `[...]` in degrees, 0..180, of two CIELAB tensors `[...,3]`."""
    return ((hue_degrees(first) - hue_degrees(second) + 180) % 360 - 180).abs()


def delta_e00(first: Tensor, second: Tensor) -> Tensor:
    """CIEDE2000 colour difference `[...]` of two CIELAB tensors `[...,3]`, kL = kC = kH = 1."""
    l1, a1, b1 = first.unbind(-1)
    l2, a2, b2 = second.unbind(-1)
    c_mean7 = ((torch.hypot(a1, b1) + torch.hypot(a2, b2)) / 2) ** 7
    g = 0.5 * (1 - torch.sqrt(c_mean7 / (c_mean7 + 25.0**7)))
    a1, a2 = a1 * (1 + g), a2 * (1 + g)
    c1, c2 = torch.hypot(a1, b1), torch.hypot(a2, b2)
    h1 = torch.rad2deg(torch.atan2(b1, a1)) % 360
    h2 = torch.rad2deg(torch.atan2(b2, a2)) % 360
    grey = c1 * c2 == 0
    dh = torch.where(grey, torch.zeros_like(h1), (h2 - h1 + 180) % 360 - 180)
    dl, dc = l2 - l1, c2 - c1
    dh_chord = 2 * torch.sqrt(c1 * c2) * torch.sin(torch.deg2rad(dh / 2))
    h_sum = h1 + h2
    apart = (h1 - h2).abs() > 180
    h_mean = torch.where(apart, torch.where(h_sum < 360, h_sum + 360, h_sum - 360), h_sum) / 2
    h_mean = torch.where(grey, h_sum, h_mean)
    c_mean, l_mean = (c1 + c2) / 2, (l1 + l2) / 2

    def cosine(degrees: Tensor) -> Tensor:
        return torch.cos(torch.deg2rad(degrees))

    t = (
        1
        - 0.17 * cosine(h_mean - 30)
        + 0.24 * cosine(2 * h_mean)
        + 0.32 * cosine(3 * h_mean + 6)
        - 0.20 * cosine(4 * h_mean - 63)
    )
    rotation = 30 * torch.exp(-(((h_mean - 275) / 25) ** 2))
    c7 = c_mean**7
    r_t = -2 * torch.sqrt(c7 / (c7 + 25.0**7)) * torch.sin(torch.deg2rad(2 * rotation))
    l50 = (l_mean - 50) ** 2
    s_l = 1 + 0.015 * l50 / torch.sqrt(20 + l50)
    s_c = 1 + 0.045 * c_mean
    s_h = 1 + 0.015 * c_mean * t
    terms = (dl / s_l) ** 2 + (dc / s_c) ** 2 + (dh_chord / s_h) ** 2 + r_t * (dc / s_c) * (dh_chord / s_h)
    return torch.sqrt(terms.clamp(min=0))


def parse_hex(color: str, name: str = "background") -> tuple[float, float, float]:
    """sRGB 0..1 of `#rrggbb` (or `#rgb`); raise ParameterError for anything else."""
    text = color.strip().removeprefix("#")
    if len(text) == 3:
        text = "".join(2 * digit for digit in text)
    if not re.fullmatch(r"[0-9a-fA-F]{6}", text):
        raise ParameterError(f"{name} is {color!r}; write a colour as #rrggbb, for example #ffffff for white.")
    red, green, blue = (int(text[i : i + 2], 16) / 255 for i in (0, 2, 4))
    return red, green, blue
