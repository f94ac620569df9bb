"""What lies on its round side stands in a broad dark band, and is told from a box by its round ends."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from prodgen_nodes.imaging.shadow import Light, find_contact
from prodgen_nodes.imaging.shadow.ground import Look, shade_ground
from prodgen_nodes.imaging.shadow.roll import find_roll

from .shadow_sketches import Sketch, bag, carton, jar

RADIUS = 45.0


def roll(turn: float, slope: float = 0.28, long: float = 180) -> Sketch:
    """A cylinder on the ground whose axis goes back by `turn` degrees, seen so that depth is shortened to `slope`."""
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    upright = math.sqrt(1 - slope**2)
    angles = np.linspace(0, 2 * math.pi, 90)
    ends = []
    for side in (-0.5, 0.5):
        x, y = side * long * c - np.cos(angles) * RADIUS * s, side * long * s + np.cos(angles) * RADIUS * c
        z = RADIUS * (1 + np.sin(angles))
        ends.append(list(zip((200 + x).tolist(), (300 - y * slope - z * upright).tolist(), strict=True)))
    sketch = Sketch().polygon(*ends[0]).polygon(*ends[1])
    for one, other, next_other, next_one in zip(*ends, ends[1][1:], ends[0][1:], strict=False):
        sketch.polygon(one, other, next_other, next_one)
    return sketch


def lost_under(mask: torch.Tensor, rows_below: int) -> float:
    """Share of the light lost so many rows below the middle of the lower edge."""
    contact = find_contact(mask)
    look = Look.of(torch.full((*mask.shape, 3), 0.4), mask, contact)
    bottom = int(torch.nonzero(mask[:, 200] > 0.5).max())
    return float(shade_ground(mask, contact, Light(), look)[bottom + rows_below, 200])


@pytest.mark.parametrize("turn", [-25, -12, 15, 30])
@pytest.mark.parametrize("slope", [0.15, 0.28, 0.5])
def test_a_roll_is_found_with_its_radius_and_the_cameras_height(turn: float, slope: float) -> None:
    mask = roll(turn, slope).mask()
    found = find_roll(mask, find_contact(mask))
    assert found is not None
    assert found.radius == pytest.approx(RADIUS, rel=0.12)
    assert found.foreshortening == pytest.approx(slope, rel=0.25)


def test_the_mirror_image_has_the_mirrored_roll() -> None:
    mask = roll(20).mask()
    one, other = (find_roll(picture, find_contact(picture)) for picture in (mask, mask.flip(-1)))
    assert one is not None
    assert other is not None
    assert (one.left, one.right) == pytest.approx((other.right, other.left), rel=0.02)


@pytest.mark.parametrize(
    "sketch", [bag(), carton(), jar(), Sketch().polygon((90, 200), (310, 200), (310, 300), (90, 300))]
)
def test_what_has_straight_ends_is_no_roll(sketch: Sketch) -> None:
    mask = sketch.mask()
    assert find_roll(mask, find_contact(mask)) is None


@pytest.mark.parametrize("radius", [6, 15, 30])
def test_a_box_with_rounded_corners_is_no_roll(radius: float) -> None:
    sketch = Sketch().polygon((90, 200 + radius), (310, 200 + radius), (310, 300 - radius), (90, 300 - radius))
    sketch.polygon((90 + radius, 200), (310 - radius, 200), (310 - radius, 300), (90 + radius, 300))
    for left in (90, 310 - 2 * radius):
        for top in (200, 300 - 2 * radius):
            sketch.ellipse(left, top, left + 2 * radius, top + 2 * radius)
    mask = sketch.mask()
    assert find_roll(mask, find_contact(mask)) is None


def test_the_band_under_a_roll_is_broader_than_a_boxs_dark_line() -> None:
    box = Sketch().polygon((100, 210), (300, 210), (300, 300), (100, 300)).mask()
    assert lost_under(roll(12).mask(), 5) > 0.5
    assert lost_under(roll(12).mask(), 5) > lost_under(box, 5) + 0.2


@pytest.mark.parametrize("turn", [-15, 10, 20])
def test_the_band_under_a_roll_ends_beside_its_ends(turn: float) -> None:
    """It went on beside them as far as before it, a dark line through the picture."""
    mask = roll(turn).mask()
    contact = find_contact(mask)
    lost = shade_ground(mask, contact, Light(), Look.of(torch.full((*mask.shape, 3), 0.4), mask, contact))
    touch = contact.touches[0]
    left, right = (round(touch.contour[end]) for end in (5, -5))
    under = lost_under(mask, 2)
    for row, column in ((left, contact.box.left - RADIUS), (right, contact.box.right + RADIUS)):
        assert float(lost[row - 4 : row + 5, round(column)].max()) < 0.25 * under
