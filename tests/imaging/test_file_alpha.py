"""A file's own transparency: a cut-out follows a product, everything else only shapes the picture's rectangle."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter
from prodgen_nodes.imaging.file_alpha import outlines

SIZES = [(96, 96), (300, 420), (1200, 800), (1000, 2600)]
Draw = Callable[[ImageDraw.ImageDraw, int, int], None]


def drawn(width: int, height: int, draw: Draw, background: int = 0) -> torch.Tensor:
    """Alpha `[H,W]` with soft edges: drawn four times as large, then reduced."""
    image = Image.new("L", (4 * width, 4 * height), background)
    draw(ImageDraw.Draw(image), 4 * width, 4 * height)
    small = image.resize((width, height), Image.Resampling.BOX)
    return torch.from_numpy(np.asarray(small, np.float32) / 255.0)


def opaque(width: int, height: int) -> torch.Tensor:
    return torch.ones(height, width)


def turned(width: int, height: int, degrees: float, *, expand: bool) -> torch.Tensor:
    image = Image.new("L", (width, height), 255).rotate(degrees, Image.Resampling.BICUBIC, expand=expand)
    return torch.from_numpy(np.asarray(image, np.float32) / 255.0)


def refused(alpha: torch.Tensor) -> str:
    is_cutout, reason = outlines(alpha)
    assert not is_cutout, reason
    return reason


def accepted(alpha: torch.Tensor) -> None:
    is_cutout, reason = outlines(alpha)
    assert is_cutout, reason


sizes = st.tuples(st.integers(64, 700), st.integers(64, 700))

# -- no cut-out ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
def test_a_file_opaque_or_transparent_everywhere(size: tuple[int, int]) -> None:
    assert "opaque everywhere" in refused(opaque(*size))
    assert "opaque everywhere" in refused(opaque(*size) * 0.995)
    assert "transparent everywhere" in refused(torch.zeros(size[1], size[0]))


@given(size=sizes, level=st.floats(0.05, 0.95), noise=st.floats(0.0, 0.05))
@settings(max_examples=20, deadline=None)
def test_an_even_transparency(size: tuple[int, int], level: float, noise: float) -> None:
    noisy = level + noise * (torch.rand(size[1], size[0], generator=torch.Generator().manual_seed(1)) - 0.5)
    assert "equally see-through" in refused(noisy)


@given(size=sizes, spots=st.lists(st.tuples(st.floats(0, 0.999), st.floats(0, 0.999)), min_size=1, max_size=30))
@settings(max_examples=30, deadline=None)
def test_a_few_transparent_pixels(size: tuple[int, int], spots: list[tuple[float, float]]) -> None:
    alpha = opaque(*size)
    for x, y in spots:
        alpha[int(y * size[1]), int(x * size[0])] = 0.0
    refused(alpha)


def test_one_transparent_pixel_in_a_large_picture() -> None:
    alpha = opaque(4200, 3000)
    alpha[0, 0] = 0.0
    assert "a few pixels" in refused(alpha)


def test_a_few_opaque_pixels() -> None:
    alpha = torch.zeros(1500, 1500)
    alpha[700, 700:703] = 1.0
    assert "almost everywhere" in refused(alpha)


@given(size=sizes, radius=st.floats(0.01, 0.25))
@settings(max_examples=30, deadline=None)
def test_rounded_corners(size: tuple[int, int], radius: float) -> None:
    def draw(pen: ImageDraw.ImageDraw, width: int, height: int) -> None:
        pen.rounded_rectangle((0, 0, width - 1, height - 1), radius * min(width, height), fill=255)

    refused(drawn(*size, draw))


@given(size=sizes, corners=st.sets(st.integers(0, 3), min_size=1), cut=st.floats(0.02, 0.2))
@settings(max_examples=30, deadline=None)
def test_cut_corners(size: tuple[int, int], corners: set[int], cut: float) -> None:
    def draw(pen: ImageDraw.ImageDraw, width: int, height: int) -> None:
        side = cut * min(width, height)
        for corner in corners:
            x, y = (0, width)[corner % 2], (0, height)[corner // 2]
            inward_x, inward_y = (side, -side)[corner % 2], (side, -side)[corner // 2]
            pen.polygon([(x, y), (x + inward_x, y), (x, y + inward_y)], fill=0)

    refused(drawn(*size, draw, 255))


@given(size=sizes, degrees=st.floats(0.3, 89.7), expand=st.booleans(), other_way=st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_turned_or_straightened_picture(size: tuple[int, int], degrees: float, expand: bool, other_way: bool) -> None:
    """Turned within its canvas only by what a straightening takes: beyond, little of the picture's sides is left."""
    if not expand:
        degrees = degrees % 20 + 0.3
    refused(turned(*size, -degrees if other_way else degrees, expand=expand))


@given(size=sizes, shift=st.tuples(*[st.floats(0, 0.03)] * 8))
@settings(max_examples=30, deadline=None)
def test_corrected_perspective(size: tuple[int, int], shift: tuple[float, ...]) -> None:
    def draw(pen: ImageDraw.ImageDraw, width: int, height: int) -> None:
        inward = [value * min(width, height) for value in shift]
        pen.polygon(
            [
                (inward[0], inward[1]),
                (width - inward[2], inward[3]),
                (width - inward[4], height - inward[5]),
                (inward[6], height - inward[7]),
            ],
            fill=255,
        )

    refused(drawn(*size, draw))


@given(size=sizes, first=st.floats(0.0, 0.4), second=st.floats(0.01, 0.4), upright=st.booleans())
@settings(max_examples=30, deadline=None)
def test_bands_that_make_a_picture_square(size: tuple[int, int], first: float, second: float, upright: bool) -> None:
    width, height = size
    alpha = torch.zeros(height, width)
    along = height if upright else width
    part = slice(round(first * along), along - max(1, round(second * along)))
    if upright:
        alpha[part] = 1.0
    else:
        alpha[:, part] = 1.0
    refused(alpha)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("share", [0.0, 0.01, 0.05])
def test_an_even_transparent_border(size: tuple[int, int], share: float) -> None:
    border = max(1, round(share * min(size)))
    alpha = torch.zeros(size[1], size[0])
    alpha[border:-border, border:-border] = 1.0
    refused(alpha)


@pytest.mark.parametrize("size", SIZES)
def test_a_hole_inside_the_picture(size: tuple[int, int]) -> None:
    width, height = size
    alpha = opaque(*size)
    alpha[height // 3 : height // 2, width // 4 : width // 2] = 0.0
    assert "inside the picture" in refused(alpha)


# -- cut-outs --------------------------------------------------------------------------------------------------------


def bottle(pen: ImageDraw.ImageDraw, width: int, height: int) -> None:
    pen.rounded_rectangle((0.36 * width, 0.35 * height, 0.64 * width, 0.95 * height), 0.05 * width, fill=255)
    pen.rectangle((0.45 * width, 0.05 * height, 0.55 * width, 0.36 * height), fill=255)


def bag(pen: ImageDraw.ImageDraw, width: int, height: int) -> None:
    pen.rounded_rectangle((0.2 * width, 0.4 * height, 0.8 * width, 0.9 * height), 0.04 * width, fill=255)
    pen.ellipse((0.35 * width, 0.1 * height, 0.65 * width, 0.7 * height), outline=255, width=round(0.03 * width))


def pair(pen: ImageDraw.ImageDraw, width: int, height: int) -> None:
    pen.ellipse((0.1 * width, 0.3 * height, 0.45 * width, 0.7 * height), fill=255)
    pen.ellipse((0.55 * width, 0.3 * height, 0.9 * width, 0.7 * height), fill=255)


def book(pen: ImageDraw.ImageDraw, width: int, height: int) -> None:
    pen.rectangle((0.2 * width, 0.12 * height, 0.8 * width, 0.85 * height), fill=255)


def book_at_an_angle(pen: ImageDraw.ImageDraw, width: int, height: int) -> None:
    side = 0.3 * min(width, height)
    corners = [(math.cos(a), math.sin(a)) for a in (0.3, 0.3 + math.pi / 2, 0.3 + math.pi, 0.3 - math.pi / 2)]
    pen.polygon([(width / 2 + side * x, height / 2 + side * y) for x, y in corners], fill=255)


def frame(pen: ImageDraw.ImageDraw, width: int, height: int) -> None:
    book(pen, width, height)
    pen.rectangle((0.3 * width, 0.2 * height, 0.7 * width, 0.75 * height), fill=0)


def ball(pen: ImageDraw.ImageDraw, width: int, height: int) -> None:
    side = 0.4 * min(width, height)
    pen.ellipse((width / 2 - side, height / 2 - side, width / 2 + side, height / 2 + side), fill=255)


def tent(pen: ImageDraw.ImageDraw, width: int, height: int) -> None:
    pen.polygon([(0.5 * width, 0.1 * height), (0.95 * width, 0.9 * height), (0.05 * width, 0.9 * height)], fill=255)


def box_in_perspective(pen: ImageDraw.ImageDraw, width: int, height: int) -> None:
    corners = ((0.5, 0.05), (0.9, 0.25), (0.9, 0.75), (0.5, 0.95), (0.1, 0.75), (0.1, 0.25))
    pen.polygon([(x * width, y * height) for x, y in corners], fill=255)


PRODUCTS = [bottle, bag, pair, ball, tent, box_in_perspective]
FLAT = [book, book_at_an_angle, frame]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("draw", PRODUCTS + FLAT)
def test_a_product_with_room_around_it(size: tuple[int, int], draw: Draw) -> None:
    accepted(drawn(*size, draw))


def trimmed(alpha: torch.Tensor) -> torch.Tensor:
    rows, columns = (torch.nonzero((alpha > 0).any(dim=d)).flatten() for d in (1, 0))
    return alpha[int(rows[0]) : int(rows[-1]) + 1, int(columns[0]) : int(columns[-1]) + 1]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("draw", PRODUCTS)
def test_a_product_trimmed_to_its_own_size(size: tuple[int, int], draw: Draw) -> None:
    accepted(trimmed(drawn(*size, draw)))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("draw", PRODUCTS)
@pytest.mark.parametrize("side", ["left", "top", "right", "bottom"])
def test_a_product_that_one_side_cuts_off(size: tuple[int, int], draw: Draw, side: str) -> None:
    alpha = drawn(*size, draw)
    width, height = size
    kept = {
        "left": alpha[:, round(0.3 * width) :],
        "right": alpha[:, : round(0.7 * width)],
        "top": alpha[round(0.3 * height) :],
        "bottom": alpha[: round(0.7 * height)],
    }
    accepted(kept[side])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("draw", [bag, ball])
def test_soft_hair_around_it(size: tuple[int, int], draw: Draw) -> None:
    image = Image.fromarray((drawn(*size, draw).numpy() * 255).astype(np.uint8))
    soft = np.asarray(image.filter(ImageFilter.GaussianBlur(0.03 * min(size))), np.float32) / 255.0
    strands = np.random.default_rng(1).uniform(0.3, 1.0, soft.shape).astype(np.float32)
    accepted(torch.from_numpy(np.where(soft > 0.95, soft, soft * strands)))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("level", [0.25, 0.6])
def test_glass_and_gauze(size: tuple[int, int], level: float) -> None:
    accepted(drawn(*size, bottle) * level)


@pytest.mark.parametrize("size", SIZES)
def test_a_backdrop_that_is_not_quite_gone(size: tuple[int, int]) -> None:
    accepted(drawn(*size, bag) * 0.8 + 0.2)


@given(size=sizes, left=st.floats(0.1, 0.3), top=st.floats(0.12, 0.3), share=st.floats(0.1, 0.9))
@settings(max_examples=30, deadline=None)
def test_mirrored_or_turned_it_is_judged_the_same(size: tuple[int, int], left: float, top: float, share: float) -> None:
    def draw(pen: ImageDraw.ImageDraw, width: int, height: int) -> None:
        pen.ellipse((left * width, top * height, (left + share * 0.6) * width, (top + 0.6 * share) * height), fill=255)

    alpha = drawn(*size, draw)
    verdicts = {outlines(view) for view in (alpha, alpha.flip(0), alpha.flip(1), alpha.T.contiguous())}
    assert len(verdicts) == 1


def test_the_input_is_left_as_it_was_and_nan_is_transparent() -> None:
    alpha = drawn(200, 200, bag)
    alpha[0, 0] = float("nan")
    kept = alpha.clone()
    accepted(alpha)
    assert torch.equal(alpha.nan_to_num(7.0), kept.nan_to_num(7.0))
