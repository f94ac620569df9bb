"""The colour that is wanted: as text, or as the photo of a swatch."""

from __future__ import annotations

import re

import torch
from torch import Tensor

from ..color.gamut import into_gamut
from ..colorspace import parse_hex, srgb_to_lab, srgb_to_linear
from ..errors import ParameterError
from ..tensors import check_color

_NUMBER = r"\s*([+-]?\d+(?:\.\d+)?)\s*"
_LAB = re.compile(rf"lab\s*\({_NUMBER},{_NUMBER},{_NUMBER}\)", re.IGNORECASE)
_CENTRAL = 0.6
"""The share of each side of a swatch photo that counts: its rim may show the table, or be cut with pinking shears."""
_LARGEST_AB = 160.0
"""Beyond it no colour lies that anything shows or prints."""


def target_color(text: str) -> Tensor:
    """Linear RGB `[3]` of `#rrggbb` or `lab(L, a, b)` (CIELAB, D65).

    What sRGB cannot show loses chroma, never lightness or hue. Raises ParameterError for anything else.
    """
    match = _LAB.fullmatch(text.strip())
    if match is None:
        if text.strip().casefold().startswith("lab"):
            raise ParameterError(f"color is {text!r}; write CIELAB as lab(L, a, b), for example lab(60, 20, 30).")
        return srgb_to_linear(torch.tensor(parse_hex(text, "color")))
    lightness, a, b = (float(number) for number in match.groups())
    if not (0 <= lightness <= 100 and max(abs(a), abs(b)) <= _LARGEST_AB):
        raise ParameterError(
            f"color is {text!r}; L lies between 0 and 100, a and b between -{_LARGEST_AB:g} and {_LARGEST_AB:g}."
        )
    return into_gamut(torch.tensor([[lightness, a, b]]))[0]


def swatch_color(swatch: Tensor) -> Tensor:
    """Linear RGB `[3]` that most of the middle of a swatch's photo `[1,H,W,C]` sRGB has: the median in CIELAB."""
    picture = check_color(swatch, "swatch")[0, ..., :3]
    height, width = picture.shape[:2]
    top, left = int(height * (1 - _CENTRAL) / 2), int(width * (1 - _CENTRAL) / 2)
    middle = picture[top : max(top + 1, height - top), left : max(left + 1, width - left)].reshape(-1, 3)
    step = max(1, len(middle) // 200_000)  # the median of so many is that of all
    lab = srgb_to_lab(middle[::step].float()).median(dim=0).values
    return into_gamut(lab[None])[0]
