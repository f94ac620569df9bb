"""What one network hesitates over inside a product, another one that sees the whole thing settles; nothing else."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prodgen_nodes.imaging.segmentation import TRUSTED, from_looks, from_model
from prodgen_nodes.imaging.segmentation.confidence import INSIDE_OUT
from prodgen_nodes.imaging.segmentation.second_network import SETTLED, hesitates, settled
from prodgen_nodes.imaging.segmentation.witness import AGREED, ANOTHER, BOTH_SEE, is_same
from torch import Tensor

from .segmentation_products import Scene, before_busy, scene

SIDE = 480
"""Pixels in which a bag is large enough to be believed."""
SOLID = (slice(300, 360), slice(180, 300))
"""A place well inside of the bag's body."""


def bag() -> Scene:
    return scene("bag", 1, size=SIDE)


def hesitant(made: Scene, value: float) -> Tensor:
    """What a network sees of the bag that knows no better than `value` over a part of its body."""
    mask = made.alpha.clone()
    mask[SOLID] = value
    return mask


def filled_all_over(made: Scene) -> Tensor:
    """What a coarse one sees: the bag with the opening of its handle filled."""
    rows, columns = torch.where(made.alpha > 0.5)
    mask = made.alpha.clone()
    mask[int(rows.min()) : int(rows.max()), int(columns.min()) + 30 : int(columns.max()) - 30] = 1.0
    return mask


def sided(made: Scene, mask: Tensor):  # type: ignore[no-untyped-def]  # a look
    """A look at the photo or at its mirror image."""

    def look(picture: Tensor) -> Tensor:
        if picture.shape[1:3] == made.photo.shape[:2] and torch.equal(picture[0], made.photo):
            return mask
        return mask.flip(1)

    return look


def test_a_part_in_doubt_is_kept_where_another_network_is_sure_of_it() -> None:
    made = bag()
    asked: list[int] = []
    coarse = sided(made, made.alpha)

    def other(picture: Tensor) -> Tensor:
        asked.append(1)
        return coarse(picture)

    alone = from_looks(made.photo, sided(made, hesitant(made, 0.55)))
    cut = from_looks(made.photo, sided(made, hesitant(made, 0.55)), None, "auto", other)
    assert alone.confidence < 0.5 and any("hesitates" in why for why in alone.report["reasons"]), alone.report
    assert cut.confidence >= TRUSTED and SETTLED in cut.report["notes"], cut.report
    assert len(asked) == 2, "once at the photo, once at its mirror image, for all looks"
    assert float(cut.alpha[SOLID].min()) > 0.99


def test_the_other_network_is_not_asked_where_the_first_has_no_doubt() -> None:
    made = bag()

    def other(_: Tensor) -> Tensor:
        raise AssertionError("asked for nothing")

    cut = from_looks(made.photo, sided(made, made.alpha), None, "auto", other)
    assert cut.confidence >= TRUSTED and SETTLED not in cut.report["notes"]


@given(value=st.floats(0.0, 1.0), busy=st.booleans())
@settings(max_examples=20)
def test_an_opening_that_shows_what_is_around_is_never_filled(value: float, busy: bool) -> None:
    """Whatever the first network makes of it, and however sure the other one is."""
    made = bag()
    mask, other = made.alpha.clone(), filled_all_over(made)
    opening = (other > 0.5) & (made.alpha < 0.01)
    assert float(opening.float().sum()) > 0.01 * float(made.alpha.sum())
    mask[opening] = value
    kept = settled(made.photo.unsqueeze(0), mask, other, busy)
    assert torch.equal(kept, mask)


@given(value=st.floats(0.0, 1.0), busy=st.booleans())
@settings(max_examples=20)
def test_nothing_is_taken_away_and_nothing_without_a_leaning_is_added(value: float, busy: bool) -> None:
    made = bag()
    mask = hesitant(made, value)
    kept = settled(made.photo.unsqueeze(0), mask, filled_all_over(made), busy)
    assert bool((kept >= mask).all())
    changed = kept != mask
    assert bool((mask[changed] > (0.65 if busy else 0.45)).all())
    assert torch.equal(settled(made.photo.unsqueeze(0), mask, torch.zeros_like(mask), busy), mask)


def test_an_outline_is_no_hesitation_and_an_area_is() -> None:
    made = bag()
    soft = torch.nn.functional.avg_pool2d(made.alpha[None, None], 5, 1, 2)[0, 0]
    assert not hesitates(soft)
    assert hesitates(hesitant(made, 0.5)) and not hesitates(hesitant(made, 0.95))


@pytest.mark.parametrize("away", [True, False])
def test_what_is_half_seen_elsewhere_is_another_thing(away: bool) -> None:
    """Beside the product it may be a part of it: a stand, a tail."""
    made = bag()
    photo = torch.cat((made.photo, made.photo[:, :24].mean(dim=1, keepdim=True).expand(-1, 240, -1)), dim=1)
    mask = torch.cat((made.alpha, torch.zeros(SIDE, 240)), dim=1)
    rows, columns = torch.where(made.alpha > 0.5)
    bottom, right = int(rows.max()), int(columns.max())
    left = SIDE + 120 if away else right + 1
    photo, mask = photo.clone(), mask.clone()
    photo[bottom - 70 : bottom, left : left + 60] = torch.tensor([0.2, 0.4, 0.3])
    mask[bottom - 70 : bottom, left : left + 60] = 0.4
    cut = from_model(photo.contiguous(), mask)
    assert cut.confidence < TRUSTED and (cut.confidence >= 0.5 or not away), cut.report
    said = " ".join(cut.report["reasons"])
    assert ("another thing in the picture" in said) is away


def beside(made: Scene, share: float) -> tuple[Tensor, Tensor]:
    """The photo with room at its right, and what a network sees that knows no better than `share` of a part of it."""
    photo = torch.cat((made.photo, made.photo[:, :24].mean(dim=1, keepdim=True).expand(-1, 240, -1)), dim=1)
    mask = torch.cat((made.alpha, torch.zeros(SIDE, 240)), dim=1)
    right = int(torch.where(made.alpha > 0.5)[1].max())
    photo, mask = photo.clone(), mask.clone()
    photo[300:400, right + 1 : right + 90] = torch.tensor([0.2, 0.4, 0.3])
    mask[300:400, right + 1 : right + 90] = share
    return photo, mask


def seen_as(mask: Tensor, photo: Tensor):  # type: ignore[no-untyped-def]  # a look
    """A look at the photo or at its mirror image."""

    def look(picture: Tensor) -> Tensor:
        return mask if torch.equal(picture[0], photo) else mask.flip(1)

    return look


def unsure(alpha: Tensor) -> Tensor:
    """What a network sees of the same product that is sure of no part of it: it adds nothing to it."""
    return 0.8 * (alpha > 0.5).float()


def test_what_two_networks_see_alike_is_not_refused() -> None:
    photo, mask = beside(bag(), 0.45)
    look = seen_as(mask, photo)
    alone = from_looks(photo, look)
    assert alone.confidence < 0.5, alone.report
    again = from_looks(photo, look, None, "auto", seen_as(unsure(alone.alpha), photo))
    assert again.confidence == AGREED < TRUSTED and BOTH_SEE in again.report["notes"], again.report
    assert again.report["confidence"] == AGREED and again.report["reasons"] == alone.report["reasons"]
    assert torch.equal(again.alpha, alone.alpha)


@pytest.mark.parametrize("lost", [(slice(300, 360), slice(180, 300)), (slice(0, 0), slice(0, 0))])
def test_what_the_other_network_sees_otherwise_stays_refused(lost: tuple[slice, slice]) -> None:
    """It lost a part of the product, or sees nothing at all."""
    photo, mask = beside(bag(), 0.45)
    look = seen_as(mask, photo)
    other = unsure(from_looks(photo, look).alpha)
    other[lost] = 0.0
    if lost[0].stop == 0:
        other.zero_()
    cut = from_looks(photo, look, None, "auto", seen_as(other, photo))
    assert cut.confidence < 0.5 and BOTH_SEE not in cut.report["notes"]


def test_what_lies_all_around_stays_refused_whoever_sees_it() -> None:
    made = bag()
    around = 1.0 - made.alpha
    cut = from_looks(made.photo, seen_as(around, made.photo), None, "auto", seen_as(around, made.photo))
    assert cut.confidence < 0.5 and INSIDE_OUT in cut.report["reasons"], cut.report


def test_edges_are_no_difference_and_a_part_is_one() -> None:
    made = bag()
    small = torch.nn.functional.interpolate(made.alpha[None, None], size=(320, 320), mode="area")[0, 0]
    assert is_same(made.alpha, small) and is_same(made.alpha, torch.nn.functional.avg_pool2d(small[None], 5, 1, 2)[0])
    assert not is_same(made.alpha, filled_all_over(made)) and not is_same(torch.zeros_like(small), small)


@pytest.mark.parametrize("kind", ["same", "less", "more"])
def test_what_is_trusted_before_a_busy_backdrop_is_seen_by_both(kind: str) -> None:
    made = scene("jar", 1, size=640)
    photo, other = before_busy(made), made.alpha.clone()
    rows, columns = torch.where(made.alpha > 0.5)
    middle, left, right = int(rows.median()), int(columns.min()), int(columns.max())
    if kind == "less":
        other[middle : middle + 30, left + 40 : left + 70] = 0.0
    if kind == "more":
        other[middle : middle + 100, right : right + 60] = 1.0
    look = seen_as(made.alpha, photo)
    assert from_looks(photo, look).confidence >= TRUSTED
    cut = from_looks(photo, look, None, "auto", seen_as(other, photo))
    assert (cut.confidence >= TRUSTED) == (kind == "same"), cut.report
    assert (ANOTHER in cut.report["reasons"]) == (kind != "same") and cut.confidence >= 0.5


def test_before_a_plain_backdrop_the_picture_tells_more_than_another_network() -> None:
    made = bag()
    other = made.alpha.clone()
    other[300:345, 200:245] = 0.0
    cut = from_looks(made.photo, sided(made, made.alpha), None, "auto", sided(made, other))
    assert cut.confidence >= TRUSTED and ANOTHER not in cut.report["reasons"]
