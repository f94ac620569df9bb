"""Two other networks that see one and the same product outvote the one whose cut-out is doubted; nothing else does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prodgen_nodes.imaging.segmentation import TRUSTED, Cutout, from_looks
from prodgen_nodes.imaging.segmentation.majority import OUTVOTED, outvoted
from prodgen_nodes.imaging.segmentation.witness import Witness, others_see
from torch import Tensor

from .segmentation_products import Scene, before_busy, scene

SIDE = 480


def bag() -> Scene:
    return scene("bag", 1, size=SIDE)


def only_above(made: Scene, share: float) -> Tensor:
    """What a network sees that takes so much of the product's height, from its top on, for all of it."""
    rows = torch.where(made.alpha.amax(dim=1) > 0.5)[0]
    mask = made.alpha.clone()
    mask[int(rows.min()) + round(share * len(rows)) :] = 0.0
    return mask


def look_at(photo: Tensor, mask: Tensor, asked: list[int] | None = None) -> Callable[[Tensor], Tensor]:
    """A look at the photo or at its mirror image."""

    def look(picture: Tensor) -> Tensor:
        if asked is not None:
            asked.append(1)
        return mask if torch.equal(picture[0], photo) else mask.flip(1)

    return look


def hesitant(mask: Tensor) -> Tensor:
    """What a network sees of the same that is sure of nothing, so that nothing is refused or kept for its own sake."""
    return 0.8 * (mask > 0.5).float()


def cut(photo: Tensor, *masks: Tensor) -> Cutout:
    first, *others = (look_at(photo, mask) for mask in masks)
    return from_looks(photo, first, None, "auto", *others)


@pytest.fixture(scope="module")
def refused() -> tuple[Scene, Tensor, Tensor]:
    """A bag before spots, and what a network sees that finds its handle and is of two minds about all around it."""
    made = bag()
    first = only_above(made, 0.4)
    first[SIDE - 150 : SIDE - 20, 20:140] = 0.45
    photo = before_busy(made)
    alone = cut(photo, first, hesitant(made.alpha))
    assert alone.confidence < 0.5, alone.report
    return made, photo, first


def test_what_two_others_see_is_delivered_with_a_doubt(refused: tuple[Scene, Tensor, Tensor]) -> None:
    made, photo, first = refused
    theirs = cut(photo, first, hesitant(made.alpha), made.alpha)
    assert 0.5 <= theirs.confidence < TRUSTED and OUTVOTED in theirs.report["reasons"], theirs.report
    assert float(theirs.alpha[made.alpha > 0.99].mean()) > 0.99
    assert float(theirs.alpha[made.alpha < 0.01].mean()) < 0.01


def test_two_others_that_see_different_things_outvote_nobody(refused: tuple[Scene, Tensor, Tensor]) -> None:
    made, photo, first = refused
    theirs = cut(photo, first, hesitant(only_above(made, 0.8)), made.alpha)
    assert theirs.confidence < 0.5 and OUTVOTED not in theirs.report["reasons"]


def test_a_third_network_that_is_not_there_changes_nothing(refused: tuple[Scene, Tensor, Tensor]) -> None:
    made, photo, first = refused
    theirs = cut(photo, first, hesitant(made.alpha), torch.zeros_like(made.alpha))
    alone = cut(photo, first, hesitant(made.alpha))
    assert torch.equal(theirs.alpha, alone.alpha) and theirs.report == alone.report


def test_nobody_asks_a_third_network_about_what_is_trusted() -> None:
    made, asked = bag(), list[int]()
    look = look_at(made.photo, made.alpha)
    sure = from_looks(made.photo, look, None, "auto", look, look_at(made.photo, made.alpha, asked))
    assert sure.confidence >= TRUSTED and not asked


def square(top: int, bottom: int, left: int, right: int) -> Tensor:
    mask = torch.zeros(320, 320)
    mask[top:bottom, left:right] = 1.0
    return mask


WHOLE = square(100, 260, 60, 260)
PART = square(100, 160, 60, 260)


def vote(alpha: Tensor, second: Tensor, third: Tensor, refused: bool = False) -> Tensor | None:
    return outvoted(alpha, refused, second, lambda: third)


def test_what_is_seen_alike_by_both_and_more_is_taken() -> None:
    assert torch.equal(vote(PART, WHOLE, WHOLE), WHOLE)  # type: ignore[arg-type]  # None is no equal
    assert vote(WHOLE, WHOLE, WHOLE) is None


def test_a_little_more_is_no_reason() -> None:
    """A bottle beside the shoes, an outline that is too thick."""
    assert vote(square(100, 210, 60, 260), WHOLE, WHOLE, refused=True) is None


def test_the_third_is_not_asked_where_the_second_sees_the_same() -> None:
    def third() -> Tensor:
        raise AssertionError("asked for nothing")

    assert outvoted(WHOLE, True, WHOLE, third) is None


def test_what_the_first_network_saw_is_not_lost() -> None:
    """A pendant's chain: two networks of few pixels lose it together."""
    chain = torch.maximum(WHOLE, square(0, 320, 270, 310))
    assert vote(chain, WHOLE, WHOLE, refused=True) is None
    bit_more = torch.maximum(PART, square(60, 100, 60, 80))
    assert vote(bit_more, WHOLE, WHOLE) is not None


@pytest.mark.parametrize("refused", [True, False])
def test_an_opening_is_filled_only_of_what_would_be_refused(refused: bool) -> None:
    opened = WHOLE - square(110, 250, 80, 240)
    assert (vote(opened, WHOLE, WHOLE, refused) is not None) == refused


@given(
    first=st.tuples(*[st.integers(0, 319)] * 4),
    second=st.tuples(*[st.integers(0, 319)] * 4),
    third=st.tuples(*[st.integers(0, 319)] * 4),
    refused=st.booleans(),
)
@settings(max_examples=100)
def test_only_what_the_third_sees_and_the_second_agrees_to_is_ever_taken(
    first: tuple[int, ...], second: tuple[int, ...], third: tuple[int, ...], refused: bool
) -> None:
    masks = [square(min(a, b), max(a, b), min(c, d), max(c, d)) for a, b, c, d in (first, second, third)]
    taken = vote(*masks, refused=refused)
    if taken is not None:
        assert torch.equal(taken, masks[2])
        apart = float((masks[1] != masks[2]).float().sum())
        edge = 4 * 2 * sum(float((mask.sum(dim=dim) > 0).sum()) for mask in masks[1:] for dim in (0, 1))
        assert apart <= 0.02 * float(masks[1].sum()) + edge
        assert float((masks[0] * (1 - taken)).sum()) <= 0.1 * float(taken.sum()) + edge


def unsure(made: Scene) -> Callable[[Tensor], Tensor]:
    """A network that sees each half of the product faintly in one of its looks: all of it on average, not in both."""
    rows = torch.arange(SIDE)[:, None] < int(torch.where(made.alpha.amax(dim=1) > 0.5)[0].float().mean())
    upper, lower = (made.alpha * torch.where(half, 0.9, 0.3) for half in (rows, ~rows))
    return lambda picture: upper if torch.equal(picture[0], made.photo) else lower.flip(1)


def test_two_that_see_the_same_on_average_keep_it_from_being_refused() -> None:
    made = bag()
    picture, sees, loses = made.photo[None], look_at(made.photo, made.alpha), only_above(made, 0.8)
    assert not others_see(picture, made.alpha, Witness(unsure(made)), None)
    assert others_see(picture, made.alpha, Witness(unsure(made)), Witness(sees))
    assert others_see(picture, made.alpha, Witness(unsure(made)), Witness(unsure(made)))
    assert not others_see(picture, made.alpha, Witness(unsure(made)), Witness(look_at(made.photo, loses)))
    assert not others_see(picture, loses, Witness(unsure(made)), Witness(sees))
    assert not others_see(picture, made.alpha, None, Witness(sees)), "the third is never asked alone"
