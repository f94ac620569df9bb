"""Where products touch the ground: a line, feet, an underside; never a handle."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prodgen_nodes.imaging.errors import EmptyMaskError
from prodgen_nodes.imaging.shadow import find_contact
from prodgen_nodes.imaging.shadow.supports import without_notches

from tests.imaging.shadow_sketches import STANDING, Sketch, bag, boot, chair
from tests.support.reference import PRODUCTS, reference


def test_a_bag_stands_on_one_line_from_edge_to_edge() -> None:
    contact = find_contact(bag().mask())
    assert contact.kind == "line" and len(contact.touches) == 1
    touch = contact.touches[0]
    assert touch.left == pytest.approx(100, abs=4) and touch.right == pytest.approx(300, abs=4)
    assert (touch.lowest, touch.highest) == pytest.approx((320, 320), abs=1.0)


@given(st.floats(0, 1))
@settings(max_examples=15, deadline=None)
def test_the_contour_is_sub_pixel(shift: float) -> None:
    mask = torch.zeros(60, 60)
    mask[10:40, 15:45] = 1
    mask[40, 15:45] = shift
    assert find_contact(mask).lowest == pytest.approx(40 + shift, abs=1e-5)


def test_each_chair_leg_touches_at_its_own_depth() -> None:
    contact = find_contact(chair().mask())
    assert contact.kind == "feet"
    middles = [(touch.left + touch.right) / 2 for touch in contact.touches]
    assert middles == pytest.approx([125, 165, 225, 270], abs=4)
    assert [touch.lowest for touch in contact.touches] == pytest.approx([330, 290, 345, 300], abs=1.5)


def test_four_feet_on_one_line_are_four_contacts() -> None:
    sketch = Sketch().polygon((80, 150), (320, 150), (320, 180), (80, 180))
    for x in (90, 160, 240, 310):
        sketch.polygon((x - 6, 170), (x + 6, 170), (x + 6, 300), (x - 6, 300))
    contact = find_contact(sketch.mask())
    assert contact.kind == "feet" and len(contact.touches) == 4


def test_a_mug_does_not_stand_on_its_handle() -> None:
    mask = (
        Sketch().polygon((100, 120), (240, 120), (235, 330), (105, 330)).arc((210, 170, 310, 290), 270, 90, 14).mask()
    )
    contact = find_contact(mask)
    assert contact.kind == "line" and len(contact.touches) == 1
    assert contact.touches[0].right <= 240


def test_a_hanging_strap_does_not_touch() -> None:
    mask = bag().polygon((300, 160), (312, 160), (312, 250), (300, 250)).mask()
    assert len(find_contact(mask).touches) == 1
    assert find_contact(mask).touches[0].right <= 302


def test_a_jar_touches_along_its_round_base_but_not_up_its_side() -> None:
    mask = Sketch().polygon((120, 120), (280, 120), (280, 320), (120, 320)).ellipse(120, 300, 280, 340).mask()
    contact = find_contact(mask)
    assert contact.kind == "line" and contact.lowest == pytest.approx(340, abs=1)
    assert 100 < contact.touches[0].width <= 160
    assert contact.highest > 321


def test_a_bulging_vase_touches_only_at_its_foot() -> None:
    mask = Sketch().ellipse(100, 100, 300, 310).polygon((170, 290), (230, 290), (230, 330), (170, 330)).mask()
    contact = find_contact(mask)
    assert len(contact.touches) == 1
    assert (contact.touches[0].left, contact.touches[0].right) == pytest.approx((170, 230), abs=6)


def test_a_box_over_its_corner_touches_along_both_edges() -> None:
    mask = Sketch().polygon((90, 120), (250, 130), (330, 120), (330, 300), (250, 330), (90, 306)).mask()
    contact = find_contact(mask)
    touch = contact.touches[0]
    assert len(contact.touches) == 1 and touch.left < 100 and touch.right > 300
    assert contact.lowest == pytest.approx(330, abs=1) and contact.highest < 312


def test_something_lying_is_told_from_something_standing() -> None:
    mask = (
        Sketch()
        .ellipse(60, 240, 220, 320)
        .ellipse(150, 225, 350, 305)
        .polygon((120, 250), (300, 240), (300, 300), (120, 310))
    )
    contact = find_contact(mask.mask())
    assert contact.kind == "lying"
    assert contact.lowest == pytest.approx(320, abs=1.5)


def test_ragged_edges_and_specks_do_not_stop_the_line() -> None:
    mask = bag().mask()
    generator = torch.Generator().manual_seed(2)
    ragged = torch.randint(0, 3, (400,), generator=generator)
    for column in range(100, 300):
        mask[320 - int(ragged[column]) : 320, column] = 0
    mask[350, 200] = 1  # dirt below the product
    contact = find_contact(mask)
    assert len(contact.touches) == 1 and contact.touches[0].width > 180
    assert contact.touches[0].level(np.array([150.0]))[0] == pytest.approx(319, abs=2)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (3, 3)])
def test_tiny_products_touch_somewhere(size: tuple[int, int]) -> None:
    mask = torch.zeros(20, 20)
    mask[5 : 5 + size[0], 6 : 6 + size[1]] = 1
    contact = find_contact(mask)
    assert contact.touches and contact.lowest == pytest.approx(5 + size[0])


def test_a_product_on_the_lower_border_touches_there() -> None:
    mask = torch.zeros(30, 30)
    mask[10:, 5:25] = 1
    assert find_contact(mask).lowest == pytest.approx(30)


def test_an_empty_mask_is_refused() -> None:
    with pytest.raises(EmptyMaskError):
        find_contact(torch.zeros(10, 10))


def test_the_report_is_plain_numbers() -> None:
    report = find_contact(chair().mask()).report()
    assert report["kind"] == "feet" and len(report["contacts"]) == 4
    assert all(isinstance(value, (int, float)) for value in report["contacts"][0].values())


@pytest.mark.parametrize("name", PRODUCTS)
def test_bags_and_jars_stand_on_one_line(name: str) -> None:
    contact = find_contact(reference(name).alpha)
    assert contact.kind == "line" and len(contact.touches) == 1
    assert contact.touches[0].width > 0.6 * contact.box.width
    assert contact.lowest == pytest.approx(contact.box.bottom, abs=1.5)


def test_a_foot_touches_at_its_lowest_level_only() -> None:
    for touch in find_contact(chair().mask()).touches:
        assert touch.foot and touch.lowest == touch.highest


def stool(depth: float, lean: float) -> Sketch:
    """A seat on legs of square wood that stand over their corners, which are so deep; `lean` columns aside below."""
    sketch = Sketch().polygon((100, 100), (300, 100), (310, 150), (90, 150))
    for x, bottom, aside in ((110, 300, -lean), (200, 350, 0.0), (290, 305, lean)):
        foot = x + aside
        sketch.polygon(
            (x - 16, 140), (x + 16, 140), (foot + 16, bottom - depth), (foot, bottom), (foot - 16, bottom - depth)
        )
    return sketch


@pytest.mark.parametrize("depth", [5, 8, 11])
@pytest.mark.parametrize("lean", [0, 14])
def test_a_square_leg_over_its_corner_stands_on_both_edges(depth: float, lean: float) -> None:
    """All of it was taken to stand at the level of the corner: a grey block hid the edges."""
    touches = find_contact(stool(depth, lean).mask()).touches
    assert len(touches) == 3 and all(touch.foot for touch in touches)
    for touch in touches:
        assert touch.lowest - touch.highest == pytest.approx(depth, abs=0.35 * depth + 1)
        assert touch.contour.argmax() == pytest.approx(touch.width / 2, abs=3)


@pytest.mark.parametrize("radius", [12, 20, 30])
def test_a_wheel_touches_at_its_lowest_level_only(radius: float) -> None:
    cart = Sketch().polygon((80, 200), (320, 200), (320, 300 - radius), (80, 300 - radius))
    for x in (120, 280):
        cart.ellipse(x - radius, 300 - 2 * radius, x + radius, 300)
    touches = find_contact(cart.mask()).touches
    assert len(touches) == 2 and all(touch.foot and touch.lowest == touch.highest for touch in touches)


@pytest.mark.parametrize("name", STANDING)
def test_what_stands_touches_and_its_mirror_image_touches_there_too(name: str) -> None:
    mask = STANDING[name]().mask()
    here, there = find_contact(mask), find_contact(mask.flip(1))
    assert here.touches and here.kind == there.kind
    mirrored = sorted((400 - touch.right, 400 - touch.left) for touch in there.touches)
    assert [(t.left, t.right) for t in here.touches] == [pytest.approx(pair, abs=1) for pair in mirrored]


@pytest.mark.parametrize(
    "sketch",
    [
        # A shoe in the air, its toe down; a pendant on a chain.
        Sketch().polygon((80, 120), (130, 90), (290, 250), (330, 330), (300, 335), (180, 260)),
        Sketch().polygon((196, 60), (204, 60), (204, 200), (240, 240), (200, 300), (160, 240), (196, 200)),
    ],
    ids=["shoe", "pendant"],
)
def test_what_could_not_stand_touches_nowhere(sketch: Sketch) -> None:
    contact = find_contact(sketch.mask())
    assert contact.kind == "none" and not contact.touches


def test_a_ball_stands_on_a_point() -> None:
    assert find_contact(Sketch().ellipse(100, 100, 300, 300).mask()).touches


def test_a_rounded_edge_is_told_from_a_sharp_one() -> None:
    sharp = Sketch().polygon((100, 120), (300, 120), (300, 320), (100, 320))
    round_ = Sketch().polygon((100, 120), (300, 120), (300, 300), (280, 320), (120, 320), (100, 300))
    round_.ellipse(100, 280, 140, 320).ellipse(260, 280, 300, 320)
    assert find_contact(sharp.mask()).touches[0].rounding < 4
    assert find_contact(round_.mask()).touches[0].rounding > 10


@pytest.mark.parametrize("climb", [0.1, 0.18, 0.24, 0.28])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_box_over_its_corner_stands_on_all_of_its_receding_side(climb: float, mirrored: bool) -> None:
    """Where the contact ended amid a side, its shade ended in a spike there."""
    size, left, right, corner, lowest = 400, 100, 300, 160, 330
    x = torch.arange(size, dtype=torch.float32) + 0.5
    rise = climb * (right - left)
    edge = torch.where(x < corner, lowest - rise * (corner - x) / (corner - left), lowest - 0.15 * (x - corner))
    rows = torch.arange(size, dtype=torch.float32)[:, None]
    alpha = (edge - rows).clamp(0, 1) * (rows >= 120) * ((x > left) & (x < right))
    contact = find_contact(alpha.flip(1) if mirrored else alpha)
    (touch,) = contact.touches
    assert touch.left <= left + 3 and touch.right >= right - 3, contact.report()


def leaning_shoes(lift: float, gap: float) -> Sketch:
    """A shoe that leans with its heel on the other one, which stands level behind it."""
    tilted = [(50, 262), (58, 318), (110, 325), (160, 318), (300, 318 - lift), (300, 250 - lift), (220, 240 - lift)]
    level = [(262, 290 - lift), (268, 312), (280, 317), (400, 317), (400, 230), (300, 230)]
    return Sketch(width=460).polygon(*tilted).polygon(*((x + gap, y) for x, y in level))


@pytest.mark.parametrize("lift", [90, 100, 110])
@pytest.mark.parametrize("gap", [0, 12])
def test_a_shoe_that_leans_on_the_other_one_stands_on_its_tip_and_the_other_on_its_sole(lift: int, gap: int) -> None:
    for mask in (leaning_shoes(lift, gap).mask(), leaning_shoes(lift, gap).mask().flip(1)):
        contact = find_contact(mask)
        assert contact.kind == "feet" and len(contact.touches) == 2
        tip, sole = sorted(contact.touches, key=lambda touch: -touch.lowest)
        assert tip.lowest - tip.highest < 40  # not along the sole that is lifted
        assert sole.width > 90 and sole.lowest - sole.highest < 10


def car_from_above(climb: float, heel: bool = False) -> Sketch:
    """A car whose wheels stand on a line that climbs by so many rows a column; or, with a `heel`, a shoe that flies,
    whose sole bends down to its ball instead of ending in a wheel."""

    def at(x: float, y: float) -> tuple[float, float]:
        return x, y - climb * (x - 60)

    body = [at(60, 250), at(110, 190), at(260, 190), at(345, 240), at(345, 285), at(55, 285)]
    sketch = Sketch().polygon(*body)
    for x in (300,) if heel else (100, 300):
        sketch.ellipse(*at(x - 26, 262 - 26 * climb), *at(x + 26, 314 + 26 * climb))
    return sketch.polygon(at(70, 285), at(90, 318), at(230, 285)) if heel else sketch


@pytest.mark.parametrize("climb", [0.26, 0.3, 0.35])
def test_a_car_from_above_stands_on_both_of_the_wheels_that_are_seen(climb: float) -> None:
    """The hind one ended too high to be a foot, and the car was said to hang."""
    for mask in (car_from_above(climb).mask(), car_from_above(climb).mask().flip(1)):
        contact = find_contact(mask)
        assert contact.kind == "feet" and len(contact.touches) == 2
        apart = contact.touches[1].left - contact.touches[0].left
        assert apart == pytest.approx(200, abs=25)
        assert contact.lowest - contact.highest == pytest.approx(200 * climb, abs=12)


def bar(slope: float, thick: float = 14) -> Sketch:
    """A blade, half as thick again along its grip, aslant by so many rows a column."""
    grip, rise = 1.5 * thick, 260 * slope
    edge = [(70, 150), (150, 150 + 80 * slope), (150, 150 + 80 * slope + (grip - thick) / 2), (330, 150 + rise)]
    return Sketch().polygon(*edge, (330, 150 + rise + thick), (150, 150 + 80 * slope + grip), (70, 150 + grip))


@pytest.mark.parametrize("slope", [0.15, 0.22, 0.3])
def test_a_knife_that_lies_aslant_touches_along_its_edge(slope: float) -> None:
    for mask in (bar(slope).mask(), bar(slope).mask().flip(1)):
        (touch,) = find_contact(mask).touches
        assert touch.width > 0.9 * 260


@pytest.mark.parametrize("climb", [0.18, 0.24])
@pytest.mark.parametrize("wide", [8, 12])
def test_a_low_sofa_from_behind_stands_on_both_feet_of_its_long_side(climb: float, wide: float) -> None:
    """Feet so thin and short were smoothed away, but for the nearest."""
    sofa = Sketch().polygon((70, 235), (130, 262), (340, 262 - 210 * climb), (340, 200 - 210 * climb), (70, 180))
    for x, y in ((78, 238), (136, 261), (332, 262 - 202 * climb)):
        sofa.polygon((x - wide / 2, y - 12), (x + wide / 2, y - 12), (x + wide / 2, y + 10), (x - wide / 2, y + 10))
    contact = find_contact(sofa.mask())
    assert [touch.left for touch in contact.touches] == [pytest.approx(136, abs=10), pytest.approx(332, abs=10)]


@pytest.mark.parametrize("sketch", [bar(0.45), bar(0.7), car_from_above(0.35, heel=True)])
def test_what_hangs_by_one_end_is_neither_a_bar_nor_on_wheels(sketch: Sketch) -> None:
    assert not find_contact(sketch.mask()).touches


@pytest.mark.parametrize("notch", [0, 8])
def test_a_boot_stands_on_heel_and_ball_with_lugs_or_without(notch: int) -> None:
    """Seen from a little before it, so that its heel ends higher up in the picture, and broken up by its lugs: it was
    said to hang."""
    mask = boot(notch)
    contact = find_contact(mask)
    assert contact.kind == "feet" and len(contact.touches) >= 2
    assert contact.touches[0].left < 200 < 400 < contact.touches[-1].left + 80


@given(st.integers(0, 40), st.integers(1, 60))
@settings(max_examples=30, deadline=None)
def test_an_outline_without_notches_stays_as_it_is(slope: int, bend: int) -> None:
    places = np.arange(400, dtype=np.float64)
    straight, hollow = places * slope / 40, -((places - 200) ** 2) / (100.0 * bend)
    for outline in (straight, hollow):
        assert np.allclose(without_notches(outline), outline, atol=1e-6)
    notched = straight.copy()
    notched[150:160] -= 12
    assert np.allclose(without_notches(notched)[5:-5], straight[5:-5], atol=0.6 + slope / 4)
    wide = straight.copy()
    wide[100:250] -= 100
    assert float(np.abs(without_notches(wide) - wide)[140:210].max()) < 1e-6
