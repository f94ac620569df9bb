"""A network that knows objects prefers what another network sees where it draws that, and nothing of it is lost."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prodgen_nodes.imaging.segmentation import TRUSTED, from_looks
from prodgen_nodes.imaging.segmentation.preferred import (
    ANOTHER_OBJECT,
    DRAWN_ALONE,
    PREFERRED,
    draws_another,
    how_drawn,
    is_preferred,
)
from torch import Tensor

from .test_whole_objects import CONE, POT, SIDE, TOY, Knows, cut, disc, scene

WHOLE = TOY | POT
RING = TOY & ~disc(110, 128, 35)
FAR = disc(40, 30, 10)
CHAIN = torch.zeros((SIDE, SIDE), dtype=torch.bool)
CHAIN[20:72, 104:116] = True


def preferred(
    seen: Knows,
    first: Tensor,
    theirs: Tensor,
    *looks: Tensor,
    network: Tensor | None = None,
    refused: bool = False,
) -> bool:
    masks = [look.float() for look in looks or (first, first)]
    return is_preferred(
        seen, first.float(), masks, theirs.float(), (theirs if network is None else network).float(), refused
    )


def test_the_whole_that_it_draws_is_preferred_to_a_part() -> None:
    assert preferred(Knows(WHOLE), TOY, WHOLE)


def test_a_part_that_it_draws_as_well_stays() -> None:
    assert not preferred(Knows(WHOLE, TOY), TOY, WHOLE)


def test_what_it_does_not_draw_is_not_taken() -> None:
    assert not preferred(Knows(TOY), TOY, WHOLE)
    assert not preferred(Knows(disc(60, 60, 30)), TOY, WHOLE)


def test_an_object_whose_outline_is_unsure_is_none() -> None:
    assert not preferred(Knows(WHOLE, unsure=POT & ~TOY), TOY, WHOLE)


@given(st.integers(-40, 20), st.integers(-30, 30), st.booleans())
@settings(max_examples=25, deadline=None)
def test_it_is_so_wherever_it_is(right: int, down: int, mirrored: bool) -> None:
    def moved(mask: Tensor) -> Tensor:
        mask = torch.roll(mask, (down, right), (0, 1))
        return mask.flip(1) if mirrored else mask

    assert preferred(Knows(moved(WHOLE)), moved(TOY), moved(WHOLE))


@pytest.mark.parametrize("refused", [True, False])
def test_a_chain_is_not_lost(refused: bool) -> None:
    """A pendant without its chain is an object, too."""
    assert not preferred(Knows(TOY), TOY | CHAIN, TOY, refused=refused)
    assert not preferred(Knows(TOY), TOY, TOY, TOY | CHAIN, TOY | CHAIN, refused=refused), "what its looks are sure of"


def test_sweets_that_lie_apart_may_be_lost() -> None:
    assert preferred(Knows(TOY), FAR, TOY, FAR, refused=True)


def test_another_product_that_lies_apart_is_not() -> None:
    other = disc(210, 60, 34)
    assert not preferred(Knows(TOY), TOY | other, TOY, refused=True)
    assert not preferred(Knows(TOY), TOY | other, TOY, TOY, TOY), "nor where no look is sure of it, but it is delivered"
    assert preferred(Knows(TOY), TOY | other, TOY, TOY, TOY, refused=True)


@pytest.mark.parametrize("refused", [True, False])
def test_an_opening_is_not_filled(refused: bool) -> None:
    """As a bicycle's wheels, of which the first network made out the spokes."""
    assert not preferred(Knows(TOY), RING, TOY, refused=refused)


@pytest.mark.parametrize("refused", [True, False])
def test_a_tear_is_filled_of_what_would_be_refused(refused: bool) -> None:
    """One look at least saw something there."""
    assert preferred(Knows(TOY), RING, TOY, RING, TOY, refused=refused) is refused


def test_a_cutout_that_the_picture_tore_says_nothing_of_what_its_network_sees() -> None:
    assert not preferred(Knows(TOY), disc(200, 200, 20), TOY, TOY & CONE, network=WHOLE | CONE | FAR | CHAIN)


def test_nothing_is_never_preferred() -> None:
    nothing = torch.zeros((SIDE, SIDE), dtype=torch.bool)
    assert how_drawn(Knows(TOY), nothing.float()) == 0.0
    assert not preferred(Knows(TOY), TOY, nothing)


def test_it_is_delivered_with_a_doubt() -> None:
    """A toy of which the first network sees the head, and a third one all; the second sees neither."""
    photo = scene([(TOY, (0.8, 0.3, 0.1))])
    head = TOY & disc(110, 85, 40)
    before = cut(photo, None, head, head, TOY)
    assert float(before.alpha[disc(110, 160, 20)].mean()) < 0.1, before.report
    after = cut(photo, Knows(TOY), head, head, TOY)
    assert PREFERRED in after.report["reasons"]
    assert DRAWN_ALONE <= after.confidence < TRUSTED
    assert float(after.alpha[disc(110, 128, 54)].mean()) > 0.99
    assert float(after.alpha[~disc(110, 128, 66)].mean()) < 0.01


def large(shaded: bool, product: Tensor = TOY) -> Tensor:
    """A `product` before an even backdrop or one in the shade; of few pixels nothing is trusted."""
    photo = torch.full((SIDE, SIDE, 3), 0.75)
    photo[product] = torch.tensor((0.8, 0.1, 0.1))
    photo = photo.repeat_interleave(3, 0).repeat_interleave(3, 1)
    light = torch.linspace(1.0, 0.82 if shaded else 1.0, 3 * SIDE)[:, None, None]
    return photo * light


def test_what_is_trusted_before_an_even_backdrop_is_not_asked_about() -> None:
    trusted = cut(large(shaded=False), Knows(WHOLE), TOY, TOY, WHOLE)
    assert trusted.report["backdrop"]["kind"] == "even"
    assert trusted.confidence >= TRUSTED and not trusted.report["reasons"], trusted.report


@pytest.mark.parametrize("drawn", [WHOLE, TOY & ~disc(150, 128, 24)], ids=["more", "less"])
def test_what_is_trusted_in_the_shade_is_doubted_where_another_object_is_drawn(drawn: Tensor) -> None:
    photo = large(shaded=True)
    alone, same, other = (cut(photo, seen, TOY, TOY, TOY) for seen in (None, Knows(TOY), Knows(drawn)))
    assert alone.report["backdrop"]["kind"] == "shaded"
    assert alone.confidence >= TRUSTED and same.confidence == alone.confidence, same.report
    assert other.confidence < TRUSTED and ANOTHER_OBJECT in other.report["reasons"]


def test_what_is_cut_off_is_doubted_for_what_else_is_wrong_with_it() -> None:
    """The picture's edge alone says nothing of the rest of the product."""
    toy = TOY.clone()
    toy[150:, 104:116] = True  # a stem, out of the picture
    photo = large(shaded=True, product=toy)

    def look(picture: Tensor) -> Tensor:
        return (picture[0, ..., 0] > 1.5 * picture[0, ..., 1]).float()[1::3, 1::3]

    whole, another = (
        from_looks(photo, look, None, "auto", look, look, prompt=lambda _, drawn=drawn: Knows(drawn))
        for drawn in (toy, toy & ~disc(110, 128, 24))
    )
    assert [reason.split(" by ")[0] for reason in whole.report["reasons"]] == ["the product is cut off"]
    assert another.report["reasons"] == [*whole.report["reasons"], ANOTHER_OBJECT]


def test_outlines_and_lines_make_no_other_object() -> None:
    assert not draws_another(Knows(TOY), TOY.float())
    strap = CHAIN & (CHAIN.cumsum(1) <= 4)
    assert not draws_another(Knows(TOY), (disc(110, 128, 62) | strap).float())
    assert draws_another(Knows(TOY), WHOLE.float()) and draws_another(Knows(WHOLE), TOY.float())
    assert not draws_another(Knows(TOY), torch.zeros((SIDE, SIDE)))
