"""The corner of a rectangle on the ground: how the camera looks at it; and that a rounded corner touches nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from prodgen_nodes.imaging.shadow import find_contact
from prodgen_nodes.imaging.shadow.contact_shade import crevice
from prodgen_nodes.imaging.shadow.corner import find_corner, standing_contact
from prodgen_nodes.imaging.shadow.ground import Look

from .shadow_sketches import Sketch, bag, chair, jar

STANDS = 330.0


def turned_box(turn: float, slope: float, wide: float = 190, deep: float = 110, tall: float = 130) -> Sketch:
    """A box on the ground, turned by so many degrees, seen from so far above that depth is shortened to `slope`."""
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    ground = [(x * c - y * s, x * s + y * c) for x, y in ((0, 0), (wide, 0), (wide, deep), (0, deep))]
    nearest, middle = min(y for _, y in ground), sum(x for x, _ in ground) / 4
    feet = [(200 + x - middle, STANDS - (y - nearest) * slope) for x, y in ground]
    upright = tall * math.sqrt(1 - slope**2)
    sketch = Sketch().polygon(*feet).polygon(*[(x, y - upright) for x, y in feet])
    for (x, y), (next_x, next_y) in zip(feet, feet[1:] + feet[:1], strict=True):
        sketch.polygon((x, y), (next_x, next_y), (next_x, next_y - upright), (x, y - upright))
    return sketch


def rounded_bag(radius: float) -> Sketch:
    """A bag seen straight on whose lower corners are rounded."""
    sketch = Sketch().polygon((100, 120), (300, 120), (300, STANDS - radius), (100, STANDS - radius))
    sketch.polygon((100 + radius, 300), (300 - radius, 300), (300 - radius, STANDS), (100 + radius, STANDS))
    for left in (100, 300 - 2 * radius):
        sketch.ellipse(left, STANDS - 2 * radius, left + 2 * radius, STANDS)
    return sketch


@pytest.mark.parametrize("turn", [-40, -33, 33, 40])
@pytest.mark.parametrize("slope", [0.2, 0.35, 0.6])
def test_two_sides_of_a_box_say_how_the_camera_looks(turn: float, slope: float) -> None:
    contact = find_contact(turned_box(turn, slope).mask())
    corner = find_corner(contact)
    assert corner is not None
    assert corner.foreshortening == pytest.approx(slope, rel=0.08)
    assert corner.row == pytest.approx(STANDS, abs=2)


@pytest.mark.parametrize("turn", [-30, 30])
def test_the_mirror_image_has_the_mirrored_corner(turn: float) -> None:
    mask = turned_box(turn, 0.3).mask()
    one, other = find_corner(find_contact(mask)), find_corner(find_contact(mask.flip(-1)))
    assert one is not None
    assert other is not None
    assert (one.left, one.right) == pytest.approx((other.right, other.left), rel=0.02)
    assert one.column == pytest.approx(mask.shape[1] - other.column, abs=1)


@pytest.mark.parametrize("mask", [jar().mask(), bag().mask(), chair().mask(), turned_box(0, 0.3).mask()])
def test_what_shows_no_corner_has_none(mask: torch.Tensor) -> None:
    assert find_corner(find_contact(mask)) is None


@pytest.mark.parametrize("slope", [0.15, 0.3, 0.6])
def test_a_round_foot_is_no_corner(slope: float) -> None:
    high = 90 * slope
    sketch = Sketch().polygon((110, 120), (290, 120), (290, 300), (110, 300)).ellipse(110, 300 - high, 290, 300 + high)
    assert find_corner(find_contact(sketch.mask())) is None


def test_the_shadow_takes_the_cameras_height_from_the_corner() -> None:
    mask = turned_box(30, 0.5).mask()
    look = Look.of(torch.full((*mask.shape, 3), 0.5), mask, find_contact(mask))
    assert look.foreshortening == pytest.approx(0.5, rel=0.08)


@pytest.mark.parametrize("radius", [6, 8, 12])
def test_no_dark_line_leads_away_from_a_rounded_corner(radius: float) -> None:
    """The line ends where the outline begins to rise: beside the product it is not as dark as under it."""
    mask = rounded_bag(radius).mask()
    contact = find_contact(mask)
    (touch,) = contact.touches
    rows, columns, depth = crevice(mask, contact, touch, 12.0, 1.0, 0.28)
    middle = float(depth[:, 200 - columns.start].max())
    beside = depth[:, : 97 - columns.start]
    assert middle > 0.95
    assert float(beside.max()) < 0.6 * middle
    assert np.isfinite(depth.numpy()).all()
    assert rows.start < STANDS < rows.stop


@pytest.mark.parametrize("turn", [-50, 44, 50])
@pytest.mark.parametrize("slope", [0.5, 0.6])
def test_a_bag_seen_over_its_corner_from_far_above_stands_on_both_sides(turn: float, slope: float) -> None:
    """Its middle is far beyond the part of its long side that is near its lowest point: it was said to hang."""
    mask = turned_box(turn, slope, wide=240, deep=70, tall=110).mask()
    contact = standing_contact(mask)
    assert contact.touches
    (touch,) = contact.touches
    assert touch.width > 0.9 * contact.box.width


@pytest.mark.parametrize("tilt", [15, 25, 35, 41, 45, 49])
@pytest.mark.parametrize("tall", [90, 60])
def test_a_box_that_is_tilted_in_the_air_hangs(tilt: float, tall: float) -> None:
    c, s = math.cos(math.radians(tilt)), math.sin(math.radians(tilt))
    points = [(100 + x * c - y * s, 250 - x * s - y * c) for x, y in ((0, 0), (200, 0), (200, tall), (0, tall))]
    assert not standing_contact(Sketch().polygon(*points).mask()).touches
