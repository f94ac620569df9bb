"""One light, said in three ways that agree: as a picture to start a relighting from, as a shadow, and in words.

Directions are those of a clock that lies around the product, seen from above: 12 behind it, 3 to its right, 6 at the
camera, 9 to its left. The height is the elevation above the ground.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .color_words import color_words
from .colorspace import linear_to_srgb, parse_hex, srgb_to_linear
from .errors import ParameterError
from .tensors import check_choice, check_range

NEUTRAL = 5600
"""Kelvin that a camera set to daylight shows as white."""
COLDEST, WARMEST = 15000, 1700
"""Kelvin: the shade of a clear sky, and a candle. Outside, lamps are called by their colour."""
MAX_SIDE = 16384
"""Pixels: ComfyUI's own limit of a picture's side."""
_EVEN = 0.35
"""Even light at full intensity: about what a directed light comes to over its whole picture."""
_TIGHT, _BROAD = 0.45, 1.6
"""A light straight behind the product is seen in the picture, its bright patch so much smaller than that of one beside
it; one straight before it is not seen and lights all, its patch this many times the picture's diagonal."""
_ABOVE, _DEEP, _ASIDE, _RAISED = 0.85, 0.45, 0.25, 0.35
"""From which part of its direction on a light is said to come from above; from behind or the front; from a side, or
somewhat from the back or the front; and from an upper side."""
_STEEP = 0.55
"""How far to the side a light may be that comes from above: no direction on the clock that is as high is further
(0.53 of it), a corner of the picture is."""
_XYZ_TO_LINEAR = (
    (3.2404542, -1.5371385, -0.4985314),
    (-0.9692660, 1.8760108, 0.0415560),
    (0.0556434, -0.2040259, 1.0572252),
)
"""IEC 61966-2-1: linear sRGB of XYZ, D65."""


@dataclass(frozen=True)
class Kind:
    """What a sort of light does. `core`: size of its bright patch over the picture's diagonal (0: none); `ramp`: share
    of light that falls off across the whole picture instead; `softness` and `opacity` of the shadow it throws; `words`
    for a prompt, with {side} where the direction belongs.
    """

    core: float
    ramp: float
    softness: float
    opacity: float
    words: str


KINDS: dict[str, Kind] = {
    "window": Kind(0.42, 0.6, 0.6, 0.6, "soft window light {side}"),
    "softbox": Kind(0.55, 0.4, 0.75, 0.5, "large softbox {side}, studio lighting"),
    "spot": Kind(0.20, 0.0, 0.15, 0.8, "hard spotlight {side}, deep shadows"),
    "sun": Kind(0.25, 0.8, 0.08, 0.8, "direct sunlight {side}, crisp shadows"),
    "neon_pair": Kind(0.40, 0.3, 0.5, 0.55, "two neon lights, one on each side, coloured reflections"),
    "ambient": Kind(0.0, 0.0, 1.0, 0.35, "soft even ambient light"),
}


@dataclass(frozen=True)
class LightSource:
    """One light as its user describes it.

    `clock` 0..12 and `height` in degrees 0..90 say where it is; `x`, `y` (fractions of the picture, may lie outside it)
    win over both where they are given. `temperature` in kelvin, or `color` as `#rrggbb`, which wins over it;
    `second_color` is the other half of a neon pair. `spread`, `intensity` and `fill` 0..1. `exposure` 0..1 is how
    bright the whole scene is, in linear light.
    """

    kind: str = "softbox"
    clock: float = 10.0
    height: float = 45.0
    temperature: float = NEUTRAL
    color: str = ""
    second_color: str = "#00c8ff"
    spread: float = 0.5
    intensity: float = 0.9
    fill: float = 0.05
    x: float | None = None
    y: float | None = None
    exposure: float = 1.0

    def check(self) -> None:
        """Raises ParameterError where a figure is outside its range or the kind is unknown."""
        check_choice(self.kind, KINDS, "kind")
        check_range(self.clock, 0.0, 12.0, "clock")
        check_range(self.height, 0.0, 90.0, "height")
        check_range(self.temperature, WARMEST, COLDEST, "temperature")
        for name in ("spread", "intensity", "fill", "exposure"):
            check_range(getattr(self, name), 0.0, 1.0, name)
        if not all(math.isfinite(place) for place in (self.x, self.y) if place is not None):
            raise ParameterError("x and y are fractions of the picture: numbers, or empty to use the clock.")
        if (self.x is None) != (self.y is None):
            raise ParameterError("x and y belong together: give both, or neither to use the clock.")

    @property
    def towards(self) -> tuple[float, float]:
        """The light's direction in the picture: right and up, each -1..1; (0, 0) is straight before or behind it."""
        if self.x is not None and self.y is not None:
            return _limited(2 * self.x - 1), _limited(1 - 2 * self.y)
        angle, height = math.radians(self.clock * 30), math.radians(self.height)
        return math.sin(angle) * math.cos(height), math.sin(height)

    @property
    def behind(self) -> float:
        """How far the light stands behind the product, -1..1: negative is before it, at the camera.

        A place in the picture says nothing of that: 0.
        """
        if self.x is not None:
            return 0.0
        return math.cos(math.radians(self.clock * 30)) * math.cos(math.radians(self.height))

    @property
    def shadow_angle(self) -> float:
        """Degrees clockwise from straight behind the product, 0..360: `light_angle` of the shadow."""
        if self.x is None:
            return self.clock * 30 % 360
        right, up = self.towards
        if max(abs(right), abs(up)) < _ASIDE:  # the middle of the picture: the product is lit from the front
            return 180.0
        # A point of the picture says nothing about before or behind: the light is taken to stand behind the product,
        # as far as it is to the side.
        return math.degrees(math.atan2(right, math.sqrt(max(0.0, 1 - right * right)))) % 360

    @property
    def shadow_height(self) -> float:
        """Elevation in degrees, 5..90: `light_height` of the shadow."""
        degrees = self.height if self.x is None else math.degrees(math.asin(_limited(self.towards[1])))
        return min(90.0, max(5.0, degrees))

    @property
    def softness(self) -> float:
        """Of the shadow, 0..1: what the kind has, more with more spread."""
        return min(1.0, max(0.0, KINDS[self.kind].softness + 0.5 * (self.spread - 0.5)))

    @property
    def opacity(self) -> float:
        """Of the shadow, 0..1: fill light and a weak light make it paler."""
        # Full fill leaves a fifth of the shadow, the weakest light two fifths: without any the product would float.
        return KINDS[self.kind].opacity * (1 - 0.8 * self.fill) * min(1.0, 0.4 + 0.7 * self.intensity)

    @property
    def words(self) -> str:
        """For a prompt."""
        phrase = KINDS[self.kind].words.format(side=_side(*self.towards, self.behind))
        if self.color:
            return f"{phrase}, {color_words(parse_hex(self.color, 'color'))} light"
        if self.kind == "neon_pair":
            return phrase
        # As lamps are sold: warm white to 3500 K, neutral to 4800 K, daylight (no word is needed), cool from 7000 K.
        if self.temperature < 3500:
            return f"{phrase}, warm light"
        if self.temperature < 4800:
            return f"{phrase}, slightly warm light"
        return f"{phrase}, cool light" if self.temperature > 7000 else phrase


def light_map(source: LightSource, width: int, height: int, device: torch.device | None = None) -> Tensor:
    """`[1,height,width,3]` sRGB 0..1: the picture's light before there is anything in it, brightest towards the light.

    Raises ParameterError where a figure of `source` is out of range, or a side is not 16..16384.
    """
    source.check()
    for name, side in (("width", width), ("height", height)):
        check_range(side, 16, MAX_SIDE, name)
    kind = KINDS[source.kind]
    half = torch.tensor(0.5, device=device)
    x = (torch.arange(width, device=device) + half) / width * 2 - 1
    y = 1 - (torch.arange(height, device=device) + half) / height * 2
    linear = torch.full((height, width, 3), source.fill, device=device)
    if source.kind == "ambient":
        linear = linear + _EVEN * source.intensity * (1 - source.fill) * _color(source, device)
    else:
        right, up = source.towards
        lights = [(right, up, _color(source, device))]
        if source.kind == "neon_pair":
            lights = [(-0.9, up, _color(source, device)), (0.9, up, _hex(source.second_color, device))]
        for to_right, upwards, color in lights:
            falloff = _falloff(x, y, (to_right, upwards, source.behind), kind, source.spread, height / width)
            linear = linear + (source.intensity * (1 - source.fill) * falloff).unsqueeze(-1) * color
    return linear_to_srgb(linear.clamp(0.0, 1.0) * source.exposure).unsqueeze(0)


def _falloff(
    x: Tensor, y: Tensor, towards: tuple[float, float, float], kind: Kind, spread: float, aspect: float
) -> Tensor:
    """Share of the light `[H,W]`, 0..1, at picture coordinates `x` `[W]` (right) and `y` `[H]` (up), -1..1.

    `towards`: the light's direction, right, up and behind the product. From behind it is a tight glow in the dark, from
    the front it lies evenly over all.
    """
    right, up, behind = towards
    length = math.hypot(right, up)
    across = (x[None, :] * right + y[:, None] * up) / max(1.0, abs(right) + abs(up))
    ramp = (
        ((across + 1) / 2).clamp(0, 1) ** (1.6 - spread) if length > 1e-3 else torch.zeros(y.numel(), x.numel()).to(x)
    )
    diagonal = math.hypot(1.0, aspect) * 2
    scale = diagonal * kind.core * (0.6 + 0.8 * spread) * (1 - _TIGHT * max(0.0, behind))
    squared = (x[None, :] - right) ** 2 + ((y[:, None] - up) * aspect) ** 2
    share = kind.ramp * (1 - max(0.0, behind)) if length > 1e-3 else 0.0
    light = share * ramp + (1 - share) * _patch(squared, scale)
    return torch.lerp(light, _patch(squared, _BROAD * diagonal), max(0.0, -behind))


def _patch(squared: Tensor, scale: float) -> Tensor:
    """A bright patch of size `scale` at `squared` distances from its middle."""
    return torch.exp(-squared / (2 * (scale / 1.6) ** 2))


def temperature_color(kelvin: float) -> tuple[float, float, float]:
    """Linear sRGB of a black body as a camera set to daylight (5600 K) sees it, its largest channel 1.

    Chromaticity by the cubic approximation of the Planckian locus of Kim et al., "Design of advanced color temperature
    control system for HDTV applications", J. Korean Phys. Soc. 41 (2002), 1667..25000 K.
    """
    seen = [mine / white for mine, white in zip(_black_body(kelvin), _black_body(NEUTRAL), strict=True)]
    return tuple(max(0.0, value) / max(seen) for value in seen)  # type: ignore[return-value]  # three of them


def _black_body(kelvin: float) -> tuple[float, ...]:
    t = kelvin
    if t <= 4000:
        x = -0.2661239e9 / t**3 - 0.2343589e6 / t**2 + 0.8776956e3 / t + 0.179910
    else:
        x = -3.0258469e9 / t**3 + 2.1070379e6 / t**2 + 0.2226347e3 / t + 0.240390
    if t <= 2222:
        y = -1.1063814 * x**3 - 1.34811020 * x**2 + 2.18555832 * x - 0.20219683
    elif t <= 4000:
        y = -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867
    else:
        y = 3.0817580 * x**3 - 5.87338670 * x**2 + 3.75112997 * x - 0.37001483
    big_x, big_z = x / y, (1 - x - y) / y
    return tuple(max(1e-4, row[0] * big_x + row[1] + row[2] * big_z) for row in _XYZ_TO_LINEAR)


def _color(source: LightSource, device: torch.device | None) -> Tensor:
    if source.color:
        return _hex(source.color, device)
    if source.kind == "neon_pair":
        return _hex("#ff2fa0", device)
    return torch.tensor(temperature_color(source.temperature), device=device)


def _hex(color: str, device: torch.device | None) -> Tensor:
    return srgb_to_linear(torch.tensor(parse_hex(color, "color"), device=device))


def _limited(value: float) -> float:
    return min(1.0, max(-1.0, value))


def _side(right: float, up: float, behind: float) -> str:
    """Where a light in this direction comes from, in words."""
    side = "" if abs(right) < _ASIDE else "left" if right < 0 else "right"
    depth = "" if abs(behind) < _ASIDE else " at the back" if behind > 0 else " in front"
    if up > _ABOVE and abs(right) < _STEEP:
        return f"from above{depth}"
    if behind > _DEEP:
        return "from behind" + (f" on the {side}" if side else "") + ", rim light"
    if behind < -_DEEP:
        return f"from the front {side}".rstrip()
    if not side:
        return "from the front" if abs(up) < _ASIDE else "from above in front" if up > 0 else "from below"
    part = "upper " if up > _RAISED else "lower " if up < -_RAISED else ""
    return f"from the {part}{side}{depth}"
