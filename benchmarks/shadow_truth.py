"""Our shadow beside a rendered one, in levels and as a sheet: python benchmarks/shadow_truth.py FOLDER.

FOLDER holds what `python examples/render.py --shade FOLDER` made: for each product its photo on a white ground, its
exact coverage, and the share of light that it takes from the ground at every pixel. The product is lifted off with the
exact coverage, put on clean white, and Ground and Shadow draws its contact shadow; the rendered shadow on the same
white is the truth. The figure is the mean difference over all pixels beside the product where the truth is darker than
250. Half of the products were tuned on. `--sheet FILE.jpg` draws the first twelve side by side.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

REPO = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPO), str(REPO / "custom_nodes")]

from prodgen_nodes.imaging.colorspace import linear_to_srgb, srgb_to_linear  # noqa: E402 - not installed
from prodgen_nodes.imaging.shadow import ground_and_shadow  # noqa: E402

TUNED = ("bag", "chair", "jar", "car", "carton", "suitcase")
SHOWN = 12
CELL = (376, 300)
SHADED = 250 / 255

Picture = NDArray[np.float32]


@dataclass(frozen=True)
class Pair:
    """A product on clean white with the drawn and with the rendered shadow, sRGB `[H,W,3]`, and its alpha `[H,W]`."""

    name: str
    drawn: Picture
    rendered: Picture
    alpha: Picture

    @property
    def difference(self) -> float:
        """Mean difference in levels of 255 where the rendered ground beside the product is shaded."""
        drawn, rendered = self.drawn.mean(axis=-1), self.rendered.mean(axis=-1)
        shaded = (self.alpha < 0.5) & (rendered < SHADED)
        return float(np.abs(drawn - rendered)[shaded].mean() * 255)


def pair(folder: Path) -> Pair:
    """What is in one product's folder, with our shadow."""
    photo = torch.from_numpy(np.asarray(Image.open(folder / "photo.png").convert("RGB"), np.float32) / 255)
    alpha = torch.from_numpy(np.asarray(Image.open(folder / "alpha.png").convert("L"), np.float32) / 255)
    shade = torch.from_numpy(np.asarray(Image.open(folder / "shade.png"), np.float32) / 65535)
    # Thin coverage says too little about the product's colour: there it is that of the nearest solid pixel.
    rows, columns = ndimage.distance_transform_edt((alpha <= 0.9).numpy(), return_distances=False, return_indices=True)
    product = srgb_to_linear(photo)[torch.from_numpy(rows), torch.from_numpy(columns)] * alpha[..., None]
    ground = (1 - alpha)[..., None]
    white, rendered = (linear_to_srgb(product + ground * light) for light in (1.0, (1 - shade)[..., None]))
    drawn = ground_and_shadow(white[None], alpha[None]).image[0]
    return Pair(folder.name, drawn.numpy(), rendered.numpy(), alpha.numpy())


def sheet(pairs: list[Pair], columns: int = 4) -> Image.Image:
    """Each pair in two cells: the drawn shadow left, the rendered one right; names below."""
    rows, (width, height) = -(-len(pairs) // columns), CELL
    out = Image.new("RGB", (columns * (2 * width + 12), rows * (height + 18)), "white")
    draw = ImageDraw.Draw(out)
    for number, one in enumerate(pairs):
        left, top = number % columns * (2 * width + 12), number // columns * (height + 18)
        for step, picture in enumerate((one.drawn, one.rendered)):
            shot = _cropped(picture, one.alpha)
            middle = (left + step * width + (width - shot.width) // 2, top + height - shot.height)
            out.paste(shot, middle)
            draw.rectangle((*middle, middle[0] + shot.width - 1, middle[1] + shot.height - 1), outline=(225, 225, 225))
        draw.text((left + 6, top + height + 2), f"{one.name}: ours | rendered", fill=(90, 90, 90))
    return out


def _cropped(picture: Picture, alpha: Picture) -> Image.Image:
    """The product with room for its shadow, fitted into a cell."""
    rows, columns = (np.flatnonzero((alpha > 0.5).any(axis=axis)) for axis in (1, 0))
    wide, tall = np.ptp(columns), np.ptp(rows)
    area = (
        slice(max(0, rows[0] - tall // 20), rows[-1] + max(30, tall // 8)),
        slice(max(0, columns[0] - max(40, wide // 6)), columns[-1] + max(40, wide // 6)),
    )
    shot = Image.fromarray((picture[area] * 255).round().clip(0, 255).astype(np.uint8))
    shot.thumbnail(CELL, Image.Resampling.LANCZOS)
    return shot


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("folder", type=Path, help="what examples/render.py --shade made")
    parser.add_argument("--sheet", type=Path, help="draw both side by side into this JPEG")
    options = parser.parse_args()
    pairs = [pair(path.parent) for path in sorted(options.folder.glob("*/shade.png"))]
    for group, names in (("tuned on", True), ("held out", False)):
        found = {one.name: one.difference for one in pairs if (one.name in TUNED) is names}
        text = ", ".join(f"{name} {value:.1f}" for name, value in found.items())
        print(f"{group}: mean {np.mean(list(found.values())):.1f} levels, {text}")
    print(f"within 6 levels: {sum(one.difference <= 6 for one in pairs)} of {len(pairs)}")
    if options.sheet:
        sheet(pairs[:SHOWN]).save(options.sheet, quality=84, optimize=True)


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    main()
