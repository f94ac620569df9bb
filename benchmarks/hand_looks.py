"""Good hands found in several looks: how many one look rejects, how many one or all of the others still do.

    .venv/bin/python -m benchmarks.hand_looks HANDS.jsonl

A line of the file: `{"picture": PATH, "points": [[x, y] × 21], "others": [points of other hands in it], "again":
[points of the same hand in other looks, at their places in the picture]}`. Each look is the first one once; what is
printed are means.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

REPO = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPO / "custom_nodes")]

from prodgen_nodes.imaging.hands import Person, judge_hands, score_hands  # noqa: E402 - the repository is not installed
from prodgen_nodes.imaging.hands.keypoints import BODY_POINTS, FoundHand  # noqa: E402

MIN_SCORE = 0.5
"""What Check Hands and People asks for, if nobody says otherwise."""


@dataclass(frozen=True)
class Shares:
    """Of one hand: how often a first look rejects it, and how often it still is with one other look and with all."""

    points_alone: float
    one: float
    two: float
    every: float


def found(points: Tensor) -> Person:
    return Person(torch.zeros((BODY_POINTS, 3)), (FoundHand(points, torch.ones(len(points)), "left"),))


def rejected(image: Tensor, first: Tensor, again: Sequence[Tensor], others: Sequence[Tensor]) -> bool:
    """Whether the hand at `first` is rejected, other looks at it being `again`."""
    people = tuple(found(points) for points in (first, *others))
    judged = judge_hands(people, image, tuple((found(points),) for points in again), MIN_SCORE)
    hand = min(judged, key=lambda one: float((one.points.mean(dim=0) - first.mean(dim=0)).norm()))
    return hand.score < MIN_SCORE


def shares(entry: dict[str, Any]) -> Shares | None:
    """None of a hand that one look alone found."""
    looks = [torch.tensor(one, dtype=torch.float64) for one in (entry["points"], *entry["again"])]
    others = [torch.tensor(one, dtype=torch.float64) for one in entry["others"]]
    if len(looks) < 2:
        return None
    doubted = score_hands(torch.stack(looks), torch.ones(len(looks), 21)) < MIN_SCORE
    with Image.open(entry["picture"]) as opened:
        image = torch.from_numpy(np.asarray(opened.convert("RGB"), dtype=np.float32) / 255)
    one, two, every = [], [], []
    for number, first in enumerate(looks):
        rest = [look for other, look in enumerate(looks) if other != number]
        one.append(rejected(image, first, (), others))
        asked = one[-1] and bool(doubted[number])
        two += [asked and rejected(image, first, (look,), others) for look in rest]
        every.append(asked and rejected(image, first, rest, others))
    return Shares(float(doubted.double().mean()), *(float(np.mean(part)) for part in (one, two, every)))


def main() -> None:
    lines = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    hands = [one for one in map(shares, map(json.loads, lines)) if one is not None]
    print("| hands | by the points alone | one look | one more | all |\n|---|---|---|---|---|")
    means = (np.mean([getattr(one, name) for one in hands]) for name in ("points_alone", "one", "two", "every"))
    print(f"| {len(hands)} | {' | '.join(f'{100 * mean:.1f}' for mean in means)} |")


if __name__ == "__main__":
    main()
