"""The ground under what is raised between its wheels or feet is dark up to where it stands."""

from __future__ import annotations

import pytest
import torch
from prodgen_nodes.imaging.shadow import Light, find_contact
from prodgen_nodes.imaging.shadow.ground import Look, shade_ground
from prodgen_nodes.imaging.shadow.underside import undersides

from .shadow_sketches import Sketch

STANDS = 300.0


def racer(clear: float = 12, scale: float = 1.0) -> Sketch:
    """A low car from its side: a flat floor between wheels, so little above the ground that its outline is one line."""
    sketch = Sketch(scale=scale).polygon((90, 240), (310, 240), (310, STANDS - clear), (90, STANDS - clear))
    for left in (80, 262):
        sketch.ellipse(left, STANDS - 58, left + 58, STANDS)
    return sketch


def waisted() -> Sketch:
    """What is narrower in its middle and lies on the ground with all of it."""
    points = [(80 + step * 2, STANDS - 14 * (1 - ((step - 60) / 60) ** 2)) for step in range(121)]
    return Sketch().polygon((80, 220), *points, (320, 220))


def bench(rung: float = 8) -> Sketch:
    """Two boards joined by a rung near the ground, under which one sees through."""
    sketch = Sketch().polygon((90, 200), (310, 200), (310, 215), (90, 215))
    sketch.polygon((90, 200), (120, 200), (120, STANDS), (90, STANDS))
    sketch.polygon((280, 200), (310, 200), (310, STANDS), (280, STANDS))
    return sketch.polygon((110, STANDS - 16 - rung), (290, STANDS - 16 - rung), (290, STANDS - 16), (110, STANDS - 16))


def tool() -> Sketch:
    """A wide grip and a narrow blade, lying aslant: beside the blade the ground is open to the light."""
    sketch = Sketch().polygon((80, 270), (180, 255), (180, 285), (80, STANDS))
    return sketch.polygon((180, 255), (330, 235), (330, 240), (180, 268))


def parts_of(mask: torch.Tensor, reflects: float = 0.2) -> list[tuple[slice, slice, torch.Tensor]]:
    return list(undersides(mask, find_contact(mask), reflects))


@pytest.mark.parametrize("clear", [7, 9, 12])
def test_the_ground_under_a_low_car_is_dark_up_to_its_wheels_line(clear: float) -> None:
    mask = racer(clear).mask()
    ((rows, columns, shade),) = parts_of(mask)
    assert 100 < columns.start < columns.stop < 300
    middle = shade[:, 200 - columns.start]
    under = round(STANDS - clear / 2) - rows.start
    assert float(middle[under]) > 0.7
    assert float(middle[: max(1, round(STANDS - clear) - 2 - rows.start)].max()) == 0
    assert float(middle[-1]) < 0.05


def test_it_is_in_the_shadow_that_is_drawn() -> None:
    mask = racer().mask()
    contact = find_contact(mask)
    look = Look.of(torch.full((*mask.shape, 3), 0.4), mask, contact)
    lost = shade_ground(mask, contact, Light(), look)
    assert float(lost[int(STANDS) - 8, 200]) > 0.6


@pytest.mark.parametrize("sketch", [waisted(), bench(), tool()])
def test_ground_that_is_not_under_the_product_is_left(sketch: Sketch) -> None:
    assert parts_of(sketch.mask()) == []


def test_of_the_mirror_image_it_is_the_mirror_image() -> None:
    mask = racer().mask()
    ((rows, columns, shade),) = parts_of(mask)
    ((other_rows, other_columns, other),) = parts_of(mask.flip(-1))
    assert rows == other_rows
    assert (columns.start, columns.stop) == (400 - other_columns.stop, 400 - other_columns.start)
    assert torch.allclose(shade, other.flip(-1), atol=1e-4)


def test_a_white_product_gives_light_back() -> None:
    mask = racer().mask()
    ((_, _, dark),), ((_, _, light),) = parts_of(mask, 0.05), parts_of(mask, 0.9)
    assert float(light.max()) < 0.85 * float(dark.max())
