"""The pattern that two waves and two greys make, and where a picture shows it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from .wave import Wave

_STRIP = 512
"""Rows at a time: bounds the memory of a large picture, and no result depends on it."""
_CONTRAST = 0.015
"""Between the two greys, sRGB: about four steps of 8 bits. At half of it noise and JPEG pass for squares; at double
the palest boards are taken for a plain backdrop."""
_NEUTRAL = 0.05
"""Largest difference between a colour's channels for a grey."""
_TOLERANCE = (0.012, 0.06)
"""Bounds of what a pixel may be off the pattern and still show it; between them what is usual in the picture."""
_USUAL, _SLACK = 0.98, 1.5
"""Share of a file's pixels that are as it usually has them, and what the rest may be off more."""
_NEAR_EDGE = 1.5
"""Pixels beside a square's edge, where scaling and JPEG ring."""
_RINGING = 0.5
"""Of the contrast: what more is allowed there at most."""
_EVEN, _EVEN_AT_EDGES, _COLOURLESS = 0.02, 0.15, 0.008
"""Mean residual inside the squares: files are even and colourless, photographs are not. Where all is edge, a share of
the contrast."""
_WHOLE = 0.9
"""Share of a block of four squares that must be as the pattern has it."""
_RING, _SIDES = 0.5, 3
"""Such blocks must fill this share of the picture's outermost band, and of this many of its sides."""
_SUPPORT = 0.25
"""Of the squares of the other colour nearby that must show too, or else a plain white product would."""
_RAMPS = (0.5, 1.0, 1.5, 2.5, 4.0)
"""Half the width, in pixels, of a square's edge."""


@dataclass(frozen=True)
class Pattern:
    """`x` and `y`: signed pixels to the nearest edge along each axis; `ramp`: half the width of an edge."""

    x: Tensor
    y: Tensor
    size: float
    ramp: float
    light: Tensor
    dark: Tensor
    tolerance: tuple[float, float] = _TOLERANCE
    """What a pixel may be off inside the squares and beside their edges."""

    @classmethod
    def fitted(cls, srgb: Tensor, across: Wave, down: Wave) -> Pattern | None:
        """The pattern with the colours of the picture's outermost band; None where those are no two greys."""
        height, width = srgb.shape[:2]
        x, y, size = across.to_edge(width, srgb), down.to_edge(height, srgb), min(across.square, down.square)
        inside = max(0.5, min(0.25 * size, 3.0))
        plain = Pattern(x, y, size, 0.5, srgb.new_ones(3), srgb.new_zeros(3))
        samples: dict[bool, list[Tensor]] = {True: [], False: []}
        for rows, columns in plain.bands(2):
            sign = torch.sign(y[rows])[:, None] * torch.sign(x[columns])[None, :]
            core = (y[rows].abs() >= inside)[:, None] & (x[columns].abs() >= inside)[None, :]
            for is_light, values in samples.items():
                values.append(srgb[rows, columns][core & ((sign > 0) == is_light)])
        light, dark = (torch.cat(samples[is_light]) for is_light in (True, False))
        if min(len(light), len(dark)) == 0:
            return None
        light, dark = light.median(dim=0).values, dark.median(dim=0).values
        uneven = max(float(colour.max() - colour.min()) for colour in (light, dark))
        if uneven > _NEUTRAL or float((light - dark).mean()) < _CONTRAST:
            return None
        fits = [Pattern(x, y, size, ramp, light, dark) for ramp in _RAMPS if ramp <= max(1.0, size / 2)]
        best = min(fits, key=lambda fit: fit._misfit(srgb))
        return replace(best, tolerance=best._tolerances(srgb))

    @property
    def everywhere(self) -> tuple[slice, slice]:
        return slice(0, len(self.y)), slice(0, len(self.x))

    def bands(self, squares: int) -> list[tuple[slice, slice]]:
        """The picture's outermost bands: top, bottom, left, right."""
        height, width = len(self.y), len(self.x)
        wide = min(math.ceil(squares * self.size), height // 4, width // 4)
        whole_x, whole_y = slice(0, width), slice(0, height)
        return [
            (slice(0, wide), whole_x),
            (slice(height - wide, height), whole_x),
            (whole_y, slice(0, wide)),
            (whole_y, slice(width - wide, width)),
        ]

    def colours(self, rows: slice, columns: slice) -> Tensor:
        y, x = ((axis / self.ramp).clamp(-1.0, 1.0) for axis in (self.y[rows], self.x[columns]))
        share = (0.5 + 0.5 * y[:, None] * x[None, :])[..., None]
        return torch.lerp(self.dark, self.light, share)

    def _misfit(self, srgb: Tensor) -> float:
        limit = 0.5 * float((self.light - self.dark).mean())
        return sum(float((srgb[band] - self.colours(*band)).abs().clamp(max=limit).mean()) for band in self.bands(2))

    def _tolerances(self, srgb: Tensor) -> tuple[float, float]:
        """The tolerances that the outermost bands ask for: a compressed file's are wider."""
        inside, beside = [], []
        for band in self.bands(2):
            off, edge = self._off(srgb, *band), self._beside(*band)
            inside.append(off[~edge])
            beside.append(off[edge])
        low, high = _TOLERANCE
        ringing = high + _RINGING * float((self.light - self.dark).mean())
        return _usual(torch.cat(inside), low, high), _usual(torch.cat(beside), low, ringing)

    def _off(self, srgb: Tensor, rows: slice, columns: slice) -> Tensor:
        return (srgb[rows, columns] - self.colours(rows, columns)).abs().amax(dim=-1)

    def matches(self, srgb: Tensor, rows: slice, columns: slice) -> Tensor:
        """Where the pixels of these rows and columns are as the pattern would have them."""
        inside, beside = self.tolerance
        return self._off(srgb, rows, columns) <= torch.where(self._beside(rows, columns), beside, inside)

    def _beside(self, rows: slice, columns: slice) -> Tensor:
        reach = self.ramp + _NEAR_EDGE
        return (self.y[rows].abs() < reach)[:, None] | (self.x[columns].abs() < reach)[None, :]

    def frames(self, srgb: Tensor) -> bool:
        """Whether the pattern fills most of the picture's outermost bands."""
        shares = []
        for band in self.bands(2):
            matches = self.matches(srgb, *band).float()[None, None]
            block = [min(math.ceil(2 * self.size), side) for side in matches.shape[-2:]]
            whole = F.avg_pool2d(matches, block, ceil_mode=True, count_include_pad=False) >= _WHOLE
            shares.append(float(whole.float().mean()))
        return sum(share >= _RING for share in shares) >= _SIDES and sum(shares) / len(shares) >= _RING

    def shows(self, srgb: Tensor) -> Tensor:
        """Where the pattern is seen `[H,W]`: as it should be, with squares of the other colour beside it."""
        reach, height = math.ceil(self.size), len(self.y)
        kept = torch.empty(srgb.shape[:2], dtype=torch.bool, device=srgb.device)
        for top in range(0, height, _STRIP):
            bottom = min(top + _STRIP, height)
            first, last = max(top - reach, 0), min(bottom + reach, height)
            kept[top:bottom] = self._supported(srgb, slice(first, last), reach)[top - first : bottom - first]
        plane = kept.cpu().numpy()
        labels, _ = ndimage.label(plane)
        large = np.bincount(labels.ravel()) >= 0.25 * self.size**2
        return torch.from_numpy(large[labels] & plane).to(kept.device)

    def _supported(self, srgb: Tensor, rows: slice, reach: int) -> Tensor:
        columns = slice(0, len(self.x))
        matches = self.matches(srgb, rows, columns)
        is_light = (torch.sign(self.y[rows])[:, None] * torch.sign(self.x)[None, :]) > 0
        supported = torch.zeros_like(matches)
        for mine in (True, False):
            other = is_light != mine
            supported |= ~other & (_count(matches & other, reach) >= _SUPPORT * _count(other, reach))
        return matches & supported

    def is_even(self, srgb: Tensor, shows: Tensor) -> bool:
        """Whether the squares along the frame are as even and colourless inside as only a file's are."""
        insides, everything = [], []
        for band in self.bands(2):
            off, seen = srgb[band] - self.colours(*band), shows[band]
            insides.append(off[seen & ~self._beside(*band)])
            everything.append(off[seen])
        off, limit = torch.cat(insides), _EVEN
        if len(off) == 0:  # squares so small that they are all edge
            off, limit = torch.cat(everything), max(_EVEN, _EVEN_AT_EDGES * float((self.light - self.dark).mean()))
        gray = off.mean(dim=-1)
        return float(gray.abs().mean()) <= limit and float((off.T - gray).abs().mean()) <= _COLOURLESS


def _usual(off: Tensor, low: float, high: float) -> float:
    """What nearly all of the values up to `high` are below, within bounds."""
    kept = off[off <= high].sort().values
    return min(max(_SLACK * float(kept[int(_USUAL * (len(kept) - 1))]), low), high) if len(kept) else low


def _count(plane: Tensor, reach: int) -> Tensor:
    """How many pixels of a boolean `[H,W]` are set in the square of `2·reach + 1` around each."""
    total = plane.float()
    for dim in (0, 1):
        length = total.shape[dim]
        summed = torch.cat((total.new_zeros(_with(total.shape, dim, 1)), total.cumsum(dim)), dim=dim)
        n = torch.arange(length, device=plane.device)
        total = summed.index_select(dim, (n + reach + 1).clamp(max=length)) - summed.index_select(
            dim, (n - reach).clamp(min=0)
        )
    return total


def _with(shape: torch.Size, dim: int, length: int) -> list[int]:
    return [length if axis == dim else size for axis, size in enumerate(shape)]
