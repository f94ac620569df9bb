"""A finished picture holds its product alone: text, marks, frames and second products are found, details are not."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from prodgen_nodes.shops.extras import Extras, find_extras

WHITE = np.array((255, 255, 255), np.uint8)
SIZES = [600, 1000, 2000, 3000]


def bag(side: int) -> Image.Image:
    image = Image.new("RGB", (side, side), "white")
    pen = ImageDraw.Draw(image)
    pen.rounded_rectangle([0.3 * side, 0.4 * side, 0.7 * side, 0.75 * side], 0.03 * side, fill=(120, 40, 60))
    pen.ellipse(
        [0.4 * side, 0.2 * side, 0.6 * side, 0.6 * side], outline=(120, 40, 60), width=max(2, round(0.02 * side))
    )
    return image


def extras(image: Image.Image) -> Extras:
    """As the export sees it where the cut-out took everything for product."""
    picture = np.asarray(image)
    darkest = np.minimum(np.minimum(picture[..., 0], picture[..., 1]), picture[..., 2])
    return find_extras(picture, WHITE, (darkest < 250).astype(np.float32), None)


@pytest.mark.parametrize("side", SIZES)
def test_a_product_alone(side: int) -> None:
    assert extras(bag(side)) == Extras(1)


def test_nothing_at_all() -> None:
    assert extras(Image.new("RGB", (500, 500), "white")) == Extras(0)


@pytest.mark.each_once
@pytest.mark.parametrize("side", SIZES)
@pytest.mark.parametrize("words", ["SALE 50%", "2024-11-05", "www.shop.example", "Made in Italy"])
@pytest.mark.parametrize("place", [(0.3, 0.85), (0.05, 0.05), (0.6, 0.9)])
def test_text(side: int, words: str, place: tuple[float, float]) -> None:
    image = bag(side)
    font = ImageFont.load_default(size=0.04 * side)
    ImageDraw.Draw(image).text((place[0] * side, place[1] * side), words, fill=(40, 40, 40), font=font)
    found = extras(image)
    assert found.products == 1
    assert found.text
    assert abs(found.text[0][0] - place[0] * side) < 0.06 * side


@pytest.mark.parametrize("side", SIZES)
def test_a_logo(side: int) -> None:
    image = bag(side)
    ImageDraw.Draw(image).ellipse([0.85 * side, 0.05 * side, 0.95 * side, 0.15 * side], fill=(20, 90, 200))
    found = extras(image)
    assert (found.products, found.text, len(found.marks), found.frame) == (1, (), 1, None)


@pytest.mark.each_once
@pytest.mark.parametrize("side", SIZES)
@pytest.mark.parametrize("inset", [0.0, 0.02, 0.06])
@pytest.mark.parametrize("thick", [0.002, 0.01])
def test_a_frame(side: int, inset: float, thick: float) -> None:
    image = bag(side)
    ImageDraw.Draw(image).rectangle(
        [inset * side, inset * side, (1 - inset) * side - 1, (1 - inset) * side - 1],
        outline=(0, 0, 0),
        width=max(1, round(thick * side)),
    )
    found = extras(image)
    assert found.frame is not None
    assert found.products == 1


@pytest.mark.parametrize("side", SIZES)
def test_a_pair(side: int) -> None:
    image = Image.new("RGB", (side, side), "white")
    pen = ImageDraw.Draw(image)
    pen.ellipse([0.1 * side, 0.3 * side, 0.45 * side, 0.7 * side], fill=(10, 60, 40))
    pen.ellipse([0.55 * side, 0.3 * side, 0.9 * side, 0.7 * side], fill=(10, 60, 40))
    assert extras(image) == Extras(2)


@pytest.mark.parametrize("side", SIZES)
def test_a_loose_end_beside_the_product_and_dust_belong_to_it(side: int) -> None:
    image = bag(side)
    pen = ImageDraw.Draw(image)
    pen.ellipse([0.71 * side, 0.5 * side, 0.74 * side, 0.54 * side], fill=(120, 40, 60))
    pen.point([(5, 5), (side - 6, 9)], fill=(0, 0, 0))
    assert extras(image) == Extras(1)


def test_a_product_that_is_a_frame_is_no_frame_around_the_picture() -> None:
    image = Image.new("RGB", (1000, 1000), "white")
    ImageDraw.Draw(image).rectangle([250, 150, 750, 850], outline=(90, 60, 30), width=60)
    assert extras(image) == Extras(1)


def test_a_shadow_is_no_object() -> None:
    image = bag(1000)
    picture = np.asarray(image).copy()
    shadow = np.zeros((1000, 1000), np.float32)
    shadow[800:860, 300:700] = 0.4
    picture[shadow > 0] = 150
    mask = (np.asarray(image).min(axis=-1) < 250).astype(np.float32)
    assert find_extras(picture, WHITE, mask, shadow) == Extras(1)


@pytest.mark.each_once
@pytest.mark.parametrize("side", SIZES)
@pytest.mark.parametrize("border", [0.02, 0.05])
@pytest.mark.parametrize("colour", [(10, 10, 10), (230, 225, 215)])
def test_a_whole_photo_within_a_border(side: int, border: float, colour: tuple[int, int, int]) -> None:
    """The cut-out took border and backdrop for the product."""
    photo = Image.new("RGB", (round(0.8 * side), round(0.8 * side)), colour)
    wide = max(2, round(border * photo.width))
    photo.paste((150, 160, 170), (wide, wide, photo.width - wide, photo.height - wide))
    photo.paste((120, 40, 60), (photo.width // 3, photo.width // 3, photo.width // 2, photo.width // 2))
    image = Image.new("RGB", (side, side), "white")
    image.paste(photo, (round(0.1 * side), round(0.1 * side)))
    assert extras(image).bordered is not None


def test_a_plain_box_has_no_border() -> None:
    image = Image.new("RGB", (1000, 1000), "white")
    y, x = np.mgrid[:700, :500]
    shaded = np.dstack([90 + x // 5, 60 + y // 8, 40 + x // 9]).astype(np.uint8)
    image.paste(Image.fromarray(shaded), (250, 150))
    assert extras(image).bordered is None
