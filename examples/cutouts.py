"""What the cut-out makes of hard photos, beside what the model-free way makes of them.

    python examples/cutouts.py [PHOTO ...] [--strip docs/cutouts.jpg] [--model FILE.onnx]

A row each: the photo; cut off its modelled backdrop, without a network; with the installed network, on white and on
dark grey. Printed are the confidences, and why a cut-out would be refused.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "custom_nodes")]

from prodgen_nodes.background_removal import OnnxBackgroundRemoval, by_rank  # noqa: E402
from prodgen_nodes.imaging.colorspace import linear_to_srgb, srgb_to_linear  # noqa: E402
from prodgen_nodes.imaging.segmentation import Cutout, from_looks, from_plain_backdrop  # noqa: E402

PHOTOS = ("brown_bag_table.jpg", "brown_bag.jpg", "shoes.jpg")
MODELS = HERE.parent / ".comfyui" / "ComfyUI" / "models" / "background_removal"
PANEL, GAP = 460, 8
WHITE, DARK = 1.0, 0.12
"""Grounds, sRGB."""


def read(path: Path) -> Tensor:
    """A picture `[H,W,3]`, 0..1."""
    with Image.open(path) as picture:
        return torch.from_numpy(np.asarray(picture.convert("RGB"), dtype=np.float32) / 255)


def on_ground(cut: Cutout, ground: float) -> Image.Image:
    """The cut-out on a ground of one grey, mixed in linear light."""
    alpha = cut.alpha.unsqueeze(-1)
    mixed = srgb_to_linear(cut.product) * alpha + srgb_to_linear(torch.tensor(ground)) * (1 - alpha)
    return picture_of(linear_to_srgb(mixed))


def picture_of(srgb: Tensor) -> Image.Image:
    """8 bits of a picture `[H,W,3]`."""
    return Image.fromarray((srgb.clamp(0, 1) * 255).round().to(torch.uint8).numpy())


def row(
    photo: Tensor, model: OnnxBackgroundRemoval, witness: OnnxBackgroundRemoval | None
) -> tuple[list[Image.Image], Cutout, Cutout]:
    """The panels of one photo, and both cut-outs: without a network, and by a model beside another one, its witness."""
    other = None if witness is None else partial(_look, witness)
    plain, learned = from_plain_backdrop(photo), from_looks(photo, partial(_look, model), other=other)
    panels = [picture_of(photo), on_ground(plain, WHITE), on_ground(learned, WHITE), on_ground(learned, DARK)]
    return panels, plain, learned


def _look(model: OnnxBackgroundRemoval, picture: Tensor) -> Tensor:
    return model.raw(picture)[0]


def strip(rows: list[list[Image.Image]]) -> Image.Image:
    """The panels below and beside each other."""
    heights = []
    for panels in rows:
        for panel in panels:
            panel.thumbnail((PANEL, PANEL), Image.Resampling.LANCZOS)
        heights.append(max(panel.height for panel in panels))
    width = max(len(panels) for panels in rows) * (PANEL + GAP) - GAP
    sheet = Image.new("RGB", (width, sum(heights) + GAP * (len(rows) - 1)), "white")
    top = 0
    for panels, height in zip(rows, heights, strict=True):
        for index, panel in enumerate(panels):
            sheet.paste(panel, (index * (PANEL + GAP) + (PANEL - panel.width) // 2, top + (height - panel.height) // 2))
        top += height + GAP
    return sheet


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="*", type=Path, default=[HERE / name for name in PHOTOS])
    parser.add_argument("--strip", type=Path, help="write the rows as one picture here")
    parser.add_argument("--model", type=Path, help="an ONNX file (default: the best that install.py has put there)")
    options = parser.parse_args()
    here = {path.name: path.stat().st_size for path in MODELS.glob("*.onnx")}
    if options.model is None and not here:
        parser.error(f"no network in {MODELS}: python -m runner models download --default")
    files = [options.model] if options.model else [MODELS / name for name in by_rank(here)[:2]]
    model, *others = (OnnxBackgroundRemoval(file) for file in files)
    witness = others[0] if others else None
    rows = []
    for path in options.photos:
        panels, plain, learned = row(read(path), model, witness)
        rows.append(panels)
        print(f"{path.name}: without a network {plain.confidence:.2f} {'; '.join(plain.report['reasons'])}")
        print(f"{path.name}: with {model.name} {learned.confidence:.2f} {'; '.join(learned.report['reasons'])}")
    if options.strip is not None:
        strip(rows).save(options.strip, quality=90)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
