"""A ball touches the ground in a point: its shadow is round, as no product's is that stands on an edge."""

from __future__ import annotations

import pytest
import torch
from prodgen_nodes.imaging.shadow import Light, ground_and_shadow
from prodgen_nodes.imaging.shadow.ball import find_ball
from prodgen_nodes.imaging.shadow.contact import find_contact

from tests.imaging.shadow_sketches import STANDING, Sketch
from tests.imaging.test_shadow_turned import lathe

CANVAS = 500


def globe(left: float = 60, right: float = 440, bottom: float = 450, tint: float = 0.6) -> tuple[torch.Tensor, ...]:
    """A ball lit from above on white, and its mask."""
    wide = right - left
    mask = Sketch(CANVAS, CANVAS).ellipse(left, bottom - wide, right, bottom).mask()
    rows = (torch.arange(CANVAS) + 0.5 - (bottom - wide)) / wide
    light = (tint * (1.05 - rows.clamp(0, 1) ** 2))[:, None].expand_as(mask)
    return (light * mask + 1 - mask)[..., None].expand(-1, -1, 3), mask


@pytest.mark.parametrize("tint", [0.15, 0.6, 0.9])
@pytest.mark.parametrize("wide", [120, 260, 380])
def test_the_shadow_of_a_ball_is_darkest_under_it_and_round(tint: float, wide: int) -> None:
    image, mask = globe(250 - wide / 2, 250 + wide / 2, tint=tint)
    done = ground_and_shadow(image[None], mask[None], Light())
    shadow = done.shadow[0]
    radius, row = wide / 2, 451
    under, aside = float(shadow[row : row + 3, 248:252].mean()), round(radius)
    assert under > 0.35
    # Beside the ball, where it bulges, the ground is farther from it than under it.
    height = round(450 - 0.3 * radius)
    wings = shadow[height - 3 : height + 3, 250 - aside : 250 + aside]
    # Rendered balls have .4 to .6 of it there, seen from 12° and 20° above.
    assert float(wings.max()) < 0.65 * under
    along = shadow[row, 250 : 250 + aside]
    assert bool((along.diff() <= 1e-3).all()), "it gets fainter outwards, without a corner"
    assert float((shadow - shadow.flip(1)).abs().mean()) < 0.002, "both sides alike"


def test_a_plate_seen_from_above_and_what_stands_on_an_edge_are_no_balls() -> None:
    image, mask = globe()
    assert find_ball(image, mask, find_contact(mask)) is not None
    plate = (0.8 * mask + 1 - mask)[..., None].expand(-1, -1, 3)
    assert find_ball(plate, mask, find_contact(mask)) is None
    for make in STANDING.values():
        other = make().mask()
        shaded = (torch.linspace(0.9, 0.1, other.shape[0])[:, None] * other)[..., None].expand(-1, -1, 3)
        assert find_ball(shaded, other, find_contact(other)) is None


@pytest.mark.parametrize(("foot", "tall", "slope"), [(90, 110, 0.57), (95, 120, 0.62), (100, 120, 0.62)])
def test_a_basin_seen_from_above_fills_a_disc_and_is_no_ball(foot: float, tall: float, slope: float) -> None:
    """Shaded towards its foot like a ball, it was taken for one, and its shadow fell before it."""
    mask = lathe((0, foot), (tall, 140), slope=slope, foot=270).mask()
    rows = torch.nonzero((mask > 0.5).any(dim=1))[:, 0]
    down = (torch.arange(400) - rows[0]) / (rows[-1] - rows[0])
    image = ((0.8 * (1.05 - down.clamp(0, 1) ** 4))[:, None] * mask + 1 - mask)[..., None].expand(-1, -1, 3)
    assert find_ball(image, mask, find_contact(mask)) is None
