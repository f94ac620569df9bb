"""Whether a picture that was painted in tiles shows it: lines at the tiles' borders, soft bands in their overlaps."""

from __future__ import annotations

from itertools import pairwise

import torch
from prodgen_nodes.imaging.tiles import TileGrid
from torch import Tensor


def line_energy(picture: Tensor, grid: TileGrid) -> float:
    """The strongest step across the lines of the tile grid over the usual step in `picture` `[H,W,C]`; 1 = no line.

    A step is the mean over a whole row (or column) of the signed difference to the next one, less what its
    neighbourhood does anyway: texture averages out along the line, a seam does not.
    """
    return max(
        _worst(picture.mean(dim=-1), _borders(grid.tops, grid.tile_height)),
        _worst(picture.mean(dim=-1).T, _borders(grid.lefts, grid.tile_width)),
    )


def _borders(starts: tuple[int, ...], tile: int) -> list[int]:
    """Where one tile ends or another begins, inside the picture."""
    return sorted({*starts[1:], *(start + tile for start in starts[:-1])})


def _worst(plane: Tensor, borders: list[int]) -> float:
    """Steps are taken over pieces of 64 pixels of the line: a seam need not run across the whole picture."""
    pieces = torch.stack([piece.mean(dim=1) for piece in torch.split(plane, 64, dim=1) if piece.shape[1] == 64], dim=1)
    steps = torch.diff(pieces, dim=0)
    steps = (steps - steps.median(dim=0).values).abs()
    near = torch.zeros(steps.shape[0], dtype=torch.bool)
    for border in borders:
        near[max(0, border - 2) : border + 2] = True
    if not bool(near.any()):
        return 1.0
    usual = torch.quantile(steps[~near].flatten()[:1_000_000], 0.999)
    return float(steps[near].max() / usual.clamp(min=1e-6))


def texture_in_overlaps(picture: Tensor, grid: TileGrid) -> float:
    """Deviation of the fine detail amid overlaps over that amid tiles, `picture` `[H,W,C]`; 1 = no soft band."""
    plane = picture.mean(dim=-1)
    fine = plane - torch.nn.functional.avg_pool2d(plane[None, None], 3, 1, 1, count_include_pad=False)[0, 0]
    shared = _middles(grid.lefts, grid.tile_width)
    height = plane.shape[0]
    own = [column for column in range(plane.shape[1]) if all(abs(column - middle) > 40 for middle in shared)]
    rows = [row for row in range(height) if all(abs(row - m) > 40 for m in _middles(grid.tops, grid.tile_height))]
    band = [column for middle in shared for column in range(middle - 4, middle + 4)]
    return float(fine[rows][:, band].std() / fine[rows][:, own].std())


def _middles(starts: tuple[int, ...], tile: int) -> list[int]:
    return [(after + before + tile) // 2 for before, after in pairwise(starts)]
