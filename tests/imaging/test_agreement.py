"""What only one of two looks sees before a plain backdrop: the picture settles it, or the cut-out is not trusted."""

from __future__ import annotations

import pytest
import torch
from prodgen_nodes.imaging.filters import gaussian_blur
from prodgen_nodes.imaging.segmentation import TRUSTED, Cutout, from_looks
from prodgen_nodes.imaging.segmentation.agreement import UNSURE, doubt_of_looks
from prodgen_nodes.imaging.segmentation.survey import Survey
from torch import Tensor

SIDE = 420
BODY = (slice(100, 320), slice(110, 310))
RIM = (slice(150, 270), slice(310, 326))
"""A strip along the right side that is nearly as light as the wall."""
WINDOW = (slice(160, 200), slice(160, 250))
"""A part within the body."""
FLOOR = (slice(320, 330), slice(150, 270))
"""A strip under it."""
SLOT = 9
"""Pixels of a side of something small within the body."""
WALL, BLUE, WHITE, BLACK, SHADE = 0.93, (0.2, 0.3, 0.6), (0.88, 0.88, 0.88), (0.05, 0.05, 0.05), (0.6, 0.6, 0.6)


def drawn(part: tuple[slice, slice], color: tuple[float, ...]) -> Tensor:
    """A blue body with a part of another colour before a white wall, noisy as a photo is."""
    picture = torch.full((SIDE, SIDE, 3), WALL)
    picture[BODY], picture[part] = torch.tensor(BLUE), torch.tensor(color)
    soft = gaussian_blur(picture.permute(2, 0, 1).unsqueeze(0), 0.7)[0].permute(1, 2, 0)
    noise = torch.randn(SIDE, SIDE, 3, generator=torch.Generator().manual_seed(1)) * 0.004
    return (soft + noise).clamp(0, 1)


def seen(*parts: tuple[slice, slice], without: tuple[slice, slice] | None = None) -> Tensor:
    """What a look sees: the body and some parts, or not all of it."""
    mask = torch.zeros(SIDE, SIDE)
    for part in (BODY, *parts):
        mask[part] = 1.0
    if without is not None:
        mask[without] = 0.0
    return mask


def cut(photo: Tensor, *looks: Tensor) -> Cutout:
    """The cut-out of a photo in which `looks` see this: as it is, mirrored."""
    answers = iter([look if turn == 0 else look.flip(1) for turn, look in enumerate(looks)])
    return from_looks(photo, lambda _: next(answers))


@pytest.mark.parametrize("only", [0, 1], ids=["seen as it is", "seen mirrored"])
def test_a_pale_part_before_white_that_one_look_misses_is_not_trusted(only: int) -> None:
    photo = drawn(RIM, WHITE)
    looks = [seen(), seen()]
    looks[only] = seen(RIM)
    result = cut(photo, *looks)
    assert 0.5 <= result.confidence < TRUSTED and result.report["looks"] == 2, result.report
    assert "two looks" in result.report["reasons"][-1]


def test_what_both_looks_see_is_trusted() -> None:
    photo = drawn(RIM, WHITE)
    result = cut(photo, seen(RIM), seen(RIM))
    assert result.confidence >= TRUSTED and result.report["looks"] == 2, result.report
    assert float(result.alpha[160:260, 312:323].mean()) > 0.9


def test_what_is_plainly_no_backdrop_is_trusted_though_one_look_misses_it() -> None:
    photo = drawn(WINDOW, BLACK)
    result = cut(photo, seen(), seen(without=WINDOW))
    assert result.confidence >= TRUSTED, result.report
    assert float(result.alpha[WINDOW].min()) > 0.99


def test_floor_that_one_look_keeps_under_the_product_is_not_trusted() -> None:
    photo = drawn(FLOOR, SHADE)
    result = cut(photo, seen(FLOOR), seen())
    assert float(result.alpha[FLOOR].mean()) > 0.9, "the picture shows something there"
    assert 0.5 <= result.confidence < TRUSTED and "floor" in result.report["reasons"][-1], result.report


@pytest.mark.first(1)
@pytest.mark.parametrize("seed", range(3))
def test_a_small_opening_that_one_look_sees_is_not_believed_filled(seed: int) -> None:
    """White print as small, which both see as product, is."""
    top, left = (int(value) for value in torch.randint(150, 260, (2,), generator=torch.Generator().manual_seed(seed)))
    slot = (slice(top, top + SLOT), slice(left, left + SLOT))
    photo = drawn(slot, (WALL,) * 3)
    opening, print_ = cut(photo, seen(), seen(without=slot)), cut(photo, seen(), seen())
    assert float(opening.alpha[slot].mean()) > 0.9 and 0.5 <= opening.confidence < TRUSTED, opening.report
    assert "opening" in opening.report["reasons"][-1]
    assert print_.confidence >= TRUSTED, print_.report


@pytest.mark.parametrize(
    ("side", "said", "doubted"),
    [(5, 0.2, True), (5, 0.7, True), (5, 0.0, False), (SLOT, 0.2, False)],
    ids=["hesitant", "seen as product", "a buttonhole", "a larger opening"],
)
def test_a_small_opening_that_no_look_is_sure_of_is_not_believed_open(side: int, said: float, doubted: bool) -> None:
    """Print as white as the wall, unlike a buttonhole, in which a look sees nothing, and an opening that is seen."""
    slot = (slice(150, 150 + side), slice(200, 200 + side))
    one, other = (seen() - (1 - value) * (seen() - seen(without=slot)) for value in (said, 0.15 if said else 0.0))
    photo = Survey(drawn(slot, (WALL,) * 3))
    assert doubt_of_looks(photo, seen(without=slot), one, other) == (UNSURE if doubted else "")
    assert doubt_of_looks(photo, seen(without=slot), one, seen(without=slot)) == "", "one look sees the opening"
