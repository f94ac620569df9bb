"""Profiles: recognised, converted, and the full-depth path agrees with Little CMS where both apply."""

from __future__ import annotations

import contextlib
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from runner.photos import icc
from tests.runner.picture_files import cmyk_profile, gradient, srgb_profile

P3 = [[0.5151187, 0.2919778, 0.1571035], [0.2411892, 0.6922441, 0.0665668], [-0.0010505, 0.0418791, 0.7840713]]
PROPHOTO = [[0.7976749, 0.1351917, 0.0313534], [0.2880402, 0.7118741, 0.0000857], [0.0, 0.0, 0.8252100]]
SPACES = {"p3": (P3, 2.2), "prophoto": (PROPHOTO, 1.8), "adobe": (icc._ADOBE_RGB_D50, 563 / 256)}


@pytest.mark.parametrize("name", SPACES)
def test_full_depth_agrees_with_little_cms(name: str) -> None:
    profile = icc.matrix_profile(*SPACES[name], name)
    by_cms = np.asarray(icc.to_srgb(Image.fromarray(gradient()), profile))
    matrix = icc.MatrixProfile.parse(profile)
    assert matrix is not None
    at_depth = matrix.convert(gradient().astype(np.uint16) * 257)
    off = np.abs(by_cms.astype(int) - at_depth)
    assert off.max() <= 1
    assert off.mean() < 0.05


def test_full_depth_is_finer_than_eight_bits() -> None:
    profile = icc.matrix_profile(PROPHOTO, 1.8, "wide")
    matrix = icc.MatrixProfile.parse(profile)
    assert matrix is not None
    ramp = np.repeat(np.linspace(0, 65535, 4096).astype(np.uint16)[None, :, None], 3, axis=2)
    deep = matrix.convert(ramp)[0, :, 1]
    eight = np.asarray(icc.to_srgb(Image.fromarray((ramp >> 8).astype(np.uint8)), profile))[0, :, 1]
    assert len(np.unique(deep)) == 256
    assert len(np.unique(eight)) < 256  # gaps: the banding that the full depth avoids


def test_gray_stays_gray_and_white_white() -> None:
    for colorants, gamma in SPACES.values():
        matrix = icc.MatrixProfile.parse(icc.matrix_profile(colorants, gamma, "x"))
        assert matrix is not None
        ramp = np.repeat(np.arange(0, 65536, 257, dtype=np.uint16)[None, :, None], 3, axis=2)
        result = matrix.convert(ramp)[0].astype(int)
        assert np.ptp(result, axis=1).max() <= 1
        assert result[-1].min() == 255
        assert result[0].max() == 0


def test_srgb_is_recognised_whoever_wrote_it() -> None:
    assert icc.is_srgb(srgb_profile())
    srgb_as_gamma = icc.matrix_profile(icc._SRGB_D50, 2.2, "nearly sRGB")
    assert not icc.is_srgb(srgb_as_gamma)
    assert not icc.is_srgb(icc.adobe_rgb_profile())
    assert not icc.is_srgb(cmyk_profile())
    assert icc.profile_name(icc.adobe_rgb_profile()) == "Adobe RGB (1998) compatible"


def with_curves(tag: bytes) -> bytes:
    """The P3 profile with another curve tag in it."""
    profile = bytearray(icc.matrix_profile(P3, 2.2, "x"))
    count = struct.unpack_from(">I", profile, 128)[0]
    for index in range(count):
        at = 132 + 12 * index
        if profile[at : at + 4] in (b"rTRC", b"gTRC", b"bTRC"):
            struct.pack_into(">II", profile, at + 4, len(profile), len(tag))
    profile += tag
    struct.pack_into(">I", profile, 0, len(profile))
    return bytes(profile)


def para(kind: int, *values: float) -> bytes:
    return b"para\0\0\0\0" + struct.pack(f">HH{len(values)}i", kind, 0, *(round(v * 65536) for v in values))


CURVES = {
    "identity": b"curv\0\0\0\0" + struct.pack(">I", 0),
    "sampled": b"curv\0\0\0\0" + struct.pack(">I5H", 5, 0, 4096, 16384, 36864, 65535) + b"\0\0",
    "gamma": para(0, 2.4),
    "offset": para(1, 2.4, 1.05, -0.05),
    "offset and constant": para(2, 2.4, 1.05, -0.05, 0.0),
    "srgb": para(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045),
    "all": para(4, 2.2, 0.95, 0.04, 0.08, 0.05, 0.01, 0.0),
}
LIFTED = {"constant": para(2, 2.4, 0.9, 0.055, 0.05), "both": para(4, 2.4, 0.9, 0.055, 0.08, 0.04, 0.02, 0.01)}


@pytest.mark.parametrize("name", CURVES)
def test_every_kind_of_curve_agrees_with_little_cms(name: str) -> None:
    profile = with_curves(CURVES[name])
    matrix = icc.MatrixProfile.parse(profile)
    assert matrix is not None
    by_cms = np.asarray(icc.to_srgb(Image.fromarray(gradient()), profile)).astype(int)
    ours = matrix.convert(gradient().astype(np.uint16) * 257).astype(int)
    assert np.abs(by_cms - ours).max() <= 2


@pytest.mark.parametrize("name", LIFTED)
def test_a_lifted_black_is_left_to_little_cms(name: str) -> None:
    profile = with_curves(LIFTED[name])
    assert icc.MatrixProfile.parse(profile) is None
    black = Image.fromarray(np.zeros((4, 4, 3), np.uint8))
    assert np.asarray(icc.to_srgb(black, profile)).max() <= 1


@given(st.binary(max_size=400))
@settings(max_examples=150)
def test_no_bytes_break_the_parser(data: bytes) -> None:
    assert icc.MatrixProfile.parse(data) is None
    with pytest.raises(icc.ProfileError):
        icc.profile_space(data)


@given(st.integers(0, 600), st.integers(0, 255))
@settings(max_examples=150)
def test_a_profile_with_one_wrong_byte_is_read_or_refused(at: int, value: int) -> None:
    profile = bytearray(icc.adobe_rgb_profile())
    profile[at % len(profile)] = value
    icc.MatrixProfile.parse(bytes(profile))
    with contextlib.suppress(icc.ProfileError):
        icc.to_srgb(Image.fromarray(gradient(9, 7)), bytes(profile))
