"""The light map, the shadow's figures and the words agree, whatever the light is."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from prodgen_nodes.imaging.errors import ParameterError
from prodgen_nodes.imaging.light import KINDS, LightSource, light_map, temperature_color
from prodgen_nodes.imaging.shadow import Light, ground_and_shadow

DIRECTED = [kind for kind in KINDS if kind not in ("ambient", "neon_pair")]


def halves(picture: torch.Tensor) -> tuple[float, float, float, float]:
    """Mean brightness of the left, right, upper and lower half."""
    grey = picture[0].mean(dim=-1)
    height, width = grey.shape
    parts = (grey[:, : width // 2], grey[:, width // 2 :], grey[: height // 2], grey[height // 2 :])
    left, right, upper, lower = (float(part.mean()) for part in parts)
    return left, right, upper, lower


@pytest.mark.parametrize("kind", DIRECTED)
@pytest.mark.parametrize("size", [(96, 64), (64, 128)])
def test_the_side_towards_the_light_is_brighter(kind: str, size: tuple[int, int]) -> None:
    left, right, *_ = halves(light_map(LightSource(kind, clock=9, height=20), *size))
    assert left > right + 0.05
    left, right, *_ = halves(light_map(LightSource(kind, clock=3, height=20), *size))
    assert right > left + 0.05
    *_, upper, lower = halves(light_map(LightSource(kind, clock=12, height=80), *size))
    assert upper > lower + 0.05


@pytest.mark.parametrize("kind", DIRECTED)
def test_left_and_right_are_mirror_images(kind: str) -> None:
    left = light_map(LightSource(kind, clock=10, height=30), 80, 60)
    right = light_map(LightSource(kind, clock=2, height=30), 80, 60)
    torch.testing.assert_close(left, right.flip(2), atol=1e-5, rtol=0)


@given(
    kind=st.sampled_from(sorted(KINDS)),
    clock=st.floats(0, 12),
    height=st.floats(0, 90),
    temperature=st.floats(1700, 15000),
    spread=st.floats(0, 1),
    intensity=st.floats(0, 1),
    fill=st.floats(0, 1),
)
def test_every_light_is_a_picture_and_a_shadow(
    kind: str, clock: float, height: float, temperature: float, spread: float, intensity: float, fill: float
) -> None:
    source = LightSource(kind, clock, height, temperature, spread=spread, intensity=intensity, fill=fill)
    picture = light_map(source, 24, 32)
    assert picture.shape == (1, 32, 24, 3)
    assert torch.isfinite(picture).all()
    assert float(picture.min()) >= 0.0
    assert float(picture.max()) <= 1.0
    Light(source.shadow_angle, source.shadow_height, source.softness, source.opacity).check()
    assert source.words


@pytest.mark.parametrize(("clock", "falls_right"), [(9.0, True), (10.0, True), (3.0, False), (2.0, False)])
def test_the_shadow_falls_away_from_the_light(clock: float, falls_right: bool) -> None:
    source = LightSource("sun", clock=clock, height=35)
    canvas = torch.ones(1, 120, 200, 3)
    mask = torch.zeros(1, 120, 200)
    mask[:, 30:100, 85:115] = 1.0
    light = Light(source.shadow_angle, source.shadow_height, source.softness, source.opacity, contact_only=False)
    shadow = ground_and_shadow(canvas, mask, light).shadow[0]
    to_the_left, to_the_right = float(shadow[:, :85].sum()), float(shadow[:, 115:].sum())
    assert (to_the_right > 2 * to_the_left) == falls_right
    assert (to_the_left > 2 * to_the_right) != falls_right


def from_the_corners(picture: torch.Tensor) -> float:
    """How much brighter the middle third of a light map is than its corners."""
    grey = picture[0].mean(dim=-1)
    corners = torch.stack([grey[:8, :8], grey[:8, -8:], grey[-8:, :8], grey[-8:, -8:]]).mean()
    return float(grey[24:48, 24:48].mean() - corners)


@pytest.mark.parametrize("kind", DIRECTED)
@given(clock=st.sampled_from(range(13)), height=st.floats(0, 90))
def test_map_words_and_shadow_say_the_same(kind: str, clock: int, height: float) -> None:
    source = LightSource(kind, clock=clock, height=height)
    words, (right, up) = source.words, source.towards
    azimuth = source.shadow_angle
    behind_shadow, before_shadow = math.cos(math.radians(azimuth)) > 0, math.cos(math.radians(azimuth)) < 0
    picture = light_map(source, 72, 72)
    left, to_right, upper, lower = halves(picture)
    if "left" in words:
        assert left > to_right
        assert 180 < azimuth < 360
    if "right" in words:
        assert to_right > left
        assert 0 < azimuth < 180
    if "above" in words or "upper" in words:
        assert upper > lower
        assert source.shadow_height > 15
    if "behind" in words:
        assert "rim light" in words
        assert behind_shadow
    if "front" in words:
        assert before_shadow
    if "back" in words:
        assert behind_shadow
    # The same light before and behind the product: the one behind is a glow in the dark, the one before lights all.
    opposite = LightSource(kind, clock=(18 - clock) % 12, height=height)
    if source.behind > 0.3:
        other = light_map(opposite, 72, 72)
        assert from_the_corners(picture) > from_the_corners(other) + 0.05 or float(picture.mean()) < float(other.mean())
        assert float((picture - other).abs().max()) > 0.1
    mirrored = LightSource(kind, clock=(12 - clock) % 12, height=height).words
    assert mirrored == words.replace("left", "<").replace("right", "left").replace("<", "right")
    if abs(source.behind) > 0.26:
        assert opposite.words != words, "nobody hears whether it is before or behind the product"
    assert (
        ("from above" in words and up > 0.85)
        or right == pytest.approx(0, abs=0.25)
        or {"left", "right"} & set(words.replace(",", "").split())
    )


def test_a_place_in_the_picture_wins_over_the_clock() -> None:
    source = LightSource("spot", clock=3, x=0.1, y=0.2)
    picture = light_map(source, 100, 100)[0].mean(dim=-1)
    row, column = divmod(int(picture.argmax()), 100)
    assert abs(column - 10) <= 2
    assert abs(row - 20) <= 2
    assert 180 < source.shadow_angle < 360
    with pytest.raises(ParameterError, match="belong together"):
        LightSource(x=0.5).check()


def test_warm_is_orange_cold_is_blue_and_daylight_white() -> None:
    assert temperature_color(5600) == pytest.approx((1, 1, 1), abs=1e-6)
    warm, cold = temperature_color(2700), temperature_color(10000)
    assert warm[0] == 1.0
    assert warm[2] < 0.5
    assert cold[2] == 1.0
    assert cold[0] < 0.75
    bluer = [color[2] / color[0] for color in map(temperature_color, range(1700, 15001, 100))]
    assert all(first < second for first, second in pairwise(bluer))  # no jump at the seams


def test_a_neon_pair_has_two_colours() -> None:
    picture = light_map(LightSource("neon_pair", color="#ff0000", second_color="#0000ff", height=0), 100, 60)[0]
    assert float(picture[:, 5, 0].mean()) > float(picture[:, 5, 2].mean())
    assert float(picture[:, -5, 2].mean()) > float(picture[:, -5, 0].mean())


def test_fill_and_weak_light_make_the_shadow_paler() -> None:
    plain = LightSource("sun").opacity
    assert LightSource("sun", fill=0.8).opacity < plain
    assert LightSource("sun", intensity=0.2).opacity < plain


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (LightSource("window", clock=9, height=10), "window light from the left"),
        (LightSource("sun", clock=3, height=10, temperature=2800), "warm light"),
        (LightSource("softbox", clock=6, height=5), "from the front"),
        (LightSource("softbox", clock=12, height=5), "from behind, rim light"),
        (LightSource("softbox", clock=11, height=5), "from behind on the left"),
        (LightSource("softbox", clock=7, height=5), "from the front left"),
        (LightSource("softbox", clock=6, height=40), "from the front"),
        (LightSource("softbox", clock=10, height=45), "from the upper left"),
        (LightSource("spot", clock=12, height=85), "from above"),
        (LightSource("softbox", color="#ff3030"), "red light"),
        (LightSource("spot", x=0.05, y=0.05), "from the upper left"),
        (LightSource("spot", x=0.95, y=0.0), "from the upper right"),
        (LightSource("spot", x=0.4, y=0.0), "from above"),
        (LightSource("spot", x=0.9, y=0.95), "from the lower right"),
        (LightSource("spot", x=0.5, y=1.0), "from below"),
        (LightSource("spot", x=0.0, y=0.5), "from the left"),
    ],
)
def test_words(source: LightSource, words: str) -> None:
    assert words in source.words


@pytest.mark.parametrize(
    ("color", "word"),
    [
        ("#ffc0cb", "pink"),
        ("#ffb3c6", "pink"),
        ("#ffe2e8", "pale pink"),
        ("#ff2da0", "hot pink"),
        ("#ffd8b8", "peach"),
        ("#008080", "teal"),
        ("#006070", "teal"),
        ("#00ffff", "cyan"),
        ("#45ddcc", "turquoise"),
        ("#98ffd0", "mint green"),
        ("#ff0000", "red"),
        ("#7a0000", "red"),
        ("#ff7a55", "coral"),
        ("#ff8c00", "orange"),
        ("#ffbb00", "amber"),
        ("#ffd500", "golden"),
        ("#ffff00", "yellow"),
        ("#ffffc8", "pale yellow"),
        ("#00ff00", "green"),
        ("#0000ff", "blue"),
        ("#8accf0", "sky blue"),
        ("#b5d6ff", "pale blue"),
        ("#c5a0ff", "lavender"),
        ("#820082", "purple"),
        ("#ff00ff", "magenta"),
        ("#fff8f0", "white"),
        ("#808080", "white"),
    ],
)
def test_a_colour_has_the_word_that_a_person_has(color: str, word: str) -> None:
    assert LightSource("ambient", color=color).words == f"soft even ambient light, {word} light"


@given(st.integers(0, 0xFFFFFF))
def test_every_colour_has_a_word_and_pale_ones_are_no_strong_ones(number: int) -> None:
    word = LightSource("ambient", color=f"#{number:06x}").words.split(", ")[1]
    red, green, blue = number >> 16, number >> 8 & 255, number & 255
    strong = {"red light", "green light", "blue light", "magenta light", "hot pink light", "violet light"}
    if min(red, green, blue) > 200:
        assert word not in strong
    if max(red, green, blue) - min(red, green, blue) < 25:
        assert word == "white light"


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_place_is_called_by_its_part_of_the_picture(x: float, y: float) -> None:
    words = LightSource("spot", x=x, y=y).words
    assert ("left" in words) <= (x < 0.5)
    assert ("right" in words) <= (x > 0.5)
    assert ("upper" in words or "above" in words) <= (y < 0.5)
    assert ("lower" in words or "below" in words) <= (y > 0.5)
    if min(x, 1 - x) < 0.2:
        assert "left" in words or "right" in words


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (LightSource("moon"), "window, softbox"),
        (LightSource(clock=13), "clock"),
        (LightSource(temperature=900), "temperature"),
        (LightSource(color="red"), "color"),
    ],
)
def test_wrong_figures_are_refused(source: LightSource, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        light_map(source, 64, 64)
    with pytest.raises(ParameterError, match="width"):
        light_map(LightSource(), 8, 64)
