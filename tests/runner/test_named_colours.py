"""PNGs that name their colours by code points (cICP): converted to the same colours, as the PNG specification ranks."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import PhotoError
from runner.photos import cicp, icc
from runner.photos.prepare import prepare_photo
from tests.runner.picture_files import decoded, gradient, png, worst

XYZ_OF_RGB = {  # to XYZ (D65), from the standards' own tables
    1: [[0.4123908, 0.3575843, 0.1804808], [0.2126390, 0.7151687, 0.0721923], [0.0193308, 0.1191948, 0.9505322]],
    9: [[0.6369580, 0.1446169, 0.1688810], [0.2627002, 0.6779981, 0.0593017], [0.0000000, 0.0280727, 1.0609851]],
    12: [[0.4865709, 0.2656677, 0.1982173], [0.2289746, 0.6917385, 0.0792869], [0.0000000, 0.0451134, 1.0439444]],
}


def encoded(linear: np.ndarray, transfer: int) -> np.ndarray:
    if transfer == 13:
        return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    if transfer == 1:
        return np.where(linear < 0.018, 4.5 * linear, 1.099 * linear**0.45 - 0.099)
    return linear if transfer == 8 else linear ** (1 / 2.2)


def stored(primaries: int, transfer: int, depth: int) -> np.ndarray:
    """The gradient's colours, which sRGB has, as a file of these code points holds them."""
    srgb = gradient() / 255.0
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    other = linear @ (np.linalg.inv(np.array(XYZ_OF_RGB[primaries])) @ np.array(XYZ_OF_RGB[1])).T
    top = 2**depth - 1
    return np.rint(encoded(other.clip(0, 1), transfer) * top).astype(np.uint16 if depth == 16 else np.uint8)


def chunk(primaries: int, transfer: int, matrix: int = 0, full: int = 1) -> tuple[bytes, bytes]:
    return b"cICP", bytes((primaries, transfer, matrix, full))


@pytest.mark.parametrize("primaries", [1, 9, 12])
@pytest.mark.parametrize("transfer", [13, 1, 4, 8])
@pytest.mark.parametrize("depth", [8, 16])
def test_the_same_colours_arrive(tmp_path: Path, primaries: int, transfer: int, depth: int) -> None:
    values = stored(primaries, transfer, depth)
    photo = prepare_photo(png(tmp_path / "a.png", values, 2, depth, (chunk(primaries, transfer),)))
    off = np.abs(decoded(photo.data).astype(int) - gradient())
    bright = gradient().min(axis=-1) > 60  # 8 bits of linear light are coarse in the shadows
    assert off[bright].max() <= (2 if depth == 16 else 4)
    if (primaries, transfer) != (1, 13):
        assert not photo.unchanged
        assert any("named in the file" in note for note in photo.notes)


def test_srgb_by_code_points_is_sent_as_it_is(tmp_path: Path) -> None:
    assert prepare_photo(png(tmp_path / "a.png", gradient(), 2, 8, (chunk(1, 13),))).unchanged


def test_alpha_gray_and_palette_are_converted_too(tmp_path: Path) -> None:
    alpha = np.full((*gradient().shape[:2], 1), 90, np.uint8)
    values = np.dstack([stored(12, 13, 8), alpha])
    result = decoded(prepare_photo(png(tmp_path / "a.png", values, 6, 8, (chunk(12, 13),))).data)
    assert worst(result[..., :3], decoded(prepare_photo(_p3(tmp_path)).data)) <= 1
    assert (result[..., 3] == 90).all()
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    same = decoded(prepare_photo(png(tmp_path / "g.png", gray, 0, 8, (chunk(12, 13),))).data)
    assert worst(same, np.repeat(gray, 3, axis=2)) <= 1
    linear = decoded(prepare_photo(png(tmp_path / "l.png", gray, 0, 8, (chunk(1, 8),))).data)
    assert abs(int(linear[3, 7, 0]) - 128) <= 1  # light 55/255 is sRGB's 128


def _p3(folder: Path, *more: tuple[bytes, bytes]) -> Path:
    return png(folder / "p3.png", stored(12, 13, 8), 2, 8, (*more, chunk(12, 13)))


@pytest.mark.parametrize(
    "other",
    [
        (b"iCCP", b"x\0\0" + zlib.compress(icc.adobe_rgb_profile())),
        (b"gAMA", (100000).to_bytes(4, "big")),
        (b"sRGB", b"\0"),
    ],
)
def test_code_points_rank_above_profile_srgb_and_gamma(tmp_path: Path, other: tuple[bytes, bytes]) -> None:
    alone = decoded(prepare_photo(_p3(tmp_path)).data)
    assert worst(decoded(prepare_photo(_p3(tmp_path, other)).data), alone) == 0


def test_a_profile_counts_where_the_code_points_say_unspecified(tmp_path: Path) -> None:
    profile = (b"iCCP", b"x\0\0" + zlib.compress(icc.adobe_rgb_profile()))
    photo = prepare_photo(png(tmp_path / "a.png", gradient(), 2, 8, (profile, chunk(2, 2))))
    assert any("Adobe RGB" in note for note in photo.notes)


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_hdr_is_refused_in_words(tmp_path: Path, transfer: int, name: str) -> None:
    with pytest.raises(PhotoError, match=f"HDR picture .{name}"):
        prepare_photo(png(tmp_path / "a.png", gradient(), 2, 8, (chunk(9, transfer),)))


def test_video_levels_are_stretched(tmp_path: Path) -> None:
    narrow = np.rint(16 + gradient() / 255.0 * 219).astype(np.uint8)
    photo = prepare_photo(png(tmp_path / "a.png", narrow, 2, 8, (chunk(1, 13, full=0),)))
    assert worst(decoded(photo.data), gradient()) <= 2


@pytest.mark.parametrize("data", [b"", b"\x0c\x0d\x00", b"\x0c\x0d\x01\x01", b"\x0c\x0d\x00\x07"])
def test_a_chunk_that_makes_no_sense_is_ignored_and_said(tmp_path: Path, data: bytes) -> None:
    photo = prepare_photo(png(tmp_path / "a.png", gradient(), 2, 8, ((b"cICP", data),)))
    assert photo.unchanged
    assert any("cICP" in note for note in photo.notes)


@given(st.binary(min_size=4, max_size=4))
def test_no_four_bytes_crash(data: bytes) -> None:
    try:
        named = cicp.CodePoints.of_png(data)
        if named is not None:
            named.profile(gray=False)
    except (cicp.UnknownCodeError, cicp.HdrError):
        pass
