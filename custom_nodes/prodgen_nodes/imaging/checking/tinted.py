"""Light of another colour: where a plain ground and the product on it changed the same way, a lamp did it.

A warm lamp makes all of a picture warmer, what is grey, too. Seen alone the product would have another colour; beside a
ground that has the same cast it has not. Whether it has is left to the comparison with the product in that light.

Lamps that light things for sale are white: their colours lie along that of a glowing body, from a candle to the sky.
A cast that leaves this line (green, magenta, turquoise) is a coloured lamp or paint, and nobody can tell which.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from ..color_planes import RGB_TO_XYZ
from ..colorspace import lab_to_linear, linear_to_srgb, luminance, srgb_to_linear
from .studio import Studio, studio_of

_FLARE = 0.01
"""Linear light that is added to both grounds: below it a ground has no colour."""
_LEAST = 1.06
"""How much stronger in one channel than in another light is a cast: of 24 test patches one of 1.06 changes the colours
by dE00 1.4 in the mean, and no finding begins there."""
_COLDEST, _HOTTEST, _LAMPS = 1900.0, 12000.0, 32
"""Kelvin of a candle and of a clear sky; and how many lamps between them are compared with: neighbours are then 0.06
apart by the measure below."""
_OFF = 0.2
"""How far a cast may lie beside that of one such lamp over another, in natural logarithms of red and of blue over
green. Computed from their spectra, over daylight: of 47 white lamps (glowing bodies of 1900 to 12000 K, tables of
fluorescent, sodium, mercury and LED lamps) the farthest lies at 0.12; a light pink filter at 0.45, a green one at 0.46,
coloured LEDs and neon at 0.5 to 6. Of a grey ground painted in 72 hues of chroma 20 two thirds lie farther off; yellow
and blue paint is what a lamp is. Twenty-four test patches multiplied with a white lamp's cast differ by a mean dE00 of
0.3 to 4.4 from what they are in its light; in old fluorescent, mercury and sodium light by up to 7: that may fail."""


@dataclass(frozen=True)
class Tint:
    """The `gain` `[3]` of each channel of linear light, 1 in the strongest; `is_lamp`: as one white lamp's over
    another's."""

    gain: Tensor
    is_lamp: bool


def tint_of(picture: Studio, photo: Tensor, mask: Tensor) -> Tint | None:
    """The cast of the plain ground of a `picture` over that of sRGB `photo` `[h,w,3]` around its `mask` `[h,w]`; None
    where there is no plain ground, or no cast."""
    own = studio_of(photo, mask, mask)
    if own is None:
        return None
    gain = (_color(picture) + _FLARE) / (_color(own) + _FLARE)
    gain = gain / gain.max()
    return None if float(gain.min()) > 1 / _LEAST else Tint(gain, beside_lamps(gain) <= _OFF)


def beside_lamps(gain: Tensor) -> float:
    """How far the cast `gain` `[3]` lies beside the nearest that one white lamp has over another."""
    return float((_chromaticity(gain.double().cpu()) - _casts()).norm(dim=-1).min())


def in_tint(color: Tensor, tint: Tint) -> Tensor:
    """sRGB `color` `[h,w,3]` in light of that cast."""
    return linear_to_srgb(srgb_to_linear(color) * tint.gain.to(color)).contiguous()


def dimmed_by(tint: Tint) -> float:
    """The linear luminance that is left of something white."""
    return float(luminance(tint.gain))


def _color(studio: Studio) -> Tensor:
    """The ground's linear RGB `[3]`, the median of it."""
    linear: Tensor = lab_to_linear(studio.ground.lab.movedim(0, -1)).reshape(-1, 3).median(dim=0).values
    return linear.clamp(min=0.0)


def _chromaticity(gain: Tensor) -> Tensor:
    """Logarithms of red and of blue over green `[...,2]`."""
    red, green, blue = gain.clamp(min=1e-4).log().unbind(dim=-1)
    return torch.stack((red - green, blue - green), dim=-1)


@cache
def _casts() -> Tensor:
    """What every lamp's chromaticity is over that of every other one, `[n,2]`."""
    steps = torch.linspace(0.0, 1.0, _LAMPS, dtype=torch.float64)
    lamps = torch.stack([_glowing(_COLDEST * (_HOTTEST / _COLDEST) ** float(step)) for step in steps])
    own = _chromaticity(lamps + _FLARE)
    return (own[:, None] - own[None]).reshape(-1, 2)


def _glowing(kelvin: float) -> Tensor:
    """Linear sRGB `[3]` of a black body's light, 1 in the strongest channel: Krystek's approximation (1985) of the
    Planckian locus in CIE 1960 u, v, good from 1000 to 15000 K."""
    u = (0.860117757 + 1.54118254e-4 * kelvin + 1.28641212e-7 * kelvin**2) / (
        1 + 8.42420235e-4 * kelvin + 7.08145163e-7 * kelvin**2
    )
    v = (0.317398726 + 4.22806245e-5 * kelvin + 4.20481691e-8 * kelvin**2) / (
        1 - 2.89741816e-5 * kelvin + 1.61456053e-7 * kelvin**2
    )
    x, y = 3 * u / (2 * u - 8 * v + 4), 2 * v / (2 * u - 8 * v + 4)
    xyz = torch.tensor([x / y, 1.0, (1 - x - y) / y], dtype=torch.float64)
    linear = (torch.linalg.inv(torch.tensor(RGB_TO_XYZ, dtype=torch.float64)) @ xyz).clamp(min=0.0)
    normal: Tensor = linear / linear.max()
    return normal
