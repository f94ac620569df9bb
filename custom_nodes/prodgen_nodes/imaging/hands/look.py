"""Whether the picture shows the five fingers that were found, one more, or two grown together; and where, in words."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .anatomy import FINGERS
from .counting import Count, count
from .scoring import HandScore, palm, point_weights
from .unrolled import CHAINS, unroll

LEAST = 100.0
"""A hand shorter than this many pixels shows neither creases nor a finger beside another."""
_FOUND = 18
"""So many of its 21 points must have been found: across fingers that nobody found nothing can be counted."""
_CONTRAST = 0.03
"""The unrolled fingers must differ by so much (standard deviation, sRGB): less is a grey patch, night or fog."""
_THERE = 3.5
"""So surely (log odds) fingers must be seen: 229 of 229 hands that stand alone reach it, 90 of 100 of those that hold
something, none of 224 other places of photographs and 2 of 200 patterns."""
_OTHER = 0.15
"""In hand lengths: another hand nearer than this to the fingers has fingers among them, and so they are not counted."""
_EXTRA, _FUSED, _THUMBS = 0.5, -0.7, 0.5
"""What must be answered for a finger too many, two grown together and two thumbs (log odds): of good hands not trained
on 1 of 100 reaches one of them, of those that hold something 4; at half a unit lower 6 of these do."""
_SURE, _PLAIN = 2.0, 3.0
"""So far below all three the number of fingers is right, and plainly right: 14 and 7 of 100 wrong hands are."""
_TRUST = 0.7
"""Where it is right, what the points leave of a hand is raised to this power, so that 0.38 passes for 0.5."""
_TRUST_OF = {"reach": 0.25, "bent": 0.35}
"""Where it is plainly right, for how a finger is bent: the points of a hand that holds something are wrong there first,
for half of its joints are hidden, while lengths, knuckles and crossings stay told apart. Of the good hands trained on,
whose points alone reject 5.8 of 100, 1.7 are rejected and not 4.0; lower powers do no more for them. It costs 4 of 100
hands with crossed fingers, and of those whose neighbours' ends are exchanged a fifth of all, if the picture shows five.
"""
_SPREAD = 0.9
"""Of a hand's points: a hand is at least so much of their box long, where its palm looks short."""
_LEFT = 0.3
"""What a wrong number of fingers leaves of a hand's score, however much of it is hidden: no sensible limit passes."""

NOT_LOOKED = "no picture was given: fingers too many or grown together were not looked for"


@dataclass(frozen=True)
class Look:
    """`reasons`: what is wrong with the number of fingers, empty where nothing is; `unsure`: why that could not be
    told, or None; `sure`: whether five fingers are seen, `plain`: so surely that bent ones are believed."""

    reasons: tuple[str, ...]
    unsure: str | None
    sure: bool = False
    plain: bool = False
    counted: Count | None = None


def counted(result: HandScore, seen: Look) -> HandScore:
    """The score of a hand with what was seen of its fingers: less where their number is wrong, a little more where it
    is plainly right, unchanged where it could not be told."""
    if seen.reasons:
        return replace(result, placed=result.placed * _LEFT, reasons=(*seen.reasons, *result.reasons))
    if not seen.sure:
        return result
    if not seen.plain or not result.left:
        return replace(result, score=result.score**_TRUST)
    trusted = math.prod(left ** _TRUST_OF.get(finding, _TRUST) for finding, left in result.left)
    return replace(result, score=trusted)


def look(image: Tensor, points: Tensor, scores: Tensor, others: list[Tensor]) -> Look:
    """Count the fingers of one hand in the picture `image` `[H,W,C]` sRGB.

    `points` `[21,2]` and `scores` `[21]` as found in it; `others`: the points of the other hands in the picture, whose
    fingers are not this one's.
    """
    weights = point_weights(points.double().unsqueeze(0), scores.unsqueeze(0))
    there = weights[0] > 0
    if int(there.sum()) < _FOUND:
        return Look((), "too little of the hand was found to count its fingers")
    hand = _filled(points.double(), there)
    length = length_of(hand, weights[0])
    if length < LEAST:
        return Look((), f"the hand is only {length:.0f} px long: too small to count its fingers")
    if any(_away(hand, other) < _OTHER * length for other in others):
        return Look((), "another hand is among the fingers: they cannot be counted")
    views = unroll(image, hand, length)
    seen = count(views)
    if views.contrast < _CONTRAST or seen.there < _THERE:
        return Look((), "the fingers are too hidden, dark or blurred to be counted")
    return _told(seen)


def length_of(points: Tensor, weights: Tensor | None = None) -> float:
    """Pixels from the wrist to the middle finger's tip of the open hand with `points` `[21,2]`, by those of them that
    have a weight `[21]`."""
    known = points if weights is None else points[weights > 0]
    weighed = points.new_ones(len(points)) if weights is None else weights
    size = float(palm(points.unsqueeze(0), weighed.unsqueeze(0))[0])
    return max(size, _SPREAD * float((known.amax(dim=0) - known.amin(dim=0)).max()))


def _told(seen: Count) -> Look:
    over = {"extra": seen.extra - _EXTRA, "fused": seen.fused - _FUSED, "thumbs": seen.thumbs - _THUMBS}
    reasons = []
    if over["extra"] > 0:
        reasons.append(f"a finger too many ({_gap(seen.extra_gap)})")
    if over["thumbs"] > 0:
        reasons.append("a thumb too many")
    if over["fused"] > 0:
        reasons.append(f"{FINGERS[1 + seen.fused_pair]} and {FINGERS[2 + seen.fused_pair]} are grown together")
    nearest = max(over.values())
    return Look(tuple(reasons), None, nearest < -_SURE, nearest < -_PLAIN, seen)


def _gap(number: int) -> str:
    """Where in a hand the gap is: 0 before the index finger … 4 behind the little one."""
    if 0 < number < len(CHAINS):
        return f"between {FINGERS[number]} and {FINGERS[number + 1]}"
    return f"beside the {FINGERS[1 if number == 0 else len(CHAINS)]}"


def _filled(points: Tensor, there: Tensor) -> Tensor:
    """The points, those that were not found at the nearest of their finger that was."""
    hand = points.clone()
    for chain in (*((0, *chain) for chain in CHAINS), (0, 1, 2, 3, 4)):
        found = [joint for joint in chain if bool(there[joint])]
        for place, joint in enumerate(chain):
            if not bool(there[joint]):
                hand[joint] = points[min(found, key=lambda other: abs(chain.index(other) - place))] if found else 0.0
    return hand


def _away(hand: Tensor, other: Tensor) -> float:
    """How near a point of another hand is to one of this hand's fingers."""
    fingers = hand[[joint for chain in CHAINS for joint in chain]]
    return float(torch.cdist(fingers, other.double().to(fingers.device)).amin())
