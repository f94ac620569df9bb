"""What the drawn shade misses, learned from rendered things: how deep a thing is and what is under it.

A silhouette does not say either, and most products are of few kinds. The small network here was trained on made-up
things in the same white room that the shade is drawn for (`learned_shade.txt`, beside its weights, says on what). It
sees the outline, how bright the product is, and the drawn shade, in a small square around the product, and answers with
what to add to that shade or to take from it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..colorspace import srgb_to_linear
from ..filters import area_reduced, smoothstep
from ..stored import stored_weights
from ..tensors import Box
from .round_foot import RoundFoot

CELLS = 160
"""Cells of the square's side."""
_PRODUCT = 104
"""Of these, the product's longer side."""
FOOT = 128
"""Cells above the product's lowest row: the rest is for the shade before it."""
_BLOCK = 4
"""Cells a side that the network takes, and answers for, at once."""
_WIDTHS = (48, 72, 96, 128)
"""Channels at a quarter, an eighth, a sixteenth and a thirty-second of the square's resolution."""
_MAPS = 5
"""What it sees: outline, brightness, drawn shade, and where a cell is, along the picture and across it."""
_BRANCH = 0.5
"""Share of a block's branch beside what passes it by."""
_OF_KNOWN = 0.5
"""Share that is believed of what it adds to or takes from the shade of something turned, whose solid is known: with
all of it a jar's contact is paler (154 of 255) than the eye expects of one (140 at most), and a grey shelf lies before
a mug. What it adds under a plate's rim is taken whole, and so is all of its answer for everything else: of 452 made-up
things that it was not trained on 1 and 1.05 come nearest to the rendered ground."""
_RIM = 14
"""Cells over which an answer fades to 0 before the square ends."""
_DEPTH_UNIT, _ASIDE_UNIT = 32, 40
"""Cells to 1 in the maps that say how far a cell is above or below the product's foot, and beside its middle."""
_FINE = 3
"""A cell is averaged from at least so many pixels a side; larger pictures are reduced first."""
_STRIP = 1024
"""Rows of the canvas that are corrected at once, which bounds what is held of a large one."""
LEARNED_SOFTNESS = 0.5
"""Softness of the light that it was trained in."""
WEIGHTS = Path(__file__).with_name("learned_shade.safetensors")


class _Normalized(nn.Module):
    """Layer normalisation (Ba et al., 2016) of each cell's channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        last = F.layer_norm(x.movedim(1, -1), self.gain.shape, self.gain.to(x.dtype), self.bias.to(x.dtype))
        return last.movedim(-1, 1)


class _Residual(nn.Module):
    """Two convolutions beside what passes them by (He et al., 2016)."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.past = nn.Conv2d(channels, width, 1)
        self.first, self.second = nn.Conv2d(channels, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)
        self.after_first, self.after_second = _Normalized(width), _Normalized(width)

    def forward(self, x: Tensor) -> Tensor:
        branch = F.silu(self.after_first(self.first(F.silu(x))))
        out: Tensor = self.past(x) + _BRANCH * self.after_second(self.second(branch))
        return out


class Network(nn.Module):
    """A U-Net (Ronneberger et al., 2015) of residual blocks that works on 4×4 cells at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(_MAPS * _BLOCK**2, _WIDTHS[0], 1)
        self.down = nn.ModuleList(_Residual(*pair) for pair in pairwise((_WIDTHS[0], *_WIDTHS)))
        self.up = nn.ModuleList(_Residual(high + low, high) for high, low in pairwise(_WIDTHS))
        self.out = nn.Conv2d(_WIDTHS[0], _BLOCK**2, 3, padding=1)
        for values in self.out.parameters():
            nn.init.zeros_(values)

    def forward(self, maps: Tensor) -> Tensor:
        """`[N,5,S,S]` outline, brightness, drawn shade, depth, aside to what the drawn one misses `[N,1,S,S]`."""
        x = self.stem(F.pixel_unshuffle(maps, _BLOCK).contiguous(memory_format=torch.channels_last))
        passed: list[Tensor] = []
        for number, block in enumerate(self.down):
            x = block(x if number == 0 else F.avg_pool2d(x, 2))
            passed.append(x)
        for block, finer in zip(reversed(self.up), reversed(passed[:-1]), strict=True):
            x = block(torch.cat((finer, F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)), 1))
        return F.pixel_shuffle(self.out(x), _BLOCK)


def missed_shade(network: nn.Module, seen: Tensor, *, mirrored: bool = False) -> Tensor:
    """What to add to the drawn shade, `[N,1,S,S]`, by the `network` and what it has `seen` `[N,3,S,S]`: outline,
    brightness, drawn shade. Nothing at the square's rim. Where `mirrored`, at twice the work, of a mirror image it is
    the mirror image."""
    cells = torch.arange(CELLS, device=seen.device) + 0.5
    depth = ((cells - FOOT) / _DEPTH_UNIT)[:, None].expand(len(seen), 1, CELLS, CELLS)
    aside = ((cells - CELLS / 2).abs() / _ASIDE_UNIT).expand(len(seen), 1, CELLS, CELLS)
    maps = torch.cat((seen, depth, aside), dim=1)
    if mirrored:
        one, other = network(torch.cat((maps, maps.flip(-1)))).to(seen).chunk(2)
        answers: Tensor = (one + other.flip(-1)) / 2
    else:
        answers = network(maps).to(seen)
    rim = smoothstep(torch.minimum(cells, CELLS - cells) / _RIM)
    return answers * (rim[:, None] * rim)


@lru_cache(maxsize=4)
def _network(device: torch.device) -> Network:
    network = Network()
    network.load_state_dict(stored_weights(WEIGHTS, device))
    return network.eval().requires_grad_(False).to(device)


@dataclass(frozen=True)
class Square:
    """Where the network's square lies on the canvas: its corner and its cells' side, in pixels."""

    left: float
    top: float
    pixels: float

    @classmethod
    def around(cls, box: Box) -> Square:
        pixels = max(box.width, box.height) / _PRODUCT
        return cls((box.left + box.right) / 2 - CELLS / 2 * pixels, box.bottom - FOOT * pixels, pixels)

    @property
    def factor(self) -> int:
        """Pixels of the canvas to one of what the cells are averaged from, a side."""
        return max(1, int(self.pixels / _FINE))

    def averaged(self, planes: Tensor) -> Tensor:
        """Means of `planes` `[C,H,W]` over each cell, 0 beyond the canvas: `[C,S,S]`."""
        return self.gathered(area_reduced(planes, self.factor))

    def gathered(self, planes: Tensor) -> Tensor:
        """The same of planes that are reduced by `factor` already."""
        for dim, corner in ((-1, self.left), (-2, self.top)):
            edges = (corner + torch.arange(CELLS + 1, dtype=torch.float64) * self.pixels) / self.factor
            count = planes.shape[dim]
            place = edges.clamp(0, count)
            index = place.long().clamp(max=count - 1)
            share = (place - index).to(planes).view(-1, *(1,) * (-1 - dim))
            sums = F.pad(planes.cumsum(dim), (1, 0) if dim == -1 else (0, 0, 1, 0))
            index = index.to(planes.device)
            there = torch.lerp(sums.index_select(dim, index), sums.index_select(dim, index + 1), share)
            planes = there.diff(dim=dim) / (self.pixels / self.factor)
        return planes

    def weights(self, start: int, stop: int, corner: float, like: Tensor) -> Tensor:
        """Of the cells for the pixels `start..stop` of the canvas `[n,S]`: cubic convolution (Keys, 1981)."""
        position = (torch.arange(start, stop, dtype=torch.float64) + 0.5 - corner) / self.pixels - 0.5
        cells = position.floor()[:, None] + torch.arange(-1, 3)
        distance = (position[:, None] - cells).abs()
        near = (1.5 * distance - 2.5) * distance**2 + 1
        far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
        taps = torch.where(distance < 1, near, far) * ((cells >= 0) & (cells < CELLS))
        within = cells.long().clamp(0, CELLS - 1).to(like.device)
        return like.new_zeros(stop - start, CELLS).scatter_add_(1, within, taps.to(like))

    def within(self, height: int, width: int) -> tuple[slice, slice]:
        """The canvas' rows and columns that it covers."""
        side = CELLS * self.pixels
        rows = slice(max(0, math.floor(self.top)), min(height, math.ceil(self.top + side)))
        return rows, slice(max(0, math.floor(self.left)), min(width, math.ceil(self.left + side)))

    def add(self, cells: Tensor, canvas: Tensor) -> None:
        """Add `cells` `[S,S]` to a shade `[H,W]` on the `canvas` (changed), which stays in 0..1."""
        rows, columns = self.within(*canvas.shape)
        across = cells @ self.weights(columns.start, columns.stop, self.left, canvas).T
        for start in range(rows.start, rows.stop, _STRIP):
            stop = min(start + _STRIP, rows.stop)
            part = self.weights(start, stop, self.top, canvas) @ across
            canvas[start:stop, columns].add_(part).clamp_(0.0, 1.0)


@dataclass(frozen=True)
class Seen:
    """What the network sees of a product: its `outline` 0..1 and its linear brightness in it, `[S,S]` each."""

    square: Square
    outline: Tensor
    brightness: Tensor

    @classmethod
    def of(cls, image: Tensor, alpha: Tensor, box: Box) -> Seen:
        """Of the product in `image` `[H,W,C]` sRGB."""
        square = Square.around(box)
        factor = square.factor
        # Whole blocks, so that the reduced box lies where the reduced canvas has it.
        rows, columns = (
            slice(low // factor * factor, -(-high // factor) * factor)
            for low, high in ((box.top, box.bottom), (box.left, box.right))
        )
        solid = (alpha[rows, columns] > 0.5).to(alpha)
        # Squares of sRGB values are nearly light, and a sixth of the work for as many pixels.
        colors = image[rows, columns, :3].movedim(-1, 0).square() * solid
        reduced = area_reduced(torch.cat((colors, solid[None])), factor)
        covered = reduced[-1]
        bright = srgb_to_linear((reduced[:-1] / covered.clamp(min=1e-6)).sqrt()).mean(dim=0) * covered
        outline = area_reduced(alpha, factor)
        planes = torch.stack((outline, torch.zeros_like(outline)))
        top, left = rows.start // factor, columns.start // factor
        planes[1, top : top + bright.shape[0], left : left + bright.shape[1]] = bright
        outline, brightness = square.gathered(planes)
        return cls(square, outline, brightness)

    def missed(self, drawn: Tensor, foot: RoundFoot | None = None) -> Tensor:
        """What to add to the `drawn` shade `[S,S]`; of a mirror image it is the mirror image. `foot`: of what was
        turned, whose shade is that of a solid that was not guessed."""
        maps = torch.stack((self.outline, self.brightness, drawn))[None]
        missed = missed_shade(_network(drawn.device), maps, mirrored=True)[0, 0]
        if foot is None:
            return missed
        return torch.where(missed > 0, missed, _OF_KNOWN * missed) if foot.under_a_rim else _OF_KNOWN * missed
