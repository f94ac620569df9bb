"""The shade that is learned: nearer to rendered ground than what is drawn, the same mirrored, and where it belongs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from prodgen_nodes.imaging.colorspace import linear_to_srgb
from prodgen_nodes.imaging.shadow import Light
from prodgen_nodes.imaging.shadow.contact import find_contact
from prodgen_nodes.imaging.shadow.ground import Look, close_pale_lines, shade_ground
from prodgen_nodes.imaging.shadow.learned import CELLS, Seen, Square
from prodgen_nodes.imaging.tensors import Box
from torch import Tensor

from tests.imaging.shadow_sketches import jar

HELD_OUT = sorted(Path(__file__).with_name("assorted").glob("*_shade.png"))
"""Rendered things that the network was not trained on, 176 pixels wide, and the exact share of light that their ground
loses."""


def _scene(path: Path) -> tuple[Tensor, Tensor, Tensor]:
    """Photo `[H,W,3]` sRGB, alpha and the ground's loss `[H,W]`, three times as large."""
    whole = np.asarray(Image.open(path.with_name(path.name.replace("_shade", ""))), np.float32) / 255
    loss = np.asarray(Image.open(path), np.float32)[..., None] / 255
    planes = torch.from_numpy(np.concatenate((whole, loss), axis=-1)).permute(2, 0, 1)
    large = F.interpolate(planes[None], scale_factor=3, mode="bilinear")[0]
    return large[:3].permute(1, 2, 0).contiguous(), large[3].contiguous(), large[4].contiguous()


def _off(photo: Tensor, alpha: Tensor, loss: Tensor, *, learned: bool) -> float:
    """Mean difference in levels of 255 on white ground beside the product, where it should be darker than 250."""
    contact = find_contact(alpha)
    look = Look.of(photo, alpha, contact)
    assert look.seen is not None
    drawn = shade_ground(alpha, contact, Light(), look if learned else replace(look, seen=None))
    ours, true = (255 * linear_to_srgb(1 - part) for part in (drawn, loss))
    return float((ours - true).abs()[(alpha < 0.5) & (true < 250)].mean())


def test_what_is_learned_is_nearer_to_the_rendered_ground() -> None:
    assert len(HELD_OUT) == 7
    scenes = [_scene(path) for path in HELD_OUT]
    before = np.array([_off(*scene, learned=False) for scene in scenes])
    after = np.array([_off(*scene, learned=True) for scene in scenes])
    assert after.mean() < 0.9 * before.mean(), (before, after)
    assert (after < before + 1).all(), (before, after)


def test_a_plate_is_as_dark_underneath_as_a_rendered_one() -> None:
    """Its solid is known as far as it is seen; only half of what the network adds under its rim was taken, and it was
    9 levels too pale."""
    plate = _scene(HELD_OUT[-1])
    assert _off(*plate, learned=True) < 6


def test_of_a_mirror_image_it_is_the_mirror_image() -> None:
    photo, alpha, _ = _scene(HELD_OUT[0])
    seen, mirrored = (Seen.of(p, a, find_contact(a).box) for p, a in ((photo, alpha), (photo.flip(1), alpha.flip(1))))
    shade = torch.zeros(CELLS, CELLS)
    one, other = seen.missed(shade), mirrored.missed(shade)
    assert float(one.abs().max()) > 0.05
    assert torch.allclose(one, other.flip(1), atol=2e-3)


@given(
    left=st.integers(0, 300), top=st.integers(0, 300), width=st.integers(40, 600), height=st.integers(40, 600),
    shift=st.integers(0, 2**31 - 1),
)  # fmt: skip
def test_every_cell_is_the_mean_of_its_pixels(left: int, top: int, width: int, height: int, shift: int) -> None:
    generator = torch.Generator().manual_seed(shift)
    canvas = torch.rand(1, 700, 700, generator=generator)
    square = Square.around(Box(left, top, min(700, left + width), min(700, top + height)))
    cells = square.averaged(canvas)[0]
    # All light of the canvas that lies in the square is in its cells, and no more.
    rows, columns = square.within(700, 700)
    most = float(canvas[0, rows, columns].sum())
    edge = 2 * square.factor * 4 * CELLS * square.pixels
    assert float(cells.sum()) * square.pixels**2 == pytest.approx(most, abs=edge)
    assert float(cells.min()) >= 0.0
    assert float(cells.max()) <= 1.0 + 1e-4


def test_a_shade_that_misses_nothing_stays_bit_for_bit() -> None:
    square = Square.around(Box(300, 200, 700, 600))
    shade = torch.rand(900, 1000)
    kept = shade.clone()
    square.add(torch.zeros(CELLS, CELLS), shade)
    assert torch.equal(shade, kept)


def test_what_is_more_lies_where_the_cells_say() -> None:
    square = Square.around(Box(300, 200, 716, 616))
    more = torch.zeros(CELLS, CELLS)
    more[100, 40] = 0.5
    shade = torch.zeros(900, 1000)
    square.add(more, shade)
    row, column = divmod(int(shade.argmax()), 1000)
    assert abs(row + 0.5 - (square.top + 100.5 * square.pixels)) <= 1
    assert abs(column + 0.5 - (square.left + 40.5 * square.pixels)) <= 1
    assert float(shade.max()) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("side", [640, 2560])
def test_light_is_averaged_not_its_code_values(side: int) -> None:
    """Black and white lines on the product are half its light, however many of them a cell holds."""
    photo = torch.ones(side, side, 3)
    photo[::2] = 0
    alpha = torch.zeros(side, side)
    alpha[side // 6 : side * 5 // 6, side // 5 : side * 4 // 5] = 1
    seen = Seen.of(photo, alpha, find_contact(alpha).box)
    inside = seen.brightness[seen.outline > 0.99]
    assert float(inside.mean()) == pytest.approx(0.5, abs=0.05)


def test_only_what_is_paler_than_both_its_neighbours_is_filled() -> None:
    """A shade that falls without a step keeps its bits, to its last row; a pale line in it is gone."""
    mask = jar(2.0).mask()
    contact = find_contact(mask)
    rows = torch.arange(mask.shape[0], dtype=torch.float32)[:, None]
    falling = torch.exp(-(rows - 640).clamp(min=0) / 25).expand(mask.shape).clone()
    kept = falling.clone()
    close_pale_lines(kept, contact, 5)
    assert torch.equal(kept, falling)
    kept[684:687] *= 0.2
    close_pale_lines(kept, contact, 5)
    assert float((kept - falling)[684:687, 300:500].abs().max()) < 0.03
    assert torch.equal(kept[:684], falling[:684]) and torch.equal(kept[690:], falling[690:])
