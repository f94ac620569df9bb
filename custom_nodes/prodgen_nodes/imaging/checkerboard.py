"""Fake transparency: the checkerboard that picture editors show behind a cut-out, painted into the picture.

The pattern is a product of two square waves, so its spectrum has two equal peaks at (±u, v). They give the squares'
size and phase; along each axis the whole picture then refines them. What is printed or laid in the scene (a checked
shirt, a tiled floor) is lit, textured or seen at an angle, and does not reach along the picture's edges in two even
greys.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

_TILE, _STRIP = 512, 512
_SQUARES = (3.5, 72.0)
"""Sides of a square in pixels that are looked for."""
_ASPECT = 1.25
"""Between the sides of a square: pictures are scaled, seldom distorted."""
_PROMINENCE = 8.0
"""Of the two peaks over the median of the spectrum, which is weighted so that photographs are flat."""
_VAGUE = 2.0
"""Steps of a corner's spectrum by which its peak may be off."""
_CONTRAST = 0.015
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
_LEAST, _MOST = 0.1, 0.995
"""Shares of the picture: between them a backdrop with something on it."""
_SUPPORT = 0.25
"""Of the squares of the other colour nearby that must show too, or else a plain white product would."""
_RAMPS = (0.5, 1.0, 1.5, 2.5, 4.0)
"""Half the width, in pixels, of a square's edge."""


@dataclass(frozen=True)
class Checkerboard:
    """A painted backdrop: `backdrop` `[H,W,3]` is what it would look like without a product, `shows` `[H,W]` (bool)
    where it is seen. `square` is (width, height) in pixels, `light` and `dark` the colours `[3]`."""

    backdrop: Tensor
    shows: Tensor
    square: tuple[float, float]
    light: Tensor
    dark: Tensor


@dataclass(frozen=True)
class _Wave:
    """sin(rate · n + phase) over the pixels n of an axis: positive on every other square."""

    rate: float
    phase: float

    @property
    def square(self) -> float:
        return math.pi / self.rate

    def moved(self, start: int) -> _Wave:
        """The same wave where pixel 0 of its axis is pixel `start` of a longer one."""
        return _Wave(self.rate, self.phase - self.rate * start)

    def sine(self, length: int, like: Tensor) -> Tensor:
        n = torch.arange(length, dtype=torch.float64, device=like.device)
        return torch.sin(self.rate * n + self.phase).to(like.dtype)

    def to_edge(self, length: int, like: Tensor) -> Tensor:
        """Signed pixels to the nearest edge of a square: positive on every other one. `[length]`."""
        n = torch.arange(length, dtype=torch.float64, device=like.device)
        along = (self.rate * n + self.phase) / math.pi
        within = along - torch.floor(along)
        sign = 1.0 - 2.0 * (torch.floor(along) % 2)
        return (sign * torch.minimum(within, 1.0 - within) * self.square).to(like.dtype)


def checkerboard(srgb: Tensor) -> Checkerboard | None:
    """The painted checkerboard behind the product of `srgb` `[H,W,3]` (0..1), or None where there is none."""
    found = _most_prominent(srgb)
    if found is None:
        return None
    gray = srgb.mean(dim=-1)
    across, down = _polished(gray, *_refined(gray, found))
    if not _are_squares(across.square, down.square):
        return None
    pattern = _Pattern.fitted(srgb, across, down)
    if pattern is None or not pattern.frames(srgb):
        return None
    shows = pattern.shows(srgb)
    if not _LEAST <= float(shows.float().mean()) <= _MOST or not pattern.is_even(srgb, shows):
        return None
    return Checkerboard(
        pattern.colours(*pattern.everywhere), shows, (across.square, down.square), pattern.light, pattern.dark
    )


# -- finding the squares -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Found:
    """Waves in pixels of the whole picture, exact within `rows` and `columns`, where they were found."""

    across: _Wave
    down: _Wave
    rows: slice
    columns: slice


def _most_prominent(srgb: Tensor) -> _Found | None:
    """The most prominent checkerboard in one of the picture's corners."""
    height, width = srgb.shape[:2]
    high, wide = min(_TILE, height), min(_TILE, width)
    if min(high, wide) < 6 * _SQUARES[0]:
        return None
    best, found = _PROMINENCE, None
    for top in {0, height - high}:
        for left in {0, width - wide}:
            rows, columns = slice(top, top + high), slice(left, left + wide)
            prominence, waves = _peak(srgb[rows, columns].mean(dim=-1))
            if waves is not None and prominence > best:
                across, down = waves
                best, found = prominence, _Found(across.moved(left), down.moved(top), rows, columns)
    return found


def _levelled(gray: Tensor) -> Tensor:
    """`gray` about its median, within what is usual: a product weighs no more than a square."""
    level = gray - gray.median()
    spread = level.abs().median().clamp(min=_CONTRAST)
    return level.clamp(-spread, spread)


def _peak(tile: Tensor) -> tuple[float, tuple[_Wave, _Wave] | None]:
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


def _phased(windowed: Tensor, rate_x: float, rate_y: float) -> tuple[_Wave, _Wave]:
    """The waves with these rates: sin(x) · sin(y) = ½ cos(x − y) − ½ cos(x + y) gives the sum and the difference of the
    phases."""
    height, width = windowed.shape
    x = torch.arange(width, dtype=torch.float64, device=windowed.device) * rate_x
    y = torch.arange(height, dtype=torch.float64, device=windowed.device) * rate_y
    values = windowed.to(torch.complex128) @ torch.exp(-1j * x)
    total = torch.angle(-(values * torch.exp(-1j * y)).sum())
    difference = torch.angle((values * torch.exp(1j * y)).sum())
    return _Wave(rate_x, float(total + difference) / 2), _Wave(rate_y, float(total - difference) / 2)


def _refined(gray: Tensor, found: _Found) -> tuple[_Wave, _Wave]:
    """The waves as the whole picture has them: each axis seen through the other's wave, first where that is exact."""
    level = _levelled(gray)
    height, width = gray.shape
    across, down, rows, columns = found.across, found.down, found.rows, found.columns
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


def _refine(seen: Tensor, wave: _Wave) -> _Wave:
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
    return _Wave(rate, float(torch.angle(value)) + math.pi / 2)


def _polished(gray: Tensor, across: _Wave, down: _Wave) -> tuple[_Wave, _Wave]:
    """The waves whose squares' edges fit best: a spectrum is vague about few large squares."""
    height, width = gray.shape
    level = _levelled(gray)
    for share in (0.16, 0.04, 0.01):
        across = _fitted_edges(_square_wave(down.to_edge(height, gray)) @ level, across, share)
        down = _fitted_edges(level @ _square_wave(across.to_edge(width, gray)), down, share)
    return across, down


def _square_wave(to_edge: Tensor) -> Tensor:
    return (2.0 * to_edge).clamp(-1.0, 1.0)


def _fitted_edges(seen: Tensor, wave: _Wave, share: float) -> _Wave:
    """The wave, moved by up to `share` of a square at either end of its axis, that correlates best with `seen`."""
    length, steps = len(seen), torch.linspace(-share * math.pi, share * math.pi, 9).tolist()
    moved = [
        _Wave(wave.rate + (last - first) / max(length - 1, 1), wave.phase + first) for first in steps for last in steps
    ]
    waves = torch.stack([_square_wave(candidate.to_edge(length, seen)) for candidate in moved])
    return moved[int((waves @ seen).argmax())]


# -- the pattern and where it shows --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Pattern:
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
    def fitted(cls, srgb: Tensor, across: _Wave, down: _Wave) -> _Pattern | None:
        """The pattern with the colours of the picture's outermost band; None where those are no two greys."""
        height, width = srgb.shape[:2]
        x, y, size = across.to_edge(width, srgb), down.to_edge(height, srgb), min(across.square, down.square)
        inside = max(0.5, min(0.25 * size, 3.0))
        plain = _Pattern(x, y, size, 0.5, srgb.new_ones(3), srgb.new_zeros(3))
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
        fits = [_Pattern(x, y, size, ramp, light, dark) for ramp in _RAMPS if ramp <= max(1.0, size / 2)]
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
