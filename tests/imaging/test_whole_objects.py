"""A network that knows objects takes off what is a thing of its own and adds what belongs; in doubt it does nothing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prodgen_nodes.imaging.segmentation import Cutout, from_looks
from prodgen_nodes.imaging.segmentation.whole_objects import CORRECTED, Correction, correction, spread
from torch import Tensor

SIDE = 256


def disc(x: float, y: float, radius: float, side: int = SIDE) -> Tensor:
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    return (columns - x) ** 2 + (rows - y) ** 2 <= radius**2


class Knows:
    """A photo whose objects are known, small and large: what is asked for gets those that hold the points best."""

    def __init__(self, *objects: Tensor, at_the_points: Tensor | None = None, unsure: Tensor | None = None) -> None:
        self._objects, self._other, self._unsure = objects, at_the_points, unsure

    @property
    def grid(self) -> tuple[int, int]:
        return self._objects[0].shape[0], self._objects[0].shape[1]

    def objects(self, points: Tensor, box: tuple[float, float, float, float] | None = None) -> tuple[Tensor, Tensor]:
        answers = sorted(self._objects, key=lambda one: float(one.sum()))
        if len(points):
            if box is not None and self._other is not None:
                answers = [self._other]
            rows, columns = points[:, 1].long(), points[:, 0].long()
            answers = [one for one in answers if bool(one[rows, columns].all())] or answers
        answers = (answers * 3)[:3] if len(answers) < 3 else answers[:3]
        fits = [self._fit(one, box) if box is not None else 0.95 for one in answers]
        drawn = torch.stack([torch.where(one, 8.0, -8.0) for one in answers])
        if self._unsure is not None:
            drawn = torch.where(self._unsure, 0.1 * drawn, drawn)
        return drawn, torch.tensor(fits)

    @staticmethod
    def _fit(one: Tensor, box: tuple[float, float, float, float]) -> float:
        """How well an object fills a box."""
        rows, columns = torch.where(one.any(dim=1))[0], torch.where(one.any(dim=0))[0]
        own = (float(columns[0]), float(rows[0]), float(columns[-1]) + 1, float(rows[-1]) + 1)
        left, top, right, bottom = (max(a, b) if at < 2 else min(a, b) for at, (a, b) in enumerate(zip(own, box)))  # noqa: B905
        shared = max(0.0, right - left) * max(0.0, bottom - top)
        areas = [(a[2] - a[0]) * (a[3] - a[1]) for a in (own, box)]
        return shared / (sum(areas) - shared)


TOY, CONE = disc(110, 128, 60), disc(180, 146, 14)
POT = torch.zeros((SIDE, SIDE), dtype=torch.bool)
POT[150:225, 80:140] = True


def corrected(seen: Knows, alpha: Tensor, *masks: Tensor) -> Correction | None:
    first, *others = (mask.float() for mask in (masks or (alpha, alpha, alpha)))
    return correction(seen, alpha.float(), first, others)


def share(of: Tensor, what: Tensor) -> float:
    return float((of & what).sum() / of.sum())


def test_what_is_a_thing_of_its_own_is_taken_off() -> None:
    wrong = corrected(Knows(TOY, CONE), TOY | CONE)
    assert wrong is not None
    assert share(CONE & ~TOY, wrong.take) > 0.7
    assert share(TOY, wrong.take) == 0.0
    assert not bool(wrong.add.any())


@given(st.integers(-40, 30), st.integers(-30, 30), st.booleans())
@settings(max_examples=25, deadline=None)
def test_it_is_so_wherever_it_is(right: int, down: int, mirrored: bool) -> None:
    def moved(mask: Tensor) -> Tensor:
        mask = torch.roll(mask, (down, right), (0, 1))
        return mask.flip(1) if mirrored else mask

    wrong = corrected(Knows(moved(TOY), moved(CONE)), moved(TOY | CONE))
    assert wrong is not None
    assert share(moved(CONE & ~TOY), wrong.take) > 0.7
    assert share(moved(TOY), wrong.take) == 0.0


def test_what_is_seen_with_the_product_stays() -> None:
    """A violin's pegs: things of their own, and parts of the violin."""
    violin = disc(110, 128, 60)
    assert corrected(Knows(violin, CONE, violin | CONE, at_the_points=violin), violin | CONE) is None


def test_what_is_no_thing_stays() -> None:
    """A leg that the network loses, and does not find when it is asked there, either."""
    leg = torch.zeros((SIDE, SIDE), dtype=torch.bool)
    leg[120:136, 165:220] = True
    assert corrected(Knows(TOY, disc(192, 40, 24)), TOY | leg) is None


def test_half_of_the_product_is_no_thing_beside_it() -> None:
    """A shoe and its other shoe."""
    pair = disc(70, 128, 50) | disc(186, 128, 50)
    assert corrected(Knows(disc(70, 128, 50), disc(186, 128, 50)), pair) is None


def test_what_belongs_to_it_comes() -> None:
    whole = TOY | POT
    wrong = corrected(Knows(TOY, POT, whole), TOY, TOY, whole, whole)
    assert wrong is None, "the product's box holds the plant alone: it is what was asked for"
    seen = Knows(whole, POT & ~TOY)
    wrong = corrected(seen, TOY, TOY, whole, whole)
    assert wrong is not None
    assert share(POT & ~TOY, wrong.add) > 0.8
    assert not bool(wrong.take.any())


@pytest.mark.parametrize("blind", [0, 1])
def test_but_not_where_one_of_the_others_does_not_see_it(blind: int) -> None:
    whole = TOY | POT
    others = [whole, whole]
    others[blind] = TOY
    assert corrected(Knows(whole, POT & ~TOY), TOY, TOY, *others) is None


def test_an_opening_is_not_filled() -> None:
    """All of them fill a belt's ring, but for the network that made the cut-out."""
    hole = disc(110, 128, 25)
    ring = TOY & ~hole
    assert corrected(Knows(TOY), ring, ring, TOY, TOY) is None
    torn = corrected(Knows(TOY), ring, TOY, TOY, TOY)
    assert torn is not None, "where that one sees it too, it was torn"
    assert share(hole, torn.add) > 0.8


def test_two_answers_are_no_object() -> None:
    assert corrected(Knows(TOY, CONE, at_the_points=disc(90, 128, 40)), TOY | CONE) is None


def test_what_is_hardly_there_is_not_completed() -> None:
    """More is missing than a correction can add."""
    whole, there = disc(128, 128, 80), disc(128, 128, 40)
    assert corrected(Knows(whole), there, there, whole, whole) is None


def test_an_object_whose_outline_is_unsure_corrects_nothing() -> None:
    """A jar whose dark foot it sees nearly."""
    foot = TOY.clone()
    foot[:165] = False
    assert corrected(Knows(TOY, CONE, unsure=foot), TOY | CONE) is None
    assert corrected(Knows(TOY, CONE, unsure=foot & disc(110, 184, 8)), TOY | CONE) is not None


BITE = disc(165, 128, 22) & TOY
"""Out of the toy's side: three quarters of a disc."""


def test_a_bite_out_of_an_object_beyond_doubt_comes_though_the_others_are_blind() -> None:
    """A clear bottle before white, of which no network for salient things sees all."""
    bitten = TOY & ~BITE
    wrong = corrected(Knows(TOY), bitten, bitten, bitten, bitten)
    assert wrong is not None
    assert share(BITE, wrong.add) > 0.95
    assert not bool(wrong.add[~TOY].any())


def test_what_else_is_missing_beside_a_bite_comes_with_it() -> None:
    """The print of a pale label, between which it shows."""
    scrap = disc(134, 128, 7)
    bitten = TOY & ~BITE & ~scrap
    wrong = corrected(Knows(TOY), bitten, bitten, bitten, bitten)
    assert wrong is not None and share(scrap, wrong.add) > 0.9
    far = disc(75, 128, 7)
    wrong = corrected(Knows(TOY), *[bitten & ~far] * 4)
    assert wrong is not None and share(far, wrong.add) == 0.0, "an opening elsewhere stays one"


def test_a_bite_stays_where_the_object_is_in_doubt() -> None:
    """As sure as it has to be where the others see it, too."""
    bitten, edge = TOY & ~BITE, TOY & ~disc(110, 128, 58)
    seen = Knows(TOY, unsure=edge)
    assert corrected(seen, bitten, bitten, TOY, TOY) is not None
    assert corrected(seen, bitten, bitten, bitten, bitten) is None


def test_a_shadow_beside_the_product_is_no_bite() -> None:
    shadow = disc(165, 150, 30) & ~TOY
    assert corrected(Knows(TOY | shadow), TOY, TOY, TOY, TOY) is None


def test_an_opening_is_no_bite() -> None:
    ring = TOY & ~disc(110, 128, 30)
    assert corrected(Knows(TOY), ring, ring, ring, ring) is None


def test_slits_come_with_what_was_lost() -> None:
    """A pot, and the slits between the leaves before it that only the first network sees."""
    leaves = TOY.clone()
    for column in range(90, 130, 12):
        leaves[150:180, column : column + 4] = False
    whole = TOY | POT
    wrong = corrected(Knows(whole, POT & ~TOY), leaves, leaves, whole, whole)
    assert wrong is not None
    assert share(TOY & ~leaves, wrong.add) > 0.6
    alone = corrected(Knows(TOY), leaves, leaves, TOY, TOY)
    assert alone is None, "where nothing else is lost they may be openings"


def test_nothing_is_asked_over_nothing() -> None:
    assert corrected(Knows(TOY), torch.zeros((SIDE, SIDE))) is None


def test_points_lie_inside_and_apart() -> None:
    points = spread(TOY | CONE, 5)
    assert points.shape == (5, 2)
    assert bool((TOY | CONE)[points[:, 1].long(), points[:, 0].long()].all())
    assert float(torch.cdist(points, points).fill_diagonal_(99).min()) > 15
    assert spread(torch.zeros((9, 9), dtype=torch.bool), 3).shape[0] <= 1


# -- in a cut-out ------------------------------------------------------------------------------------------------------


def scene(objects: Sequence[tuple[Tensor, tuple[float, float, float]]]) -> Tensor:
    """A photo `[h,w,3]` of things before a patchwork that no backdrop explains."""
    torch.manual_seed(3)
    patches = torch.rand((1, 3, 32, 32)) * 0.5 + 0.2
    photo = torch.nn.functional.interpolate(patches, (SIDE, SIDE), mode="nearest")[0].movedim(0, -1).contiguous()
    for mask, colour in objects:
        photo[mask] = torch.tensor(colour)
    return photo


def cut(photo: Tensor, seen: Knows | None, *masks: Tensor) -> Cutout:
    looks = [
        lambda picture, mask=mask: mask.float() if torch.equal(picture[0], photo) else mask.float().flip(1)
        for mask in masks
    ]
    return from_looks(photo, looks[0], None, "auto", *looks[1:], prompt=lambda _: seen)


def test_a_doubted_cutout_is_corrected_and_stays_doubted() -> None:
    photo = scene([(CONE, (0.2, 0.5, 0.1)), (TOY, (0.8, 0.3, 0.1))])
    both = TOY | CONE
    doubted = cut(photo, None, both, both, TOY)
    better = cut(photo, Knows(TOY, CONE), both, both, TOY)
    assert CORRECTED in better.report["reasons"]
    assert CORRECTED not in doubted.report["reasons"]
    core = disc(183, 147, 8)
    assert float(doubted.alpha[core].mean()) > 0.9
    assert float(better.alpha[core].mean()) < 0.1
    assert float(better.alpha[disc(110, 128, 54)].mean()) > 0.99
    assert 0.5 <= better.confidence < 0.75


def test_it_stays_as_it_is_where_more_would_be_lost() -> None:
    """What was taken off held a third thing to the product: without it that would go, too."""
    beyond = disc(208, 155, 14)
    photo = scene([(CONE, (0.2, 0.5, 0.1)), (TOY, (0.8, 0.3, 0.1)), (beyond, (0.8, 0.3, 0.1))])
    all_three = TOY | CONE | beyond
    before = cut(photo, None, all_three, all_three, TOY)
    after = cut(photo, Knows(TOY | beyond, CONE), all_three, all_three, TOY)
    assert torch.equal(before.alpha, after.alpha) or float(after.alpha[beyond].mean()) > 0.9


def test_what_would_be_refused_is_delivered_where_the_whole_is_beyond_doubt() -> None:
    photo = scene([(TOY, (0.8, 0.3, 0.1))])
    bitten = 0.8 * (TOY & ~BITE).float()
    half_seen = bitten.clone()
    half_seen[200:250, 10:60] = 0.45
    less = torch.where(disc(110, 90, 30), 0.0, bitten)
    before = cut(photo, None, half_seen, less, less)
    assert before.confidence < 0.5, before.report
    after = cut(photo, Knows(TOY), half_seen, less, less)
    assert CORRECTED in after.report["reasons"] and 0.5 <= after.confidence < 0.75
    assert float(after.alpha[disc(110, 128, 54)].mean()) > 0.99


def test_what_would_be_refused_stays_so_where_it_draws_only_a_part_of_it() -> None:
    """A teapot without its knob: that a bite out of it is filled says nothing of what else is lost."""
    knob = disc(110, 52, 22)
    photo = scene([(TOY | knob, (0.8, 0.3, 0.1))])
    bitten = 0.8 * (TOY & ~BITE).float()
    half_seen = torch.where(knob, 0.8, bitten)
    half_seen[180:254, 4:80] = torch.where(TOY[180:254, 4:80], half_seen[180:254, 4:80], 0.45)
    less = torch.where(disc(110, 90, 30), 0.0, bitten)
    after = cut(photo, Knows(TOY), half_seen, less, less)
    assert after.confidence < 0.5 and CORRECTED not in after.report["reasons"], after.report
