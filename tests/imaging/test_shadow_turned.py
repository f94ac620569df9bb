"""What was turned on a lathe shows its foot's circle, and with it its axis, its solid and how the camera looks."""

from __future__ import annotations

from dataclasses import astuple, replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from prodgen_nodes.imaging.shadow import Light
from prodgen_nodes.imaging.shadow.contact import find_contact
from prodgen_nodes.imaging.shadow.ground import Look, shade_ground
from prodgen_nodes.imaging.shadow.turned import find_round_foot, turned_solid
from torch import Tensor

from tests.imaging.shadow_sketches import STANDING, Sketch

ROUND = {"jar"}
"""Of the standing sketches."""


def lathe(
    *profile: tuple[float, float], slope: float = 0.28, axis: float = 200, foot: float = 320, scale: float = 1.0
) -> Sketch:
    """Circles of `profile` (height, radius), pairs of which are joined straight, on a ground that is seen at `slope`
    (depth to rows); the foot's middle is in row `foot`."""
    sketch = Sketch(scale=scale)
    upright = np.sqrt(1 - slope**2)
    for (low, narrow), (high, wide) in pairwise(profile):
        for share in np.linspace(0, 1, 60):
            row, radius = foot - upright * (low + share * (high - low)), narrow + share * (wide - narrow)
            sketch.ellipse(axis - radius, row - slope * radius, axis + radius, row + slope * radius)
    return sketch


SHAPES: dict[str, tuple[tuple[float, float], ...]] = {
    "beaker": ((0, 70), (180, 70)),
    "vase": ((0, 50), (70, 95), (150, 30), (190, 45)),
    "lamp": ((0, 55), (8, 55), (8, 5), (130, 5), (130, 110), (210, 70)),
    "tumbler": ((0, 60), (170, 72)),
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("slope", [0.2, 0.28, 0.4])
@pytest.mark.parametrize("scale", [0.5, 1.0, 2.5])
def test_the_foot_tells_the_axis_its_size_and_the_camera(name: str, slope: float, scale: float) -> None:
    mask = lathe(*SHAPES[name], slope=slope, scale=scale).mask()
    foot = find_round_foot(mask, find_contact(mask))
    assert foot is not None
    assert foot.column == pytest.approx(200 * scale, abs=0.6)
    assert foot.row == pytest.approx(320 * scale, abs=1.5 * scale + 0.5)
    assert foot.radius == pytest.approx(SHAPES[name][0][1] * scale, rel=0.03)
    assert foot.foreshortening == pytest.approx(slope, abs=0.03)


@given(st.floats(30, 90), st.floats(0.6, 1.1), st.floats(130, 250), st.floats(0.18, 0.4))
@settings(max_examples=25, deadline=None)
def test_the_solid_has_the_radii_that_were_turned(low: float, wider: float, tall: float, slope: float) -> None:
    high = wider * low
    mask = lathe((0, low), (tall, high), slope=slope).mask()
    contact = find_contact(mask)
    foot = find_round_foot(mask, contact)
    assert foot is not None
    solid = turned_solid(mask, contact, foot, 44)
    for level in solid.levels:
        height = level.z * solid.pixels
        radius = low + (high - low) * height / tall
        if 3 * solid.pixels < height < tall - 2 * slope * high:
            assert level.back.max() * solid.pixels == pytest.approx(radius, abs=1.2 * solid.pixels)
            assert np.array_equal(level.front, -level.back)


def test_an_ear_is_as_deep_as_it_is_thick_and_moves_no_axis() -> None:
    bare = lathe((0, 70), (150, 70)).mask()
    mask = lathe((0, 70), (150, 70)).arc((230, 190, 330, 300), -90, 90, 16).mask()
    foot = find_round_foot(mask, find_contact(mask))
    assert foot is not None
    without = find_round_foot(bare, find_contact(bare))
    assert without is not None
    assert astuple(foot) == pytest.approx(astuple(without), abs=0.01)
    solid = turned_solid(mask, find_contact(mask), foot, 60)
    ear = foot.column + 90 < solid.left + (np.arange(solid.columns) + 0.5) * solid.pixels
    deepest = max(level.back[ear].max() for level in solid.levels) * solid.pixels
    assert 4 < deepest < 16


def test_what_stands_on_something_else_is_not_taken_for_turned() -> None:
    for name, make in STANDING.items():
        mask = make().mask()
        assert name in ROUND or find_round_foot(mask, find_contact(mask)) is None, name
    # A screen on a round foot, a box and a bag with rounded corners, something on one side of a pot.
    screen = lathe((0, 60), (10, 60), (10, 6), (90, 6)).polygon((90, 100), (310, 100), (310, 235), (90, 235))
    rounded = Sketch().polygon((120, 100), (280, 100), (280, 312), (272, 320), (128, 320), (120, 312))
    beside = lathe((0, 60), (140, 60)).polygon((40, 160), (150, 160), (150, 290), (40, 290))
    for sketch in (screen, rounded, beside):
        mask = sketch.mask()
        assert find_round_foot(mask, find_contact(mask)) is None


def _shades(mask: Tensor, tint: float = 0.3) -> tuple[Tensor, Tensor]:
    """The ground's loss by the solid that was turned, and by the one that is guessed where nothing is known."""
    contact = find_contact(mask)
    image = (tint * mask + 1 - mask)[..., None].expand(-1, -1, 3)
    look = replace(Look.of(image, mask, contact), seen=None)
    assert look.foot is not None
    return shade_ground(mask, contact, Light(), look), shade_ground(mask, contact, Light(), replace(look, foot=None))


def test_a_shade_lies_under_what_reaches_out_over_its_foot() -> None:
    """A lamp's screen is wider than its foot: the ground is under it behind the foot and before it alike."""
    mask = lathe(*SHAPES["lamp"]).mask()
    turned, guessed = _shades(mask)
    aside = turned[315:325, 100:140].mean()
    assert float(aside) > 1.3 * float(guessed[315:325, 100:140].mean())
    assert float((turned - turned.flip(1)).abs().mean()) < 0.003


def test_the_lower_the_camera_the_flatter_the_shade() -> None:
    heights = []
    for slope in (0.18, 0.28, 0.4):
        turned, _ = _shades(lathe(*SHAPES["beaker"], slope=slope).mask())
        beside = turned[:, 280:300].mean(dim=1)
        heights.append(int((beside > 0.5 * beside.max()).sum()))
    assert heights == sorted(heights)
    assert heights[2] > 1.4 * heights[0]


def test_many_sizes_and_colours_of_alpha_come_through() -> None:
    """Only what the mask says counts: a picture of one size twice as large has the same shade, twice as large."""
    small, _ = _shades(lathe(*SHAPES["vase"]).mask())
    large, _ = _shades(lathe(*SHAPES["vase"], scale=2).mask())
    reduced = np.asarray(Image.fromarray(large.numpy()).resize((400, 400), Image.Resampling.BOX))
    assert np.abs(reduced - small.numpy()).max() < 0.15
    assert np.abs(reduced - small.numpy()).mean() < 0.003
    assert torch.equal(small, _shades(lathe(*SHAPES["vase"]).mask())[0])
