"""Files that hold several pictures, half a picture or none: refused in words that say what to do."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from runner.errors import EXIT_USAGE, PhotoError
from runner.photos.prepare import prepare_photo
from tests.runner.picture_files import (
    decoded,
    gradient,
    png,
    save,
    worst,
)

# -- several pictures in one file ----------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_animations_are_refused(tmp_path: Path, suffix: str) -> None:
    frames = [Image.fromarray(np.roll(gradient(), shift, axis=1)) for shift in (0, 9, 18)]
    path = tmp_path / f"spin.{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
    with pytest.raises(PhotoError, match="animation of 3 frames") as caught:
        prepare_photo(path)
    assert "frame you want" in caught.value.advice


def test_several_tiff_pages_are_refused(tmp_path: Path) -> None:
    pages = [Image.fromarray(gradient()), Image.fromarray(gradient()[::-1].copy())]
    path = tmp_path / "scan.tif"
    pages[0].save(path, save_all=True, append_images=pages[1:])
    with pytest.raises(PhotoError, match="2 pages"):
        prepare_photo(path)


def test_the_first_picture_of_a_phone_photo_is_used(tmp_path: Path) -> None:
    main, depth = Image.fromarray(gradient()), Image.fromarray(gradient()[::-1, :, 0].copy())
    path = tmp_path / "phone.jpg"
    main.save(path, "MPO", save_all=True, append_images=[depth], quality=98)
    photo = prepare_photo(path)
    assert not photo.unchanged  # the loader would take both
    assert (photo.width, photo.height) == (67, 45)
    assert float(np.abs(decoded(photo.data).astype(int) - gradient()).mean()) < 2
    assert "first picture" in photo.notes[0]


# -- no usable picture ---------------------------------------------------------------------------------------------


def test_nothing_there_names_what_looks_alike(tmp_path: Path) -> None:
    save(tmp_path / "handbag.jpg", gradient())
    with pytest.raises(PhotoError, match=r"no such file.*handbag\.jpg"):
        prepare_photo(tmp_path / "hadnbag.jpg")


def test_a_folder_and_an_empty_file(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match="folder"):
        prepare_photo(tmp_path)
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(PhotoError, match="empty"):
        prepare_photo(tmp_path / "empty.jpg")


NOT_PICTURES = {
    "a.heic": (b"\0\0\0\x18ftypheic\0\0\0\0" + b"\0" * 50, "HEIC"),
    "a.mp4": (b"\0\0\0\x18ftypisom\0\0\0\0" + b"\0" * 50, "video"),
    "a.pdf": (b"%PDF-1.7\n%", "PDF"),
    "a.psd": (b"8BPS\0\1" + b"\0" * 40, "Photoshop"),
    "a.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
    "a.jpg": (b"<!DOCTYPE html><html>not found</html>", "web page"),
    "b.jpg": (b"hello, I am no picture", "not a picture"),
    "c.jpg": (b"\xff\xd8\xff\xe0", "damaged"),
    "d.png": (b"\x89PNG\r\n\x1a\n", "damaged"),
    "e.zip": (b"PK\x03\x04", "ZIP"),
}


@pytest.mark.parametrize("name", NOT_PICTURES)
def test_what_is_no_picture_is_named_for_what_it_is(tmp_path: Path, name: str) -> None:
    data, word = NOT_PICTURES[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(PhotoError, match=word) as caught:
        prepare_photo(tmp_path / name)
    assert caught.value.exit_code == EXIT_USAGE
    assert str(tmp_path / name) in str(caught.value)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp", "bmp"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_cut_off_file_is_refused(tmp_path: Path, suffix: str, share: float) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (80, 90, 3), dtype=np.uint8)
    data = save(tmp_path / f"whole.{suffix}", noise).read_bytes()
    (tmp_path / f"cut.{suffix}").write_bytes(data[: int(len(data) * share)])
    with pytest.raises(PhotoError, match="damaged or cut off"):
        prepare_photo(tmp_path / f"cut.{suffix}")


def test_a_png_with_broken_pixels_is_refused(tmp_path: Path) -> None:
    data = bytearray(save(tmp_path / "a.png", gradient()).read_bytes())
    data[len(data) // 2] ^= 0xFF
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(PhotoError, match="damaged"):
        prepare_photo(tmp_path / "a.png")


def test_one_pixel_is_accepted_with_a_word(tmp_path: Path) -> None:
    photo = prepare_photo(save(tmp_path / "dot.png", np.full((1, 1, 3), 9, np.uint8)))
    assert (photo.width, photo.height) == (1, 1)
    assert "too small" in photo.notes[0]


def test_the_own_size_limit_speaks_before_anything_is_decoded(tmp_path: Path) -> None:
    header = png(tmp_path / "huge.png", np.zeros((1, 1, 3), np.uint8), 2, 8).read_bytes()
    ihdr = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    (tmp_path / "huge.png").write_bytes(
        header[:16] + ihdr + struct.pack(">I", zlib.crc32(b"IHDR" + ihdr)) + header[33:]
    )
    with pytest.raises(PhotoError, match=r"100000 × 100000 is 10000 megapixels; up to 200"):
        prepare_photo(tmp_path / "huge.png")


def test_pillows_own_limit_is_left_as_it_was(tmp_path: Path) -> None:
    before = Image.MAX_IMAGE_PIXELS
    prepare_photo(save(tmp_path / "a.png", gradient()))
    assert before == Image.MAX_IMAGE_PIXELS


def test_the_upload_limit_is_kept_by_packing_harder_or_said(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", np.tile(gradient(256, 40), (4, 1, 1)))
    loose = len(prepare_photo(path).data)
    tight = prepare_photo(path, max_bytes=loose - 1)
    assert len(tight.data) < loose
    assert worst(decoded(tight.data), np.tile(gradient(256, 40), (4, 1, 1))) == 0
    with pytest.raises(PhotoError, match="the server takes"):
        prepare_photo(path, max_bytes=100)


def tiff_rgb(path: Path, bits: int, numbers: int, order: str) -> Path:
    """An uncompressed RGB TIFF of 4 × 3 pixels, written by hand: `numbers` 1 whole, 2 signed, 3 floating point."""
    strip = b"\1" * (4 * 3 * 3 * bits // 8)
    short = {256: (4,), 257: (3,), 258: (bits,) * 3, 259: (1,), 262: (2,), 277: (3,), 278: (3,), 339: (numbers,) * 3}
    entries = sorted([*short.items(), (273, (0,)), (279, (len(strip),))])
    extra_at = 8 + 2 + 12 * len(entries) + 4
    extra, head = b"", struct.pack(order + "H", len(entries))
    for tag, listed in entries:
        values = (extra_at + 12,) if tag == 273 else listed
        kind = 4 if tag in (273, 279) else 3
        packed = struct.pack(order + str(len(values)) + ("I" if kind == 4 else "H"), *values)
        if len(packed) > 4:
            extra, packed = extra + packed, struct.pack(order + "I", extra_at + len(extra))
        head += struct.pack(order + "HHI", tag, kind, len(values)) + packed.ljust(4, b"\0")
    start = b"II*\0" if order == "<" else b"MM\0*"
    path.write_bytes(start + struct.pack(order + "I", 8) + head + b"\0" * 4 + extra + strip)
    return path


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("bits", "numbers"), [(16, 3), (32, 3), (64, 3), (32, 1), (64, 1), (32, 2)])
def test_a_tiff_whose_numbers_nobody_reads_is_named_and_not_called_damaged(
    tmp_path: Path, bits: int, numbers: int, order: str
) -> None:
    path = tiff_rgb(tmp_path / "render.tif", bits, numbers, order)
    with pytest.raises(PhotoError) as caught:
        prepare_photo(path)
    assert "damaged" not in str(caught.value) and f"{bits} bits" in str(caught.value)
    assert ("floating-point" in str(caught.value)) == (numbers == 3)
    assert "8 or 16 bits" in str(caught.value)
    data = path.read_bytes()
    for length in (9, 60, 150, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(PhotoError, match="damaged or cut off"):
            prepare_photo(path)
