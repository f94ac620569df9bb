"""The word that a person has for the colour of a light."""

from __future__ import annotations

import torch
from torch import Tensor

from .colorspace import delta_e00, srgb_to_lab

_GREY = 0.1
"""sRGB between the largest and the smallest channel, up to which nobody names a light by its colour: that of a lamp of
6500 K, sold as daylight, is as much before a camera set to 5600 K."""
_NAMED = {
    "red": "ff0000 ff3030 cc0000 dc143c 8b0000 b22222",
    "coral": "ff7f50 fa8072 ff6f61 ff8a80",
    "orange": "ff8000 ffa500 ff6000 ff4500 a0522d 8b4513 cd853f",
    "peach": "ffdab9 ffcba4 ffe5b4 ffc8a0",
    "amber": "ffbf00 ffb030 daa520 b8860b",
    "golden": "ffd700 ffd860",
    "yellow": "ffff00 ffee30 fff080 808000",
    "pale yellow": "ffffc0 fffacd fff5c8",
    "lime green": "bfff00 a0ff20 adff2f 7fff00",
    "green": "00ff00 00c000 008000 228b22 3cb371 006400",
    "pale green": "c0ffc0 a8f0a8 d8ffd8",
    "mint green": "98ffcc a8ffd8 7fffd4 00fa9a",
    "teal": "008080 009688 20a0a0 006d6f",
    "turquoise": "40e0d0 00e0c0 48d1cc",
    "cyan": "00ffff 00e5ff 30f0ff",
    "pale cyan": "c8ffff d8ffff afeeee",
    "sky blue": "87ceeb 00bfff 00c8ff 60c0ff",
    "blue": "0000ff 0080ff 1e90ff 4169e1 000080 0000cd 3050ff 0060c0",
    "pale blue": "b0d8ff c0d0ff d0e4ff add8e6",
    "indigo": "4b0082 4000c0",
    "violet": "8000ff ee82ee 8a2be2 7030ff",
    "purple": "800080 663399 a020f0 9932cc b040d0",
    "lavender": "c8a2ff b898f0 d0b8ff",
    "pale lavender": "e4d8ff ddd0f5",
    "lilac": "c8a2c8 dda0dd",
    "magenta": "ff00ff e000e0 ff40ff",
    "hot pink": "ff1493 ff2fa0 ff007f ff69b4",
    "pink": "ffc0cb ffb6c1 ff9ab8 ffb0e0",
    "pale pink": "ffe0e6 ffe4e1 fddde6",
}
"""sRGB of what is called so: names of CSS Color 4 and of Munroe's survey of 222,500 people (2010) that are said of
light; their darker shades are the same light, dimmed."""
_OF_LIGHTNESS = 0.5
"""Of the difference of colour: a light that is dimmer is still of that colour, and half of it tells teal from cyan."""


def color_words(rgb: tuple[float, float, float]) -> str:
    """What a person calls a light of this sRGB colour (0..1): the nearest of the names by CIEDE2000, or `white`."""
    if max(rgb) - min(rgb) < _GREY:
        return "white"
    names = [(name, _parsed(value)) for name, values in _NAMED.items() for value in values.split()]
    away = delta_e00(_lab([rgb]), _lab([color for _, color in names]))
    return names[int(away.argmin())][0]


def _parsed(value: str) -> tuple[float, float, float]:
    red, green, blue = (int(value[at : at + 2], 16) / 255 for at in (0, 2, 4))
    return red, green, blue


def _lab(colors: list[tuple[float, float, float]]) -> Tensor:
    lab = srgb_to_lab(torch.tensor(colors, dtype=torch.float64))
    return lab * lab.new_tensor((_OF_LIGHTNESS, 1.0, 1.0))
