"""A shadow ends softly behind a product, under what is high above the ground, and beside a foot that is thin."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from prodgen_nodes.imaging.shadow import Light, ground_and_shadow
from prodgen_nodes.imaging.shadow.contact_shade import crevice, crevice_size, foot_sides
from prodgen_nodes.imaging.shadow.corner import standing_contact
from prodgen_nodes.imaging.shadow.darken import edge_width, reflectance
from prodgen_nodes.imaging.shadow.ground import FORESHORTENING
from prodgen_nodes.imaging.shadow.legs import bent_ends
from prodgen_nodes.imaging.shadow.light import studio_rays
from prodgen_nodes.imaging.shadow.occlusion import occlusion
from prodgen_nodes.imaging.shadow.solid import Level, Solid
from torch import Tensor

SIDE = 720


def shade_of(mask: Tensor) -> Tensor:
    """The light that a dark product of this outline keeps from a white ground, `[H,W]`."""
    image = 1 - 0.7 * mask[..., None].expand(-1, -1, 3)
    return ground_and_shadow(image[None], mask[None], Light()).shadow[0]


def axes() -> tuple[Tensor, Tensor]:
    at = torch.arange(SIDE) + 0.5
    return at[:, None], at[None, :]


def soft(distance: Tensor) -> Tensor:
    """Coverage of what lies within, by the signed distance to its edge in pixels (inside negative)."""
    return (0.5 - distance).clamp(0.0, 1.0)


def box(left: float, top: float, right: float, bottom: float) -> Tensor:
    y, x = axes()
    return soft(torch.maximum((x - (left + right) / 2).abs() - (right - left) / 2,
                              (y - (top + bottom) / 2).abs() - (bottom - top) / 2))  # fmt: skip


def leaning_leg(column: float, low: float, lean: float, half: float = 6.0) -> Tensor:
    """A leg that is cut off square and leans by `lean` columns a row: its foot is at `column` and row `low`, aslant."""
    y, x = axes()
    length = math.hypot(1.0, lean)
    along, across = ((low - y) + lean * (x - column)) / length, ((x - column) - lean * (low - y)) / length
    return soft(torch.maximum(across.abs() - half, torch.maximum(-along, along - 230)) / 1.5)


def disc(z: float, radius: float, cells: int) -> Level:
    right = np.arange(cells) + 0.5 - cells / 2
    half = np.sqrt(np.clip(radius**2 - right**2, 0, None))
    return Level(z, -half, half, (half > 0).astype(float))


def test_behind_a_product_it_ends_without_a_level_line() -> None:
    shade = shade_of(box(260, 160, 460, 590))
    beside = shade[300:560, 500:540].mean(dim=1)
    steps = beside.diff()
    dark = float(beside.max())
    assert dark > 0.05, "no shade to look at"
    assert float(steps.max()) < 0.02 * dark, "a row from which on it is dark"
    fading = torch.nonzero((beside > 0.02 * dark) & (beside < 0.5 * dark)).flatten()
    assert len(fading) > 60, "it is gone within a few rows"


def test_what_is_high_above_the_ground_throws_no_rings() -> None:
    """A floor lamp: under a wide shade so few directions of light leave steps, where all of it is even."""
    cells = 44
    rod = [disc(z + 0.5, 1, cells) for z in range(1, 28)]
    lamp = Solid((disc(0.5, 5, cells), *rod, *(disc(z + 0.5, 14, cells) for z in range(28, 40))), cells, 5.0, 0, 0, 40)
    ground = occlusion(lamp, studio_rays(0.5), 1.1 * cells, 15)
    around = np.linspace(-math.pi, 0, 61)
    across, away = 18 * np.cos(around) + cells / 2 - ground.left, 18 * np.sin(around) - ground.near
    shade = ground.values[away.round().astype(int), across.round().astype(int)]
    even = np.convolve(shade, np.ones(5) / 5, "valid")[::6]
    assert even.max() > 0.1
    assert float(np.abs(np.diff(even, n=2)).max()) < 0.02, even


@pytest.mark.parametrize(("half", "lean", "hind"), [(3, 0.4, 600), (3, 0.3, 560), (3, 0.4, 560), (5, 0.2, 560)])
def test_beside_a_foot_that_leans_no_block_is_dark(half: float, lean: float, hind: float) -> None:
    """What its outline rises by is the leg's own side, and so are most of its soft pixels: the ground there is bare."""
    legs = (leaning_leg(250, hind, lean, half), leaning_leg(470, 600, -lean, half))
    mask = torch.stack((box(300, 360, 420, 400), *legs)).amax(dim=0)
    contact = standing_contact(mask)
    assert contact.kind == "feet" and len(contact.touches) == 2
    ramp, span = edge_width(mask, contact), contact.span
    assert ramp <= 3
    for touch in contact.touches:
        size = crevice_size(touch, span, 0.5)
        rows, columns, shade = crevice(mask, contact, touch, size, ramp, FORESHORTENING, foot_sides(touch, span))
        row = torch.arange(rows.start, rows.stop)[:, None].expand_as(shade)
        bare = mask[rows, columns] < 0.02
        assert float(shade[(mask[rows, columns] < 0.6) & (row >= touch.lowest - 3)].max()) > 0.4, "no contact"
        beside = bare & (row < touch.lowest - 6)
        assert not bool(beside.any()) or float(shade[beside].max()) < 0.1


@pytest.mark.parametrize("half", [3.0, 4.0, 6.0])
def test_a_thin_leg_has_no_dark_beside_it_at_its_foot(half: float) -> None:
    """A line that goes on beside it looks like a plate under the leg: light comes in from all sides there."""
    legs = (leaning_leg(270, 600, -0.1, half), leaning_leg(450, 590, 0.1, half), leaning_leg(360, 560, 0.0, half))
    mask = torch.stack((box(250, 330, 470, 370), *legs)).amax(dim=0)
    contact = standing_contact(mask)
    assert contact.kind == "feet" and len(contact.touches) == 3
    ramp, span = edge_width(mask, contact), contact.span
    for touch in contact.touches:
        size = crevice_size(touch, span, 0.5)
        rows, columns, shade = crevice(mask, contact, touch, size, ramp, FORESHORTENING, foot_sides(touch, span))
        column = torch.arange(columns.start, columns.stop).expand_as(shade)
        bare = mask[rows, columns] < 0.02
        beside = bare & ((column < touch.left) | (column >= touch.right))
        assert float(shade[(mask[rows, columns] < 0.6) & ~beside].max()) > 0.4, "no contact"
        assert float(shade[beside].max()) < 0.26


def test_a_side_that_recedes_is_dark_to_its_corner_and_no_farther() -> None:
    """All of a bag's short side was taken for the rounded corner at its end: the dark line ended in a step."""
    y, x = axes()
    front, side = 550 + 0.09 * (x - 177), 580 - 0.78 * (x - 502)
    corner = (6 - (542 - x).clamp(min=0)).clamp(min=0) ** 2 / 4
    low = torch.minimum(front, side) - corner
    mask = soft(torch.maximum((x - 359.5).abs() - 182.5, torch.maximum(300 - y, y - low)))
    contact = standing_contact(mask)
    (touch,) = contact.touches
    span = contact.span
    size = crevice_size(touch, span, 0.5, undercut=0.58)
    rows, columns, shade = crevice(mask, contact, touch, size, 2.0, FORESHORTENING, foot_sides(touch, span))
    below = (low[0, columns] + 2).round().long() - rows.start
    along = shade[below, torch.arange(shade.shape[1])]
    assert float(along[515 - columns.start : 538 - columns.start].min()) > 0.35, "it ends before the corner"
    bare = (mask[rows, columns] < 0.02) & (torch.arange(columns.start, columns.stop) > 556)
    assert float(shade[bare].max()) < 0.35, "a wing past the corner"


def test_what_turns_under_keeps_the_dark_line_that_it_shows_itself() -> None:
    """Its own pixels get dark towards its lower edge: the network, to which that is less than a cell, took it away."""
    y, _ = axes()
    mask = box(170, 270, 550, 570)
    light = 0.35 * (1 - 0.5 * torch.exp(-(((570 - y) / 8) ** 2)))
    image = torch.lerp(torch.ones(()), light ** (1 / 2.2), mask)[..., None].expand(-1, -1, 3)
    shade = ground_and_shadow(image[None], mask[None], Light()).shadow[0]
    before = shade[570:580, 200:520].mean(dim=1)
    assert float(before[1]) > 0.68 and float(before[9]) < 0.3, before


@pytest.mark.parametrize("columns", [(250, 470, 360, 413), (251, 470, 361, 412)])
def test_of_thin_legs_a_mirror_image_has_the_mirrored_shadow(columns: tuple[int, ...]) -> None:
    """Of which columns its brightness was taken told left from right."""
    leans, lows = (-0.25, 0.25, 0.0, 0.1), (600, 590, 560, 566)
    legs = (leaning_leg(at, low, lean, 2.5) for at, low, lean in zip(columns, lows, leans, strict=True))
    mask = torch.stack((box(240, 330, 480, 370), *legs)).amax(dim=0)
    colour = torch.where((torch.arange(SIDE) % 2 == 0)[None, :], 0.2, 0.9)
    image = torch.lerp(torch.ones(()), colour, mask)[..., None].expand(-1, -1, 3)
    own, flipped = (standing_contact(one).box for one in (mask, mask.flip(1)))
    assert reflectance(image, mask, own) == pytest.approx(reflectance(image.flip(1), mask.flip(1), flipped), abs=0.01)
    one = ground_and_shadow(image[None], mask[None], Light())
    other = ground_and_shadow(image[None].flip(2), mask[None].flip(2), Light())
    assert float((one.image - other.image.flip(2)).abs().max()) < 2 / 255


def test_a_foot_of_two_lowest_columns_is_rounded_alike_from_either_side() -> None:
    random = np.random.default_rng(3)
    for _ in range(300):
        fall = np.sort(random.integers(0, 40, random.integers(1, 8)) / 10)
        edge = 500 - np.concatenate((fall[::-1], np.zeros(random.integers(1, 5)), np.sort(random.random(4) * 6)))
        assert bent_ends(edge) == bent_ends(edge[::-1])[::-1]


@pytest.mark.parametrize("side", [400, 720, 1400])
@pytest.mark.parametrize("thin", [0.004, 0.006, 0.008, 0.012])
def test_a_table_stands_on_its_legs_however_thin(side: int, thin: float) -> None:
    """Below 1.2 % of its width they were taken for dirt in the mask, and the shade lay in the air under the top."""
    y, x = ((torch.arange(side) + 0.5).view(shape) / side for shape in ((-1, 1), (1, -1)))
    parts = [((x - 0.5).abs() - 0.4, (y - 0.5).abs() - 0.03)]
    parts += [((x - at).abs() - thin / 2, (y - (0.5 + low) / 2).abs() - (low - 0.5) / 2)
              for at, low in ((0.13, 0.85), (0.22, 0.76), (0.78, 0.76), (0.87, 0.85))]  # fmt: skip
    mask = torch.stack([soft(side * torch.maximum(*part)) for part in parts]).amax(dim=0)
    contact = standing_contact(mask)
    assert contact.kind == "feet" and len(contact.touches) == 4
    assert [round(touch.lowest / side, 2) for touch in contact.touches] == [0.85, 0.76, 0.76, 0.85]


def test_drips_below_an_edge_are_no_legs() -> None:
    dirt = [box(at, 560, at + 3, 560 + long) for at, long in ((300, 14), (380, 9), (420, 18))]
    mask = torch.stack((box(220, 150, 500, 560), *dirt)).amax(dim=0)
    contact = standing_contact(mask)
    assert contact.kind == "line" and contact.lowest < 566, contact.report()


def test_the_line_before_an_edge_does_not_stick_out_at_its_corners() -> None:
    shade = shade_of(box(220, 250, 500, 600))
    row = shade[600]
    assert float(row[340]) > 0.3, "no line"
    assert float(row[505]) < 0.45 * float(row[340]) and float(row[215]) < 0.45 * float(row[340])
