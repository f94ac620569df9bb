"""Finished files: rounding, size limits, colour profile, and what must not be in them."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms
from prodgen_nodes.shops import encode


def noise(height: int = 160, width: int = 200) -> np.ndarray:
    return np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8)


def opened(coded: encode.Encoded) -> Image.Image:
    return Image.open(io.BytesIO(coded.data))


def test_bytes_are_rounded_and_bounded() -> None:
    values = torch.tensor([[[-0.5, 0.0, 1.0], [254.6 / 255, 2.0, float("nan")]]])
    assert encode.to_bytes(values).tolist() == [[[0, 0, 255], [255, 255, 0]]]


def test_eight_bits_survive_the_way_through_floats() -> None:
    values = torch.arange(256, dtype=torch.float32).repeat(1200, 1) / 255
    assert (encode.to_bytes(values) == np.arange(256)).all()


def test_png_is_lossless_and_carries_the_graph_and_the_profile() -> None:
    picture = noise()
    result = opened(encode.png(picture, {"prompt": '{"1": {}}', "workflow": "ü"}))
    assert (np.asarray(result) == picture).all()
    assert result.info["prompt"] == '{"1": {}}'
    assert result.info["workflow"] == "ü"
    assert "sRGB" in ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(result.info["icc_profile"])))


def test_jpeg_is_full_colour_srgb_and_carries_nothing_else() -> None:
    result = opened(encode.jpeg(noise(), 10**9))
    assert result.format == "JPEG"
    assert [component[1:3] for component in result.layer] == [(1, 1)] * 3
    assert "sRGB" in ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(result.info["icc_profile"])))
    assert not result.getexif()
    assert "xmp" not in result.info
    assert "comment" not in result.info


def test_jpeg_takes_the_best_quality_that_fits() -> None:
    picture = noise()
    full = encode.jpeg(picture, 10**9)
    assert full.quality == 95
    tight = encode.jpeg(picture, len(full.data) // 2)
    assert tight.quality < 95
    assert len(tight.data) <= len(full.data) // 2
    assert opened(tight).size == (200, 160)


def test_a_limit_that_cannot_be_met_gives_the_smallest_file() -> None:
    sizes = [len(encode.jpeg(noise(), limit).data) for limit in (10**9, 1)]
    assert sizes[1] < sizes[0]


def test_equal_pictures_make_equal_files() -> None:
    assert encode.jpeg(noise(), 10**9).data == encode.jpeg(noise(), 10**9).data
    encode.srgb_profile.cache_clear()
    assert encode.png(noise()).data == encode.png(noise()).data


@pytest.mark.parametrize("make", [lambda p, s: encode.jpeg(p, 10**9, s), lambda p, s: encode.png(p, None, s)])
def test_a_generated_picture_says_so_and_a_photo_does_not(make) -> None:  # type: ignore[no-untyped-def]
    assert b"digitalsourcetype/compositeWithTrainedAlgorithmicMedia" in make(noise(), "composite").data
    assert b"digitalsourcetype/trainedAlgorithmicMedia" in make(noise(), "generated").data
    assert b"digitalsourcetype" not in make(noise(), "photo").data


def test_with_alpha_keeps_edge_colour_and_empties_what_nobody_sees() -> None:
    color = np.full((700, 4, 3), 90, np.uint8)
    alpha = np.zeros((700, 4), np.uint8)
    alpha[:, 1], alpha[:, 2] = 1, 255
    rgba = encode.with_alpha(color, alpha)
    assert (rgba[:, 1:3, :3] == 90).all()
    assert (rgba[:, 0] == 0).all()
    assert (rgba[..., 3] == alpha).all()
    assert opened(encode.png(rgba)).mode == "RGBA"


@pytest.mark.parametrize("dpi", [72, 300])
def test_both_files_carry_the_resolution(dpi: int) -> None:
    picture = np.full((20, 30, 3), 200, np.uint8)
    for coded in (encode.png(picture, dpi=dpi), encode.jpeg(picture, 10**6, dpi=dpi)):
        written = Image.open(io.BytesIO(coded.data)).info["dpi"]
        assert [round(value) for value in written] == [dpi, dpi]


def test_without_a_wish_it_is_72() -> None:
    picture = np.full((20, 30, 4), 200, np.uint8)
    assert round(Image.open(io.BytesIO(encode.png(picture).data)).info["dpi"][0]) == 72
