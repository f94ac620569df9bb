"""HEIC and AVIF photos: upright, in sRGB, the main picture, and refused in words where they are no whole picture."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from runner.errors import PhotoError
from runner.photos import icc
from runner.photos.prepare import prepare_photo
from tests.runner.picture_files import decoded, exif, gradient

pillow_heif.register_heif_opener()
KINDS = {"heic": "HEIF", "avif": "AVIF"}
PIXELS = gradient(200, 140)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def written(pixels: np.ndarray, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, KINDS[kind], quality=95, **options)
    return buffer.getvalue()


def put(folder: Path, kind: str, data: bytes) -> Path:
    path = folder / f"photo.{kind}"
    path.write_bytes(data)
    return path


def mean_off(data: bytes, expected: np.ndarray) -> float:
    result = decoded(data)
    assert result.shape == expected.shape
    return float(np.abs(result.astype(int) - expected).mean())


def test_a_photo_is_read(tmp_path: Path, kind: str) -> None:
    photo = prepare_photo(put(tmp_path, kind, written(PIXELS, kind)))
    assert not photo.unchanged  # ComfyUI's loader need not know the format
    assert photo.content_type == "image/png"
    assert mean_off(photo.data, PIXELS) < 1.5


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_turned_upright_once(tmp_path: Path, kind: str, orientation: int) -> None:
    photo = prepare_photo(put(tmp_path, kind, written(PIXELS, kind, exif=exif(orientation).tobytes())))
    from PIL import ImageOps

    image = Image.fromarray(PIXELS)
    image.getexif()[0x0112] = orientation
    upright = np.asarray(ImageOps.exif_transpose(image))
    assert mean_off(photo.data, upright) < 1.5


def test_a_profile_is_converted(tmp_path: Path, kind: str) -> None:
    profile = icc.adobe_rgb_profile()
    photo = prepare_photo(put(tmp_path, kind, written(PIXELS, kind, icc_profile=profile)))
    assert mean_off(photo.data, np.asarray(icc.to_srgb(Image.fromarray(PIXELS), profile))) < 2
    assert mean_off(photo.data, PIXELS) > 5


def naming(kind: str, primaries: int, transfer: int, **options: Any) -> bytes:
    """A file whose nclx box names these code points."""
    if kind == "heic":
        return written(PIXELS, kind, color_primaries=primaries, transfer_characteristics=transfer, **options)
    data = bytearray(written(PIXELS, kind, **options))
    at = data.index(b"nclx") + 4
    data[at : at + 4] = bytes((0, primaries, 0, transfer))
    return bytes(data)


def test_colours_named_by_number_are_converted(tmp_path: Path, kind: str) -> None:
    photo = prepare_photo(put(tmp_path, kind, naming(kind, 12, 13)))
    from runner.photos.cicp import CodePoints

    profile = CodePoints(12, 13).profile(gray=False)
    assert mean_off(photo.data, np.asarray(icc.to_srgb(Image.fromarray(PIXELS), profile))) < 2
    assert any("Display P3" in note for note in photo.notes)


@pytest.mark.parametrize("transfer", [13, 1, 6, 2])
def test_srgb_named_by_number_stays(tmp_path: Path, kind: str, transfer: int) -> None:
    assert mean_off(prepare_photo(put(tmp_path, kind, naming(kind, 1, transfer))).data, PIXELS) < 1.5


def test_hdr_is_refused_in_words(tmp_path: Path, kind: str) -> None:
    with pytest.raises(PhotoError, match="HDR"):
        prepare_photo(put(tmp_path, kind, naming(kind, 9, 16)))


def test_transparency_is_kept(tmp_path: Path, kind: str) -> None:
    alpha = np.tile(np.linspace(0, 255, 200).astype(np.uint8), (140, 1))
    photo = prepare_photo(put(tmp_path, kind, written(np.dstack([PIXELS, alpha]), kind)))
    assert float(np.abs(decoded(photo.data)[..., 3].astype(int) - alpha).mean()) < 1.5


def test_ten_bits_are_read(tmp_path: Path) -> None:
    deep = (PIXELS.astype(np.uint16) * 257).tobytes()
    buffer = io.BytesIO()
    pillow_heif.encode("RGB;16", (200, 140), deep, buffer, quality=95)
    photo = prepare_photo(put(tmp_path, "heic", buffer.getvalue()))
    assert mean_off(photo.data, PIXELS) < 1.5


def test_the_main_picture_of_several_is_used(tmp_path: Path) -> None:
    file = pillow_heif.from_pillow(Image.fromarray(PIXELS[::-1, :, 0].copy()))
    file.add_from_pillow(Image.fromarray(PIXELS))
    buffer = io.BytesIO()
    file.save(buffer, quality=95, primary_index=1)
    photo = prepare_photo(put(tmp_path, "heic", buffer.getvalue()))
    assert mean_off(photo.data, PIXELS) < 1.5
    assert any("holds 2" in note for note in photo.notes)


def test_a_thumbnail_is_not_the_photo(tmp_path: Path) -> None:
    file = pillow_heif.from_pillow(Image.fromarray(PIXELS))
    file[0].info["thumbnails"] = [64]
    buffer = io.BytesIO()
    file.save(buffer, quality=95)
    photo = prepare_photo(put(tmp_path, "heic", buffer.getvalue()))
    assert (photo.width, photo.height) == (200, 140)


def test_an_animated_avif_is_refused(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.roll(PIXELS, shift, axis=1)) for shift in (0, 9, 18)]
    frames[0].save(tmp_path / "a.avif", save_all=True, append_images=frames[1:])
    with pytest.raises(PhotoError, match="animation of 3 frames"):
        prepare_photo(tmp_path / "a.avif")


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 0.995])
def test_a_cut_off_file_is_refused(tmp_path: Path, kind: str, share: float) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (140, 200, 3), dtype=np.uint8)
    data = written(noise, kind)
    with pytest.raises(PhotoError, match="damaged or cut off"):
        prepare_photo(put(tmp_path, kind, data[: int(share * len(data))]))


def test_a_damaged_file_is_read_or_refused(tmp_path: Path, kind: str) -> None:
    data, rng = written(PIXELS, kind), np.random.default_rng(5)
    for _ in range(60):
        spoiled = bytearray(data)
        for at in rng.integers(8, len(data), 4):
            spoiled[at] = rng.integers(0, 256)
        try:
            prepare_photo(put(tmp_path, kind, bytes(spoiled)))
        except PhotoError as error:
            assert f"photo.{kind}" in str(error)


def test_a_huge_picture_is_refused_before_it_is_decoded(tmp_path: Path, kind: str) -> None:
    data = written(PIXELS, kind)
    at = re.search(rb"ispe\0{4}", data)
    assert at is not None
    huge = data[: at.end()] + (30_000).to_bytes(4, "big") * 2 + data[at.end() + 8 :]
    with pytest.raises(PhotoError, match=r"megapixels|damaged or cut off"):
        prepare_photo(put(tmp_path, kind, huge))
