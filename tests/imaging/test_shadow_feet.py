"""Under feet with rounded ends, and under wheels, the dark contact fades to both sides; nothing there is paler."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from prodgen_nodes.imaging.shadow import find_contact
from prodgen_nodes.imaging.shadow.supports import climbing_supports
from scipy import ndimage

from tests.imaging.shadow_sketches import Sketch
from tests.imaging.test_shadow_contact import stool
from tests.imaging.test_shadow_looks import grounded

BOTTOM = 300


def on_feet(radius: float, wide: float, scale: float = 1.0) -> Sketch:
    """A seat on two legs so wide, rounded below by so much."""
    apart = max(200.0, 2.4 * wide)
    left, right = 200 - apart / 2, 200 + apart / 2
    sketch = Sketch(scale=scale).polygon((left - 10, 120), (right + 10, 120), (right + 10, 150), (left - 10, 150))
    for x in (left, right - wide):
        sketch.polygon((x, 140), (x + wide, 140), (x + wide, BOTTOM - radius), (x, BOTTOM - radius))
        sketch.polygon((x + radius, 140), (x + wide - radius, 140), (x + wide - radius, BOTTOM), (x + radius, BOTTOM))
        for middle in (x + radius, x + wide - radius):
            sketch.ellipse(middle - radius, BOTTOM - 2 * radius, middle + radius, BOTTOM)
    return sketch


def on_wheels(radius: float, scale: float = 1.0) -> Sketch:
    cart = Sketch(scale=scale).polygon((80, 180), (320, 180), (320, BOTTOM - radius), (80, BOTTOM - radius))
    for x in (120, 280):
        cart.ellipse(x - radius, BOTTOM - 2 * radius, x + radius, BOTTOM)
    return cart


def greys(mask: torch.Tensor) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = (grounded(mask).image[0].mean(dim=-1) * 255).double().numpy()
    return found


def steepest_end(mask: torch.Tensor, scale: float) -> float:
    """By how many levels the ground beside and below the feet changes from one column to the next, at most."""
    grey, free = greys(mask), ndimage.distance_transform_edt(mask.numpy() <= 0) > 1.5
    rows = slice(round((BOTTOM - 2) * scale), round((BOTTOM + 4) * scale) + 2)
    change = np.abs(np.diff(grey, axis=1)) * (free[:, 1:] & free[:, :-1])
    return float(change[rows].max())


def palest_line(mask: torch.Tensor) -> float:
    """By how many levels the ground below the left foot, and a little beside it, is brighter than both what is above
    it and what is below it."""
    grey, touch = greys(mask), find_contact(mask).touches[0]
    side = max(4, touch.width // 3)
    start = round(touch.lowest) - 1
    part = grey[start : start + 40, max(0, touch.left - side) : touch.right + side]
    above = np.minimum.accumulate(part, axis=0)
    below = np.minimum.accumulate(part[::-1], axis=0)[::-1]
    return float((part - np.maximum(above, below)).max())


def wavy(waves: int, deep: float, scale: float = 1.0) -> Sketch:
    """A skirt on a rounded, wavy hem."""
    x = np.linspace(60, 340, 400)
    along = (x - 60) / 280
    hem = BOTTOM - deep * (1 - np.sin(np.pi * waves * along) ** 2)
    corner = np.minimum(along, 1 - along) * 280
    hem -= np.where(corner < 30, 30 - np.sqrt(np.maximum(0.0, 900 - (30 - corner) ** 2)), 0.0)
    return Sketch(scale=scale).polygon((160, 100), (240, 100), *zip(x[::-1].tolist(), hem[::-1].tolist(), strict=True))


def darkest_spur(mask: torch.Tensor) -> float:
    """By how many levels something below all of the product is darker than what is above it and what is below it."""
    grey = greys(mask)
    part = grey[round(find_contact(mask).lowest) + 2 :][:40]
    above = np.maximum.accumulate(part, axis=0)
    below = np.maximum.accumulate(part[::-1], axis=0)[::-1]
    return float((np.minimum(above, below) - part).max())


@pytest.mark.first(4)
@pytest.mark.parametrize(
    ("radius", "wide", "scale", "most"),
    [
        # From nearly square to full round. With the block: 47, 50, 14, 38, 29, 40, 56, 29, 25 and 18 levels.
        (6, 20, 1.0, 18), (10, 20, 1.0, 16), (3, 10, 1.0, 12), (5, 10, 1.0, 17), (15, 30, 1.0, 13),
        (6, 20, 2.0, 16), (10, 20, 2.0, 13), (3, 10, 2.0, 23), (5, 10, 2.0, 24), (15, 30, 2.0, 9),
        (75, 150, 2.0, 6), (40, 150, 2.0, 6),  # broad ones had none
    ],
)  # fmt: skip
def test_under_a_rounded_foot_lies_no_block(radius: float, wide: float, scale: float, most: float) -> None:
    """It was dark in all of the columns in which the foot is about level, and ended in an upright edge at both ends;
    below it lay a pale line, brighter than the ground farther down by up to 11 levels."""
    mask = on_feet(radius, wide, scale).mask()
    assert steepest_end(mask, scale) < most
    assert palest_line(mask) < 1.5


@pytest.mark.parametrize(("radius", "scale", "most"), [(16, 1.0, 13), (35, 1.0, 8), (16, 2.0, 8), (35, 2.0, 4)])
def test_under_a_wheel_lies_no_block(radius: float, scale: float, most: float) -> None:
    """The dark contact ended in steps of 23, 9.5, 13 and 5.4 levels a column."""
    mask = on_wheels(radius, scale).mask()
    assert steepest_end(mask, scale) < most
    assert palest_line(mask) < 0.3


@pytest.mark.parametrize(
    "sketch", [on_feet(6, 20, 2.0), on_feet(10, 20, 2.0), on_feet(15, 30, 2.0), on_wheels(35, 2.0)]
)
def test_it_is_dark_where_the_foot_touches_and_fades_outwards_from_there(sketch: Sketch) -> None:
    mask = sketch.mask()
    touch = find_contact(mask).touches[0]
    middle = (touch.left + touch.right) // 2
    row = int((mask[:, middle] > 0.5).nonzero().max()) + 1
    outwards = greys(mask)[row, touch.left - touch.width : middle + 1][::-1]
    assert outwards[0] < 145
    assert float((np.maximum.accumulate(outwards) - outwards).max()) < 4
    assert outwards[touch.width // 2] > outwards[0] + 15  # it has faded where the block ended


def test_a_square_leg_and_the_corner_of_one_touch_up_to_their_ends() -> None:
    square = on_feet(0, 20, 2.0).mask()
    for mask in (square, *(stool(depth, lean).mask() for depth in (5, 8, 11) for lean in (0, 14))):
        assert all(max(touch.hangs) <= 1 for touch in find_contact(mask).touches)


@pytest.mark.parametrize(("waves", "deep"), [(4, 12), (5, 12), (5, 16)])
@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_no_dark_spur_runs_out_below_the_ends_of_a_wavy_hem(waves: int, deep: float, scale: float) -> None:
    """The edge went on at both ends as the last wave fell: spurs of 6 to 19 levels below all of the product."""
    assert darkest_spur(wavy(waves, deep, scale).mask()) < 1.5


def test_a_gap_of_less_than_counts_as_level_parts_no_supports() -> None:
    """In a very small picture it was more than its share of the width all the same, and an IndexError."""
    edge = np.full(40, 30.0)
    edge[10:30] -= 1.0
    assert climbing_supports(edge, level=1.5) == []
