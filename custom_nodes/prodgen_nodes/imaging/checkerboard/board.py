"""A painted checkerboard, found and described."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from .pattern import Pattern
from .search import find_waves

_LEAST, _MOST = 0.1, 0.995
"""Shares of the picture: between them a backdrop with something on it."""


@dataclass(frozen=True)
class Checkerboard:
    """A painted backdrop: `backdrop` `[H,W,3]` is what it would look like without a product, `shows` `[H,W]` (bool)
    where it is seen. `square` is (width, height) in pixels, `light` and `dark` the colours `[3]`; `tolerance` is what a
    pixel that shows it may be off."""

    backdrop: Tensor
    shows: Tensor
    square: tuple[float, float]
    light: Tensor
    dark: Tensor
    tolerance: float


def checkerboard(srgb: Tensor) -> Checkerboard | None:
    """The painted checkerboard behind the product of `srgb` `[H,W,3]` (0..1), or None where there is none."""
    waves = find_waves(srgb)
    pattern = None if waves is None else Pattern.fitted(srgb, *waves)
    if waves is None or pattern is None or not pattern.frames(srgb):
        return None
    shows = pattern.shows(srgb)
    if not _LEAST <= float(shows.float().mean()) <= _MOST or not pattern.is_even(srgb, shows):
        return None
    square = (waves[0].square, waves[1].square)
    everywhere = pattern.colours(*pattern.everywhere)
    return Checkerboard(everywhere, shows, square, pattern.light, pattern.dark, max(pattern.tolerance))
