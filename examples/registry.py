"""The icon and the banner that the Comfy Registry shows: a photo of `examples/`, and the same product cut out of it.

    python examples/registry.py [--into docs]

Left of the slanted edge is the photo as it is; right of it the cut-out, without a network, on a plain ground.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "custom_nodes"), str(HERE.parent)]

from prodgen_nodes.imaging.colorspace import linear_to_srgb, srgb_to_linear  # noqa: E402
from prodgen_nodes.imaging.segmentation import Cutout, from_plain_backdrop  # noqa: E402

from examples.cutouts import picture_of, read  # noqa: E402

PHOTO = HERE / "handbag.jpg"
ICON, BANNER = (400, 400), (1260, 540)
"""Pixels: the most that the registry takes of an icon, and a banner of 21:9."""
GROUND, INK, QUIET = (38, 64, 58), (255, 255, 255), (190, 208, 200)
SLANT = 0.24
"""By how much of the height the edge leans to the right at its top."""
REACH = 0.58
"""Half of the square's side in the product's longer ones: a margin of 7 % around it."""
SUPERSAMPLE = 4
"""The edge is drawn so many times larger, so that it comes out smooth."""


def on_colour(cut: Cutout, colour: tuple[int, int, int]) -> Image.Image:
    """The cut-out on a ground of one colour, mixed in linear light."""
    alpha = cut.alpha.unsqueeze(-1)
    ground = srgb_to_linear(cut.product.new_tensor(colour) / 255)
    return picture_of(linear_to_srgb(srgb_to_linear(cut.product) * alpha + ground * (1 - alpha)))


def halves(cut: Cutout, side: int) -> Image.Image:
    """A square of the photo, its right half cut out."""
    rows, columns = cut.alpha.amax(1).nonzero().flatten(), cut.alpha.amax(0).nonzero().flatten()
    middle = ((int(columns[0]) + int(columns[-1])) // 2, (int(rows[0]) + int(rows[-1])) // 2)
    reach = int(REACH * max(columns[-1] - columns[0], rows[-1] - rows[0]))
    with Image.open(PHOTO) as opened:
        photo = _around(opened.convert("RGB"), middle, reach)
    plain = _around(on_colour(cut, GROUND), middle, reach)
    shown = [picture.resize((side, side), Image.Resampling.LANCZOS) for picture in (photo, plain)]
    return Image.composite(shown[1], shown[0], _right_of_the_edge(side))


def _around(picture: Image.Image, middle: tuple[int, int], reach: int) -> Image.Image:
    """A square of the picture; beyond its edge its outermost pixels go on, which on a plain backdrop nobody sees."""
    pixels = np.pad(np.asarray(picture), ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    return Image.fromarray(pixels[middle[1] : middle[1] + 2 * reach, middle[0] : middle[0] + 2 * reach])


def _right_of_the_edge(side: int) -> Image.Image:
    large = side * SUPERSAMPLE
    top, bottom = (0.5 + SLANT / 2) * large, (0.5 - SLANT / 2) * large
    mask = Image.new("L", (large, large), 0)
    ImageDraw.Draw(mask).polygon([(top, 0), (large, 0), (large, large), (bottom, large)], fill=255)
    return mask.resize((side, side), Image.Resampling.LANCZOS)


def icon(cut: Cutout) -> Image.Image:
    """The square with round corners, on transparency."""
    picture = halves(cut, ICON[0]).convert("RGBA")
    corners = Image.new("L", (ICON[0] * SUPERSAMPLE, ICON[1] * SUPERSAMPLE), 0)
    ImageDraw.Draw(corners).rounded_rectangle((0, 0, *(v - 1 for v in corners.size)), corners.width // 7, fill=255)
    picture.putalpha(corners.resize(ICON, Image.Resampling.LANCZOS))
    return picture


def banner(cut: Cutout) -> Image.Image:
    """The name and what it does, beside the square."""
    sheet = Image.new("RGB", BANNER, GROUND)
    sheet.paste(halves(cut, BANNER[1]), (BANNER[0] - BANNER[1], 0))
    draw = ImageDraw.Draw(sheet)
    draw.text((64, 148), "prodgen", fill=INK, font=ImageFont.load_default(112))
    lines = ("One product photo in,", "finished product pictures out.", "The product stays yours.")
    for number, line in enumerate(lines):
        draw.text((68, 292 + 46 * number), line, fill=QUIET, font=ImageFont.load_default(36))
    return sheet


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", type=Path, default=HERE.parent / "docs", help="the folder for both (docs)")
    options = parser.parse_args()
    cut = from_plain_backdrop(read(PHOTO))
    for name, picture in (("icon.png", icon(cut)), ("banner.jpg", banner(cut))):
        picture.save(options.into / name, optimize=True, quality=90)
        print(options.into / name, picture.size, (options.into / name).stat().st_size)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
