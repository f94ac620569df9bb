"""The score on points of real hands as a real detector finds them, whole and spoiled."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from prodgen_nodes.imaging.hands import plausible_hand, score_hands

from . import hand_models as model
from .hand_models import Points
from .real_hands import recorded

MOST_REJECTED = 0.05
LEAST_REJECTED = {"too long": 0.9, "a finger on another": 0.8, "crossed knuckles": 0.95, "crossed fingers": 0.9}
HANDS = [one.points for one in recorded() if one.hand]


def scores(hands: list[Points]) -> np.ndarray:
    return score_hands(torch.from_numpy(np.stack(hands)), torch.ones(len(hands), 21)).numpy()


def test_there_are_enough_of_them() -> None:
    assert len(HANDS) >= 50


def test_real_hands_are_hardly_ever_rejected() -> None:
    rejected = float((scores(HANDS) < 0.5).mean())
    assert rejected <= MOST_REJECTED, f"{rejected:.3f} of {len(HANDS)}"


SPOILED: dict[str, Callable[[Points, int], Points]] = {
    "too long": model.lengthened,
    "a finger on another": lambda points, finger: model.swallowed(points, min(finger, 3)),
    "crossed knuckles": lambda points, _: model.crossed_knuckles(points, 1, 3),
    "crossed fingers": lambda points, _: model.crossed_fingers(points, 1, 3),
}


@pytest.mark.parametrize("kind", SPOILED)
def test_spoiled_ones_are_rejected(kind: str) -> None:
    hands = [SPOILED[kind](hand, 1 + number % 4) for number, hand in enumerate(HANDS)]
    assert float((scores(hands) < 0.5).mean()) >= LEAST_REJECTED[kind]


def test_redrawn_ones_are_hands() -> None:
    """What a detector found of real hands, mended: always a plausible hand, and near what was found."""
    mended = [plausible_hand(torch.from_numpy(hand), torch.ones(21)) for hand in HANDS]
    assert float((scores([one.points.numpy() for one in mended]) >= 0.5).mean()) == 1.0
    assert float(np.median([one.moved for one in mended])) < 0.06
