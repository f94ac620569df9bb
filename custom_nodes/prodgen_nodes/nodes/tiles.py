"""Split, noise, join: a large picture painted tile by tile without seams."""

from __future__ import annotations

from typing import Any

import comfy.sample
from comfy_api.latest import io
from torch import Tensor

from ..imaging import tiles as tiling
from ..imaging.errors import ShapeError
from ..imaging.tiles import TileGrid
from .common import CATEGORY, deliver, output, progress_callback, work_device

TilesType = io.Custom("PRODGEN_TILES")
_TONE = 8
"""Broad tones are those wider than a tile's side over this."""


class ProdgenSplitTiles(io.ComfyNode):
    """Cuts a picture into overlapping tiles, as a list: what follows runs once for each."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenSplitTiles",
            display_name="Split into Tiles",
            category=CATEGORY,
            has_intermediate_output=True,
            description=(
                "Cuts a large picture into overlapping tiles. The nodes after it run once for each tile, one after the "
                "other, so memory does not grow with the picture; Join Tiles puts them together again."
            ),
            search_aliases=["tile", "tiles", "tiled", "tiled upscale", "ultimate upscale", "split image", "grid"],
            inputs=[
                io.Image.Input("image", tooltip="The picture to cut, or a batch of pictures of one size."),
                io.Int.Input(
                    "tile",
                    default=1024,
                    min=64,
                    max=4096,
                    step=8,
                    tooltip="Side of a tile in pixels: the size the model paints best (SDXL 1024, SD 1.5 512).",
                ),
                io.Int.Input(
                    "overlap",
                    default=128,
                    min=0,
                    max=2048,
                    step=8,
                    tooltip="Pixels that neighbouring tiles share at least, at most half a tile; they are mixed there.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="tiles", is_output_list=True, tooltip="The tiles, row by row."),
                TilesType.Output(display_name="grid", tooltip="Where they lie; for Tile Noise and Join Tiles."),
                io.String.Output(display_name="report", tooltip="JSON: how many tiles, their size and overlap."),
            ],
        )

    @classmethod
    def execute(cls, image: Tensor, tile: int, overlap: int) -> io.NodeOutput:
        grid = tiling.plan_tiles(image.shape[1], image.shape[2], tile, overlap)
        report = {
            "tiles": len(grid.places),
            "rows": len(grid.tops),
            "columns": len(grid.lefts),
            "tile_width": grid.tile_width,
            "tile_height": grid.tile_height,
        }
        return output(list(deliver(*tiling.split(image, grid))), grid, report=report)


class ProdgenTileNoise(io.ComfyNode):
    """One field of noise under the whole picture, cut as the picture was: tiles agree where they overlap."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenTileNoise",
            display_name="Tile Noise",
            category=CATEGORY,
            has_intermediate_output=True,
            description=(
                "Noise for SamplerCustomAdvanced that is the same wherever two tiles overlap, so that both paint the "
                "same detail there and mixing them does not blur it. With one tile it is core's RandomNoise."
            ),
            search_aliases=["random noise", "tiled noise", "seed", "tiled diffusion"],
            inputs=[
                TilesType.Input("grid", tooltip="From Split into Tiles."),
                io.Int.Input(
                    "noise_seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=True,
                    tooltip="Another seed, other detail.",
                ),
            ],
            outputs=[
                io.Noise.Output(display_name="noise", is_output_list=True, tooltip="A part of the field per tile."),
                io.String.Output(display_name="report", tooltip="JSON: the seed and the number of tiles."),
            ],
        )

    @classmethod
    def execute(cls, grid: TileGrid, noise_seed: int) -> io.NodeOutput:
        noises = [PartOfNoise(noise_seed, grid, top, left) for top, left in grid.places]
        return output(noises, report={"seed": noise_seed, "tiles": len(noises)})


class PartOfNoise:
    """What ComfyUI's samplers call a noise: a seed, and a tensor of a latent's shape from it."""

    def __init__(self, seed: int, grid: TileGrid, top: int, left: int) -> None:
        self.seed = seed
        self._grid, self._top, self._left = grid, top, left

    def generate_noise(self, input_latent: dict[str, Any]) -> Tensor:
        """The tile's part of the noise of the whole picture, `[B,C,h,w]` as the latent (or with more axes before)."""
        latent: Tensor = input_latent["samples"]
        cells = latent.shape[-2:]
        size = (self._grid.tile_height, self._grid.tile_width)
        if any(pixels % cell for pixels, cell in zip(size, cells, strict=True)):
            raise ShapeError(f"a latent of {tuple(cells)} cells does not fit a tile of {size} pixels.")
        factors = [pixels // cell for pixels, cell in zip(size, cells, strict=True)]
        top, left = (start // factor for start, factor in zip((self._top, self._left), factors, strict=True))
        whole = [pixels // factor for pixels, factor in zip(self._grid.padded, factors, strict=True)]
        field = latent.new_empty((1,), device="cpu").expand(*latent.shape[:-2], *whole)
        noise: Tensor = comfy.sample.prepare_noise(field, self.seed, input_latent.get("batch_index"))
        return noise[..., top : top + cells[0], left : left + cells[1]].contiguous()


class ProdgenJoinTiles(io.ComfyNode):
    """Puts the tiles together again, mixed over their overlaps; unchanged tiles give the very same picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenJoinTiles",
            display_name="Join Tiles",
            category=CATEGORY,
            has_intermediate_output=True,
            is_input_list=True,
            description=(
                "Puts the tiles of Split into Tiles together again. Neighbours are mixed over their overlap with a "
                "smooth window, and with a reference their broad light and colour is held, so that neither lines nor "
                "patches show."
            ),
            search_aliases=["tile", "tiles", "tiled", "merge tiles", "untile", "seamless", "blend tiles"],
            inputs=[
                io.Image.Input("tiles", tooltip="The tiles, in the order and of the size they were cut."),
                TilesType.Input("grid", tooltip="From Split into Tiles."),
                io.Float.Input(
                    "hold_tone",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="How far the broad light and colour is brought back to the reference's; 0 not at all.",
                ),
                io.Image.Input(
                    "reference",
                    optional=True,
                    tooltip="The picture that was cut. Without it nothing is held, and tiles may differ in tone.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="image", tooltip="The whole picture."),
                io.String.Output(display_name="report", tooltip="JSON: how many tiles, and what was held."),
            ],
        )

    @classmethod
    def execute(
        cls,
        tiles: list[Tensor],
        grid: list[TileGrid],
        hold_tone: list[float],
        reference: list[Tensor] | None = None,
    ) -> io.NodeOutput:
        if len(grid) != 1:
            raise ShapeError(
                f"the tiles of {len(grid)} pictures arrive as one list; join one picture (or one batch of pictures of "
                "one size) at a time."
            )
        where, amount = grid[0], hold_tone[0]
        step = progress_callback(2)
        device = work_device()
        image = tiling.join([tile[..., :3].to(device) for tile in tiles], where)
        step(1)
        held = amount if reference else 0.0
        if reference and held:
            like = reference[0][..., :3].to(image)
            if like.shape[0] == 1:
                like = like.expand(image.shape[0], -1, -1, -1)
            image = tiling.hold_tone(image, like, min(where.tile_height, where.tile_width) / _TONE, held)
        step(2)
        (result,) = deliver(image)
        report = {"tiles": len(tiles), "hold_tone": held}
        return output(result, report=report, preview=result, cls=cls)
