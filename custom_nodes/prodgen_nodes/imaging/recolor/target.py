"""The colour that is wanted: as text, or as the photo of a swatch."""

from __future__ import annotations

import re

import torch
from PIL import ImageColor
from torch import Tensor

from ..color.gamut import into_gamut
from ..colorspace import delta_e00, linear_to_lab, parse_hex, srgb_to_lab, srgb_to_linear
from ..errors import ParameterError
from ..tensors import check_color

_NUMBER = r"\s*([+-]?\d+(?:\.\d+)?)\s*"
_LAB = re.compile(rf"lab\s*\({_NUMBER},{_NUMBER},{_NUMBER}\)", re.IGNORECASE)
_CENTRAL = 0.6
"""The share of each side of a swatch photo that counts: its rim may show the table, or be cut with pinking shears."""
_LARGEST_AB = 160.0
"""Beyond it no colour lies that anything shows or prints."""
_SEEN = 1.0
"""dE00 that can just be seen."""


def target_color(text: str, name: str = "color") -> Tensor:
    """Linear RGB `[3]` of `#rrggbb`, `lab(L, a, b)` (CIELAB, D65), or what CSS knows: `navy`, `rgb()`, `hsl()`.

    What sRGB cannot show loses chroma, never lightness or hue. Raises ParameterError for anything else.
    """
    lab = _lab_of(text, name)
    return into_gamut(lab[None])[0] if lab is not None else srgb_to_linear(torch.tensor(_srgb_of(text, name)))


def out_of_reach(text: str) -> bool:
    """Whether this colour lies outside of what sRGB shows, by more than can just be seen."""
    lab = _lab_of(text, "color")
    return lab is not None and float(delta_e00(lab, linear_to_lab(into_gamut(lab[None]))[0])) > _SEEN


def _lab_of(text: str, name: str) -> Tensor | None:
    """CIELAB `[3]` of `lab(L, a, b)`; None for what does not begin so."""
    match = _LAB.fullmatch(text.strip())
    if match is None:
        if text.strip().casefold().startswith("lab"):
            raise ParameterError(f"{name} is {text!r}; write CIELAB as lab(L, a, b), for example lab(60, 20, 30).")
        return None
    lightness, a, b = (float(number) for number in match.groups())
    if not (0 <= lightness <= 100 and max(abs(a), abs(b)) <= _LARGEST_AB):
        raise ParameterError(
            f"{name} is {text!r}; L lies between 0 and 100, a and b between -{_LARGEST_AB:g} and {_LARGEST_AB:g}."
        )
    return torch.tensor([lightness, a, b])


def _srgb_of(text: str, name: str) -> tuple[float, ...]:
    try:
        channels = ImageColor.getrgb(text.strip())
    except ValueError:
        return parse_hex(text, name)
    if max(channels) > 255:
        raise ParameterError(f"{name} is {text!r}; red, green and blue lie between 0 and 255.")
    if len(channels) != 3:
        raise ParameterError(f"{name} is {text!r}; a colour to sell in is not transparent: write it as #rrggbb.")
    return tuple(channel / 255 for channel in channels)


def swatch_color(swatch: Tensor) -> Tensor:
    """Linear RGB `[3]` that most of the middle of a swatch's photo `[1,H,W,C]` sRGB has: the median in CIELAB."""
    picture = check_color(swatch, "swatch")[0, ..., :3]
    height, width = picture.shape[:2]
    top, left = int(height * (1 - _CENTRAL) / 2), int(width * (1 - _CENTRAL) / 2)
    middle = picture[top : max(top + 1, height - top), left : max(left + 1, width - left)].reshape(-1, 3)
    step = max(1, len(middle) // 200_000)  # the median of so many is that of all
    lab = srgb_to_lab(middle[::step].float()).median(dim=0).values
    return into_gamut(lab[None])[0]
