"""What hangs by a cord has no shadow on the ground; what stands with something thin on it keeps its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from prodgen_nodes.imaging.shadow import Light, find_contact, ground_and_shadow

from .shadow_sketches import Sketch


def pendant_lamp(scale: float, cord: float = 2.4) -> Sketch:
    """A shade on a cord, and the ceiling rose above."""
    sketch = Sketch(scale=scale).polygon((170, 30), (230, 30), (226, 42), (174, 42))
    sketch.polygon((200 - cord / 2, 40), (200 + cord / 2, 40), (200 + cord / 2, 250), (200 - cord / 2, 250))
    return sketch.polygon((185, 245), (215, 245), (290, 360), (110, 360))


def bauble(scale: float) -> Sketch:
    sketch = Sketch(scale=scale).polygon((199.4, 60), (200.6, 60), (200.6, 190), (199.4, 190))
    return sketch.ellipse(140, 180, 260, 300)


def wind_chime(scale: float) -> Sketch:
    sketch = Sketch(scale=scale).polygon((199, 20), (201, 20), (201, 100), (199, 100))
    sketch.ellipse(140, 96, 260, 116)
    for x, bottom in ((150, 300), (175, 340), (200, 370), (225, 345), (250, 310)):
        sketch.polygon((x - 6, 110), (x + 6, 110), (x + 6, bottom), (x - 6, bottom))
    return sketch


def cut_by_the_border(scale: float) -> Sketch:
    """Its cord goes on above the photo."""
    sketch = Sketch(scale=scale).polygon((198.8, 0), (201.2, 0), (201.2, 210), (198.8, 210))
    return sketch.polygon((150, 205), (250, 205), (250, 330), (150, 330))


@pytest.mark.parametrize("scale", [0.6, 1.0, 3.0])
@pytest.mark.parametrize("make", [pendant_lamp, bauble, wind_chime, cut_by_the_border])
def test_what_hangs_by_a_cord_touches_nothing(make: Callable[[float], Sketch], scale: float) -> None:
    mask = make(scale).mask()
    for seen in (mask, mask.flip(1)):
        assert find_contact(seen).kind == "none"
        assert find_contact(seen, lies=True).kind == "none"


def test_a_lamp_on_its_cord_gets_no_shadow_and_the_report_says_why() -> None:
    mask = pendant_lamp(1.0).mask()[None]
    done = ground_and_shadow(torch.full((1, 400, 400, 3), 0.9), mask, Light())
    assert float(done.shadow.abs().max()) == 0.0
    assert "hang" in str(done.reports[0])


def floor_lamp() -> Sketch:
    sketch = Sketch().polygon((140, 40), (260, 40), (280, 120), (120, 120))
    sketch.polygon((197, 118), (203, 118), (203, 360), (197, 360))
    return sketch.polygon((150, 356), (250, 356), (250, 366), (150, 366))


def fine_floor_lamp() -> Sketch:
    """However thin its pole is: most of it is above."""
    sketch = Sketch().polygon((140, 40), (260, 40), (280, 120), (120, 120))
    sketch.polygon((199, 118), (201, 118), (201, 360), (199, 360))
    return sketch.polygon((160, 356), (240, 356), (240, 366), (160, 366))


def microphone() -> Sketch:
    sketch = Sketch().ellipse(186, 40, 214, 80).polygon((197, 78), (203, 78), (203, 330), (197, 330))
    return sketch.polygon((140, 328), (260, 328), (260, 345), (140, 345))


def candle() -> Sketch:
    return (
        Sketch()
        .polygon((199, 90), (201, 90), (201, 112), (199, 112))
        .polygon((160, 110), (240, 110), (240, 340), (160, 340))
    )


def car_with_an_aerial() -> Sketch:
    sketch = Sketch().polygon((80, 220), (320, 220), (320, 300), (80, 300))
    sketch.polygon((289, 90), (291, 90), (291, 222), (289, 222))
    for x in (130, 270):
        sketch.ellipse(x - 25, 280, x + 25, 330)
    return sketch


def bag_with_its_strap_up() -> Sketch:
    sketch = Sketch().polygon((120, 200), (280, 200), (290, 330), (110, 330))
    for x, top in ((160, 60), (240, 60)):
        sketch.polygon((x - 1, 205), (x + 1, 205), (201, top), (199, top))
    return sketch


def leaning_rod() -> Sketch:
    sketch = Sketch().polygon((150, 200), (250, 200), (250, 340), (150, 340))
    return sketch.polygon((199, 202), (201, 202), (241, 60), (239, 60))


@pytest.mark.parametrize("scale", [1.0, 2.5])
@pytest.mark.parametrize(
    "make",
    [
        floor_lamp, fine_floor_lamp, microphone, candle, car_with_an_aerial, bag_with_its_strap_up, leaning_rod,
    ],
)  # fmt: skip
def test_what_stands_with_something_thin_on_it_keeps_its_contact(make: Callable[[], Sketch], scale: float) -> None:
    mask = make().mask()
    if scale != 1.0:
        mask = torch.nn.functional.interpolate(mask[None, None], scale_factor=scale, mode="bilinear")[0, 0]
    assert find_contact(mask).touches
