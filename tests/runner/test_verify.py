"""What is a picture: what no node meant to deliver is never saved as a result."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from runner.errors import NodeFailedError
from runner.files.verify import check_picture
from tests.runner.test_results import png


def check(data: bytes, tmp_path: Path, suffix: str = ".png") -> None:
    path = tmp_path / "file.part"
    path.write_bytes(data)
    check_picture(path, suffix, "The node")


@pytest.mark.parametrize(
    "data",
    [
        png((0, 0, 0)),
        png((1, 1, 1)),
        png((0,), "L"),
        png((0, 0, 0, 255), "RGBA"),
        png((255, 255, 255, 0), "RGBA"),
        png((0, 0), "LA"),
        b"",
        b"<html>502</html>",
        png(size=64)[:-40],
    ],
)
def test_what_no_node_meant_to_deliver(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(NodeFailedError):
        check(data, tmp_path)


@pytest.mark.parametrize(
    "data",
    [
        png((255, 255, 255)),
        png((2, 0, 0)),
        png((0, 0, 0, 120), "RGBA"),
        png((9, 0, 0, 255), "RGBA"),
        png((3,), "L"),
        png((255, 255, 255, 255), "RGBA"),
    ],
)
def test_what_is_a_picture_however_plain(data: bytes, tmp_path: Path) -> None:
    check(data, tmp_path)


def test_a_cutout_of_nothing_is_not_blamed_on_the_precision(tmp_path: Path) -> None:
    with pytest.raises(NodeFailedError) as caught:
        check(png((255, 255, 255, 0), "RGBA"), tmp_path)
    assert "nothing in it was taken for the product" in str(caught.value)
    assert "NaN" not in caught.value.advice and "mask" in caught.value.advice
    with pytest.raises(NodeFailedError) as black:
        check(png((0, 0, 0)), tmp_path)
    assert "NaN" in black.value.advice


def test_one_bright_pixel_in_a_16_bit_picture_is_enough(tmp_path: Path) -> None:
    for value, fails in ((200, True), (300, False)):
        pixels = np.zeros((8, 8), dtype=np.uint16)
        pixels[3, 4] = value
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        if fails:
            with pytest.raises(NodeFailedError):
                check(buffer.getvalue(), tmp_path)
        else:
            check(buffer.getvalue(), tmp_path)


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_floats_that_are_no_numbers_are_no_picture(tmp_path: Path, value: float) -> None:
    path = tmp_path / "nan.tiff"
    Image.fromarray(np.full((8, 8), value, np.float32)).save(path)
    with pytest.raises(NodeFailedError, match="black"):
        check_picture(path, ".tiff", "Save")


def test_an_animation_is_judged_by_all_its_frames(tmp_path: Path) -> None:
    black, red = Image.new("RGB", (8, 8)), Image.new("RGB", (8, 8), (180, 0, 0))
    for frames, fails in (([black, red], False), ([black, Image.new("RGB", (8, 8), (0, 0, 1))], True)):
        buffer = io.BytesIO()
        frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
        if fails:
            with pytest.raises(NodeFailedError):
                check(buffer.getvalue(), tmp_path, ".webp")
        else:
            check(buffer.getvalue(), tmp_path, ".webp")


def test_other_kinds_of_files_are_not_judged_as_pictures(tmp_path: Path) -> None:
    check(b"solid cube", tmp_path, ".stl")
