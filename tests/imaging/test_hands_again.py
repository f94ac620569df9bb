"""Hands asked again: what points of another look at the same picture may change in a verdict, and what not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from prodgen_nodes.imaging.hands import Verdict, judge_picture, mirrored, parse_frames, score_hand

from . import hand_models as model
from .hand_models import Points
from .test_hand_fingers import HAND, picture  # noqa: F401 - the fixture
from .test_hands import HEIGHT, LEFT, RIGHT, WIDTH, frame, moved, person

BAD = model.lengthened(RIGHT, 1)
WORSE = model.crossed_fingers(model.lengthened(RIGHT, 2), 1, 3)


def verdict(first: Points, *again: Points | None, second: Points | None = LEFT, min_score: float = 0.5) -> Verdict:
    """One person whose right hand is found as `first`, and as `again` in the other looks."""
    looks = [person(first=hand, second=second) for hand in (first, *again)]
    frames = parse_frames([frame(one) for one in looks], WIDTH, HEIGHT, len(looks))
    return judge_picture(frames[0], min_score=min_score, again=tuple(frames[1:]))


def test_a_hand_that_another_look_finds_good_passes() -> None:
    plain = verdict(BAD)
    assert not plain.passed and plain.doubted
    for looks in ((RIGHT,), (WORSE, RIGHT), (RIGHT, BAD), (None, RIGHT)):
        seen = verdict(BAD, *looks)
        assert seen.passed and not seen.doubted, seen.reasons
        assert sorted(hand["found_again"] for hand in seen.as_dict()["hands"]) == [False, True]
        (mended,) = [one for one in seen.hands if one.again]
        assert mended.side == "right" and torch.equal(mended.hand.points, torch.from_numpy(RIGHT))


def test_a_hand_that_no_look_finds_good_fails_as_it_did() -> None:
    plain = verdict(BAD)
    for looks in ((BAD,), (None,), (WORSE, None)):
        seen = verdict(BAD, *looks)
        assert not seen.passed and seen.doubted
        assert seen.reasons == plain.reasons and not any(one.again for one in seen.hands)


def test_the_better_of_two_bad_looks_is_told() -> None:
    between = [RIGHT + share * (BAD - RIGHT) for share in np.linspace(0, 1, 41)]
    mild = next(hand for hand in between if score_hand(torch.from_numpy(hand), torch.ones(21)).score < 0.45)
    least = min(one.score for one in verdict(WORSE).hands)
    told = verdict(WORSE, mild)
    assert not told.passed and least < 0.05 < min(one.score for one in told.hands) < 0.5


def test_a_look_that_found_less_of_the_hand_does_not_speak_for_it() -> None:
    """What is hidden is presumed right, so that of half a hand nearly nothing can be wrong."""
    for missing, passes in ((10, False), (7, False), (1, True)):
        look = person(first=RIGHT, second=LEFT)
        for point in range(20, 20 - missing, -1):
            look["hand_right_keypoints_2d"][3 * point : 3 * point + 3] = [0.0, 0.0, 0.0]
        frames = parse_frames([frame(person(first=BAD, second=LEFT)), frame(look)], WIDTH, HEIGHT, 2)
        assert judge_picture(frames[1], image=None).passed
        assert judge_picture(frames[0], again=(frames[1],)).passed is passes


def test_a_good_hand_is_left_as_it_was_found() -> None:
    plain = verdict(RIGHT)
    assert plain.passed and not plain.doubted
    seen = verdict(RIGHT, BAD, moved(RIGHT, 3.0))
    assert seen.as_dict() == plain.as_dict()
    assert all(torch.equal(a.hand.points, b.hand.points) for a, b in zip(seen.hands, plain.hands, strict=True))


@pytest.mark.parametrize("away", [18.0, 60.0])
def test_the_hand_beside_it_speaks_for_itself_only(away: float) -> None:
    """Also where the two hold each other: what another look finds is the nearer one's."""
    beside = moved(RIGHT, away)
    frames = parse_frames(
        [frame(person(None, first=BAD, second=beside)), frame(person(None, first=beside))], WIDTH, HEIGHT, 2
    )
    assert len(judge_picture(frames[0], expected=0).hands) == 2
    seen = judge_picture(frames[0], expected=0, again=(frames[1],))
    assert not seen.passed and seen.doubted and not any(one.again for one in seen.hands)


def test_what_fails_by_its_place_alone_is_not_asked_again() -> None:
    far = moved(RIGHT, 250.0)
    seen = verdict(far, RIGHT)
    assert not seen.passed and not seen.doubted and not any(one.again for one in seen.hands)
    tiny = (RIGHT - RIGHT.mean(axis=0)) / 8 + RIGHT.mean(axis=0)
    assert not verdict(model.lengthened(tiny, 1)).doubted


def test_fingers_too_many_in_the_picture_are_no_matter_of_another_look(picture: Points) -> None:  # noqa: F811
    from .finger_edits import in_a_row

    edited, points = in_a_row(picture, HAND, (0, 1, 2, 2, 3), 0.3)
    height, width = picture.shape[:2]
    for first in (points, model.crossed_fingers(points, 1, 3), model.lengthened(points, 1)):
        hands = [person(None, first=hand) for hand in (first, points)]
        frames = parse_frames([frame(one, width=width, height=height) for one in hands], width, height, 2)
        image = torch.from_numpy(edited).float()
        seen = judge_picture(frames[0], expected=0, image=image, again=(frames[1],))
        assert not seen.passed and not any(one.again for one in seen.hands)
        # The same looks at a picture of nothing: only the points can speak.
        if first is not points:
            nothing = judge_picture(frames[0], expected=0, image=torch.full_like(image, 0.5), again=(frames[1],))
            assert nothing.passed and all(one.again for one in nothing.hands)


def test_a_mirrored_look_comes_back_to_its_place() -> None:
    rng = np.random.default_rng(3)
    body = rng.uniform(1, WIDTH, (18, 2))
    turned = frame(person(body * (-1, 1) + (WIDTH, 0), RIGHT * (-1, 1) + (WIDTH, 0)))
    straight = frame(person(body, RIGHT))
    for entry in (turned, straight):
        entry["people"][0]["hand_right_keypoints_2d"][3:6] = [0.0, 0.0, 0.0]
    (there,), (back,) = (
        parse_frames([straight, turned], WIDTH, HEIGHT, 2)[0],
        mirrored(parse_frames([turned], WIDTH, HEIGHT, 1)[0], WIDTH),
    )
    assert torch.allclose(back.body, there.body)
    assert torch.allclose(back.hands[0].points, there.hands[0].points)
    assert torch.equal(back.hands[0].scores, there.hands[0].scores)
    assert back.hands[0].points[1].tolist() == [0.0, 0.0]
