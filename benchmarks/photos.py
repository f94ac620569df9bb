"""Preparing a photo for upload, against what is usually written with Pillow: open, turn, convert, save as PNG.

    python benchmarks/photos.py [--sizes 1024,2048,4096] [--runs N] [--json FILE]

Both results are compared, too: a large colour difference is a file whose colours the peer gets wrong.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

REPO = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPO))

from benchmarks.harness import Row, arguments, compare, write  # noqa: E402 - the repository is not installed
from runner.photos.icc import adobe_rgb_profile  # noqa: E402
from runner.photos.prepare import prepare_photo  # noqa: E402
from tests.runner.picture_files import tiff16  # noqa: E402


def naive(path: Path) -> bytes:
    """The usual three lines."""
    with Image.open(path) as opened:
        image = ImageOps.exif_transpose(opened).convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def scene(side: int) -> Image.Image:
    """A smooth picture with grain, as photos have: noise alone or none would flatter one packer or the other."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[0:side, 0:side] / side
    smooth = np.stack([0.9 - 0.3 * y, 0.8 - 0.2 * x, 0.6 + 0.3 * np.sin(5 * x) * np.cos(4 * y)], -1)
    grain = rng.normal(0, 0.008, (side, side, 1))
    return Image.fromarray((np.clip(smooth + grain, 0, 1) * 255).astype(np.uint8))


def files(folder: Path, side: int) -> dict[str, Path]:
    picture = scene(side)
    turned = Image.Exif()
    turned[0x0112] = 6
    kinds: dict[str, tuple[str, dict[str, object]]] = {
        "plain JPEG": ("plain.jpg", {"quality": 92}),
        "turned JPEG": ("turned.jpg", {"quality": 92, "exif": turned}),
        "wide-gamut JPEG": ("wide.jpg", {"quality": 92, "icc_profile": adobe_rgb_profile()}),
        "plain PNG": ("plain.png", {}),
    }
    made = {}
    for kind, (name, options) in kinds.items():
        made[kind] = folder / name
        picture.save(made[kind], **options)
    made["16-bit TIFF"] = tiff16(folder / "deep.tif", np.asarray(picture).astype(np.uint16) * 257)
    return made


def calls(path: Path) -> tuple[Callable[[], object], Callable[[], object]]:
    return lambda: prepare_photo(path), lambda: naive(path)


def difference(path: Path) -> str:
    photo, other = prepare_photo(path), np.asarray(Image.open(io.BytesIO(naive(path)))).astype(int)
    ours = np.asarray(Image.open(io.BytesIO(photo.data)).convert("RGB")).astype(int)
    size = f"{len(photo.data) / 1e6:.1f} MB against {len(naive(path)) / 1e6:.1f} MB"
    return f"{size}; largest colour difference {int(np.abs(ours - other).max())}"


def main() -> None:
    args = arguments("Preparing a photo for upload, against Pillow used naively.")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for side in map(int, args.sizes.split(",")):
            for kind, path in files(Path(folder), side).items():
                ours, theirs = calls(path)
                rows.append(
                    compare(kind, f"{side}²", ours, "Pillow, naive", theirs, runs=args.runs, note=difference(path))
                )
    write(rows, args.json)


if __name__ == "__main__":
    main()
