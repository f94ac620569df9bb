"""What is known of a PNG without decoding it must agree with decoding it."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from runner.errors import NodeFailedError
from runner.files.png import read_structure, surely_not_black
from runner.files.verify import add_graph_to_png, check_picture, png_has_graph


def packed(pixels: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", **options)
    return buffer.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def by_hand(rows: list[tuple[int, bytes]], width: int, colour: int, depth: int = 8, interlaced: int = 0) -> bytes:
    """A PNG from filter types and filtered bytes, its pixel data in pieces of 7 bytes."""
    header = struct.pack(">IIBBBBB", width, len(rows), depth, colour, 0, 0, interlaced)
    data = zlib.compress(b"".join(bytes([kind]) + row for kind, row in rows))
    pieces = b"".join(chunk(b"IDAT", data[i : i + 7]) for i in range(0, len(data), 7))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pieces + chunk(b"IEND", b"")


def sure(data: bytes) -> bool:
    structure = read_structure(data)
    assert structure is not None
    return surely_not_black(data, structure)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_never_sure_of_a_black_picture_whatever_its_filters(data: st.DataObject) -> None:
    width, height = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 4))
    colour, channels = data.draw(st.sampled_from([(0, 1), (2, 3)]))
    depth = data.draw(st.sampled_from([8, 16]))
    size = width * channels * depth // 8
    value = st.sampled_from([0, 0, 0, 0, 1, 2, 200, 255])
    rows = [
        (data.draw(st.integers(0, 4)), bytes(data.draw(st.lists(value, min_size=size, max_size=size))))
        for _ in range(height)
    ]
    made = by_hand(rows, width, colour, depth)
    with Image.open(io.BytesIO(made)) as picture:
        brightest = int(np.asarray(picture).max())
    if sure(made):
        assert brightest > (257 if depth == 16 and colour == 0 else 1)


def test_ordinary_pictures_are_known_at_once() -> None:
    rng = np.random.default_rng(0)
    for shape in ((9, 11), (9, 11, 3)):
        picture = np.zeros(shape, dtype=np.uint8)
        assert not sure(packed(picture))
        picture[7, 5] = 2
        assert sure(packed(picture))
        assert sure(packed(rng.integers(0, 256, shape, dtype=np.uint8)))
    assert sure(packed(np.full((4, 4), 900, dtype=np.uint16)))


def test_large_dark_tops_are_followed_to_the_first_light() -> None:
    picture = np.zeros((900, 700, 3), dtype=np.uint8)
    picture[899, 699, 2] = 40
    assert sure(packed(picture))
    assert not sure(packed(np.ones((900, 700, 3), dtype=np.uint8)))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "1"])
def test_other_kinds_are_left_to_the_decoder(mode: str) -> None:
    buffer = io.BytesIO()
    Image.new("RGBA", (8, 8), (200, 100, 50, 255)).convert(mode).save(buffer, "PNG")
    assert not sure(buffer.getvalue())


def test_interlaced_and_keyed_pictures_are_left_to_the_decoder() -> None:
    assert not sure(by_hand([(0, b"\xff\xff\xff")], 1, 2, interlaced=1))
    assert not sure(packed(np.full((4, 4, 3), 90, np.uint8), transparency=(90, 90, 90)))


@pytest.mark.parametrize("position", range(0, 400, 7))
def test_no_damaged_byte_goes_unseen(position: int) -> None:
    whole = packed(np.random.default_rng(1).integers(0, 256, (10, 12, 3), dtype=np.uint8))
    assert read_structure(whole) is not None
    damaged = bytearray(whole)
    damaged[position % len(whole)] ^= 0x10
    assert read_structure(bytes(damaged)) is None


def test_no_cut_goes_unseen() -> None:
    whole = packed(np.random.default_rng(1).integers(0, 256, (10, 12, 3), dtype=np.uint8))
    assert [length for length in range(len(whole)) if read_structure(whole[:length]) is not None] == []


def test_pixel_data_in_pieces_with_something_between_is_not_trusted() -> None:
    made = by_hand([(0, bytes(range(60)))], 20, 2)
    assert read_structure(made) is not None
    second = made.index(b"IDAT", made.index(b"IDAT") + 4) - 4
    assert read_structure(made[:second] + chunk(b"tEXt", b"a\0b") + made[second:]) is None


def test_late_text_and_keys_are_told() -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("prompt", "{}")
    early = packed(np.full((4, 4, 3), 9, np.uint8), pnginfo=text)
    found = read_structure(early)
    assert found is not None
    assert not found.has_late_metadata
    end = early.index(b"IEND") - 4
    late = read_structure(early[:end] + chunk(b"eXIf", b"MM\0*") + early[end:])
    assert late is not None
    assert late.has_late_metadata


def test_a_file_of_any_size_is_looked_at_in_little_memory(tmp_path: Path) -> None:
    """A server may send a small picture with gigabytes behind it."""
    path = tmp_path / "long.png"
    small = packed(np.full((4, 4, 3), 200, np.uint8))
    path.write_bytes(small)
    with path.open("r+b") as stream:
        stream.truncate(64 << 20)
    tracemalloc.start()
    check_picture(path, ".png", "a node")
    add_graph_to_png(path, {"1": {"class_type": "LoadImage"}})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20
    assert png_has_graph(path)
    data = path.read_bytes()
    assert data[:33] == small[:33]
    assert data.rstrip(b"\0").endswith(small[33:].rstrip(b"\0"))
    with Image.open(path) as picture:
        assert picture.getpixel((3, 3)) == (200, 200, 200)
        assert "LoadImage" in picture.info["prompt"]


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\n" + b"\xff" * 40])
def test_what_is_no_whole_png_is_left_to_be_decoded(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cut.png"
    path.write_bytes(data)
    with pytest.raises(NodeFailedError, match="not a readable picture"):
        check_picture(path, ".png", "a node")


def claiming(width: int, height: int, colour: int, depth: int, rows: bytes) -> bytes:
    """A PNG whose header says so much, and whose unpacked pixels are `rows`."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.mark.parametrize("size", [(60_000, 60_000), (2**31 - 1, 2**31 - 1), (2**31 - 1, 1), (1, 2**31 - 1)])
def test_a_header_that_claims_more_than_the_file_holds_is_no_picture(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "claims.png"
    path.write_bytes(claiming(*size, colour=2, depth=8, rows=b"\0" + b"\x80" * 3000))
    with pytest.raises(NodeFailedError, match="not a readable picture"):
        check_picture(path, ".png", "a node")


def test_a_picture_too_large_to_be_decoded_is_kept_where_it_may_be_whole(tmp_path: Path) -> None:
    """One colour, so that it is packed as tightly as can be."""
    side = 16_000
    path = tmp_path / "large.png"
    path.write_bytes(claiming(side, side, colour=0, depth=1, rows=(b"\0" + b"\xff" * (side // 8)) * side))
    check_picture(path, ".png", "a node")
