"""Photos of every colour space, depth and kind of transparency: the same colours arrive as sRGB in 8 bits."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from runner.errors import PhotoError
from runner.photos import icc
from runner.photos.prepare import prepare_photo
from tests.runner.picture_files import (
    cmyk_profile,
    decoded,
    exif,
    exif_naming_adobe_rgb,
    exif_with_colour_space,
    gradient,
    gray_profile,
    png,
    save,
    sixteen,
    tiff16,
    worst,
)

# -- colour --------------------------------------------------------------------------------------------------------

DISPLAY_P3 = [[0.5151187, 0.2919778, 0.1571035], [0.2411892, 0.6922441, 0.0665668], [-0.0010505, 0.0418791, 0.7840713]]


def in_p3(srgb: np.ndarray, gamma: float) -> np.ndarray:
    """sRGB values (0..1) as the same colours in Display P3 with a plain gamma."""
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    srgb_d50 = np.array(
        [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
    )
    wide = np.clip(linear @ (np.linalg.inv(np.array(DISPLAY_P3)) @ srgb_d50).T, 0, 1)
    return wide ** (1 / gamma)


def test_a_wide_gamut_photo_shows_the_same_colours_in_srgb(tmp_path: Path) -> None:
    truth = gradient() / 255.0
    profile = icc.matrix_profile(DISPLAY_P3, 2.2, "Display P3 like")
    stored = np.rint(in_p3(truth, 2.19921875) * 255).astype(np.uint8)
    assert worst(stored, gradient()) > 20  # ignoring the profile would be plainly wrong
    photo = prepare_photo(save(tmp_path / "phone.png", stored, icc_profile=profile))
    assert not photo.unchanged
    off = np.abs(decoded(photo.data).astype(int) - gradient())
    assert off.mean() < 0.6  # 8 bits in another gamma are coarse near black, nowhere else
    assert off[gradient().min(axis=-1) > 30].max() <= 3
    assert "Display P3 like" in photo.notes[0]
    assert "icc_profile" not in Image.open(io.BytesIO(photo.data)).info


def test_16_bit_wide_gamut_is_converted_at_full_depth(tmp_path: Path) -> None:
    truth = gradient(256, 40) / 255.0
    profile = icc.matrix_profile(DISPLAY_P3, 2.2, "wide")
    stored = np.rint(in_p3(truth, 2.19921875) * 65535).astype(np.uint16)
    image = png(tmp_path / "pro.png", stored, 2, 16, ((b"iCCP", b"wide\0\0" + zlib.compress(profile)),))
    photo = prepare_photo(image)
    assert worst(decoded(photo.data), gradient(256, 40)) <= 1


@pytest.mark.parametrize("named", ["by interoperability", "by number"])
def test_a_camera_that_only_names_adobe_rgb_is_believed(tmp_path: Path, named: str) -> None:
    tags = exif_naming_adobe_rgb() if named == "by interoperability" else exif_with_colour_space(2)
    path = save(tmp_path / "camera.jpg", gradient(), quality=95, exif=tags)
    photo = prepare_photo(path)
    with Image.open(path) as stored:
        expected = np.asarray(icc.to_srgb(stored.convert("RGB"), icc.adobe_rgb_profile()))
    assert not photo.unchanged
    assert worst(decoded(photo.data), expected) == 0
    assert worst(expected, np.asarray(Image.open(path))) > 20


@pytest.mark.parametrize("number", [1, 65535])
def test_other_colour_spaces_in_exif_change_nothing(tmp_path: Path, number: int) -> None:
    path = save(tmp_path / "camera.jpg", gradient(), quality=95, exif=exif_with_colour_space(number))
    assert prepare_photo(path).unchanged


def test_cmyk_with_a_profile_is_converted_by_it(tmp_path: Path) -> None:
    rgb = np.full((40, 50, 3), 255, np.uint8)
    inks = {"white": (0, 0, 0, 0), "red": (0, 255, 255, 0), "blue": (255, 255, 0, 0), "black": (0, 0, 0, 255)}
    cmyk = np.zeros((40, 50, 4), np.uint8)
    for column, ink in enumerate(inks.values()):
        cmyk[:, column * 12 : column * 12 + 12] = ink
    for column, colour in enumerate([(255, 255, 255), (255, 0, 0), (0, 0, 255), (0, 0, 0)]):
        rgb[:, column * 12 : column * 12 + 12] = colour
    path = tmp_path / "print.tif"
    Image.fromarray(cmyk, "CMYK").save(path, icc_profile=cmyk_profile())
    photo = prepare_photo(path)
    result = decoded(photo.data)
    assert result.shape == (40, 50, 3)
    assert worst(result[:, :48], rgb[:, :48]) <= 6  # an 8-bit profile is that coarse at its corners
    assert "ideal inks" in photo.notes[0]


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("alpha", [False, True])
def test_gray_with_a_profile_is_converted_by_it(tmp_path: Path, deep: bool, alpha: bool) -> None:
    stored = np.linspace(0, 65535, 40 * 50).astype(np.uint16).reshape(40, 50, 1)
    if not deep:
        stored = stored >> 8
    light = (stored / (65535 if deep else 255)) ** 1.0
    srgb = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    values = np.dstack([stored, np.full_like(stored, 40000 if deep else 100)]) if alpha else stored
    chunk = (b"iCCP", b"gray\0\0" + zlib.compress(gray_profile(1.0)))
    photo = prepare_photo(png(tmp_path / "a.png", values, 4 if alpha else 0, 16 if deep else 8, (chunk,)))
    result = decoded(photo.data)
    bright = light[..., 0] > 0.05  # a linear ramp in 8 bits says little about the shadows
    assert int(np.abs(result[..., :1] - srgb * 255)[bright].max()) <= (3 if deep else 2)
    assert np.ptp(result[..., :3], axis=-1).max() <= 1
    assert (result[..., 3] == (156 if deep else 100)).all() if alpha else result.shape[2] == 3


@pytest.mark.parametrize("suffix", ["tif", "jpg"])
def test_cmyk_without_a_profile_is_a_guess_and_says_so(tmp_path: Path, suffix: str) -> None:
    cmyk = np.zeros((40, 40, 4), np.uint8)
    cmyk[:, 20:] = (0, 255, 255, 0)
    path = tmp_path / f"print.{suffix}"
    Image.fromarray(cmyk, "CMYK").save(path, quality=95)
    photo = prepare_photo(path)
    result = decoded(photo.data)
    assert worst(result[5:35, 2:12], np.full((30, 10, 3), 255)) <= 3
    assert result[20, 32, 0] > 225
    assert result[20, 32, 1:].max() < 40
    assert any("guess" in note for note in photo.notes)


def test_lab_is_converted(tmp_path: Path) -> None:
    from PIL import ImageCms

    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    lab = ImageCms.applyTransform(Image.fromarray(gradient()), to_lab)
    path = tmp_path / "a.tif"
    lab.save(path, icc_profile=None)
    photo = prepare_photo(path)
    assert float(np.abs(decoded(photo.data).astype(int) - gradient()).mean()) < 1.5
    assert any("CIELAB" in note for note in photo.notes)


def test_a_damaged_profile_is_ignored_and_said(tmp_path: Path) -> None:
    photo = prepare_photo(save(tmp_path / "a.jpg", gradient(), icc_profile=b"no profile at all" * 20))
    assert photo.unchanged
    assert any("damaged" in note for note in photo.notes)


def test_a_profile_for_another_kind_of_picture_is_ignored_and_said(tmp_path: Path) -> None:
    photo = prepare_photo(save(tmp_path / "a.png", gradient(), icc_profile=cmyk_profile()))
    assert photo.unchanged
    assert any("CMYK" in note for note in photo.notes)


def test_a_linear_png_is_shown_as_it_should_look(tmp_path: Path) -> None:
    linear = np.where(
        gradient() / 255 <= 0.04045, gradient() / 255 / 12.92, ((gradient() / 255 + 0.055) / 1.055) ** 2.4
    )
    stored = np.rint(linear * 255).astype(np.uint8)
    photo = prepare_photo(png(tmp_path / "linear.png", stored, 2, 8, ((b"gAMA", (100000).to_bytes(4, "big")),)))
    bright = gradient() > 60  # an 8-bit linear file has lost its shadows already
    assert int(np.abs(decoded(photo.data).astype(int) - gradient())[bright].max()) <= 3


def test_the_usual_png_gamma_is_no_reason_to_touch_it(tmp_path: Path) -> None:
    assert prepare_photo(png(tmp_path / "a.png", gradient(), 2, 8, ((b"gAMA", (45455).to_bytes(4, "big")),))).unchanged


# -- 16 bits -------------------------------------------------------------------------------------------------------


def eight(values: np.ndarray) -> np.ndarray:
    return np.rint(values / 257.0).astype(np.uint8)


@pytest.mark.parametrize(("colour_type", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_16_bit_png_is_rounded_not_cut(tmp_path: Path, colour_type: int, channels: int) -> None:
    values = sixteen(channels)
    photo = prepare_photo(png(tmp_path / "deep.png", values, colour_type, 16))
    result = decoded(photo.data)
    expected = eight(values)
    if channels <= 2:
        expected = np.dstack([expected[..., :1]] * 3 + ([expected[..., 1:]] if channels == 2 else []))
    assert worst(result, expected) == 0
    assert any("16 bits" in note for note in photo.notes)


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_16_bit_tiff_is_rounded_not_cut(tmp_path: Path, big_endian: bool, channels: int) -> None:
    values = sixteen(channels)
    photo = prepare_photo(tiff16(tmp_path / "deep.tif", values, big_endian=big_endian))
    assert worst(decoded(photo.data), np.broadcast_to(eight(values), (33, 41, 3))) == 0


def test_16_bit_gray_where_white_is_zero(tmp_path: Path) -> None:
    values = sixteen(1)
    photo = prepare_photo(tiff16(tmp_path / "negative.tif", values, photometric=0))
    assert worst(decoded(photo.data), np.broadcast_to(eight(65535 - values), (33, 41, 3))) == 0


def test_16_bit_planes_are_refused_not_misread(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match="separate colour planes"):
        prepare_photo(tiff16(tmp_path / "planes.tif", sixteen(3), planar=True))


def test_floating_point_pixels_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "hdr.tif"
    Image.fromarray(np.linspace(0, 1, 1600, dtype=np.float32).reshape(40, 40)).save(path)
    with pytest.raises(PhotoError, match="floating-point"):
        prepare_photo(path)


# -- palettes, gray and transparency -------------------------------------------------------------------------------


def test_gray_becomes_rgb_with_its_exact_values(tmp_path: Path) -> None:
    gray = gradient()[..., 0]
    for name, options in (("a.png", {}), ("a.tif", {}), ("b.webp", {"lossless": True})):
        photo = prepare_photo(save(tmp_path / name, gray, **options))
        assert worst(decoded(photo.data)[..., :3], np.dstack([gray] * 3)) == 0
    assert not prepare_photo(save(tmp_path / "a.jpg", gray)).unchanged


def test_gray_with_alpha_keeps_both(tmp_path: Path) -> None:
    pixels = np.dstack([gradient()[..., 0], gradient()[..., 1]])
    result = decoded(prepare_photo(save(tmp_path / "a.png", pixels)).data)
    assert worst(result, np.dstack([pixels[..., 0]] * 3 + [pixels[..., 1]])) == 0


def test_a_palette_with_transparency_becomes_rgba(tmp_path: Path) -> None:
    palette = Image.fromarray((gradient()[..., 0] // 64) % 3, "P")
    palette.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    path = tmp_path / "a.png"
    palette.save(path, transparency=bytes([255, 128, 0]))
    result = decoded(prepare_photo(path).data)
    index = np.asarray(palette)
    assert worst(result[..., 3], np.array([255, 128, 0], np.uint8)[index]) == 0
    assert worst(result[..., :3], np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)[index]) == 0


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_transparent_colour_becomes_alpha(tmp_path: Path, mode: str) -> None:
    pixels = gradient() if mode == "RGB" else gradient()[..., 0]
    pixels = pixels.copy()
    pixels[10:20, 10:20] = 7
    path = tmp_path / "a.png"
    Image.fromarray(pixels).save(path, transparency=(7, 7, 7) if mode == "RGB" else 7)
    result = decoded(prepare_photo(path).data)
    assert result.shape[2] == 4
    assert result[10:20, 10:20, 3].max() == 0
    assert (result[..., 3] == 255).mean() > 0.9


def test_alpha_survives_a_profile_and_a_turn(tmp_path: Path) -> None:
    pixels = np.dstack([gradient(), gradient()[..., 1]])
    path = save(tmp_path / "a.png", pixels, icc_profile=icc.adobe_rgb_profile(), exif=exif(6))
    result = decoded(prepare_photo(path).data)
    assert worst(result[..., 3], np.rot90(gradient()[..., 1], -1)) == 0
    assert worst(result[..., :3], np.rot90(gradient(), -1)) > 10


def test_one_bit_pictures_and_bmp_work(tmp_path: Path) -> None:
    bits = gradient()[..., 0] > 128
    result = decoded(prepare_photo(save(tmp_path / "a.tif", bits)).data)
    assert worst(result, np.dstack([bits.astype(np.uint8) * 255] * 3)) == 0
    assert worst(decoded(prepare_photo(save(tmp_path / "a.bmp", gradient())).data), gradient()) == 0


def test_a_single_frame_gif_is_a_picture(tmp_path: Path) -> None:
    path = save(tmp_path / "a.gif", (gradient()[..., 0] // 128) * 255)
    assert worst(decoded(prepare_photo(path).data)[..., 0], (gradient()[..., 0] // 128) * 255) == 0


def test_jpegs_the_loader_misreads_are_rewritten(tmp_path: Path) -> None:
    stored_as_rgb = save(tmp_path / "rgb.jpg", gradient(), quality=95, keep_rgb=True)
    halved_rows = tmp_path / "440.jpg"  # 4:4:0: a lossless turn by 90° makes this of the usual 4:2:2
    data = bytearray(save(tmp_path / "444.jpg", gradient(64, 48), quality=95, subsampling=1).read_bytes())
    frame = data.index(b"\xff\xc0")
    assert data[frame + 11] == 0x21
    data[frame + 11] = 0x12
    halved_rows.write_bytes(data)
    for path in (stored_as_rgb, halved_rows):
        photo = prepare_photo(path)
        assert not photo.unchanged
        assert worst(decoded(photo.data), np.asarray(Image.open(path).convert("RGB"))) == 0
