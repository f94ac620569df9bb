"""Whether a refined hand is worth putting back: not broken, the same hand, and better than it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..crops import MAX_FEATHER
from ..tensors import check_choice, check_range
from .crops import HandCrop
from .keypoints import FoundHand, Person
from .look import counted, look
from .scoring import HandScore, score_hand

KEEP = ("if_better", "always")
_LEAST_SHAPE = 0.5
"""What a hand must score that was put where none was found."""
_MOST_BRIGHTER = 0.25
"""Mean change, sRGB 0..1, from which an unscored refinement is plainly another picture: a hand refined
in its own scene keeps its light."""
_SAME_SIZE = (0.55, 1.8)
"""How the refined hand's length may relate to the old one's."""


@dataclass(frozen=True)
class StitchSettings:
    """`min_gain`: how much better the score must be; `feather`: pixels of the picture, inward from the mask's edge."""

    keep: str = "if_better"
    min_gain: float = 0.02
    feather: float = 4.0

    def check(self) -> None:
        check_choice(self.keep, KEEP, "keep")
        check_range(self.min_gain, 0.0, 1.0, "min_gain")
        check_range(self.feather, 0.0, MAX_FEATHER, "feather")


@dataclass(frozen=True)
class Decision:
    """What became of one refined hand and why; scores are None where nothing was there to score."""

    crop: HandCrop
    before: float | None
    after: float | None
    kept: bool
    why: str
    color_shift: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        return {
            "picture": self.crop.picture + 1,
            "side": self.crop.side,
            "before": self.before,
            "after": self.after,
            "kept": self.kept,
            "why": self.why,
            "color_shift": self.color_shift,
        }


def decide(
    crop: HandCrop,
    original: Tensor,
    fresh: Tensor,
    mask: Tensor,
    settings: StitchSettings,
    after: tuple[Person, ...] | None,
    before: tuple[Person, ...] | None,
) -> Decision:
    """Whether a refined crop goes back: `original`, `fresh` `[s,s,3]` sRGB, `mask` `[s,s]`; people in crop pixels.

    `after` and `before` are those found in the refined and in the original crop, None where nobody looked.
    """
    was = crop.before
    if before is not None:
        earlier = nearest_hand(before, crop, original)
        was = None if earlier is None else earlier.proven
    now = None if after is None else nearest_hand(after, crop, fresh)
    score = None if after is None else 0.0 if now is None else now.proven
    if not bool(torch.isfinite(fresh).all()):
        return Decision(crop, was, score, False, "the refined picture holds no valid numbers")
    if settings.keep == "always":
        return Decision(crop, was, score, True, "kept as asked")
    fault = _insane(original, fresh, mask)
    if fault is not None:
        return Decision(crop, was, score, False, fault)
    if after is None:
        return Decision(crop, was, None, True, "kept unscored: connect pose points of the refined crops to judge it")
    return Decision(crop, was, score, *_compared(crop, was, now, settings.min_gain))


def _compared(crop: HandCrop, was: float | None, now: HandScore | None, min_gain: float) -> tuple[bool, str]:
    """Whether a scored hand is worth keeping, and why."""
    if now is None:
        return False, "no hand was found in the refined crop at its place"
    if crop.length > 0 and not _SAME_SIZE[0] < now.size / (crop.length * crop.transform.a) < _SAME_SIZE[1]:
        return False, "the refined hand has another size"
    if was is None:
        good = now.proven >= _LEAST_SHAPE
        return good, "a hand where none was found" if good else _worse(now, "is no good one")
    better = now.proven >= was + min_gain
    return better, "better" if better else _worse(now, "is not better")


def _worse(now: HandScore, complaint: str) -> str:
    return "; ".join((f"the refined hand {complaint}", *now.reasons))


def nearest_hand(people: tuple[Person, ...], crop: HandCrop, picture: Tensor) -> HandScore | None:
    """The score of the hand nearest to the crop's outline (points in crop pixels) in the crop's `picture` `[s,s,3]`,
    None with none at its place."""
    x = sum(corner[0] for corner in crop.outline) / len(crop.outline)
    y = sum(corner[1] for corner in crop.outline) / len(crop.outline)
    radius = max(((cx - x) ** 2 + (cy - y) ** 2) ** 0.5 for cx, cy in crop.outline) + crop.grow
    best: tuple[float, FoundHand, HandScore] | None = None
    for person in people:
        for hand in person.hands:
            result = score_hand(hand.points, hand.scores)
            if not result.detected:
                continue
            middle = hand.points[hand.scores > 0.1].mean(dim=0)
            away = float(torch.hypot(middle[0] - x, middle[1] - y))
            if away <= radius and (best is None or away < best[0]):
                best = (away, hand, result)
    if best is None:
        return None
    _, found, result = best
    if not bool(torch.isfinite(picture).all()):
        return result
    others = [hand.points for person in people for hand in person.hands if hand is not found]
    return counted(result, look(picture, found.points, found.scores, others))


def _insane(original: Tensor, fresh: Tensor, mask: Tensor) -> str | None:
    """What is plainly wrong with a refined crop that nobody scored, or None."""
    inside = mask > 0.5
    if not bool(inside.any()):
        return "the mask is empty"
    was, now = original[inside], fresh[inside]
    if float(now.std()) < 0.15 * float(was.std()):
        return "the refined crop is blank"
    difference = float(now.mean() - was.mean())
    if abs(difference) > _MOST_BRIGHTER:
        return f"the refined crop is much {'brighter' if difference > 0 else 'darker'}"
    return None
