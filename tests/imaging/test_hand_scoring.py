"""Scores of hands whose anatomy is known, plausible and spoilt."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from prodgen_nodes.imaging.errors import ShapeError
from prodgen_nodes.imaging.hands.scoring import score_hand, score_hands

from . import hand_models as model
from .hand_models import Points

PIXELS = 300.0
COUNT = 120

View = Callable[[np.random.Generator], NDArray[np.float64]]
Spoil = Callable[[np.random.Generator, Points], Points]


def open_view(rng: np.random.Generator) -> NDArray[np.float64]:
    return model.tilted(rng, 35)


def side_view(rng: np.random.Generator) -> NDArray[np.float64]:
    return model.from_the_side(rng, 35)


def hands(view: View, seed: int, count: int = COUNT, *, grip: bool | None = None) -> list[Points]:
    rng = np.random.default_rng(seed)
    poses = []
    for number in range(count):
        closed = bool(number % 2) if grip is None else grip
        poses.append(model.gripping(rng) if closed else model.relaxed(rng))
    return [model.seen(rng, model.joints(rng, pose), view(rng), pixels=PIXELS) for pose in poses]


def scores(points: list[Points], found: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    batch = torch.from_numpy(np.array(points))
    told = torch.ones(batch.shape[:2]) if found is None else torch.from_numpy(found)
    return score_hands(batch, told).numpy()


@pytest.mark.parametrize("grip", [False, True], ids=["relaxed", "gripping"])
@pytest.mark.parametrize("view", [model.rotation, open_view], ids=["any view", "palm or back"])
def test_plausible_hands_score_well(view: View, grip: bool) -> None:
    result = scores(hands(view, 20, 200, grip=grip))
    assert (result >= 0.6).mean() >= 0.95
    assert np.median(result) > 0.9


def test_hands_from_the_side_score_well() -> None:
    assert (scores(hands(side_view, 21, 200)) >= 0.6).mean() >= 0.92


def pair(rng: np.random.Generator, apart: int = 1) -> tuple[int, int]:
    first = int(rng.integers(1, 5 - apart))
    return first, first + apart


SPOILT: dict[str, Spoil] = {
    "a finger twice as long": lambda rng, hand: model.lengthened(hand, int(rng.integers(0, 5))),
    "tips grown together": lambda rng, hand: model.fused(hand, int(rng.integers(1, 4))),
    "six fingers read as five": lambda rng, hand: model.swallowed(hand, int(rng.integers(1, 4))),
    "knuckles exchanged": lambda rng, hand: model.crossed_knuckles(hand, *pair(rng)),
    "neighbours crossed": lambda rng, hand: model.crossed_fingers(hand, *pair(rng)),
    "fingers crossed": lambda rng, hand: model.crossed_fingers(hand, *pair(rng, 2)),
}
GROSS_IN_AN_OPEN_HAND = ("tips grown together", "six fingers read as five", "knuckles exchanged", "fingers crossed")


@pytest.mark.parametrize("kind", SPOILT)
def test_spoilt_hands_score_lower_than_the_hand_they_were_made_of(kind: str) -> None:
    rng = np.random.default_rng(31)
    good = hands(open_view, 30)
    spoilt = [SPOILT[kind](rng, hand) for hand in good]
    assert (scores(spoilt) < scores(good)).mean() >= 0.95


@pytest.mark.parametrize("kind", GROSS_IN_AN_OPEN_HAND)
def test_gross_faults_of_an_open_hand_are_refused(kind: str) -> None:
    rng = np.random.default_rng(33)
    spoilt = [SPOILT[kind](rng, hand) for hand in hands(open_view, 32, grip=False)]
    assert (scores(spoilt) < 0.5).mean() >= 0.95


@pytest.mark.parametrize("view", [model.rotation, open_view, side_view])
def test_a_finger_that_looks_too_long_is_refused_from_any_side(view: View) -> None:
    """Too long in the picture: a doubled finger that points at the camera looks like a short one."""
    rng = np.random.default_rng(34)
    spoilt, truth = [], []
    for number in range(COUNT):
        hand = model.joints(rng, model.relaxed(rng))
        finger = number % 5
        points = model.lengthened(model.seen(rng, hand, view(rng), pixels=PIXELS), finger)
        spoilt.append(points)
        truth.append(model.length_of(points, finger) / (model.length_of(hand, finger) * PIXELS / model.LENGTH))
    gross = np.array(truth) > 1.7
    assert gross.sum() > 20
    assert (scores(spoilt)[gross] < 0.5).mean() >= 0.95


@pytest.mark.parametrize(("others", "refused"), [(30.0, 0.6), (50.0, 0.9)])
def test_a_joint_bent_backwards_scores_lower_from_the_side(others: float, refused: float) -> None:
    """The more the others are bent, the surer it is: among straight fingers nothing tells which way is backwards."""
    rng = np.random.default_rng(35)
    good, spoilt = [], []
    for number in range(COUNT):
        pose, seed = model.relaxed(rng), int(rng.integers(1 << 30))
        pose = model.Pose(pose.spread, np.maximum(pose.bend, others), pose.thumb)
        view = model.from_the_side(rng, 30)
        for made, into in ((pose, good), (model.bent_backwards(pose, 1 + number % 4), spoilt)):
            same = np.random.default_rng(seed)
            into.append(model.seen(same, model.joints(same, made), view, pixels=PIXELS))
    before, after = scores(good), scores(spoilt)
    assert (after < before).mean() >= 0.95
    assert (after < 0.5).mean() >= refused


def test_an_end_bone_that_doubles_back_is_refused() -> None:
    rng = np.random.default_rng(36)
    spoilt, plain = [], []
    for number in range(COUNT):
        hand = model.joints(rng, model.relaxed(rng))
        finger = 1 + number % 4
        points = model.seen(rng, hand, open_view(rng), pixels=PIXELS)
        spoilt.append(model.folded_back(points, finger))
        end = slice(2 + 4 * finger, 4 + 4 * finger)
        true = np.linalg.norm(np.diff(hand[end], axis=0)) * PIXELS / model.LENGTH
        plain.append(float(np.linalg.norm(np.diff(points[end], axis=0))) > 0.97 * true)
    assert (scores(spoilt)[np.array(plain)] < 0.5).mean() >= 0.95


def test_missing_points_lower_the_weight_not_the_score() -> None:
    rng = np.random.default_rng(37)
    good = hands(model.rotation, 38, 60)
    told = np.ones((len(good), 21))
    last = np.ones(len(good))
    results = []
    for _ in range(3):
        for row in told:
            row[rng.choice(np.nonzero(row)[0], 4, replace=False)] = 0.0
        results = [
            score_hand(torch.from_numpy(hand), torch.from_numpy(row)) for hand, row in zip(good, told, strict=True)
        ]
        now = np.array([result.weight for result in results])
        assert (now < last).all()
        last = now
    assert (last < 0.5).all(), "twelve of 21 points are missing"
    # What is hidden is presumed right, but proves nothing.
    assert np.mean([result.allowed > 0.5 for result in results]) >= 0.95
    assert all(result.proven < 0.5 for result in results)


def test_what_missing_points_hold_does_not_matter() -> None:
    good = hands(open_view, 39, 10)
    told = np.ones((10, 21))
    told[:, 13:17] = 0.0
    strewn = [hand.copy() for hand in good]
    for hand in strewn:
        hand[13:17] = (-1.0, 4000.0)
    strewn[3][14] = np.nan
    np.testing.assert_allclose(scores(strewn, told), scores(good, told), atol=1e-9)


@settings(deadline=None, max_examples=25)
@given(
    st.integers(0, 10_000),
    st.floats(0.01, 50),
    st.floats(-np.pi, np.pi),
    st.tuples(st.floats(-5000, 5000), st.floats(-5000, 5000)),
    st.booleans(),
)
def test_the_score_is_the_same_wherever_and_however_the_hand_lies(
    seed: int, scale: float, angle: float, shift: tuple[float, float], mirror: bool
) -> None:
    hand = hands(model.rotation, seed, 1)[0]
    if seed % 2:
        hand = model.lengthened(hand, seed % 5, 1.5)
    turn = np.array(((np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))))
    moved = (hand * ((-1.0, 1.0) if mirror else (1.0, 1.0))) @ turn.T * scale + shift
    np.testing.assert_allclose(scores([moved]), scores([hand]), atol=2e-3)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda hand: model.lengthened(hand, 2), "impossible length (middle finger)"),
        (lambda hand: model.fused(hand, 1), "fingertips grown together"),
        (lambda hand: model.crossed_knuckles(hand, 1, 2), "knuckles"),
    ],
)
def test_reasons_are_in_words(spoil: Callable[[Points], Points], said: str) -> None:
    rng = np.random.default_rng(40)
    pose = model.Pose(np.array((9.0, 1.0, -6.0, -14.0)), np.full((4, 3), 6.0), np.array((5.0, 5.0, 5.0)))
    hand = model.seen(rng, model.joints(rng, pose), np.eye(3), pixels=PIXELS)
    good = score_hand(torch.from_numpy(hand), torch.ones(21))
    assert good.score > 0.9 and good.reasons == ()
    assert good.size == pytest.approx(PIXELS, rel=0.2)
    bad = score_hand(torch.from_numpy(spoil(hand)), torch.ones(21))
    assert bad.score < 0.5
    assert any(said in reason for reason in bad.reasons), bad.reasons


def test_an_unseen_hand_scores_nothing() -> None:
    hand = torch.from_numpy(hands(open_view, 41, 1)[0])
    result = score_hand(hand, torch.full((21,), 0.05))
    assert (result.score, result.detected) == (0.0, False)


@pytest.mark.parametrize("points", [torch.zeros(1, 20, 2), torch.zeros(21, 2), torch.zeros(2, 21, 3)])
def test_other_shapes_are_refused(points: torch.Tensor) -> None:
    with pytest.raises(ShapeError, match="21 points"):
        score_hands(points, torch.ones(points.shape[:2]))


def test_all_points_at_one_place_are_no_hand() -> None:
    assert float(score_hands(torch.full((1, 21, 2), 7.0), torch.ones(1, 21))[0]) < 0.5
