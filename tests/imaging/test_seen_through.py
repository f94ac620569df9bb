"""Openings before a busy backdrop that a network fills in part, and lines of the scene that end at the product."""

from __future__ import annotations

import pytest
import torch
from prodgen_nodes.imaging.filters import gaussian_blur
from prodgen_nodes.imaging.segmentation import from_model
from prodgen_nodes.imaging.segmentation.seen_through import seen_through
from torch import Tensor

HEIGHT, WIDTH = 360, 420
BACK = (slice(60, 320), slice(110, 310))
OPENING = (slice(150, 190), slice(150, 270))


def _room(seed: int) -> Tensor:
    """A wall, a door frame and a wooden floor `[H,W,3]`, with some grain."""
    grain = torch.randn(HEIGHT, WIDTH, 1, generator=torch.Generator().manual_seed(seed)) * 0.01
    room = torch.tensor([0.78, 0.72, 0.66]).expand(HEIGHT, WIDTH, 3).clone()
    room[:, 60:90] = 0.95
    room[:, 190:205] = 0.95
    room[230:] = torch.tensor([0.55, 0.36, 0.20])
    room[:, :40:8] = 0.3
    return (room + grain).clamp(0, 1)


def _chair(seed: int, colour: tuple[float, float, float]) -> tuple[Tensor, Tensor]:
    """A chair with an opening under its back in a room: `(photo, alpha)`."""
    alpha = torch.zeros(HEIGHT, WIDTH)
    alpha[BACK] = 1.0
    alpha[OPENING] = 0.0
    alpha = gaussian_blur(alpha.unsqueeze(0), 0.7)[0]
    cloth = torch.randn(HEIGHT, WIDTH, 1, generator=torch.Generator().manual_seed(seed + 1)) * 0.02
    chair = (torch.tensor(colour) + cloth).clamp(0, 1)
    return torch.lerp(_room(seed), chair, alpha.unsqueeze(-1)), alpha


def _filled(alpha: Tensor) -> Tensor:
    """What a network says that sees the opening in one corner only."""
    mask = alpha.clone()
    mask[OPENING] = torch.linspace(0.45, 0.97, OPENING[1].stop - OPENING[1].start)
    return gaussian_blur(mask.unsqueeze(0), 1.0)[0]


@pytest.mark.each_once
@pytest.mark.parametrize("colour", [(0.25, 0.35, 0.5), (0.1, 0.1, 0.1), (0.6, 0.1, 0.15)])
@pytest.mark.parametrize("seed", [1, 2])
def test_an_opening_is_found_by_the_colours_around_the_product(seed: int, colour: tuple[float, float, float]) -> None:
    photo, alpha = _chair(seed, colour)
    made = from_model(photo, _filled(alpha)).alpha
    assert float(made[155:185, 155:265].max()) < 0.02
    assert float((made - alpha).abs().mean()) < 0.004


def test_what_has_the_products_own_colours_is_no_opening() -> None:
    """A seat that a network hesitates over stays, however sharp its edge."""
    photo, alpha = _chair(3, (0.25, 0.35, 0.5))
    photo[OPENING] = torch.tensor([0.30, 0.42, 0.58])
    whole = alpha.clone()
    whole[OPENING] = 1.0
    made = from_model(photo, _filled(whole)).alpha
    assert float(made[155:185, 155:265].min()) > 0.98


def test_what_is_open_already_is_left_alone() -> None:
    """A pole in an opening is not lost with it."""
    _, alpha = _chair(4, (0.25, 0.35, 0.5))
    alpha[150:190, 208:212] = 1.0
    steps = torch.zeros(HEIGHT, WIDTH)
    steps[148:192, 148:272] = 0.3
    assert not bool(seen_through(_room(4), steps, alpha.clamp(0.1, 1.0), 3).any())


@pytest.mark.parametrize("across", [2, 3, 4])
def test_a_joint_in_the_table_that_ends_at_the_product_is_no_strap(across: int) -> None:
    photo = torch.full((HEIGHT, WIDTH, 3), 0.86)
    photo[178 : 178 + across, 50:370] = 0.45  # other things lie over its ends: it does not reach the frame
    alpha = torch.zeros(HEIGHT, WIDTH)
    alpha[130:220, 170:250] = 1.0
    alpha = gaussian_blur(alpha.unsqueeze(0), 0.7)[0]
    photo = torch.lerp(photo, torch.tensor([0.08, 0.09, 0.1]), alpha.unsqueeze(-1))
    tight = alpha.clone()
    tight[168:190, 170:173] = 0.0  # a network that draws a little too tightly where the joint meets the product
    tight[168:190, 247:250] = 0.0
    mask = gaussian_blur(tight.unsqueeze(0), 1.5)[0]
    made = from_model(photo, mask).alpha
    assert float(made[:, :162].max()) < 0.02 and float(made[:, 258:].max()) < 0.02
