"""A finished picture as PNG and JPEG against Pillow as core's Save Image uses it: python benchmarks/export.py.

The peer cuts to 8 bits with numpy, as core does, and saves a PNG at core's level 4 and a JPEG of quality 95 one after
the other. Ours rounds, embeds the sRGB profile and does both at once; the note gives the bytes of both PNGs.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "custom_nodes"))

from prodgen_nodes.shops import encode
from prodgen_nodes.shops.finish import Tags, encode_both

from benchmarks.harness import Row, arguments, compare, write
from tests.imaging.color_pairs import jar


def ours(picture: torch.Tensor) -> tuple[bytes, bytes]:
    png, jpeg = encode_both(encode.to_bytes(picture), 50_000_000, Tags())
    return png.data, jpeg.data


def pillow(picture: torch.Tensor) -> tuple[bytes, bytes]:
    image = Image.fromarray(np.clip(255.0 * picture.cpu().numpy(), 0, 255).astype(np.uint8))
    png, jpeg = io.BytesIO(), io.BytesIO()
    image.save(png, "PNG", compress_level=4)
    image.save(jpeg, "JPEG", quality=95)
    return png.getvalue(), jpeg.getvalue()


def main() -> None:
    options = arguments(__doc__ or "")
    rows: list[Row] = []
    for side in (int(size) for size in options.sizes.split(",")):
        picture = jar(side=side).truth[0].to(options.device)
        sizes = [len(call(picture)[0]) / 1e6 for call in (ours, pillow)]
        rows.append(
            compare(
                "export: PNG and JPEG",
                f"{side}²",
                lambda picture=picture: ours(picture),
                "Pillow, PNG then JPEG",
                lambda picture=picture: pillow(picture),
                runs=options.runs,
                note=f"PNG {sizes[0]:.1f} / {sizes[1]:.1f} MB",
            )
        )
    write(rows, options.json)


if __name__ == "__main__":
    main()
