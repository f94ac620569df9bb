"""Photos as sellers have them: every one arrives upright, sRGB, 8 bits, RGB or RGBA – or is refused in words."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from runner.photos import prepare as photos
from runner.photos.prepare import prepare_photo, upload_name
from tests.runner.picture_files import (
    decoded,
    exif,
    gradient,
    save,
    srgb_profile,
    worst,
)
from tests.support.reference import EXAMPLES, FOLDER, as_jpeg

TURNS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a, 1),
}
"""EXIF orientation → what turns the stored rows into the upright picture (EXIF 2.32, tag 274)."""


# -- sent as it is -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_an_ordinary_jpeg_is_sent_byte_for_byte(tmp_path: Path, subsampling: int, progressive: bool) -> None:
    path = save(tmp_path / "bag.jpg", gradient(), quality=90, subsampling=subsampling, progressive=progressive)
    photo = prepare_photo(path)
    assert photo.unchanged
    assert photo.data == path.read_bytes()
    assert (photo.width, photo.height) == (67, 45)
    assert photo.content_type == "image/jpeg"
    assert photo.upload_name == f"{hashlib.sha256(photo.data).hexdigest()[:16]}_bag.jpg"
    assert photo.notes == ()


@pytest.mark.parametrize("alpha", [False, True])
def test_an_8_bit_png_is_sent_byte_for_byte(tmp_path: Path, alpha: bool) -> None:
    pixels = gradient()
    if alpha:
        pixels = np.dstack([pixels, pixels[..., 0]])
    path = save(tmp_path / "jar.png", pixels)
    photo = prepare_photo(path)
    assert photo.unchanged
    assert photo.data == path.read_bytes()
    assert photo.content_type == "image/png"


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_an_srgb_profile_changes_nothing(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"a.{suffix}", gradient(), icc_profile=srgb_profile())
    photo = prepare_photo(path)
    assert photo.unchanged
    assert photo.data == path.read_bytes()


# -- EXIF orientation ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tif", "webp", "jpg"])
def test_every_orientation_comes_out_upright(tmp_path: Path, orientation: int, suffix: str) -> None:
    options = {"webp": {"lossless": True}, "jpg": {"quality": 100, "subsampling": 0}}.get(suffix, {})
    path = save(tmp_path / f"turned.{suffix}", gradient(), exif=exif(orientation), **options)
    photo = prepare_photo(path)
    upright = TURNS[orientation](gradient())
    assert (photo.height, photo.width) == upright.shape[:2]
    assert worst(decoded(photo.data)[..., :3], upright) <= (4 if suffix == "jpg" else 0)
    with Image.open(io.BytesIO(photo.data)) as sent:
        assert sent.getexif().get(0x0112, 1) == 1
    assert any("upright" in note for note in photo.notes) == (orientation != 1)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_a_meaningless_orientation_is_ignored(tmp_path: Path, orientation: int) -> None:
    assert prepare_photo(save(tmp_path / "a.png", gradient(), exif=exif(orientation))).unchanged


# -- names ---------------------------------------------------------------------------------------------------------


@given(st.text(min_size=1, max_size=60).filter(lambda s: "\0" not in s))
@settings(max_examples=200)
def test_upload_names_are_safe_whatever_the_file_is_called(stem: str) -> None:
    name = upload_name(Path(stem.replace("/", "_") + ".jpg"), "a" * 64, ".jpg")
    assert re.fullmatch(r"a{16}_[A-Za-z0-9_-]{1,40}\.jpg", name)


def test_the_same_picture_has_the_same_name_and_another_has_another(tmp_path: Path) -> None:
    first = prepare_photo(save(tmp_path / "Füße & Taschen.png", gradient()))
    again = prepare_photo(tmp_path / "Füße & Taschen.png")
    other = prepare_photo(save(tmp_path / "Füße & Taschen.png", gradient()[::-1].copy()))
    assert first.upload_name == again.upload_name != other.upload_name
    assert "Taschen" in first.upload_name


def test_photos_that_need_nothing_are_left_alone(tmp_path: Path) -> None:
    paths = [*EXAMPLES.glob("*.jpg"), *(FOLDER / "photos").glob("*")]
    for name, quality in (("tote", 92), ("red shoe", 60)):
        paths.append(tmp_path / f"{name}.jpg")
        paths[-1].write_bytes(as_jpeg(name, quality))
    assert len(paths) > 8
    for path in paths:
        photo = prepare_photo(path)
        assert photo.width >= 300
        if path.suffix.lower() in (".jpg", ".jpeg"):
            assert photo.unchanged or photo.notes


def test_limits_are_what_the_documentation_says() -> None:
    assert photos.MAX_PIXELS >= 12_000 * 9_000


@pytest.mark.parametrize(("size", "said"), [((9000, 7000), "63 megapixels: this takes minutes."), ((6000, 4000), "")])
def test_a_huge_photo_is_told_beforehand(size: tuple[int, int], said: str) -> None:
    photo = photos.PreparedPhoto(b"", "a.jpg", *size, (), "image/jpeg", True, "")
    assert photo.slowness == said
