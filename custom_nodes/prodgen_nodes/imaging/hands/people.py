"""Who is in the picture: people counted once, each hand given the side of the wrist it hangs at."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from ..tensors import check_range
from .anatomy import BODY_BONES, HAND_OF_STATURE, LEFT_WRIST, RIGHT_WRIST, WRIST
from .keypoints import FoundHand, Person
from .look import Look, counted, look
from .scoring import LEAST_SEEN, HandScore, score_hand

POINT_SCORE = 0.3
"""From here a body point counts as found."""
_LEAST_BODY = 5
"""Points of a body that a detector must have seen; fewer are no body, and lend no hand a side or a size."""
_SAME = 0.1
"""Two skeletons whose common points are, on average, nearer than this part of their size are one person."""
_REACH = 0.6
"""How far a hand's wrist may be from the arm's, in hand lengths."""
_TOO_LARGE, _TOO_SMALL = 1.9, 0.45
_SAME_PLACE = 0.3
"""Hand lengths between the middles of one hand's points in two looks: hidden fingers move them by less than that."""
_AS_MUCH = 0.9
"""Of a verdict's weight, that of another look's at least: where less was found, more is presumed right."""
_MISPLACED = 0.5
"""Hands over what their body's stature leads to expect: perspective makes one held out larger and one held back
smaller, but neither that much. Outside, half of the score is left."""


@dataclass(frozen=True)
class JudgedHand:
    """A hand with its side (`left`, `right`, or `unknown` where no arm ends), score and reasons."""

    hand: FoundHand
    side: str
    side_from: str
    """`wrist`; `other arm` where only the other hand's wrist was found; `label`, the detector's word, without any."""
    result: HandScore
    geometry: float
    """The score that the hand's own shape, and the picture of it, has shown, without its body."""
    look: Look | None = None
    """What the picture shows of its fingers; None where no picture was given."""
    again: bool = False
    """Whether these are the points of another look, because by those of the first it was none that can be."""

    @property
    def score(self) -> float:
        """With the benefit of the doubt for what is hidden."""
        return self.result.allowed

    def doubted(self, min_score: float) -> bool:
        """Whether it scores less than `min_score` by the shape of its points, and the picture shows nothing wrong."""
        return self.result.formed < min_score and (self.look is None or not self.look.reasons)

    @property
    def points(self) -> Tensor:
        """`[n,2]`: the points that were found."""
        return self.hand.points[self.hand.scores > 0.1]

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom in pixels."""
        low, high = self.points.amin(dim=0), self.points.amax(dim=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])

    @property
    def center(self) -> tuple[float, float]:
        left, top, right, bottom = self.box
        return (left + right) / 2, (top + bottom) / 2


def count_people(people: tuple[Person, ...]) -> int:
    """How many different people: skeletons with at least five sure points, two on one place counted once."""
    counted: list[Tensor] = []
    for person in people:
        body = person.body
        if int((body[:, 2] >= POINT_SCORE).sum()) < _LEAST_BODY:
            continue
        if not any(_same(body, other) for other in counted):
            counted.append(body)
    return len(counted)


def _same(a: Tensor, b: Tensor) -> bool:
    both = (a[:, 2] >= POINT_SCORE) & (b[:, 2] >= POINT_SCORE)
    if int(both.sum()) < 3:
        return False
    size = max(float((body[both, :2].amax(dim=0) - body[both, :2].amin(dim=0)).norm()) for body in (a, b))
    return float((a[both, :2] - b[both, :2]).norm(dim=1).mean()) < _SAME * size


def judge_hands(
    people: tuple[Person, ...],
    image: Tensor | None = None,
    again: tuple[tuple[Person, ...], ...] = (),
    min_score: float = 1.0,
) -> list[JudgedHand]:
    """All hands that were found in one picture, best first within each person; one hand found twice counts once.

    With the picture `image` `[H,W,C]` that they were found in, fingers too many and grown together are looked for.
    `again`: the people of other looks at the same picture, in its pixels. A hand that scores less than `min_score` 0..1
    by its points is judged by those of the look in which it is best: points of joints that something hides change
    from look to look. What the picture shows of its fingers is not asked again.
    """
    check_range(min_score, 0.0, 1.0, "min_score")
    judged = []
    for owner, person in enumerate(people):
        for hand in person.hands:
            result = _scored(hand)
            if result.detected:
                judged.append((owner, JudgedHand(hand, hand.label, "label", result, result.proven)))
    judged = _without_doubles(judged)
    if image is not None:
        judged = [(owner, _looked_at(image, one, [other for _, other in judged])) for owner, one in judged]
    looks = [[hand for person in look for hand in person.hands] for look in again]
    judged = [
        (owner, _best_look(one, [other for _, other in judged], looks, image, min_score)) for owner, one in judged
    ]
    wrists = _wrists(people)
    taken: dict[int, tuple[int, str]] = {}
    pairs = sorted(
        (float((_root(one) - at).norm()) / one.result.size, index, spot)
        for index, (_, one) in enumerate(judged)
        for spot, (_, _, at) in enumerate(wrists)
    )
    used = set()
    for distance, index, spot in pairs:
        if distance <= _REACH and index not in taken and spot not in used:
            used.add(spot)
            taken[index] = (wrists[spot][0], wrists[spot][1])
    return [
        _placed(one, people, taken.get(index), [side for of, side, _ in wrists if of == owner])
        for index, (owner, one) in enumerate(judged)
    ]


def _scored(hand: FoundHand) -> HandScore:
    """A hand's score, what the frame cuts off hidden where that speaks for it: a detector's guess of it is held against
    no hand, and a palm guessed rightly still shows how large the hand is."""
    whole = score_hand(hand.points, hand.scores)
    if hand.cut is None or not bool(hand.cut.any()) or not whole.detected:
        return whole
    shown = score_hand(hand.points, hand.shown)
    if not shown.detected:  # too little to judge, and presumed right as what is hidden is
        shown = replace(whole, seen=LEAST_SEEN, reasons=())
    return shown if shown.allowed > whole.allowed else whole


def _looked_at(image: Tensor, one: JudgedHand, judged: list[JudgedHand]) -> JudgedHand:
    others = [other.hand.points for other in judged if other is not one]
    seen = look(image, one.hand.points, one.hand.shown, others)
    result = counted(one.result, seen)
    return replace(one, result=result, geometry=result.proven, look=seen)


def _best_look(
    one: JudgedHand, judged: list[JudgedHand], looks: list[list[FoundHand]], image: Tensor | None, min_score: float
) -> JudgedHand:
    """The hand by the points of the look that speaks most for it, where its own are none of a hand that can be."""
    if not one.doubted(min_score):
        return one
    best = one
    for found in (_found_again(one, judged, hands) for hands in looks):
        if found is None:
            continue
        result = _scored(found)
        if result.weight < _AS_MUCH * one.result.weight:
            continue
        other = replace(one, hand=replace(found, label=one.hand.label), result=result, geometry=result.proven)
        if image is not None:
            other = _looked_at(image, other, [neighbour for neighbour in judged if neighbour is not one])
        if other.score > best.score and (other.look is None or not other.look.reasons):
            best = replace(other, again=True)
    return best


def _found_again(one: JudgedHand, judged: list[JudgedHand], hands: list[FoundHand]) -> FoundHand | None:
    """The hand of another look that is at the place of this one, and of no other that was judged."""

    def away(hand: FoundHand, other: JudgedHand) -> float:
        return float((hand.points[hand.scores > 0.1].mean(dim=0) - other.points.mean(dim=0)).norm())

    shown = [hand for hand in hands if bool((hand.scores > 0.1).any())]
    here = [hand for hand in shown if all(away(hand, one) <= away(hand, other) for other in judged)]
    near = [hand for hand in here if away(hand, one) <= _SAME_PLACE * one.result.size]
    return min(near, key=lambda hand: away(hand, one), default=None)


def _without_doubles(judged: list[tuple[int, JudgedHand]]) -> list[tuple[int, JudgedHand]]:
    kept: list[tuple[int, JudgedHand]] = []
    for owner, one in sorted(judged, key=lambda entry: -entry[1].score):
        near = any(
            float((one.hand.points - other.hand.points).norm(dim=1).median()) < 0.15 * other.result.size
            for _, other in kept
        )
        if not near:
            kept.append((owner, one))
    return kept


def _root(one: JudgedHand) -> Tensor:
    """The hand's wrist, or the middle of what was found of it."""
    return one.hand.points[WRIST] if float(one.hand.scores[WRIST]) > 0.1 else one.points.mean(dim=0)


def _wrists(people: tuple[Person, ...]) -> list[tuple[int, str, Tensor]]:
    return [
        (owner, side, person.body[point, :2])
        for owner, person in enumerate(people)
        for side, point in (("right", RIGHT_WRIST), ("left", LEFT_WRIST))
        if float(person.body[point, 2]) >= POINT_SCORE
    ]


def _placed(one: JudgedHand, people: tuple[Person, ...], arm: tuple[int, str] | None, arms: list[str]) -> JudgedHand:
    """The hand with its arm's side, its score lowered where it hangs at none or does not fit the body's size."""
    if arm is None:
        if not arms:
            return one
        if len(arms) == 1:
            return replace(one, side="left" if arms[0] == "right" else "right", side_from="other arm")
        return _marked(replace(one, side="unknown"), "a hand that hangs at no arm")
    owner, side = arm
    one = replace(one, side=side, side_from="wrist")
    stature = _stature(people[owner].body)
    if stature > 0:
        ratio = one.result.size / (HAND_OF_STATURE * stature)
        if ratio > _TOO_LARGE:
            return _marked(one, "a hand far too large for its body")
        if ratio < _TOO_SMALL:
            return _marked(one, "a hand far too small for its body")
    return one


def _marked(one: JudgedHand, reason: str) -> JudgedHand:
    result = replace(one.result, placed=one.result.placed * _MISPLACED, reasons=(*one.result.reasons, reason))
    return replace(one, result=result)


def _stature(body: Tensor) -> float:
    """The body's height in pixels by its longest-looking bone; bones look shorter than they are, never longer."""
    best = 0.0
    for first, second, share in BODY_BONES:
        if min(float(body[first, 2]), float(body[second, 2])) >= POINT_SCORE:
            best = max(best, float((body[first, :2] - body[second, :2]).norm()) / share)
    return best
