"""Splitting and joining: identity, no line at a tile's border, no soft band in an overlap, no patches of tone."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from prodgen_nodes.imaging import tiles as tiling
from prodgen_nodes.imaging.errors import ParameterError, ShapeError
from prodgen_nodes.imaging.tiles import TileGrid, hold_tone, join, plan_tiles, split
from torch import Tensor

from tests.imaging.seams import line_energy, texture_in_overlaps


def random_picture(height: int, width: int, batch: int = 1, seed: int = 0) -> Tensor:
    return torch.rand(batch, height, width, 3, generator=torch.Generator().manual_seed(seed))


def smooth_picture(height: int, width: int) -> Tensor:
    y = torch.linspace(0.2, 0.7, height)[:, None, None]
    x = torch.linspace(0.1, 0.3, width)[None, :, None]
    return (y + x).expand(height, width, 3).unsqueeze(0).contiguous()


@pytest.mark.parametrize(
    ("height", "width", "tile", "overlap"),
    [(512, 512, 256, 32), (300, 417, 128, 64), (64, 1000, 256, 64), (31, 45, 512, 128), (520, 512, 256, 0)],
)
def test_unchanged_tiles_give_the_same_bits(height: int, width: int, tile: int, overlap: int) -> None:
    picture = random_picture(height, width, batch=2)
    kept = picture.clone()
    grid = plan_tiles(height, width, tile, overlap)
    assert torch.equal(join(split(picture, grid), grid), picture)
    assert torch.equal(picture, kept)


@pytest.mark.parametrize("length", [257, 512, 1000, 1024, 2048, 4096, 5001])
@pytest.mark.parametrize(("tile", "overlap"), [(256, 32), (1024, 128), (512, 256)])
def test_tiles_cover_everything_and_overlap_enough(length: int, tile: int, overlap: int) -> None:
    grid = plan_tiles(64, length, tile, overlap)
    starts = grid.lefts
    assert starts[0] == 0
    assert length <= starts[-1] + grid.tile_width < length + 8
    assert all(start % 8 == 0 for start in starts)
    assert all(before + grid.tile_width - after >= overlap for before, after in pairwise(starts))


def test_no_more_tiles_than_needed() -> None:
    assert len(plan_tiles(2048, 2048, 1024, 128).places) == 9
    assert len(plan_tiles(1024, 1024, 1024, 128).places) == 1


@pytest.mark.parametrize("overlap", [32, 64, 128])
def test_the_weights_sum_to_one(overlap: int) -> None:
    """A tile of ones among zeros shows its weight; all of them together make one everywhere."""
    grid = plan_tiles(600, 700, 256, overlap)
    blank = [torch.zeros(1, grid.tile_height, grid.tile_width, 1) for _ in grid.places]
    shares = []
    for index in range(len(blank)):
        tiles = [torch.ones_like(tile) if other == index else tile for other, tile in enumerate(blank)]
        shares.append(join(tiles, grid))
    total = torch.stack(shares).sum(dim=0)
    assert torch.allclose(total, torch.ones_like(total), atol=1e-5)
    assert all(float(share.min()) >= 0 for share in shares)


def repainted(picture: Tensor, grid: TileGrid, seed: int, *, tone: float, detail: float) -> list[Tensor]:
    """Each tile as a model of its own would paint it: other broad tone, other fine detail."""
    generator = torch.Generator().manual_seed(seed)
    tiles = []
    for tile in split(picture, grid):
        shift = tone * (2 * torch.rand(1, 1, 1, 3, generator=generator) - 1)
        tiles.append(tile + shift + detail * torch.randn(tile.shape, generator=generator))
    return tiles


def test_no_line_shows_where_tiles_meet() -> None:
    picture = smooth_picture(640, 640)
    grid = plan_tiles(640, 640, 256, 64)
    tiles = repainted(picture, grid, 1, tone=0.05, detail=0.004)
    pasted = torch.zeros_like(picture)
    for (top, left), tile in zip(grid.places, tiles, strict=True):
        pasted[:, top : top + 256, left : left + 256] = tile
    assert line_energy(pasted[0], grid) > 10  # the measure sees a seam where there is one
    assert line_energy(join(tiles, grid)[0], grid) < 1.15


def test_shared_noise_keeps_the_texture_in_overlaps() -> None:
    picture = smooth_picture(640, 640)
    grid = plan_tiles(640, 640, 256, 64)
    apart = join(repainted(picture, grid, 2, tone=0.0, detail=0.03), grid)
    field = picture + 0.03 * torch.randn(picture.shape, generator=torch.Generator().manual_seed(2))
    together = join(split(field, grid), grid)
    assert texture_in_overlaps(apart[0], grid) < 0.85  # averaged away: what a seed per tile would give
    assert texture_in_overlaps(together[0], grid) == pytest.approx(1.0, abs=0.05)


def test_patches_of_tone_are_held() -> None:
    picture = smooth_picture(640, 640)
    grid = plan_tiles(640, 640, 256, 64)
    patched = join(repainted(picture, grid, 3, tone=0.06, detail=0.0), grid)
    held = hold_tone(patched, picture, 32.0)
    assert float((patched - picture).abs().max()) > 0.04
    assert float((held - picture).abs().mean()) < 0.15 * float((patched - picture).abs().mean())


def test_holding_the_tone_keeps_detail_and_equal_pictures() -> None:
    picture = smooth_picture(256, 256)
    assert torch.equal(hold_tone(picture, picture, 32.0), picture)
    detailed = picture + 0.02 * torch.randn(picture.shape, generator=torch.Generator().manual_seed(4))
    held = hold_tone(detailed, picture, 32.0)
    assert float((held - detailed).abs().mean()) < 0.001
    assert torch.equal(hold_tone(detailed, picture, 32.0, 0.0), detailed)


def test_what_does_not_fit_is_refused() -> None:
    grid = plan_tiles(512, 512, 256, 64)
    tiles = split(random_picture(512, 512), grid)
    with pytest.raises(ShapeError, match="8 tiles"):
        join(tiles[:-1], grid)
    with pytest.raises(ShapeError, match="256×256"):
        join([torch.zeros(1, 512, 512, 3)] * len(tiles), grid)
    with pytest.raises(ShapeError, match="100×512"):
        split(random_picture(512, 100), grid)
    with pytest.raises(ShapeError, match="reference"):
        hold_tone(random_picture(64, 64), random_picture(64, 72), 8.0)
    for tile, overlap in ((250, 32), (256, 136), (256, 12), (256, -8), (8, 0)):
        with pytest.raises(ParameterError):
            plan_tiles(512, 512, tile, overlap)


@pytest.mark.parametrize(("height", "width", "tile", "overlap"), [(385, 300, 256, 128), (600, 700, 256, 32)])
def test_tiles_are_mixed_as_by_one_window_for_each(height: int, width: int, tile: int, overlap: int) -> None:
    """Against a weighted mean with a window of two axes per tile, also where more than two tiles lie over a pixel."""
    grid = plan_tiles(height, width, tile, overlap)
    generator = torch.Generator().manual_seed(5)
    tiles = [torch.rand(2, grid.tile_height, grid.tile_width, 3, generator=generator) for _ in grid.places]
    kept = [tile.clone() for tile in tiles]
    like = tiles[0].double()
    rows, columns = tiling._windows(grid.tops, tile, like), tiling._windows(grid.lefts, tile, like)
    mean, total = (
        torch.zeros(2, *grid.padded, 3, dtype=torch.float64),
        torch.zeros(*grid.padded, 1, dtype=torch.float64),
    )
    windows = [torch.outer(row, column)[..., None] for row in rows for column in columns]
    for (top, left), window, part in zip(grid.places, windows, tiles, strict=True):
        mean[:, top : top + tile, left : left + tile] += window * part
        total[top : top + tile, left : left + tile] += window
    expected = (mean / total)[:, :height, :width]
    assert float((join(tiles, grid) - expected).abs().max()) < 1e-6
    assert all(torch.equal(part, before) for part, before in zip(tiles, kept, strict=True))
