"""Pose points read, people counted, hands given their side, and the verdict in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from prodgen_nodes.imaging.errors import KeypointError, ParameterError
from prodgen_nodes.imaging.hands.check import judge_picture
from prodgen_nodes.imaging.hands.keypoints import parse_frames
from prodgen_nodes.imaging.hands.people import count_people, judge_hands

from . import hand_models as model
from .hand_models import Points

WIDTH, HEIGHT = 800, 1000


def hand_at(x: float, y: float, length: float = 105.0, seed: int = 0, *, mirror: bool = False) -> Points:
    """An open hand with its wrist at (x, y), fingers down."""
    rng = np.random.default_rng(seed)
    pose = model.Pose(np.array((9.0, 1.0, -6.0, -14.0)), np.full((4, 3), 8.0), np.array((10.0, 10.0, 10.0)))
    flat = model.joints(rng, pose)[:, :2] * (-1.0 if mirror else 1.0, 1.0)
    return (flat - flat[0]) * (length / model.LENGTH) + (x, y)


# One standing person of about 970 px, arms hanging; OpenPose order, right hand at the picture's left.
BODY = np.array(
    (
        (400, 120), (400, 200), (280, 205), (260, 385), (255, 525), (520, 205), (540, 385), (545, 525), (330, 500),
        (325, 735), (325, 970), (470, 500), (475, 735), (475, 970), (380, 100), (420, 100), (350, 110), (450, 110),
    ),
    dtype=np.float64,
)  # fmt: skip


def person(body: Points | None = BODY, first: Points | None = None, second: Points | None = None) -> dict[str, Any]:
    """A frame's person; `first` under the label right, `second` under the label left."""
    return {
        "pose_keypoints_2d": None if body is None else model.pose_list(body),
        "foot_keypoints_2d": [],
        "face_keypoints_2d": None,
        "hand_right_keypoints_2d": None if first is None else model.pose_list(first),
        "hand_left_keypoints_2d": None if second is None else model.pose_list(second),
    }


def frame(*people: dict[str, Any], width: int = WIDTH, height: int = HEIGHT) -> dict[str, Any]:
    return {"canvas_width": width, "canvas_height": height, "people": list(people)}


def moved(points: Points, right: float) -> Points:
    return points + np.array((right, 0.0))


RIGHT, LEFT = hand_at(255, 528), hand_at(545, 528, mirror=True, seed=1)


def verdict(*people: dict[str, Any], **settings: Any) -> Any:
    return judge_picture(parse_frames([frame(*people)], WIDTH, HEIGHT, 1)[0], **settings)


def test_points_follow_the_canvas_to_the_picture() -> None:
    (people,) = parse_frames([frame(person(first=RIGHT))], 1600, 1500, 1)
    (hand,) = people[0].hands
    np.testing.assert_allclose(hand.points.numpy(), RIGHT * (2.0, 1.5))
    np.testing.assert_allclose(people[0].body[4, :2].numpy(), BODY[4] * (2.0, 1.5))


def test_fractions_of_the_canvas_are_understood() -> None:
    size = (WIDTH, HEIGHT)
    (people,) = parse_frames([frame(person(BODY / size, RIGHT / size))], WIDTH, HEIGHT, 1)
    np.testing.assert_allclose(people[0].hands[0].points.numpy(), RIGHT, atol=1e-6)


def test_missing_points_are_told_from_found_ones() -> None:
    points, told = RIGHT.copy(), np.ones(21)
    points[3], told[3] = (-1, -1), 0.0
    points[5] = (0, 0)
    points[7] = np.nan
    entry = person() | {"hand_right_keypoints_2d": model.pose_list(points, told)}
    (people,) = parse_frames([frame(entry)], WIDTH, HEIGHT, 1)
    assert (people[0].hands[0].scores == 0).nonzero().flatten().tolist() == [3, 5, 7]


def test_empty_frames_hold_nobody() -> None:
    assert parse_frames([frame(), frame(person(None))], WIDTH, HEIGHT, 2) == [(), ()]


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ([frame(), frame()], "2 frame.* for 1 picture"),
        ([], "0 frame"),
        ("points", "not a list"),
        (17, "not a list"),
        ([None], "frame 1"),
        ([{"people": []}], "how large"),
        ([frame(width=0)], "how large"),
        ([frame({"hand_left_keypoints_2d": [1.0, 2.0]})], "hand_left.* 2 values"),
        ([frame({"hand_left_keypoints_2d": ["a"] * 63})], "not a number"),
        ([frame([1, 2])], "person without points"),  # type: ignore[arg-type]  # the fault under test
    ],
)
def test_other_data_is_refused_by_name(frames: Any, said: str) -> None:
    with pytest.raises(KeypointError, match=said):
        parse_frames(frames, WIDTH, HEIGHT, 1)


def test_a_good_picture_passes() -> None:
    result = verdict(person(first=RIGHT, second=LEFT))
    assert result.passed and result.reasons == ()
    assert (result.people, len(result.hands), result.hand_at_grip) == (1, 2, None)
    assert all(hand.score > 0.8 for hand in result.hands)
    for hand, points in zip(sorted(result.hands, key=lambda one: one.box[0]), (RIGHT, LEFT), strict=True):
        np.testing.assert_allclose(hand.box, (*points.min(axis=0), *points.max(axis=0)))


def test_sides_come_from_the_wrists_not_from_the_labels() -> None:
    for first, second in ((RIGHT, LEFT), (LEFT, RIGHT)):
        hands = verdict(person(first=first, second=second)).hands
        sides = {hand.side: hand.center[0] for hand in hands}
        assert sides["right"] < 400 < sides["left"]
        assert {hand.side_from for hand in hands} == {"wrist"}


def test_the_side_of_the_only_other_arm_and_the_label_as_last_resort() -> None:
    body = model.pose_list(BODY)
    body[3 * 7 : 3 * 7 + 3] = [0.0, 0.0, 0.0]  # the left wrist is hidden
    entry = person(first=LEFT) | {"pose_keypoints_2d": body}
    (hand,) = verdict(entry).hands
    assert (hand.side, hand.side_from) == ("left", "other arm")
    (hand,) = verdict(person(None, first=LEFT), expected=0).hands
    assert (hand.side, hand.side_from) == ("right", "label")


def test_a_hand_far_from_every_arm_is_reported() -> None:
    result = verdict(person(first=RIGHT, second=hand_at(400, 300)))
    stray = next(hand for hand in result.hands if hand.side == "unknown")
    assert stray.score < 0.5 and "hangs at no arm" in " ".join(result.reasons)


@pytest.mark.parametrize(("length", "said"), [(290.0, "too large"), (38.0, "too small")])
def test_a_hand_must_fit_its_body(length: float, said: str) -> None:
    result = verdict(person(first=hand_at(255, 528, length)))
    assert not result.passed and said in result.reasons[0]


def test_one_hand_found_under_both_labels_counts_once() -> None:
    (hand,) = verdict(person(first=RIGHT, second=RIGHT + 1.5)).hands
    assert hand.side == "right"


def test_people_are_counted_once_each() -> None:
    people = parse_frames([frame(person(), person(BODY + 9.0), person(moved(BODY, 300)))], WIDTH, HEIGHT)[0]
    assert count_people(people) == 2
    weak = person() | {"pose_keypoints_2d": model.pose_list(BODY, np.full(18, 0.1))}
    assert count_people(parse_frames([frame(weak)], WIDTH, HEIGHT)[0]) == 0


@pytest.mark.parametrize(
    ("people", "expected", "said"),
    [
        ([person(), person(moved(BODY, 350))], 1, "two people in the picture"),
        ([], 1, "nobody in the picture, 1 expected"),
        ([person()], 2, "one person in the picture, 2 expected"),
        ([person()], 0, "one person in the picture, 0 expected"),
    ],
)
def test_the_number_of_people_must_be_right(people: list[dict[str, Any]], expected: int, said: str) -> None:
    assert verdict(*people, expected=expected).reasons == (said,)


def test_a_bad_hand_fails_with_its_reason() -> None:
    result = verdict(person(first=model.lengthened(RIGHT, 1), second=LEFT))
    assert not result.passed
    assert len(result.reasons) == 1 and "right hand" in result.reasons[0]
    assert "impossible length (index finger)" in result.reasons[0]
    assert verdict(person(first=model.lengthened(RIGHT, 1)), min_score=0.0).passed


def test_a_hand_is_expected_at_the_grip_only_when_something_was_erased() -> None:
    erased = torch.zeros(HEIGHT, WIDTH)
    assert verdict(person(first=RIGHT), erased=erased).hand_at_grip is None
    x, y = (int(value) for value in RIGHT[9])
    erased[y - 6 : y + 6, x - 20 : x + 20] = 1.0
    assert verdict(person(first=RIGHT), erased=erased).hand_at_grip is True
    away = verdict(person(second=LEFT), erased=erased)
    assert away.hand_at_grip is False and away.reasons == ("no hand at the handle",)


def test_a_tiny_hand_is_too_small_to_judge() -> None:
    small = BODY * 0.15 + 20
    result = verdict(person(small, first=hand_at(small[4, 0], small[4, 1], 15.0)))
    assert result.as_dict()["hands"][0]["too_small"] is True
    assert "too small to judge" in result.reasons[0]


def test_a_score_limit_outside_0_to_1_is_refused() -> None:
    with pytest.raises(ParameterError, match="min_score"):
        verdict(person(), min_score=1.5)


def test_hands_of_two_people_go_to_their_own_arms() -> None:
    people = parse_frames(
        [frame(person(first=moved(RIGHT, 300)), person(moved(BODY, 300), first=RIGHT))], 1100, HEIGHT
    )[0]
    hands = judge_hands(people)
    assert [hand.side for hand in hands] == ["right", "right"]
    assert all(hand.side_from == "wrist" for hand in hands)


def cut_off(shown: float, guess: str) -> Points:
    """A good hand that reaches over the lower edge, the fingers beyond it put where a detector guesses them."""
    points = hand_at(400, HEIGHT - shown * 105.0)
    beyond = points[:, 1] > HEIGHT - 2
    if guess == "at the edge":
        points[beyond, 1] = HEIGHT - 1
    elif guess == "pressed together":
        points[beyond] = np.column_stack((400 + 0.2 * (points[beyond, 0] - 400), np.full(beyond.sum(), HEIGHT + 4.0)))
    elif guess == "far away":
        points[beyond, 1] += 3 * (points[beyond, 1] - HEIGHT)
    return points


def judged(points: Points, width: int = WIDTH, height: int = HEIGHT) -> float:
    (found,) = parse_frames([frame(person(None, points), width=width, height=height)], width, height)
    return judge_hands(found)[0].score


@pytest.mark.parametrize("shown", [0.35, 0.5, 0.6, 0.7, 0.85])
@pytest.mark.parametrize("guess", ["where they are", "at the edge", "pressed together", "far away"])
def test_what_the_frame_cuts_off_is_held_against_no_hand(shown: float, guess: str) -> None:
    assert judged(cut_off(shown, guess)) > 0.5


@pytest.mark.parametrize("shown", [0.85, 0.95])
def test_a_broken_finger_inside_the_frame_is_held_against_a_hand_that_is_cut(shown: float) -> None:
    points = cut_off(shown, "where they are")
    thumb = points[1] + np.outer((0.0, 1.0, 2.0, 3.0), (60.0, -12.0))
    points[1:5] = thumb
    assert judged(points) < 0.5


def test_the_same_guesses_in_a_larger_picture_are_no_hand() -> None:
    points = cut_off(0.6, "far away")
    assert judged(points) > 0.5 > judged(points, WIDTH, 2 * HEIGHT)


def test_hands_of_real_videos_cut_by_the_frame() -> None:
    """Two hands of the published examples of video templates, as a detector finds them in pictures of 350 pixels."""
    for points in (CUT, CUT_AND_BENT):
        assert judged(np.array(points, dtype=np.float64), 350, 350) > 0.7
        assert judged(np.array(points, dtype=np.float64), 350, 700) < 0.5


CUT = (
    (218.2, 317.6),
    (225.8, 321.7),
    (229.5, 329.9),
    (229.1, 336.4),
    (227.6, 341.2),
    (232.4, 334.5),
    (232.6, 344.6),
    (231.9, 350.2),
    (231.1, 353.8),
    (228.0, 336.2),
    (228.9, 346.7),
    (228.4, 352.1),
    (228.0, 355.8),
    (222.9, 337.2),
    (224.0, 347.3),
    (223.9, 352.0),
    (223.7, 355.3),
    (217.4, 337.3),
    (218.7, 345.4),
    (218.9, 348.2),
    (219.1, 349.9),
)
CUT_AND_BENT = (
    (218.9, 318.7),
    (226.1, 322.6),
    (229.7, 330.9),
    (229.1, 337.7),
    (227.2, 342.7),
    (232.3, 334.5),
    (231.5, 345.3),
    (230.4, 349.0),
    (230.1, 350.3),
    (228.1, 336.2),
    (228.0, 347.0),
    (226.5, 348.1),
    (226.3, 347.2),
    (223.1, 337.2),
    (223.4, 347.5),
    (221.9, 346.3),
    (221.6, 343.9),
    (218.0, 337.4),
    (218.6, 345.9),
    (217.6, 344.4),
    (217.2, 341.5),
)
