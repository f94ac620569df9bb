"""sRGB, linear light, CIELAB (D65, 2°) and CIEDE2000 on tensors whose last axis is colour.

Domain and range: sRGB 0..1; linear 0..1; L* 0..100, a* and b* about -128..127; hue angles in degrees.
Sources: IEC 61966-2-1 (sRGB), CIE 15:2018 (CIELAB), Sharma, Wu, Dalal 2005 (CIEDE2000; its test data is in the tests).
"""

from __future__ import annotations

import math
import re

import torch
from torch import Tensor

from .color_planes import RGB_TO_XYZ, lab_of_roots, linear_of_roots, roots_of_lab, roots_of_linear
from .errors import ParameterError
from .transfer import LINEAR_KNEE, SLOPE, SRGB_KNEE

DELTA_E00 = "\N{GREEK CAPITAL LETTER DELTA}E00"
"""How a CIEDE2000 difference is called in what people read; sources keep to what any console can print."""

_ROUNDING = 2e-7
"""What a curve may be off by at its knee in float32; less above the knee than this counts as nothing."""


def srgb_to_linear(srgb: Tensor) -> Tensor:
    """Decode sRGB values `[...]` to linear light."""
    # In place on a fresh copy: these curves are the most used arithmetic here. Division keeps white exactly 1, the
    # straight part plus what the curve adds to it keeps black exactly 0; choosing by a mask costs more than both.
    high = srgb.clamp(min=SRGB_KNEE).add_(0.055).div_(1.055).log_().mul_(2.4).exp_()  # a power costs twice as much
    above = torch.threshold_(high.sub_(SRGB_KNEE / SLOPE), _ROUNDING, 0.0)
    return above.add_(srgb.clamp(max=SRGB_KNEE).div_(SLOPE))


def linear_to_srgb(linear: Tensor) -> Tensor:
    """Encode linear light `[...]` as sRGB; values outside 0..1 pass through the same curves unclipped below 0."""
    high = linear.clamp(min=LINEAR_KNEE).log_().mul_(1 / 2.4).exp_().mul_(1.055).sub_(0.055)
    above = torch.threshold_(high.sub_(LINEAR_KNEE * SLOPE), _ROUNDING, 0.0)
    return above.add_(linear.clamp(max=LINEAR_KNEE), alpha=SLOPE)


def luminance(linear: Tensor) -> Tensor:
    """Relative luminance Y `[...]` of linear RGB `[...,3]`."""
    red, green, blue = linear.unbind(-1)
    return torch.mul(red, RGB_TO_XYZ[1][0]).add_(green, alpha=RGB_TO_XYZ[1][1]).add_(blue, alpha=RGB_TO_XYZ[1][2])


def linear_to_lab(linear: Tensor) -> Tensor:
    """CIELAB `[...,3]` of linear RGB `[...,3]`; each of L*, a*, b* by itself lies in one piece."""
    return _pixels(lab_of_roots(roots_of_linear(_planes(linear))), linear)


def lab_to_linear(lab: Tensor) -> Tensor:
    """Linear RGB `[...,3]` (unclipped) of CIELAB `[...,3]`."""
    return _pixels(linear_of_roots(roots_of_lab(_planes(lab))), lab)


def _planes(pixels: Tensor) -> Tensor:
    """`[...,3]` as `[3,n]`, without a copy where the planes lie in one piece."""
    return pixels.movedim(-1, 0).reshape(3, -1)


def _pixels(planes: Tensor, like: Tensor) -> Tensor:
    """`[3,n]` in the shape `[...,3]` of `like`."""
    return planes.view(3, *like.shape[:-1]).movedim(0, -1)


def srgb_to_lab(srgb: Tensor) -> Tensor:
    """CIELAB `[...,3]` of sRGB `[...,3]`."""
    return linear_to_lab(srgb_to_linear(srgb))


def lab_to_srgb(lab: Tensor) -> Tensor:
    """sRGB `[...,3]` of CIELAB `[...,3]`, unclipped: out-of-gamut colours leave 0..1."""
    return linear_to_srgb(lab_to_linear(lab))


def chroma(lab: Tensor) -> Tensor:
    """C*ab `[...]` of CIELAB `[...,3]`."""
    return torch.hypot(lab[..., 1], lab[..., 2])


def hue_difference(first: Tensor, second: Tensor) -> Tensor:
    """Absolute hue-angle difference `[...]` in degrees, 0..180, of two CIELAB tensors `[...,3]`."""
    (_, a1, b1), (_, a2, b2) = first.unbind(-1), second.unbind(-1)
    across, along = torch.mul(a1, b2).addcmul_(b1, a2, value=-1), torch.mul(a1, a2).addcmul_(b1, b2)
    return torch.rad2deg_(torch.atan2(across.abs_(), along))


def delta_e00(first: Tensor, second: Tensor) -> Tensor:
    """CIEDE2000 colour difference `[...]` of two CIELAB tensors `[...,3]`, kL = kC = kH = 1.

    The terms in the comments are those of Sharma, Wu and Dalal 2005; ' marks what is computed with the raised a',
    m a mean, d a difference.
    """
    first, second = torch.broadcast_tensors(first, second)  # type: ignore[no-untyped-call]  # torch leaves it so
    l1, a1, b1 = first.unbind(-1)
    l2, a2, b2 = second.unbind(-1)
    # 1 + G, with G = 0.5 (1 - sqrt(Cm^7 / (Cm^7 + 25^7))) of the mean chroma Cm = (C1 + C2) / 2
    gain = _chroma_weight((torch.hypot(a1, b1).add_(torch.hypot(a2, b2))).div_(2)).mul_(-0.5).add_(1.5)
    # a' = (1 + G) a
    a1, a2 = a1 * gain, a2 * gain
    # C' = sqrt(a'² + b²)
    c1, c2 = torch.hypot(a1, b1), torch.hypot(a2, b2)
    turn = 2 * math.pi
    # h' = atan2(b, a'), in 0..360°
    h1, h2 = torch.atan2(b1, a1).remainder_(turn), torch.atan2(b2, a2).remainder_(turn)
    # dh' / 2, the shorter way round; hues just opposite keep the sign of their difference. A grey's hue counts nothing.
    half = h2.sub_(h1)
    half.sub_(half.div(turn).round_(), alpha=turn).div_(2)
    # hm' = h1' + dh' / 2, the mean hue (a whole turn more or less is the same to the cosines)
    hue = h1.add_(half)
    # dL' = L2 - L1 and dC' = C2' - C1'
    d_l, d_c = l2 - l1, c2 - c1
    # dH' = 2 sqrt(C1' C2') sin(dh' / 2)
    d_h = torch.mul(c1, c2).sqrt_().mul_(half.sin_()).mul_(2)
    # Cm' = (C1' + C2') / 2 and (Lm' - 50)²
    c_mean, l50 = c1.add_(c2).div_(2), torch.add(l1, l2).div_(2).sub_(50).square_()
    # T = 1 - 0.17 cos(hm' - 30°) + 0.24 cos 2hm' + 0.32 cos(3hm' + 6°) - 0.20 cos(4hm' - 63°)
    t = torch.cos(hue - math.radians(30)).mul_(-0.17).add_(1)
    for factor, offset, share in ((2, 0.0, 0.24), (3, 6.0, 0.32), (4, -63.0, -0.20)):
        t.add_(torch.mul(hue, factor).add_(math.radians(offset)).cos_(), alpha=share)
    # 2 dtheta = 60° exp(-((hm' - 275°) / 25°)²), and its sine
    hue.remainder_(turn).sub_(math.radians(275)).div_(math.radians(25))
    rotation = hue.square_().neg_().exp_().mul_(math.radians(60)).sin_()
    # dL' / S_L, with S_L = 1 + 0.015 (Lm' - 50)² / sqrt(20 + (Lm' - 50)²)
    d_l.div_(torch.add(l50, 20).rsqrt_().mul_(l50).mul_(0.015).add_(1))
    # dC' / S_C, with S_C = 1 + 0.045 Cm'
    d_c.div_(c_mean.mul(0.045).add_(1))
    # dH' / S_H, with S_H = 1 + 0.015 Cm' T
    d_h.div_(t.mul_(c_mean).mul_(0.015).add_(1))
    # R_T (dC' / S_C) (dH' / S_H), with R_T = -R_C sin(2 dtheta) and R_C = 2 sqrt(Cm'^7 / (Cm'^7 + 25^7))
    mixed = _chroma_weight(c_mean).mul_(rotation).mul_(-2).mul_(d_c).mul_(d_h)
    # dE00² = (dL' / S_L)² + (dC' / S_C)² + (dH' / S_H)² + R_T (dC' / S_C) (dH' / S_H)
    total = d_l.square_().addcmul_(d_c, d_c).addcmul_(d_h, d_h).add_(mixed)
    # Rounding may leave what is nothing just below 0.
    return total.clamp_(min=0).sqrt_()


def _chroma_weight(chroma: Tensor) -> Tensor:
    """sqrt(C^7 / (C^7 + 25^7)) of `chroma` `[...]`."""
    scaled = chroma / 25
    square = scaled * scaled
    power = (square * square).mul_(square).mul_(scaled)
    return power.div_(power + 1).sqrt_()


def parse_hex(color: str, name: str = "background") -> tuple[float, float, float]:
    """sRGB 0..1 of `#rrggbb` (or `#rgb`). Raises ParameterError for anything else."""
    text = color.strip().removeprefix("#")
    if len(text) == 3:
        text = "".join(2 * digit for digit in text)
    if not re.fullmatch(r"[0-9a-fA-F]{6}", text):
        raise ParameterError(f"{name} is {color!r}; write a colour as #rrggbb, for example #ffffff for white.")
    red, green, blue = (int(text[i : i + 2], 16) / 255 for i in (0, 2, 4))
    return red, green, blue


def hex_color(color: Tensor) -> str:
    """`#rrggbb` of sRGB `[3]`, limited to 0..1."""
    return "#" + "".join(f"{round(255 * float(channel)):02x}" for channel in color.clamp(0.0, 1.0))
