"""Bowls and plates stand under their rim: no shade behind them, none along the sides that lean out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prodgen_nodes.imaging.shadow import ground_and_shadow
from prodgen_nodes.imaging.shadow.contact import find_contact
from prodgen_nodes.imaging.shadow.dish import Rim, find_rim
from prodgen_nodes.imaging.shadow.turned import find_round_foot
from torch import Tensor

from tests.imaging.shadow_sketches import STANDING, Sketch
from tests.imaging.test_shadow_turned import lathe

DISHES: dict[str, tuple[tuple[float, float], ...]] = {
    "bowl": ((0, 50), (10, 55), (60, 105), (80, 120)),
    "plate": ((0, 70), (6, 72), (18, 130)),
    "saucer": ((0, 40), (4, 40), (30, 100)),
    "basin": ((0, 90), (70, 130)),
}


def rim_of(mask: Tensor) -> Rim | None:
    return find_rim(mask, find_contact(mask))


@pytest.mark.parametrize("name", DISHES)
@pytest.mark.parametrize("slope", [0.15, 0.28, 0.5])
@pytest.mark.parametrize("scale", [0.5, 1.0, 2.5])
def test_the_rim_tells_the_axis_its_size_and_the_camera(name: str, slope: float, scale: float) -> None:
    rim = rim_of(lathe(*DISHES[name], slope=slope, scale=scale).mask())
    assert rim is not None
    high, wide = DISHES[name][-1]
    assert rim.circle.column == pytest.approx(200 * scale, abs=0.6)
    assert rim.circle.row == pytest.approx((320 - np.sqrt(1 - slope**2) * high) * scale, abs=1.5 * scale + 0.5)
    assert rim.circle.radius == pytest.approx(wide * scale, rel=0.01)
    assert rim.circle.foreshortening == pytest.approx(slope, abs=0.02)


@given(st.floats(0.3, 0.9), st.floats(20, 110), st.floats(0.15, 0.5))
@settings(max_examples=25, deadline=None)
def test_a_foot_that_is_seen_is_found(narrow: float, tall: float, slope: float) -> None:
    """A foot upright for a while, under sides that lean out."""
    wide = 125.0
    mask = lathe((0, narrow * wide), (0.3 * tall, narrow * wide), (tall, wide), slope=slope).mask()
    foot = find_round_foot(mask, find_contact(mask))
    hidden = slope * wide * (1 - narrow) > np.sqrt(1 - slope**2) * tall - 0.04 * wide
    assert foot is not None
    if not hidden:
        assert foot.row == pytest.approx(320, abs=0.15 * slope * wide + 3)
        assert foot.radius == pytest.approx(narrow * wide, rel=0.25)


@pytest.mark.each_once
@pytest.mark.parametrize("name", DISHES)
@pytest.mark.parametrize("slope", [0.15, 0.28, 0.4])
def test_the_shade_lies_under_the_rim_and_nowhere_else(name: str, slope: float) -> None:
    mask = lathe(*DISHES[name], slope=slope).mask()
    image = (0.4 * mask + 1 - mask)[None, ..., None].expand(-1, -1, -1, 3)
    done = ground_and_shadow(image, mask[None])
    shadow = done.shadow[0]
    high, wide = DISHES[name][-1]
    rim = 320 - np.sqrt(1 - slope**2) * high
    ends = [slice(round(200 + side * wide + (0 if side > 0 else -8)), None) for side in (-1, 1)]
    behind, before = shadow[: round(rim - slope * wide) - 3], shadow[round(rim + slope * wide) :]
    # A thing of any height keeps light from the ground behind it: faintly, and nowhere as before it.
    assert float(behind.max()) < 0.5 * float(before.max())
    for end in ends:
        beside = shadow[round(rim) - 4 : round(rim) + 2, end.start : end.start + 8]
        assert float(beside.max()) < 0.45, "no dark line runs along what leans out over the ground"
    assert float(before[:, 120:280].max()) > 0.3
    mirrored = ground_and_shadow(image.flip(2), mask[None].flip(2)).shadow[0].flip(1)
    assert float((mirrored - shadow).abs().max()) < 0.02


def test_what_is_no_dish_has_no_rim() -> None:
    for name, make in STANDING.items():
        mask = make().mask()
        assert name == "jar" or rim_of(mask) is None, name
    egg = Sketch().ellipse(100, 150, 300, 320)
    ball = Sketch().ellipse(110, 140, 290, 320)
    pillow = Sketch().polygon(
        (80, 200), (120, 180), (280, 180), (320, 200), (320, 300), (280, 320), (120, 320), (80, 300)
    )
    tapered = Sketch().polygon((100, 160), (300, 160), (270, 320), (130, 320))
    aside = lathe(*DISHES["bowl"]).polygon((290, 240), (360, 230), (360, 250), (290, 260))
    for sketch in (egg, ball, pillow, tapered, aside):
        assert rim_of(sketch.mask()) is None


def test_a_dish_much_too_small_or_cut_off_does_no_harm() -> None:
    for scale in (0.03, 0.06, 0.1):
        rim_of(lathe(*DISHES["bowl"], scale=scale).mask())
    mask = lathe(*DISHES["bowl"]).mask()
    mask[310:] = 0
    done = ground_and_shadow(torch.ones(1, *mask.shape, 3), mask[None])
    assert bool(torch.isfinite(done.image).all())
