"""Every object of a picture: how many products of a scene are found once, and how well their edges are drawn.

python benchmarks/objects.py [--scenes 60] [--network FILE.onnx] [--pictures FOLDER]

Scenes of 2 to 6 drawn products that do not touch, each with its exact coverage. With --pictures, scenes of 2 to 5
rendered products instead: cut out of every `photo.png` by its `alpha.png` in a folder's folders (`python
examples/render.py --set FOLDER` and `--hard FOLDER` render such), stood on a studio floor with drawn contact shadows,
and saved as JPEG. Without --network the backdrop itself is modelled.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "custom_nodes")]

from prodgen_nodes.background_removal import OnnxBackgroundRemoval  # noqa: E402
from prodgen_nodes.imaging.objects import separate  # noqa: E402
from prodgen_nodes.imaging.segmentation import Cutout, from_looks, from_plain_backdrop  # noqa: E402

from tests.imaging.object_scenes import group  # noqa: E402 - the paths above come first
from tests.imaging.registration_scenes import to_linear, to_srgb  # noqa: E402
from tests.imaging.segmentation_products import edge_band  # noqa: E402

Plane = NDArray[np.float64]
WIDTH, HEIGHT = 1200, 800
GOOD = 0.8
"""Overlap (IoU) from which an object is the product."""
PART = 0.05
"""Share of a product from which another object is a second find of it."""


def drawn(count: int) -> Iterator[tuple[Tensor, list[Plane]]]:
    for seed in range(100, 100 + count):
        apart = float(np.random.default_rng(seed).choice([0.015, 0.03, 0.06]))
        made = group(seed, 2 + seed % 5, apart=apart)
        yield made.scene.photo, [alpha.astype(np.float64) for alpha in made.alphas]


def rendered(folder: Path, count: int) -> Iterator[tuple[Tensor, list[Plane]]]:
    names = sorted(path.parent for path in folder.glob("*/photo.png"))
    for seed in range(count):
        rng = np.random.default_rng(seed)
        chosen = [names[index] for index in rng.choice(len(names), 2 + seed % 4, replace=False)]
        yield stood([product(path) for path in chosen], rng)


def product(folder: Path) -> tuple[Plane, Plane]:
    """Colours, those of the nearest solid pixel beyond the edge, and coverage; cropped to the product."""
    photo = np.asarray(Image.open(folder / "photo.png").convert("RGB")) / 255
    alpha = np.asarray(Image.open(folder / "alpha.png").convert("L")) / 255
    rows, columns = np.nonzero(alpha > 0.02)
    box = slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
    place = ndimage.distance_transform_edt(alpha[box] < 0.98, return_indices=True, return_distances=False)
    return photo[box][tuple(place)], alpha[box]


def stood(products: list[tuple[Plane, Plane]], rng: np.random.Generator) -> tuple[Tensor, list[Plane]]:
    """The products side by side on a floor, as a photo; and the coverage of each."""
    cell, floor = WIDTH / len(products), int(HEIGHT * 0.78)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] / HEIGHT
    fall = 1 - 0.12 * ((x - WIDTH / HEIGHT / 2) ** 2 + (y - 0.5) ** 2)
    wall = rng.uniform(0.55, 0.85) * rng.uniform(0.94, 1, 3)
    light = wall * (fall * (1 + 0.1 / (1 + np.exp(-(y - 0.62) / 0.02))))[..., None]
    alphas, colours = [], []
    for number, (colour, alpha) in enumerate(products):
        scale = min(cell * 0.9 / alpha.shape[1], HEIGHT * 0.62 / alpha.shape[0])
        size = max(2, int(alpha.shape[1] * scale)), max(2, int(alpha.shape[0] * scale))
        planes = np.dstack([colour * alpha[..., None], alpha]).astype(np.float32)
        small = [np.asarray(Image.fromarray(planes[..., c]).resize(size, Image.Resampling.LANCZOS)) for c in range(4)]
        left, top = int(cell * number + (cell - size[0]) / 2), floor - size[1]
        whole = np.zeros((HEIGHT, WIDTH, 4))
        whole[top:floor, left : left + size[0]] = np.stack(small, axis=-1).clip(0, 1)
        foot = np.zeros((HEIGHT, WIDTH))
        foot[floor - 3 : floor + 6] = whole[floor - 4, :, 3] > 0.5
        shade = ndimage.gaussian_filter(foot, (5, 8)) * 1.2 + ndimage.gaussian_filter(foot, (18, 40)) * 2
        light *= 1 - 0.7 * np.clip(shade, 0, 1)[..., None]
        alphas.append(whole[..., 3])
        colours.append((whole[..., :3] / np.maximum(whole[..., 3:], 1e-3)).clip(0, 1))
    for alpha, colour in zip(alphas, colours, strict=True):
        light = light * (1 - alpha[..., None]) + to_linear(colour) * alpha[..., None]
    seen = to_srgb(light.clip(0, 1)) + rng.normal(0, 1 / 255, light.shape)
    file = io.BytesIO()
    Image.fromarray((seen.clip(0, 1) * 255).round().astype(np.uint8)).save(file, "JPEG", quality=95)
    return torch.from_numpy(np.asarray(Image.open(file)).astype(np.float32) / 255), alphas


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=60)
    parser.add_argument("--network", type=Path, metavar="FILE.onnx")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER")
    args = parser.parse_args()
    network = None if args.network is None else OnnxBackgroundRemoval(args.network)

    def cut_out(photo: Tensor) -> Cutout:
        if network is None:
            return from_plain_backdrop(photo, None, None, "all")
        return from_looks(photo, lambda picture: network.raw(picture)[0], None, "all")

    once = twice = total = more = 0
    edges: list[float] = []
    scenes = drawn(args.scenes) if args.pictures is None else rendered(args.pictures, args.scenes)
    for number, (photo, alphas) in enumerate(scenes):
        masks = [thing.mask.numpy() for thing in separate(cut_out(photo).alpha).things]
        more += max(0, len(masks) - len(alphas))
        for alpha in alphas:
            solid = alpha > 0.5
            hits = [mask for mask in masks if ((mask > 0.5) & solid).sum() > PART * solid.sum()]
            good = [mask for mask in hits if ((mask > 0.5) & solid).sum() > GOOD * ((mask > 0.5) | solid).sum()]
            total, twice, once = total + 1, twice + (len(hits) > 1), once + (len(hits) == len(good) == 1)
            edges += [float(np.abs(good[0] - alpha)[edge_band(alpha)].mean())] if good else []
            if len(hits) != 1 or not good or edges[-1] > 0.05:
                error = f", edge {edges[-1]:.3f}" if good else ""
                print(f"scene {number} of {len(alphas)}: found {len(hits)} times{error}", flush=True)
    worst = f"edge band mean {np.mean(edges):.4f}, 95 % {np.quantile(edges, 0.95):.4f}, worst {max(edges):.3f}"
    print(f"{total} products: {once} found once, {twice} twice, {more} things too many; {worst}")


if __name__ == "__main__":
    main()
