"""Split into Tiles and Join Tiles against core's own two nodes: python benchmarks/tiles.py [--sizes 1024,2048,4096].

Both cut the same picture into tiles of 1024 that overlap by 128 and put the unchanged tiles together again; the note is
the largest difference from the picture.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "custom_nodes"))

from prodgen_nodes.imaging.tiles import join, plan_tiles, split

from benchmarks.harness import Row, arguments, compare, import_core, write

TILE, OVERLAP = 1024, 128


def ours(image: torch.Tensor) -> torch.Tensor:
    grid = plan_tiles(image.shape[1], image.shape[2], TILE, OVERLAP)
    return join(split(image, grid), grid)


def main() -> None:
    options = arguments(__doc__ or "")
    import_core(options.device)
    from comfy_extras.nodes_images import ImageMergeTileList, SplitImageToTileList

    def core(image: torch.Tensor) -> torch.Tensor:
        tiles = SplitImageToTileList.execute(image, TILE, TILE, OVERLAP).result[0]
        merged: torch.Tensor = ImageMergeTileList.execute(tiles, [image.shape[2]], [image.shape[1]], [OVERLAP]).result[
            0
        ]
        return merged

    rows: list[Row] = []
    for side in (int(size) for size in options.sizes.split(",")):
        image = torch.rand(1, side, side, 3, generator=torch.Generator().manual_seed(1)).to(options.device)
        errors = [float((call(image) - image).abs().max()) for call in (ours, core)]
        rows.append(
            compare(
                "split and join tiles",
                f"{side}²",
                lambda image=image: ours(image),
                "core's split and merge",
                lambda image=image: core(image),
                runs=options.runs,
                note=f"off by {errors[0]:.1e} / {errors[1]:.1e}",
            )
        )
    write(rows, options.json)


if __name__ == "__main__":
    main()
