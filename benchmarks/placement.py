"""Placing and pasting back against the ways others do it: python benchmarks/placement.py [--sizes 1024,2048,4096].

The work: a product photo of the given side, cut out, placed at 86 % on a square canvas of the same side, and pasted
back at 1.00. Peers resample and composite the same pixels: Pillow (premultiplied Lanczos, 8 bits), OpenCV
(premultiplied Lanczos4, float), and ComfyUI's own nodes: Upscale Image (lanczos, 8 bits) for picture and mask,
and ImageCompositeMasked (sRGB mix, whole-pixel position). Needs a ComfyUI in the Python that runs it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "custom_nodes"))

from prodgen_nodes.imaging.compositing import place_on_background
from prodgen_nodes.imaging.pasting import paste_back
from prodgen_nodes.imaging.posing import pose_product

from benchmarks.harness import Row, arguments, compare, import_core, write

Peer = Callable[[torch.Tensor, torch.Tensor, tuple[int, int, int, int], int], Callable[[], object]]


def product(side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A textured disc that fills most of its photo."""
    generator = torch.Generator().manual_seed(1)
    centers = torch.arange(side) + 0.5 - side / 2
    alpha = (0.45 * side - torch.hypot(centers[:, None], centers[None, :]) + 0.5).clamp(0, 1)
    return torch.rand(1, side, side, 3, generator=generator), alpha.unsqueeze(0)


def box_of(placement: object) -> tuple[int, int, int, int]:
    return tuple(round(side) for side in placement.canvas_box(0))  # type: ignore[attr-defined,return-value]


def pillow(rgb: torch.Tensor, alpha: torch.Tensor, box: tuple[int, int, int, int], side: int) -> Callable[[], object]:
    picture = torch.cat((rgb[0], alpha[0][..., None]), dim=-1)

    def run() -> object:
        source = Image.fromarray((picture.numpy() * 255).astype(np.uint8), "RGBA")
        small = source.crop(Image.fromarray(np.asarray(source)[..., 3]).getbbox()).resize(
            (box[2] - box[0], box[3] - box[1]), Image.Resampling.LANCZOS
        )
        canvas = Image.new("RGBA", (side, side), "white")
        canvas.alpha_composite(small, (box[0], box[1]))
        return torch.from_numpy(np.asarray(canvas, dtype=np.float32) / 255)

    return run


def opencv(rgb: torch.Tensor, alpha: torch.Tensor, box: tuple[int, int, int, int], side: int) -> Callable[[], object]:
    def run() -> object:
        cover = alpha[0].numpy()[..., None]
        source = np.concatenate((rgb[0].numpy() * cover, cover), axis=-1)
        scale = (box[2] - box[0]) / (0.9 * side)
        matrix = np.array([[scale, 0, box[0] - 0.05 * side * scale], [0, scale, box[1] - 0.05 * side * scale]])
        placed = cv2.warpAffine(source, matrix, (side, side), flags=cv2.INTER_LANCZOS4)
        return placed[..., :3] + (1 - placed[..., 3:])

    return run


def core(device: str) -> Peer:
    """Core's own nodes: picture and mask cropped to the product, scaled, composited on the canvas."""
    import_core(device)
    from comfy_extras.nodes_mask import ImageCompositeMasked
    from nodes import EmptyImage, ImageScale

    def peer(rgb: torch.Tensor, alpha: torch.Tensor, box: tuple[int, int, int, int], side: int) -> Callable[[], object]:
        width, height = box[2] - box[0], box[3] - box[1]
        low, high = round(0.05 * side), round(0.95 * side)
        area = (slice(None), slice(low, high), slice(low, high))

        def run() -> object:
            small = ImageScale().upscale(rgb[area], "lanczos", width, height, "disabled")[0]
            as_picture = alpha[area][..., None].expand(-1, -1, -1, 3)  # its Lanczos takes no masks
            cover = ImageScale().upscale(as_picture, "lanczos", width, height, "disabled")[0][..., 0]
            canvas = EmptyImage().generate(side, side, 1, 0xFFFFFF)[0]
            return ImageCompositeMasked.execute(canvas, small, box[0], box[1], False, cover).result[0]

        return run

    return peer


def main() -> None:
    options = arguments(__doc__ or "")
    core_nodes = core(options.device)
    rows: list[Row] = []
    for side in (int(size) for size in options.sizes.split(",")):
        rgb, alpha = (tensor.to(options.device) for tensor in product(side))
        placement, _ = pose_product(alpha, side, side, "marketplace", 0.86)
        scene = torch.rand(1, side, side, 3, generator=torch.Generator().manual_seed(2)).to(options.device)
        box = box_of(placement)
        for name, peer in (
            ("Pillow Lanczos, 8 bits", pillow),
            ("OpenCV Lanczos4, sRGB", opencv),
            ("core's nodes, 8 bits", core_nodes),
        ):

            def place() -> object:
                return place_on_background(rgb, alpha, placement, (1.0, 1.0, 1.0))  # noqa: B023 - called at once

            theirs = peer(rgb.cpu(), alpha.cpu(), box, side)
            rows.append(compare("place product", f"{side}²", place, name, theirs, runs=options.runs))

        def paste() -> object:
            return paste_back(scene, rgb, alpha, placement, 1.0)  # noqa: B023 - called at once

        theirs = core_nodes(rgb, alpha, box, side)
        rows.append(compare("paste back", f"{side}²", paste, "core's nodes, 8 bits", theirs, runs=options.runs))
    write(rows, options.json)


if __name__ == "__main__":
    main()
