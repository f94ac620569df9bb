"""What a retoucher looks for in a shadow: no pale line, dark where it rests, gone soon, whole casts, depth."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from prodgen_nodes.imaging.colorspace import linear_to_srgb, srgb_to_linear
from prodgen_nodes.imaging.filters import gaussian_blur
from prodgen_nodes.imaging.shadow import Grounded, Light, find_contact, ground_and_shadow
from prodgen_nodes.imaging.shadow.contact_shade import crevice, crevice_size, foot_sides
from scipy import ndimage

from tests.imaging.shadow_sketches import STANDING, Sketch, bag, boot, car, carton, chair, corner, jar
from tests.imaging.test_shadow_turned import lathe

TEAL = (0.1, 0.45, 0.5)


def grounded(
    mask: torch.Tensor, color: tuple[float, float, float] = TEAL, canvas: float = 1.0, **light: object
) -> Grounded:
    """A product of this mask and colour on a plain canvas, composited in linear light, with its shadow."""
    alpha = mask[None, ..., None]
    image = linear_to_srgb(
        srgb_to_linear(torch.tensor(color)) * alpha + srgb_to_linear(torch.tensor(canvas)) * (1 - alpha)
    )
    image = torch.where(alpha == 0, canvas, image)
    return ground_and_shadow(image, mask[None], Light(**light))  # type: ignore[arg-type]


def pale_columns(result: Grounded, mask: torch.Tensor, reach: int) -> float:
    """Share of the contact's columns with a pixel of the edge > 4 levels brighter than what is on both its sides."""
    grey = result.image[0].mean(dim=-1).numpy() * 255
    inside = mask.numpy() > 0.5
    rows = np.arange(-reach, reach + 1)[:, None]
    found = []
    for touch in result.reports[0]["contacts"]:
        columns = np.arange(touch["left"], touch["right"])
        ends = inside[: int(touch["bottom"]) + 2, columns]
        bottom = ends.shape[0] - 1 - ends[::-1].argmax(axis=0)
        edge = grey[np.clip(bottom + rows, 0, grey.shape[0] - 1), columns]
        before, after = np.minimum.accumulate(edge), np.minimum.accumulate(edge[::-1])[::-1]
        found.append((edge - np.maximum(before, after) > 4).any(axis=0))
    # One column of a chair's few is more than a hundredth.
    pale = np.concatenate(found)
    return max(0.0, float(pale.sum()) - 1) / pale.size


def check_seam(name: str, blur: float, color: tuple[float, float, float], canvas: float) -> None:
    mask = gaussian_blur(STANDING[name]().mask()[None], blur)[0]
    result = grounded(mask, color, canvas)
    assert pale_columns(result, mask, 3 + math.ceil(3 * blur)) <= 0.01


COLORS = {
    "teal": TEAL,
    "dark": (0.05, 0.04, 0.04),
    "ochre": (0.5, 0.25, 0.125),
    "mustard": (0.625, 0.625, 0.03),
    "pale": (0.72, 0.7, 0.66),
}


BLURS, CANVASES = (0.0, 1.0, 1.5, 2.0), (1.0, 0.93, 0.8)
SEAMS = [
    pytest.param(name, blur, color, canvas, marks=() if (i + j + k) % len(CANVASES) == number else pytest.mark.slow)
    for (i, name), (j, blur), (k, color), (number, canvas) in itertools.product(
        *(enumerate(values) for values in (STANDING, BLURS, COLORS, CANVASES))
    )
]
"""Each thing, blur and colour on one canvas, and any two of the four together; on the two other canvases with the
longer proofs: 300 cases say what 100 do."""


@pytest.mark.parametrize(("name", "blur", "color", "canvas"), SEAMS)
def test_no_pale_line_between_product_and_shadow(name: str, blur: float, color: str, canvas: float) -> None:
    check_seam(name, blur, COLORS[color], canvas)


@pytest.mark.first(3)
@pytest.mark.parametrize("make", [*STANDING.values(), corner])
def test_no_line_where_one_part_of_the_dark_contact_ends_and_the_next_begins(make: Callable[..., Sketch]) -> None:
    """A step of the ground's brightness beyond what it changes by on both sides of it."""
    mask = make(4.0).mask()
    grey = (grounded(mask, contact_only=True).image[0].mean(dim=-1) * 255).numpy()
    ground = ndimage.distance_transform_edt(mask.numpy() <= 0) > 6
    for along, free in ((grey, ground), (grey.T, ground.T)):
        change = np.diff(along, axis=0)
        step = np.abs(change[1:-1] - (change[:-2] + change[2:]) / 2)
        assert float((step * (free[:-3] & free[1:-2] & free[2:-1] & free[3:])).max()) < 5


@pytest.mark.parametrize("name", STANDING)
def test_dark_at_the_contact_and_gone_within_a_hundredth_or_two(name: str) -> None:
    mask = STANDING[name](2.5).mask()
    result = grounded(mask)
    grey = result.image[0].mean(dim=-1) * 255
    touch = max(result.reports[0]["contacts"], key=lambda contact: contact["bottom"])
    column = (touch["left"] + touch["right"]) // 2
    bottom = int((mask[:, column] > 0.5).nonzero().max()) + 1
    assert 70 <= float(grey[bottom : bottom + 3, column].min()) <= 140
    assert float(grey[bottom + 20, column]) > 215


@pytest.mark.parametrize("name", STANDING)
@pytest.mark.parametrize("contact_only", [True, False])
def test_the_mirror_image_has_the_mirrored_shadow(name: str, contact_only: bool) -> None:
    mask = STANDING[name]().mask()
    here = grounded(mask, contact_only=contact_only, angle=300.0, height=40.0).shadow[0]
    there = grounded(mask.flip(1), contact_only=contact_only, angle=60.0, height=40.0).shadow[0]
    apart = (here - there.flip(1)).abs()
    assert float(apart.mean()) < 0.002 and float((apart > 0.06).float().mean()) < 0.004


@pytest.mark.parametrize("name", STANDING)
@pytest.mark.parametrize("scale", [0.25, 4.0])
def test_the_same_shadow_at_every_size(name: str, scale: float) -> None:
    one = grounded(STANDING[name]().mask()).shadow
    other = grounded(STANDING[name](scale).mask()).shadow
    side = min(one.shape[-1], other.shape[-1])
    one, other = (torch.nn.functional.interpolate(x[None], (side, side), mode="area")[0, 0] for x in (one, other))
    shaded = (one > 0.02) | (other > 0.02)
    assert float((one - other).abs()[shaded].mean()) < 0.065


def test_thin_legs_throw_whole_shadows() -> None:
    """A stool's legs and a pole, lit from low at one side: one shadow each, without gaps."""
    pole = (
        Sketch()
        .polygon((198, 60), (202, 60), (202, 330), (198, 330))
        .polygon((170, 322), (230, 322), (230, 332), (170, 332))
    )
    for mask in (pole.mask(), chair().mask()):
        with_cast = grounded(mask, contact_only=False, angle=300.0, height=35.0, softness=0.1).shadow[0]
        cast = (with_cast - grounded(mask, softness=0.1).shadow[0]) > 0.05
        pieces, count = ndimage.label((cast | (mask > 0.3)).numpy(), np.ones((3, 3)))
        sizes = ndimage.sum_labels(np.ones_like(pieces), pieces, range(1, count + 1))
        assert sizes.max() > 0.97 * sizes.sum()


@pytest.mark.parametrize("angle", [60.0, 75.0, 90.0, 270.0])
def test_a_thick_thing_lit_from_its_side_throws_a_thick_shadow(angle: float) -> None:
    mask = bag().mask()
    light = {"angle": angle, "height": 30.0, "softness": 0.2}
    cast = grounded(mask, contact_only=False, **light).shadow[0] - grounded(mask, softness=0.2).shadow[0]
    column = 60 if angle < 180 else 340
    assert int((cast[:, column] > 0.2).sum()) > 0.05 * 170


def test_under_a_car_and_a_chair_it_is_shaded() -> None:
    between = grounded(car().mask()).shadow[0]
    assert float(between[292:300, 180:220].mean()) > 0.5
    under = grounded(chair().mask()).shadow[0]
    assert float(under[310:320, 190:210].mean()) > 0.03


def test_a_side_that_recedes_has_its_dark_line_too() -> None:
    shadow = grounded(carton(2.5).mask()).shadow[0]
    for row, column in ((778, 700), (800, 640)):  # beside the short side, two pixels out
        assert float(shadow[row : row + 8, column : column + 8].max()) > 0.3


@pytest.mark.parametrize("contact_only", [True, False])
def test_what_hangs_or_flies_gets_none_and_is_named(contact_only: bool) -> None:
    shoe = Sketch().polygon((80, 120), (130, 90), (290, 250), (330, 330), (300, 335), (180, 260))
    result = grounded(shoe.mask(), contact_only=contact_only)
    assert float(result.shadow.max()) == 0
    assert any("hang" in note for note in result.reports[0]["notes"])
    assert any("hang" in doubt for doubt in result.reports[0]["doubts"])
    assert grounded(shoe.mask(), opacity=0.0).reports[0]["doubts"] == []  # no shadow was asked for
    assert grounded(jar().mask()).reports[0]["doubts"] == []
    assert result.reports[0]["kind"] == "none"


def test_a_round_foot_is_dark_under_its_middle_and_fades_at_its_ends() -> None:
    shadow = grounded(jar(2.5).mask()).shadow[0]
    assert float(shadow[845, 500]) > 0.3
    assert float(shadow[:, 200].max()) < float(shadow[:, 500].max())


def mug(side: int, handle: bool) -> torch.Tensor:
    """A body with or without a ring at its right."""
    y, x = torch.meshgrid(torch.arange(side) + 0.5, torch.arange(side) + 0.5, indexing="ij")
    body = (x > 0.2 * side) & (x < 0.6 * side) & (y > 0.24 * side) & (y < 0.86 * side)
    radius = torch.hypot((x - 0.6 * side) / 0.6, y - 0.52 * side)
    ring = (radius < 0.22 * side) & (radius > 0.168 * side)
    return (body | ring if handle else body).float()


def test_under_a_handle_the_ground_is_not_shaded_as_under_a_box() -> None:
    """It was 1.7 times as dark as beside the same body without one, up to a straight border: a grey rectangle."""
    side = 500
    with_one, without = (grounded(mug(side, handle)).shadow[0] for handle in (True, False))
    beside = (slice(int(0.76 * side), int(0.88 * side)), slice(int(0.65 * side), int(0.73 * side)))
    assert float(with_one[beside].mean()) < 1.6 * float(without[beside].mean())
    outwards = with_one[beside[0], int(0.62 * side) :].mean(dim=0)
    assert float(outwards.diff().max()) < 0.002, "it only fades"


@pytest.mark.parametrize("scale", [1.0, 2.5])
@pytest.mark.parametrize("wide", [14, 24])
def test_no_dark_dash_lies_across_the_end_of_a_leg(wide: float, scale: float) -> None:
    """Half a leg's width beside it the dark contact is gone; a wheel hangs over the ground there, which is dark."""
    legs = Sketch(scale=scale).polygon((90, 120), (310, 120), (310, 220), (90, 220))
    for x in (110, 290):
        legs.polygon((x - wide / 2, 220), (x + wide / 2, 220), (x + wide / 2, 330), (x - wide / 2, 330))
    wheels = Sketch(scale=scale).polygon((90, 120), (310, 120), (310, 270), (90, 270))
    for x in (130, 270):
        wheels.ellipse(x - 35, 260, x + 35, 330)
    dark = []
    for sketch in (legs, wheels):
        mask = sketch.mask()
        contact = find_contact(mask)
        touch = contact.touches[0]
        span = contact.span
        size, lateral = crevice_size(touch, span, 0.5), foot_sides(touch, span)
        rows, columns, shade = crevice(mask, contact, touch, size, 1.0, 0.28, lateral)
        beside = touch.left - max(6, touch.width // 2) - columns.start
        dark.append(float(shade[math.floor(touch.lowest) - rows.start, max(0, beside)]))
    assert dark[0] < 0.06 and dark[1] > 0.06, dark


def test_seen_from_far_above_the_ground_is_shaded_behind_the_foot_too() -> None:
    """It ended in a straight line beside a basin, at the height where the ground ends for a camera from lower."""
    mask = lathe((0, 70), (90, 100), slope=0.6, foot=230).mask()
    shadow = grounded(mask).shadow[0]
    around = ndimage.distance_transform_edt(mask.numpy() <= 0.5)
    beside = torch.from_numpy((around > 4) & (around < 12))
    rows = torch.arange(400)[:, None].expand(400, 400)
    level, behind = (float(shadow[beside & (rows > row - 3) & (rows < row + 3)].mean()) for row in (228, 175))
    assert behind > 0.2 * level, (behind, level)


def test_where_there_is_little_room_the_shade_ends_in_no_edge() -> None:
    """As dark as rendered ground until shortly before the border, it ended like a grey panel behind the product."""
    mask = STANDING["chair"]().mask()
    columns = torch.nonzero(mask.amax(dim=0) > 0.5)[:, 0]
    close = mask[:, int(columns.min()) - 24 : int(columns.max()) + 25]
    room = grounded(close, contact_only=True).shadow[0, :, :20]
    assert float(room.max()) > 0.15
    assert float(room.diff(dim=1).abs().max()) < 0.13 * float(room.max())


def test_a_bright_check_beside_the_edge_stays_where_hardly_any_ground_is_seen() -> None:
    """Where the mask said .99 it was darkened by 30 levels, for a pale line."""
    mask = jar().mask()
    inner = torch.from_numpy(ndimage.distance_transform_edt(mask.numpy() > 0.5) > 2)
    alpha = torch.where(inner, mask.clamp(max=0.99), mask)
    odd = torch.arange(400) // 4 % 2
    checks = 0.35 + 0.4 * (odd[:, None] ^ odd).float()
    image = torch.where(mask > 0.5, checks, 1.0)[..., None].expand(-1, -1, 3)
    done = ground_and_shadow(image[None], alpha[None], Light()).image[0]
    assert float((done - image)[inner].abs().max()) < 6 / 255


@pytest.mark.parametrize(("lugs", "most"), [(5, 0.08), (9, 0.05), (14, 0.05)])
def test_a_sole_with_lugs_stands_in_one_shade(lugs: int, most: float) -> None:
    """Not in a stripe for each of them (.16, .07 and .06): the ground before the notches is as dark as before the
    lugs, but for what the network makes of an outline that is none of a thing (drawn alone: .014)."""
    mask = torch.zeros(400, 500)
    mask[180:330, 90:410] = 1.0
    across = torch.arange(320) * lugs % 320 < 320 * 0.3
    mask[322:330, 90:410] *= (~across).float()
    shadow = grounded(mask).shadow[0]
    before = shadow[332:350, 130:370]
    smooth = torch.nn.functional.avg_pool1d(before[None], 81, 1, 40, count_include_pad=False)[0]
    inner = slice(40, -40)
    assert float(smooth[:, inner].amax()) > 0.05
    assert float((before - smooth)[:, inner].abs().max()) < most


@pytest.mark.parametrize("notch", [0, 8])
def test_beside_a_broad_heel_the_dark_ends_as_softly_as_before_it(notch: int) -> None:
    """It ended in an upright edge at each end of the heel."""
    mask = boot(notch, upright=True)
    grey = (grounded(mask).image[0].mean(dim=-1) * 255).numpy()
    free = ndimage.distance_transform_edt(mask.numpy() <= 0) > 3
    change = np.abs(np.diff(grey, axis=1))
    below = slice(484, 520)
    assert float((change * (free[:, 1:] & free[:, :-1]))[below].max()) < 12
