"""What stands apart has a shadow of its own, wherever it stands; dirt in a mask has none and takes none away."""

from __future__ import annotations

import pytest
import torch
from prodgen_nodes.imaging.shadow import Grounded, ground_and_shadow
from prodgen_nodes.imaging.shadow.ball import find_ball
from prodgen_nodes.imaging.shadow.contact import find_contact
from prodgen_nodes.imaging.shadow.things import standing_things
from torch import Tensor

from tests.imaging.shadow_sketches import Sketch, bag
from tests.imaging.test_shadow_ball import globe


def bottles(behind: float, gap: float = 40) -> Sketch:
    """Two of them, the right one `behind` rows farther back."""
    sketch = Sketch()
    for left, foot in ((180 - gap / 2 - 60, 330.0), (180 + gap / 2, 330 - behind)):
        sketch.polygon((left, foot - 180), (left + 60, foot - 180), (left + 60, foot - 6), (left, foot - 6))
        sketch.ellipse(left, foot - 14, left + 60, foot)
    return sketch


def grounded(mask: Tensor) -> Grounded:
    image = (0.3 * mask + 1 - mask)[None, ..., None].expand(-1, -1, -1, 3)
    return ground_and_shadow(image, mask[None])


@pytest.mark.each_once
@pytest.mark.parametrize("gap", [12, 40, 90])
@pytest.mark.parametrize("behind", [0, 4, 12, 40])
def test_each_of_two_bottles_stands_where_it_stands(behind: float, gap: float) -> None:
    mask = bottles(behind, gap).mask()
    done = grounded(mask)
    assert len(standing_things(mask)) == 2
    (report,) = done.reports
    assert report["kind"] == "feet" and len(report["contacts"]) == 2 and not report["notes"]
    left, right = (round(180 + side * (gap / 2 + 30)) for side in (-1, 1))
    for column, row in ((left, 330), (right, 330 - behind)):
        below = done.shadow[0, round(row) : round(row) + 3, column - 10 : column + 10]
        assert float(below.mean()) > 0.2
    mirrored = grounded(mask.flip(1)).shadow.flip(2)
    assert float((mirrored - done.shadow).abs().max()) < 0.05


@pytest.mark.parametrize("at", [(20, 30), (370, 60), (380, 330), (345, 200)])
def test_a_speck_takes_no_shadow_away(at: tuple[int, int]) -> None:
    clean = bag().mask()
    dirty = clean.clone()
    dirty[at[0] : at[0] + 2, at[1] : at[1] + 2] = 1
    one, other = grounded(clean).shadow[0], grounded(dirty).shadow[0]
    near = torch.zeros_like(clean, dtype=torch.bool)
    near[at[0] - 3 : at[0] + 5, at[1] - 3 : at[1] + 5] = True
    assert float((one - other).abs()[~near].max()) < 0.02


def test_what_is_above_a_piece_belongs_to_it() -> None:
    """A handle whose ends were erased does not stand on the air over its bag."""
    mask = bag().mask()
    mask[120:148] = 0
    assert torch.equal(standing_things(mask)[0], mask)
    assert len(standing_things(mask)) == 1


@pytest.mark.parametrize("aside", [0, 30, 60])
def test_a_lid_before_its_can_lies_on_the_ground(aside: float) -> None:
    """Below a part of the can in the picture, and nothing that the can would stand on."""
    sketch = Sketch()
    sketch.polygon((110, 120), (210, 120), (210, 250), (110, 250))
    sketch.ellipse(110, 238, 210, 262)
    sketch.ellipse(120 + aside, 275, 200 + aside, 300)
    mask = sketch.mask()
    assert len(standing_things(mask)) == 2
    (report,) = grounded(mask).reports
    assert sorted(round(contact["bottom"], -1) for contact in report["contacts"]) == [260, 300]


def test_the_masks_of_things_make_up_the_whole() -> None:
    mask = bottles(20).mask()
    things = standing_things(mask)
    assert torch.equal(sum(things, torch.zeros_like(mask)), mask)
    assert all(float(thing.max()) == 1 for thing in things)


def test_a_string_of_beads_is_one_thing() -> None:
    sketch = Sketch()
    for number in range(16):
        sketch.ellipse(10 + 24 * number, 300, 28 + 24 * number, 318)
    mask = sketch.mask()
    (thing,) = standing_things(mask)
    assert thing is mask


def test_a_ball_is_round_all_over() -> None:
    image, mask = globe()
    assert find_ball(image, 0.97 * mask, find_contact(0.97 * mask)) is not None
    vase = torch.maximum(mask, Sketch(500, 500).polygon((90, 10), (410, 10), (410, 200), (90, 200)).mask())
    assert find_ball(image, vase, find_contact(vase)) is None


def leaning(bottom: float) -> Sketch:
    """A box of 90 rows beside what could not stand by itself: a coil that ends in a buckle at its lower right."""
    sketch = Sketch(width=480).polygon((60, 240), (200, 240), (200, 330), (60, 330))
    sketch.ellipse(300, bottom - 100, 390, bottom - 40)
    return sketch.polygon((330, bottom - 70), (380, bottom - 70), (440, bottom - 8), (425, bottom), (410, bottom - 8))


@pytest.mark.parametrize("bottom", [336, 350, 380])
def test_what_could_not_stand_lies_on_the_ground_that_others_stand_on(bottom: int) -> None:
    both = leaning(bottom).mask()
    alone = both.clone()
    alone[:, :250] = 0
    assert find_contact(alone).kind == "none" and float(grounded(alone).shadow.max()) == 0
    done = grounded(both)
    assert float(done.shadow[0, bottom - 6 : bottom + 2, 405:445].max()) > 0.2
    box = both.clone()
    box[:, 250:] = 0
    assert (
        float((done.shadow[0] - grounded(box).shadow[0])[:, 40:210].abs().max()) < 0.1
    )  # what stands stands as before


def test_what_hangs_above_the_ground_of_others_still_hangs() -> None:
    """A tassel beside its bag."""
    both = leaning(300).mask()
    box = both.clone()
    box[:, 250:] = 0
    assert torch.equal(grounded(both).shadow[0, :, :260], grounded(box).shadow[0, :, :260])
    assert float(grounded(both).shadow[0, 250:320, 340:].max()) < 0.02
