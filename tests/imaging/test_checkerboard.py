"""A painted checkerboard is found in every size, phase, pair of greys and compression; checked products are not."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter
from prodgen_nodes.imaging.checkerboard import Checkerboard, checkerboard
from scipy import ndimage

GREYS = [(255, 204), (255, 239), (253, 230), (153, 102), (60, 48), (255, 191)]
Colour = tuple[int, int, int]


def squares(
    width: int, height: int, side: int, phase: tuple[int, int] = (0, 0), greys: tuple[int, int] = (255, 204)
) -> Image.Image:
    x, y = (np.arange(width) + phase[0]) // side, (np.arange(height) + phase[1]) // side
    plane = np.where((x[None, :] + y[:, None]) % 2 == 0, greys[0], greys[1]).astype(np.uint8)
    return Image.fromarray(np.repeat(plane[..., None], 3, axis=2))


def product_mask(width: int, height: int, *, cut_off: bool = False) -> Image.Image:
    """A bag with a handle; `cut_off` lets it run out of the picture at the bottom."""
    mask = Image.new("L", (2 * width, 2 * height), 0)
    pen, w, h = ImageDraw.Draw(mask), 2 * width, 2 * height
    bottom = 1.1 if cut_off else 0.85
    pen.rounded_rectangle((0.25 * w, 0.42 * h, 0.75 * w, bottom * h), 0.05 * w, fill=255)
    pen.ellipse((0.36 * w, 0.15 * h, 0.64 * w, 0.65 * h), outline=255, width=round(0.035 * w))
    return mask.resize((width, height), Image.Resampling.BOX)


def with_product(backdrop: Image.Image, colour: Colour = (150, 40, 60), *, cut_off: bool = False) -> Image.Image:
    light = np.linspace(1.0, 0.75, backdrop.width)[None, :, None]
    shaded = np.broadcast_to(np.array(colour) * light, (backdrop.height, backdrop.width, 3)).astype(np.uint8)
    return Image.composite(Image.fromarray(shaded), backdrop, product_mask(*backdrop.size, cut_off=cut_off))


def jpeg(image: Image.Image, quality: int, subsampling: int = 2) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, subsampling=subsampling)
    return Image.open(buffer).convert("RGB")


def tensor(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.asarray(image.convert("RGB"), np.float32) / 255.0)


def found(image: Image.Image) -> Checkerboard:
    board = checkerboard(tensor(image))
    assert board is not None
    assert board.backdrop.shape == (image.height, image.width, 3)
    assert board.shows.shape == (image.height, image.width)
    return board


def check(image: Image.Image, truth: Image.Image, mask: Image.Image, *, off: float = 0.02) -> None:
    """`image` shows `truth` outside `mask`."""
    board = found(image)
    product = np.asarray(mask) > 2
    away = ~ndimage.binary_dilation(product, iterations=8)
    inside = ndimage.binary_erosion(np.asarray(mask) > 250, iterations=2)
    shows = board.shows.numpy()
    assert shows[away].mean() > 0.98
    assert shows[inside].mean() < 0.01
    assert float((board.backdrop - tensor(truth)).abs().mean()) < off


@pytest.mark.each_once
@pytest.mark.parametrize("side", [4, 5, 8, 10, 13, 16, 20, 32, 64])
@pytest.mark.parametrize("size", [(900, 700), (520, 640)])
def test_squares_of_every_size(side: int, size: tuple[int, int]) -> None:
    backdrop = squares(*size, side)
    check(with_product(backdrop), backdrop, product_mask(*size), off=0.01)


@given(
    side=st.integers(4, 64),
    phase=st.tuples(st.integers(0, 127), st.integers(0, 127)),
    greys=st.sampled_from(GREYS),
    size=st.tuples(st.integers(450, 900), st.integers(450, 900)),
    swapped=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_every_phase_and_every_pair_of_greys(
    side: int, phase: tuple[int, int], greys: tuple[int, int], size: tuple[int, int], swapped: bool
) -> None:
    backdrop = squares(*size, side, phase, greys[::-1] if swapped else greys)
    check(with_product(backdrop), backdrop, product_mask(*size), off=0.01)


@pytest.mark.each_once
@pytest.mark.parametrize("quality", [60, 75, 85, 95])
@pytest.mark.parametrize("side", [4, 7, 8, 16, 30])
def test_after_jpeg(side: int, quality: int) -> None:
    backdrop = squares(900, 800, side, (3, 1))
    check(jpeg(with_product(backdrop), quality), backdrop, product_mask(900, 800))


@pytest.mark.each_once
@pytest.mark.parametrize("factor", [0.55, 0.83, 1.3, 1.77, 2.4])
@pytest.mark.parametrize("way", [Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.LANCZOS])
@pytest.mark.parametrize("quality", [0, 80])
def test_after_scaling(factor: float, way: Image.Resampling, quality: int) -> None:
    backdrop = squares(800, 800, 12, (5, 2))
    size = (round(factor * 800), round(factor * 800))
    scaled = with_product(backdrop).resize(size, way)
    check(
        jpeg(scaled, quality) if quality else scaled,
        backdrop.resize(size, way),
        product_mask(800, 800).resize(size, way),
        off=0.03,
    )


def test_stretched_unevenly() -> None:
    backdrop = squares(800, 800, 14)
    size = (900, 780)
    check(with_product(backdrop).resize(size), backdrop.resize(size), product_mask(800, 800).resize(size), off=0.03)


@pytest.mark.each_once
@pytest.mark.parametrize("colour", [(255, 255, 255), (204, 204, 204), (240, 240, 240), (20, 20, 20)])
@pytest.mark.parametrize("side", [8, 16, 32])
def test_a_product_in_the_colours_of_the_squares_is_not_backdrop(colour: Colour, side: int) -> None:
    """Beside its outline nobody can tell a white product from a white square: within a square of it is enough."""
    backdrop = squares(900, 900, side)
    mask = product_mask(900, 900)
    board = found(Image.composite(Image.new("RGB", (900, 900), colour), backdrop, mask))
    inside = ndimage.binary_erosion(np.asarray(mask) > 250, np.ones((3, 3)), iterations=side + 1)
    assert not board.shows.numpy()[inside].any()
    away = ~ndimage.binary_dilation(np.asarray(mask) > 2, iterations=3)
    assert board.shows.numpy()[away].mean() > 0.98


def test_a_product_that_the_picture_cuts_off() -> None:
    backdrop = squares(800, 800, 10)
    check(with_product(backdrop, cut_off=True), backdrop, product_mask(800, 800, cut_off=True))


def test_a_large_picture_of_small_squares() -> None:
    backdrop = squares(4100, 3000, 5, (2, 4))
    check(with_product(backdrop), backdrop, product_mask(4100, 3000))


def test_the_input_is_left_as_it_was() -> None:
    picture = tensor(with_product(squares(500, 500, 8)))
    kept = picture.clone()
    assert checkerboard(picture) is not None
    assert torch.equal(picture, kept)


# -- what is none --------------------------------------------------------------------------------------------------


def nothing(image: Image.Image) -> None:
    assert checkerboard(tensor(image)) is None


@pytest.mark.each_once
@pytest.mark.parametrize("side", [6, 16, 40])
@pytest.mark.parametrize("ground", [255, 230, 128, 20])
@pytest.mark.parametrize("quality", [0, 80])
def test_a_checked_product_on_a_plain_backdrop(side: int, ground: int, quality: int) -> None:
    plain = Image.new("RGB", (900, 900), (ground,) * 3)
    picture = Image.composite(squares(900, 900, side, greys=(250, 60)), plain, product_mask(900, 900))
    nothing(jpeg(picture, quality) if quality else picture)


@pytest.mark.parametrize("share", [0.3, 0.5])
def test_a_checked_floor_below_a_wall(share: float) -> None:
    picture = squares(900, 900, 24, greys=(240, 180))
    picture.paste((225, 222, 220), (0, 0, 900, round((1 - share) * 900)))
    nothing(with_product(picture))


def test_a_tiled_floor_in_perspective() -> None:
    floor = squares(1600, 1600, 60, greys=(235, 160))
    coefficients = (1.0, 0.9, -300.0, 0.0, 1.9, -60.0, 0.0, 0.0011)
    nothing(with_product(floor.transform((900, 900), Image.Transform.PERSPECTIVE, coefficients)))


@pytest.mark.parametrize("kind", ["noise", "light", "grain"])
def test_a_photographed_pattern_seen_from_straight_above(kind: str) -> None:
    values = np.asarray(squares(900, 900, 32, greys=(225, 150)), np.float64)
    rng = np.random.default_rng(1)
    if kind == "noise":
        values = values + rng.normal(0, 6, values.shape)
    elif kind == "light":
        y, x = np.mgrid[:900, :900] / 900.0
        values = values * (1.0 - 0.45 * np.hypot(x - 0.3, y - 0.2))[..., None]
    else:
        values = values + 14 * ndimage.gaussian_filter(rng.normal(0, 4, (900, 900)), 2)[..., None]
    nothing(with_product(Image.fromarray(values.clip(0, 255).astype(np.uint8))))


@pytest.mark.parametrize("colours", [((255, 255, 255), (200, 30, 30)), ((240, 230, 140), (120, 160, 90))])
def test_coloured_checks(colours: tuple[Colour, Colour]) -> None:
    board = np.asarray(squares(700, 700, 16, greys=(255, 0)))
    nothing(with_product(Image.fromarray(np.where(board > 0, *[np.array(c, np.uint8) for c in colours]))))


def gingham(side: int) -> np.ndarray:
    n = (np.arange(700) // side) % 2
    return 255 - 60 * (n[:, None] + n[None, :])


def stripes(side: int) -> np.ndarray:
    return np.broadcast_to(np.where((np.arange(700) // side) % 2, 255, 200)[:, None], (700, 700))


def dots(side: int) -> np.ndarray:
    y, x = np.mgrid[:700, :700]
    return np.where(np.hypot(x % (2 * side) - side, y % (2 * side) - side) < 0.6 * side, 200, 255)


def lines(side: int) -> np.ndarray:
    y, x = np.mgrid[:700, :700]
    return np.where((x % side < 2) | (y % side < 2), 200, 255)


def noise(side: int) -> np.ndarray:
    return np.random.default_rng(side).integers(180, 256, (700, 700))


def cells(side: int) -> np.ndarray:
    return np.kron(
        np.random.default_rng(side).integers(0, 2, (700 // side + 1,) * 2) * 51 + 204, np.ones((side, side))
    )[:700, :700]


@pytest.mark.each_once
@pytest.mark.parametrize("texture", [gingham, stripes, dots, lines, noise, cells])
@pytest.mark.parametrize("side", [6, 16, 40])
def test_other_patterns(texture: object, side: int) -> None:
    plane = np.ascontiguousarray(texture(side)).astype(np.uint8)  # type: ignore[operator]  # the parameter's own type
    picture = Image.fromarray(np.repeat(plane[..., None], 3, axis=2))
    nothing(with_product(picture))
    nothing(with_product(picture.filter(ImageFilter.GaussianBlur(1.0))))


def test_a_pattern_with_nothing_on_it_is_the_product() -> None:
    nothing(squares(700, 700, 16))


@pytest.mark.parametrize("size", [(1, 1), (5, 300), (20, 20), (300, 12)])
def test_tiny_pictures(size: tuple[int, int]) -> None:
    nothing(squares(*size, 4))


@given(value=st.integers(0, 255), width=st.integers(30, 200), height=st.integers(30, 200))
@settings(max_examples=15, deadline=None)
def test_plain_pictures(value: int, width: int, height: int) -> None:
    nothing(Image.new("RGB", (width, height), (value,) * 3))
