"""Hands redrawn as they should be: five fingers of their own, near the found ones where these were right."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prodgen_nodes.imaging.errors import ShapeError
from prodgen_nodes.imaging.hands import (
    CropSettings,
    as_frames,
    gripping_hand,
    in_crops,
    parse_frames,
    plan_crops,
    plausible_hand,
    redraw,
    score_hand,
)

from . import hand_models as model
from .hand_models import Points
from .test_hands import BODY, HEIGHT, RIGHT, WIDTH, frame, person

ALL = torch.ones(21)


def random_hand(seed: int, pose: Callable[[np.random.Generator], model.Pose] = model.relaxed) -> Points:
    rng = np.random.default_rng(seed)
    return model.seen(rng, model.joints(rng, pose(rng)), model.tilted(rng, 50), pixels=200)


def assert_five_fingers(points: torch.Tensor) -> None:
    result = score_hand(points, ALL)
    assert result.score > 0.7, result.reasons
    assert "two fingertips grown together" not in result.reasons


SPOILED = {
    "too long": lambda points: model.lengthened(points, 1),
    "fused tips": lambda points: model.fused(points, 2),
    "a finger on another": lambda points: model.swallowed(points, 2),
    "crossed knuckles": lambda points: model.crossed_knuckles(points, 1, 3),
    "crossed fingers": lambda points: model.crossed_fingers(points, 1, 3),
    "folded back": lambda points: model.folded_back(points, 2),
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
@pytest.mark.parametrize("pose", [model.relaxed, model.gripping])
def test_a_broken_hand_becomes_one_with_five_fingers(
    spoil: Callable[[Points], Points], pose: Callable[[np.random.Generator], model.Pose]
) -> None:
    for seed in range(4):
        broken = torch.from_numpy(spoil(random_hand(seed, pose)))
        mended = plausible_hand(broken, ALL)
        assert_five_fingers(mended.points)
        # It stays where the hand was, with its size.
        assert float((mended.points - broken).norm(dim=1).median()) < 0.25 * 200


@pytest.mark.parametrize("seed", range(6))
def test_a_right_hand_is_hardly_moved(seed: int) -> None:
    hand = torch.from_numpy(random_hand(seed))
    mended = plausible_hand(hand, ALL)
    assert mended.moved < 0.1 and mended.followed >= 3
    assert_five_fingers(mended.points)


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 300), st.sampled_from(["noise", "line", "spot", "hand"]))
@settings(max_examples=25, deadline=None)
def test_whatever_was_found_a_hand_comes_out(seed: int, spread: float, kind: str) -> None:
    rng = np.random.default_rng(seed)
    points: dict[str, Points] = {
        "noise": rng.normal(500, spread, (21, 2)),
        "line": np.outer(np.arange(21.0), rng.normal(size=2)) * spread,
        "spot": np.full((21, 2), spread),
        "hand": random_hand(seed) + rng.normal(0, spread / 4, (21, 2)),
    }
    told = torch.from_numpy(rng.uniform(0, 1, 21))
    mended = plausible_hand(torch.from_numpy(points[kind]), told)
    assert bool(torch.isfinite(mended.points).all())
    if mended.size > 1:
        assert_five_fingers(mended.points)


def test_a_missing_finger_does_what_the_others_do() -> None:
    hand = torch.from_numpy(random_hand(1))
    told = ALL.clone()
    told[13:17] = 0.0
    hand[13:17] = float("nan")
    mended = plausible_hand(hand, told)
    assert_five_fingers(mended.points)
    assert mended.followed == 4


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ShapeError, match="21 points"):
        plausible_hand(torch.zeros(20, 2), torch.ones(20))


@pytest.mark.parametrize("arm", [(0.0, 1.0), (1.0, 0.2), (-0.5, -0.8)])
def test_a_gripping_hand_closes_around_its_place(arm: tuple[float, float]) -> None:
    points = gripping_hand((300.0, 200.0), 150.0, arm)
    assert_five_fingers(points)
    fingers = points[[6, 7, 10, 11, 14, 15, 18, 19]].mean(dim=0)
    torch.testing.assert_close(fingers, torch.tensor((300.0, 200.0), dtype=torch.float64))
    towards = fingers - points[0]
    assert float(towards @ torch.tensor(arm, dtype=torch.float64)) > 0  # the wrist is where the arm comes from


def test_frames_are_in_the_pixels_of_their_crops() -> None:
    image = torch.full((1, HEIGHT, WIDTH, 3), 0.5)
    people = parse_frames([frame(person(first=RIGHT))], WIDTH, HEIGHT, 1)
    plan = plan_crops(image, people, None, CropSettings(256))
    (made,) = as_frames(redraw(plan, people), plan.size)
    assert (made["canvas_width"], made["canvas_height"]) == (256, 256)
    ((redrawn,),) = parse_frames([made], 256, 256, 1)
    (hand,) = redrawn.hands
    ((seen,),) = in_crops(people, plan)
    assert float((hand.points - seen.hands[0].points).norm(dim=1).mean()) < 0.1 * plan.crops[0].length * 256 / 150
    # The arm goes with it, to the hand's own wrist.
    torch.testing.assert_close(redrawn.body[4, :2], hand.points[0])
    torch.testing.assert_close(redrawn.body[3, :2], seen.body[3, :2])
    assert int((redrawn.body[:, 2] > 0).sum()) == 2


def test_where_no_hand_was_found_one_grips_the_handle_on_the_nearest_arm() -> None:
    image = torch.full((1, HEIGHT, WIDTH, 3), 0.5)
    people = parse_frames([frame(person(BODY))], WIDTH, HEIGHT, 1)
    erased = torch.zeros(1, HEIGHT, WIDTH)
    erased[0, 560:572, 235:275] = 1
    plan = plan_crops(image, people, erased, CropSettings(256))
    (one,) = redraw(plan, people)
    assert one.moved is None
    assert_five_fingers(one.points)
    low, high = one.points.amin(dim=0), one.points.amax(dim=0)
    assert float(low.min()) > 0 and float(high.max()) < 256
    assert one.arm is not None
    (elbow_x, elbow_y), (wrist_x, wrist_y) = one.arm
    assert elbow_y < wrist_y < 128  # the arm hangs from above
    assert abs(elbow_x - wrist_x) < 256


def test_without_crops_there_is_one_empty_frame() -> None:
    plan = plan_crops(torch.zeros(1, 64, 64, 3), [()], None, CropSettings(128))
    (empty,) = as_frames(redraw(plan, [()]), plan.size)
    assert empty == {"canvas_width": 128, "canvas_height": 128, "people": []}
