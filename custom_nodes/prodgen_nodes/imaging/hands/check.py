"""The verdict on one picture's people and hands, in a seller's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..tensors import check_range
from .keypoints import Person
from .look import NOT_LOOKED
from .people import JudgedHand, count_people, judge_hands

SMALL = 24.0
"""A hand shorter than this many pixels cannot be judged."""
_GRIP_REACH = 0.35
"""Hand lengths between a hand and the spot it should hold: a fist around it has it at its palm; at double any hand
nearby passes."""
_NUMBERS = ("nobody", "one person", "two people", "three people", "four people")


@dataclass(frozen=True)
class Verdict:
    """`hand_at_grip` is None where nothing says that a hand is expected; `doubted`: a hand fails by its points alone,
    so that another look at the picture may still speak for it."""

    people: int
    hands: tuple[JudgedHand, ...]
    hand_at_grip: bool | None
    reasons: tuple[str, ...]
    doubted: bool = False

    @property
    def passed(self) -> bool:
        return not self.reasons

    def as_dict(self) -> dict[str, Any]:
        hands = [
            {
                "side": one.side,
                "side_known_from": one.side_from,
                "label": one.hand.label,
                "score": one.score,
                "weight": one.result.weight,
                "reasons": list(one.result.reasons),
                "box": [round(edge, 1) for edge in one.box],
                "length_px": round(one.result.size, 1),
                "too_small": one.result.size < SMALL,
                "found_again": one.again,
                "fingers_counted": one.look is not None and one.look.unsure is None,
                "fingers_note": NOT_LOOKED if one.look is None else one.look.unsure,
            }
            for one in self.hands
        ]
        return {
            "people": self.people,
            "hands": hands,
            "hand_at_grip": self.hand_at_grip,
            "passed": self.passed,
            "reasons": list(self.reasons),
        }


def grip_spot(erased: Tensor) -> tuple[float, float, float] | None:
    """Centre x, y and radius in pixels of the erased part of a handle `[H,W]`; None where nothing was erased."""
    rows, columns = torch.nonzero(erased > 0.5, as_tuple=True)
    if rows.numel() == 0:
        return None
    x, y = columns.double() + 0.5, rows.double() + 0.5
    cx, cy = float(x.mean()), float(y.mean())
    return cx, cy, float(torch.hypot(x - cx, y - cy).max()) + 0.5


def distance_to_grip(one: JudgedHand, spot: tuple[float, float, float]) -> float:
    """Pixels from the hand's nearest point to the rim of the grip; 0 where they meet."""
    away = torch.hypot(one.points[:, 0] - spot[0], one.points[:, 1] - spot[1]).min()
    return max(0.0, float(away) - spot[2])


def judge_picture(
    people: tuple[Person, ...],
    *,
    expected: int = 1,
    min_score: float = 0.5,
    erased: Tensor | None = None,
    image: Tensor | None = None,
    again: tuple[tuple[Person, ...], ...] = (),
) -> Verdict:
    """Count people, judge every hand, and ask whether one is at the erased part of the handle `[H,W]`.

    With the picture `image` `[H,W,C]` that the points were found in, the fingers of every hand are counted in it.
    `again`: the people of other looks at it, in its pixels; a hand that fails by its points alone is given the best.
    """
    check_range(min_score, 0.0, 1.0, "min_score")
    number, hands = count_people(people), tuple(judge_hands(people, image, again, min_score))
    reasons = []
    if number != expected:
        amount = _NUMBERS[number] if number < len(_NUMBERS) else f"{number} people"
        reasons.append(f"{amount} in the picture" + ("" if expected == 1 and number > 1 else f", {expected} expected"))
    if len(hands) > 2 * max(number, 1):
        reasons.append(f"{len(hands)} hands in the picture, too many for {_NUMBERS[min(max(number, 1), 4)]}")
    for one in hands:
        if not one.result.size >= SMALL:
            reasons.append(f"the {one.side} hand is only {one.result.size:.0f} px long: too small to judge")
        elif not one.score >= min_score:
            why = "; ".join(one.result.reasons) or "it looks unlike a hand"
            reasons.append(f"the {one.side} hand scores {one.score:.2f}: {why}")
    spot = None if erased is None else grip_spot(erased)
    at_grip = None
    if spot is not None:
        at_grip = any(distance_to_grip(one, spot) <= _GRIP_REACH * one.result.size for one in hands)
        if not at_grip:
            reasons.append("no hand at the handle")
    doubted = any(one.result.size >= SMALL and one.doubted(min_score) for one in hands)
    return Verdict(number, hands, at_grip, tuple(reasons), doubted)
