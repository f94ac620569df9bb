"""The one colour that a PNG calls transparent (chunk tRNS) becomes transparency, at every depth."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from runner.photos.prepare import prepare_photo
from runner.photos.transparency import LAID_ON_WHITE

KEYED = "its transparent colour became transparency"
SIDE = 16


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def keyed_png(path: Path, depth: int, *, is_gray: bool, off: int = 0) -> Path:
    """The left half has the colour that is transparent, the right half another. `off`: by so much it is missed."""
    top = (1 << depth) - 1
    left, right = ([top - off], [0]) if is_gray else ([top - off, top, 3], [0, 9, 3])
    values = [value for pixel in [left] * (SIDE // 2) + [right] * (SIDE // 2) for value in pixel]
    bits = "".join(format(value, f"0{depth}b") for value in values)
    row = b"\0" + int(bits, 2).to_bytes(len(bits) // 8, "big")
    key = [top] if is_gray else [top, top, 3]
    header = struct.pack(">IIBBBBB", SIDE, SIDE, depth, 0 if is_gray else 2, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"tRNS", struct.pack(f">{len(key)}H", *key))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IDAT", zlib.compress(row * SIDE)) + chunk(b"IEND", b"")
    )
    return path


KINDS = [(depth, True) for depth in (1, 2, 4, 8, 16)] + [(depth, False) for depth in (8, 16)]


@pytest.mark.parametrize(("depth", "is_gray"), KINDS)
def test_the_transparent_colour_is_transparent_and_that_is_said(tmp_path: Path, depth: int, is_gray: bool) -> None:
    """Of 16 bits, and of gray with 2 or 4, it was dropped without a word."""
    photo = prepare_photo(keyed_png(tmp_path / "a.png", depth, is_gray=is_gray))
    with Image.open(io.BytesIO(photo.data)) as made:
        assert made.mode == "RGBA"
        alpha = np.asarray(made.getchannel("A"))
    assert (alpha[:, : SIDE // 2] == 0).all() and (alpha[:, SIDE // 2 :] == 255).all()
    assert KEYED in photo.notes
    whole = prepare_photo(tmp_path / "a.png", opaque=True)
    assert LAID_ON_WHITE in whole.notes


@pytest.mark.parametrize("is_gray", [True, False])
def test_a_colour_that_differs_in_its_sixteenth_bit_is_another(tmp_path: Path, is_gray: bool) -> None:
    photo = prepare_photo(keyed_png(tmp_path / "a.png", 16, is_gray=is_gray, off=1))
    with Image.open(io.BytesIO(photo.data)) as made:
        assert "A" not in made.mode or np.asarray(made.getchannel("A")).min() == 255
