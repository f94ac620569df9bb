"""The search for a checkerboard's squares: in the spectrum of a corner, then along the whole picture.

The pattern is a product of two square waves, so its spectrum has two equal peaks at (±u, v). They give the squares'
size and phase; along each axis the whole picture then refines them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .wave import Wave

_TILE = 512
"""Side of the corner of the picture that is searched: many squares of any usual board, and a quick transform."""
_SQUARES = (3.5, 72.0)
"""Sides of a square in pixels that are looked for."""
_ASPECT = 1.25
"""Between the sides of a square: pictures are scaled, seldom distorted."""
_PROMINENCE = 8.0
"""Of the two peaks over the median of the spectrum, which is weighted so that photographs are flat."""
_VAGUE = 2.0
"""Steps of a corner's spectrum by which its peak may be off."""
_LEVEL = 0.015
"""The least deviation from the median, for a picture that is nearly all of one colour."""


@dataclass(frozen=True)
class _Found:
    """Waves in pixels of the whole picture, exact within `rows` and `columns`, where they were found."""

    across: Wave
    down: Wave
    rows: slice
    columns: slice


def find_waves(srgb: Tensor) -> tuple[Wave, Wave] | None:
    """The waves across and down the whole picture `[H,W,3]` that look most like a checkerboard; None where none do."""
    prominent = _most_prominent(srgb)
    if prominent is None:
        return None
    gray = srgb.mean(dim=-1)
    across, down = _polished(gray, *_refined(gray, prominent))
    return (across, down) if _are_squares(across.square, down.square) else None


def _most_prominent(srgb: Tensor) -> _Found | None:
    """The most prominent checkerboard in one of the picture's corners."""
    height, width = srgb.shape[:2]
    high, wide = min(_TILE, height), min(_TILE, width)
    if min(high, wide) < 6 * _SQUARES[0]:
        return None
    best, prominent = _PROMINENCE, None
    for top in {0, height - high}:
        for left in {0, width - wide}:
            rows, columns = slice(top, top + high), slice(left, left + wide)
            prominence, waves = _peak(srgb[rows, columns].mean(dim=-1))
            if waves is not None and prominence > best:
                across, down = waves
                best, prominent = prominence, _Found(across.moved(left), down.moved(top), rows, columns)
    return prominent


def _levelled(gray: Tensor) -> Tensor:
    """`gray` about its median, within what is usual: a product weighs no more than a square."""
    level = gray - gray.median()
    spread = level.abs().median().clamp(min=_LEVEL)
    return level.clamp(-spread, spread)


def _peak(tile: Tensor) -> tuple[float, tuple[Wave, Wave] | None]:
    height, width = tile.shape
    window = _hann(height, tile)[:, None] * _hann(width, tile)[None, :]
    tile = _levelled(tile)
    spectrum = torch.fft.rfft2((tile - (tile * window).sum() / window.sum()) * window)
    half = (height - 1) // 2
    rising = spectrum[1 : half + 1, 1:]
    falling = spectrum[-half:, 1:].flip(0)
    v = torch.arange(1, half + 1, device=tile.device)[:, None] / height
    u = torch.arange(1, spectrum.shape[1], device=tile.device)[None, :] / width
    strength = torch.minimum(rising.abs(), falling.abs()) * torch.hypot(u, v)
    low, high = 0.5 / _SQUARES[1], 0.5 / _SQUARES[0]
    asked = (u >= max(low, 2 / width)) & (u <= high) & (v >= max(low, 2 / height)) & (v <= high)
    asked &= (u / v <= _ASPECT) & (v / u <= _ASPECT)
    if not bool(asked.any()):
        return 0.0, None
    middle = float(strength.median())
    at = int(torch.where(asked, strength, strength.new_tensor(-1.0)).argmax())
    row, column = divmod(at, strength.shape[1])
    prominence = float(strength[row, column]) / max(middle, 1e-9)
    raw = torch.minimum(rising.abs(), falling.abs())
    rate_y = 2 * math.pi * (row + 1 + _between(raw[:, column], row)) / height
    rate_x = 2 * math.pi * (column + 1 + _between(raw[row], column)) / width
    return prominence, _phased(tile * window, rate_x, rate_y)


def _hann(length: int, like: Tensor) -> Tensor:
    return torch.hann_window(length, periodic=False, dtype=like.dtype, device=like.device)


def _between(values: Tensor, at: int) -> float:
    """Where between the samples the peak at index `at` lies, -0.5..0.5: a parabola through the logarithms."""
    if not 0 < at < len(values) - 1:
        return 0.0
    before, here, after = (math.log(max(float(values[at + step]), 1e-12)) for step in (-1, 0, 1))
    bend = before - 2 * here + after
    return 0.0 if bend >= 0 else min(max(0.5 * (before - after) / bend, -0.5), 0.5)


def _phased(windowed: Tensor, rate_x: float, rate_y: float) -> tuple[Wave, Wave]:
    """The waves with these rates: sin(x) · sin(y) = ½ cos(x - y) - ½ cos(x + y) gives the sum and the difference of the
    phases."""
    height, width = windowed.shape
    x = torch.arange(width, dtype=torch.float64, device=windowed.device) * rate_x
    y = torch.arange(height, dtype=torch.float64, device=windowed.device) * rate_y
    values = windowed.to(torch.complex128) @ torch.exp(-1j * x)
    total = torch.angle(-(values * torch.exp(-1j * y)).sum())
    difference = torch.angle((values * torch.exp(1j * y)).sum())
    return Wave(rate_x, float(total + difference) / 2), Wave(rate_y, float(total - difference) / 2)


def _refined(gray: Tensor, coarse: _Found) -> tuple[Wave, Wave]:
    """The waves as the whole picture has them: each axis seen through the other's wave, first where that is exact."""
    level = _levelled(gray)
    height, width = gray.shape
    across, down, rows, columns = coarse.across, coarse.down, coarse.rows, coarse.columns
    for _ in range(2):
        seen = down.sine(height, gray)[rows] @ level[rows]
        across = _refine(seen, across)
        seen = level[:, columns] @ across.sine(width, gray)[columns]
        down = _refine(seen, down)
        rows, columns = slice(0, height), slice(0, width)
    return across, down


def _are_squares(width: float, height: float) -> bool:
    low, high = _SQUARES
    return low <= min(width, height) <= max(width, height) <= min(high, _ASPECT * min(width, height))


def _refine(seen: Tensor, wave: Wave) -> Wave:
    """The rate near the wave's that fits the profile `seen` `[length]` best, and its phase."""
    length = len(seen)
    weighted = (seen.double() * _hann(length, seen).double()).to(torch.complex128)
    n = torch.arange(length, dtype=torch.float64, device=seen.device)
    step = 2 * math.pi / (8 * length)
    count = math.ceil(_VAGUE * 2 * math.pi / min(_TILE, length) / step)
    rates = wave.rate + step * torch.arange(-count, count + 1, dtype=torch.float64, device=seen.device)
    rates = rates.clamp(min=math.pi / length)  # one square along the whole axis
    strength = (torch.exp(-1j * rates[:, None] * n[None, :]) @ weighted).abs()
    best = int(strength.argmax())
    rate = float(rates[best]) + step * _between(strength, best)
    value = (weighted * torch.exp(-1j * rate * n)).sum()
    # The other axis's wave keeps its sign, so this one's is the profile's own: seen = A sin(rate n + phase), A > 0.
    return Wave(rate, float(torch.angle(value)) + math.pi / 2)


def _polished(gray: Tensor, across: Wave, down: Wave) -> tuple[Wave, Wave]:
    """The waves whose squares' edges fit best: a spectrum is vague about few large squares."""
    height, width = gray.shape
    level = _levelled(gray)
    for share in (0.16, 0.04, 0.01):
        across = _fitted_edges(_square_wave(down.to_edge(height, gray)) @ level, across, share)
        down = _fitted_edges(level @ _square_wave(across.to_edge(width, gray)), down, share)
    return across, down


def _square_wave(to_edge: Tensor) -> Tensor:
    return (2.0 * to_edge).clamp(-1.0, 1.0)


def _fitted_edges(seen: Tensor, wave: Wave, share: float) -> Wave:
    """The wave, moved by up to `share` of a square at either end of its axis, that correlates best with `seen`."""
    length, steps = len(seen), torch.linspace(-share * math.pi, share * math.pi, 9).tolist()
    moved = [
        Wave(wave.rate + (last - first) / max(length - 1, 1), wave.phase + first) for first in steps for last in steps
    ]
    waves = torch.stack([_square_wave(candidate.to_edge(length, seen)) for candidate in moved])
    return moved[int((waves @ seen).argmax())]
