"""A refined hand is kept only where it is better than the first."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
from prodgen_nodes.imaging.hands.crops import (
    HandCrops,
    cut_all,
)
from prodgen_nodes.imaging.hands.keypoints import Person
from torch import Tensor

from . import hand_models as model
from .hand_crop_pictures import HAND, HEIGHT, WIDTH, people_with, picture, planned, put_back, smooth
from .hand_models import Points
from .test_hands import hand_at


def refined_people(plan: HandCrops, *hands: Points) -> list[tuple[Person, ...]]:
    """The hands (in picture pixels) as found in each crop."""
    scale = plan.crops[0].transform
    inside = [np.array([scale.apply(x, y) for x, y in hand]) for hand in hands]
    return [people_with(*inside, width=plan.size, height=plan.size)]


BAD = model.lengthened(HAND, 1)


@pytest.mark.parametrize(
    ("was", "now", "kept", "said"),
    [
        (BAD, [HAND], True, "better"),
        (HAND, [BAD], False, "not better.*index finger"),
        (HAND, [HAND], False, "not better"),
        (HAND, [], False, "no hand was found"),
        (BAD, [hand_at(200, 100, 35)], False, "another size|no hand was found"),
        (BAD, [HAND + 400], False, "no hand was found"),
        (BAD, [BAD + 400, HAND], True, "better"),
    ],
)
def test_a_refined_hand_is_kept_only_if_better(was: Points, now: list[Points], kept: bool, said: str) -> None:
    image = smooth()
    plan = planned(image, was)
    crops, _ = cut_all(image, plan)
    refined = crops * 0.9
    done = put_back(image, refined, plan, "if_better", after=refined_people(plan, *now))
    (decision,) = done.decisions
    assert decision.kept is kept
    assert re.search(said, decision.why), decision.why
    assert torch.equal(done.image, image) is not kept
    assert bool(done.mask.any()) is kept


def test_scores_before_can_be_taken_from_the_crops() -> None:
    image = smooth()
    plan = planned(image, BAD)
    crops, _ = cut_all(image, plan)
    good = refined_people(plan, HAND)
    (decision,) = put_back(image, crops, plan, "if_better", after=good, before=good).decisions
    assert decision.before == decision.after and not decision.kept


def test_a_hand_where_none_was_is_kept_only_if_it_is_one() -> None:
    image = smooth()
    erased = torch.zeros(1, HEIGHT, WIDTH)
    erased[0, 130:170, 170:230] = 1.0
    plan = planned(image, erased=erased)
    crops, _ = cut_all(image, plan)
    (good,) = put_back(image, crops, plan, "if_better", after=refined_people(plan, HAND)).decisions
    (bad,) = put_back(image, crops, plan, "if_better", after=refined_people(plan, BAD)).decisions
    assert (good.kept, bad.kept) == (True, False)
    assert good.before is None and "none was found" in good.why


def spoil(kind: str, crops: Tensor) -> Tensor:
    return {
        "blank": torch.full_like(crops, 0.5),
        "black": torch.zeros_like(crops),
        "bright": (crops + 0.4).clamp(0, 1),
        "nan": torch.where(torch.arange(256) == 99, torch.tensor(math.nan), crops.movedim(-1, 1)).movedim(1, -1),
    }[kind]


@pytest.mark.parametrize(
    ("kind", "said"), [("blank", "blank"), ("black", "blank"), ("bright", "brighter"), ("nan", "numbers")]
)
def test_without_pose_points_only_the_insane_is_refused(kind: str, said: str) -> None:
    image = picture(9) * 0.5
    plan = planned(image, HAND)
    crops, _ = cut_all(image, plan)
    done = put_back(image, spoil(kind, crops), plan, "if_better")
    assert not done.decisions[0].kept and said in done.decisions[0].why
    assert torch.equal(done.image, image)
    (fine,) = put_back(image, crops.flip(2), plan, "if_better").decisions
    assert fine.kept and fine.after is None and "unscored" in fine.why


def test_always_still_refuses_invalid_numbers() -> None:
    image = picture(9)
    plan = planned(image, HAND)
    done = put_back(image, spoil("nan", cut_all(image, plan)[0]), plan, "always")
    assert torch.equal(done.image, image) and not done.decisions[0].kept
