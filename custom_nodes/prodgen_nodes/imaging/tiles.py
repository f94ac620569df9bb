"""A picture in overlapping tiles, and back: what was painted tile by tile shows no seam.

Neighbouring tiles are mixed over their overlap by weights that rise and fall smoothly and sum to one at every pixel (a
partition of unity), so tiles that were not changed give the same picture, bit for bit. Tiles begin at multiples of 8
pixels: that is one cell of the usual latent, so what is cut out of a latent or of a field of noise fits the pixels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from .errors import ParameterError, ShapeError
from .filters import gaussian_blur, smoothstep
from .tensors import check_image, check_range

CELL = 8
"""Pixels per cell of a latent."""
_GUARD = 8
"""One part in so many at either end of an overlap stays out of the mixture: a tile's rim is painted without seeing what
lies beyond it."""


@dataclass(frozen=True)
class TileGrid:
    """Where the tiles of a picture lie, in pixels of the padded picture (its sides are multiples of 8).

    `tops` and `lefts` are the tiles' first rows and columns; a tile for each pair, row by row.
    """

    height: int
    width: int
    tile_height: int
    tile_width: int
    tops: tuple[int, ...]
    lefts: tuple[int, ...]

    @property
    def places(self) -> list[tuple[int, int]]:
        """(top, left) of every tile, in order."""
        return [(top, left) for top in self.tops for left in self.lefts]

    @property
    def padded(self) -> tuple[int, int]:
        """Height and width with the padding at the bottom and at the right."""
        return self.tops[-1] + self.tile_height, self.lefts[-1] + self.tile_width


def plan_tiles(height: int, width: int, tile: int, overlap: int) -> TileGrid:
    """Tiles of `tile` pixels a side, spread evenly, that overlap by `overlap` or a little more (multiples of 8).

    A side that is shorter than a tile gets one tile of its own length. Raises ParameterError.
    """
    if min(height, width) < 1:
        raise ShapeError(f"a picture of {width}×{height} pixels cannot be split.")
    if tile < 2 * CELL or tile % CELL:
        raise ParameterError(f"tile is {tile}; it must be a multiple of {CELL}, at least {2 * CELL}.")
    if overlap % CELL or not 0 <= overlap <= tile // 2:
        raise ParameterError(
            f"overlap is {overlap}; it must be a multiple of {CELL} and at most half a tile ({tile // 2})."
        )
    tile_height, tops = _along(height, tile, overlap)
    tile_width, lefts = _along(width, tile, overlap)
    return TileGrid(height, width, tile_height, tile_width, tops, lefts)


def _along(length: int, tile: int, overlap: int) -> tuple[int, tuple[int, ...]]:
    """The tile's extent and the starts along one side."""
    padded = math.ceil(length / CELL) * CELL
    if padded <= tile:
        return padded, (0,)
    count = math.ceil((padded - overlap) / (tile - overlap))
    room = (padded - tile) // CELL
    return tile, tuple(index * room // (count - 1) * CELL for index in range(count))


def split(image: Tensor, grid: TileGrid) -> list[Tensor]:
    """`[B,H,W,C]` -> one `[B,tile_height,tile_width,C]` per tile of `grid`; the last rows and columns are repeated
    where the picture's sides are no multiples of 8."""
    image = check_image(image)
    if tuple(image.shape[1:3]) != (grid.height, grid.width):
        raise ShapeError(
            f"image has {image.shape[2]}×{image.shape[1]} pixels, its tiles were laid for {grid.width}×{grid.height}."
        )
    bottom, right = grid.padded[0] - grid.height, grid.padded[1] - grid.width
    padded = image
    if bottom or right:
        padded = F.pad(image.movedim(-1, 1), (0, right, 0, bottom), mode="replicate").movedim(1, -1)
    return [
        padded[:, top : top + grid.tile_height, left : left + grid.tile_width].contiguous() for top, left in grid.places
    ]


def join(tiles: Sequence[Tensor], grid: TileGrid) -> Tensor:
    """The picture `[B,H,W,C]` from its tiles, in the order of `grid.places`. Raises ShapeError for other tiles.

    Values are mixed as they are (sRGB): both sides of an overlap show the same thing, there is no light to add up.
    """
    tiles = [check_image(tile, "tile") for tile in tiles]
    if len(tiles) != len(grid.places):
        raise ShapeError(f"there are {len(tiles)} tiles, the picture was split into {len(grid.places)}.")
    first = tiles[0]
    wanted = (grid.tile_height, grid.tile_width)
    for tile in tiles:
        if tile.shape != first.shape or tuple(tile.shape[1:3]) != wanted:
            raise ShapeError(
                f"a tile has shape {tuple(tile.shape)}; every tile must still be {wanted[1]}×{wanted[0]} pixels, as it "
                "was when the picture was split."
            )
    out = first.new_empty(first.shape[0], *grid.padded, first.shape[-1])
    across = len(grid.lefts)
    for number, (top, overlap, share) in enumerate(_mixed(grid.tops, grid.tile_height, first)):
        row = tiles[number * across : (number + 1) * across]
        fresh, bottom = top + overlap, top + grid.tile_height
        _merge_row([tile[:, overlap:] for tile in row], grid, out[:, fresh:bottom])
        if overlap:
            again = torch.empty_like(out[:, top:fresh])
            _merge_row([tile[:, :overlap] for tile in row], grid, again)
            out[:, top:fresh].lerp_(again, share.view(-1, 1, 1))
    return out[:, : grid.height, : grid.width].contiguous()


def _merge_row(parts: Sequence[Tensor], grid: TileGrid, out: Tensor) -> None:
    """Write the parts `[B,h,tile_width,C]` of neighbouring tiles into `out` `[B,h,W,C]`."""
    for part, (left, overlap, share) in zip(parts, _mixed(grid.lefts, grid.tile_width, out), strict=True):
        out[:, :, left : left + overlap].lerp_(part[:, :, :overlap], share.view(-1, 1))
        out[:, :, left + overlap : left + grid.tile_width] = part[:, :, overlap:]


def _mixed(starts: Sequence[int], tile: int, like: Tensor) -> Iterator[tuple[int, int, Tensor]]:
    """Along one side, for every tile: its start, how many of its pixels lie on earlier ones, and its share in those.

    Weights of rows and columns multiply, so one side may be mixed after the other. The shares are those of a running
    mean: where both are equal, it is the very same number.
    """
    total, covered = like.new_zeros(starts[-1] + tile), starts[0]
    for start, window in zip(starts, _windows(starts, tile, like), strict=True):
        weights = total[start : start + tile].add_(window)
        overlap = covered - start
        covered = start + tile
        yield start, overlap, torch.where(weights > 0, window / weights.clamp(min=1e-12), 0.0)[:overlap]


def _windows(starts: Sequence[int], tile: int, like: Tensor) -> list[Tensor]:
    """The weights `[tile]` of each tile along one side; over an overlap two neighbours' sum to one."""
    windows = [like.new_ones(tile) for _ in starts]
    for index, (before, after) in enumerate(pairwise(starts)):
        overlap = before + tile - after
        rise = _rise(overlap, like)
        windows[index][tile - overlap :] *= 1 - rise
        windows[index + 1][:overlap] *= rise
    return windows


def _rise(length: int, like: Tensor) -> Tensor:
    """From 0 to 1 over `length` pixels, flat at both ends and beyond them."""
    guard = length // _GUARD
    place = torch.arange(length, dtype=like.dtype, device=like.device) + 0.5 - guard
    return smoothstep(place / max(1, length - 2 * guard))


def hold_tone(image: Tensor, reference: Tensor, sigma: float, amount: float = 1.0) -> Tensor:
    """`image` `[B,H,W,C]` with the broad light and colour of `reference` `[B,H,W,C]`, its own detail untouched.

    Everything wider than about `sigma` pixels is moved by `amount` (0..1) towards the reference, so that tiles which
    came out lighter or warmer than their neighbours do not show as patches. Equal pictures stay as they are, bit for
    bit. Raises ShapeError, ParameterError.
    """
    image, reference = check_image(image), check_image(reference, "reference")
    if image.shape != reference.shape:
        raise ShapeError(
            f"reference {tuple(reference.shape)} does not have the shape of the picture {tuple(image.shape)}."
        )
    if check_range(amount, 0.0, 1.0, "hold_tone") == 0.0:
        return image
    broad = gaussian_blur((reference - image).movedim(-1, 1), sigma).movedim(1, -1)
    return torch.where(broad == 0, image, (image + amount * broad).clamp(0.0, 1.0))
