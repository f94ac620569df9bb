"""Which of a product's openings, if any, belongs to a handle: one list of rules, each with the reason it gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .bridges import closed_breaks, joined_ends
from .rules import RULES, kind_of, measure, preference
from .strands import Strand, joined, strands_of
from .topology import EIGHT, Anatomy, Bools, Floats, Survey, split_at, survey, wall_half_thickness

_THICKER = 2.2  # the body is this many times thicker than the handle's wall; two overlapped straps are 2
_MOST_OPENINGS = 8
"""The largest ones. A handle encloses one of the first; a crochet bag has hundreds, each of which costs a search."""
_THIN_PRODUCT = 0.08  # half thickness over the longest side
_FAINT = 0.25
"""Coverage that still counts in the second look; lower, and the soft rim of the whole product closes openings."""
_NO_BODY = "the product is thin all over: there is no body for a handle to carry"


@dataclass(frozen=True)
class Handle:
    """A handle on the working grid."""

    kind: str
    strands: tuple[Strand, ...]
    anatomy: Anatomy
    survey: Survey
    unseen: Bools
    preference: float

    @property
    def main(self) -> Strand:
        return self.strands[0]

    @property
    def area(self) -> float:
        """Pixels of the handle between its ends, on the working grid."""
        labels, _ = ndimage.label(self.survey.product & (self.anatomy.thick == 0), EIGHT)
        mine = np.unique(np.concatenate([labels[strand.rows, strand.columns] for strand in self.strands]))
        return float(np.isin(labels, mine[mine > 0]).sum())


@dataclass(frozen=True)
class Refusal:
    """Why an opening is not a handle's. `nearness` orders them: the reason nearest to a handle is the one to tell."""

    reason: str
    nearness: int

    @property
    def final(self) -> bool:
        """Whether mending the mask cannot change it."""
        return self.nearness >= 9


def find_handle(alpha: Floats, framed: Bools) -> Handle | Refusal:
    """The handle of one product, or why there is none. `alpha` `[h,w]` 0..1 with a margin of background, `framed`
    `[h,w]` where that margin lies outside the picture.

    A handle that the mask shows whole comes first, then a faint one, then one with small breaks, then loose ends that
    face each other.
    """
    product = alpha > 0.5
    verdict = _search(survey(alpha, product), np.zeros_like(product))
    if isinstance(verdict, Handle) or verdict.final:
        return verdict
    # A strap of less than a pixel covers none: it is in the mask, but faintly.
    faint = _search(survey(alpha, alpha > _FAINT), np.zeros_like(product))
    if isinstance(faint, Handle):
        return faint
    for mended in _mended(product, framed):
        unseen = mended & ~product
        second = _search(survey(np.where(unseen, 1.0, alpha), mended), unseen)
        if isinstance(second, Handle):
            return second
    return verdict


def _mended(product: Bools, framed: Bools) -> Iterator[Bools]:
    yield closed_breaks(product)
    yield from joined_ends(product, framed)


def _search(survey: Survey, unseen: Bools) -> Handle | Refusal:
    if not survey.openings:
        return Refusal("the product has no opening that a handle could enclose", 0)
    handles: list[Handle] = []
    refusals: list[Refusal] = []
    parts: list[tuple[Anatomy, Strand]] = []
    done: set[int] = set()
    deepest = float(survey.depth.max())
    for opening in survey.openings[:_MOST_OPENINGS]:
        if opening in done:
            continue
        half = wall_half_thickness(survey, opening)
        if half > deepest / 2:
            thin = deepest < _THIN_PRODUCT * max(survey.product.shape)
            refusals.append(Refusal(_NO_BODY if thin else "its openings lie inside, with no thin part around them", 1))
            continue
        anatomy = split_at(survey, _THICKER * half + 1.5)
        if anatomy is None:
            refusals.append(Refusal(_NO_BODY, 2))
            continue
        strands = strands_of(survey, anatomy, opening, unseen)
        if not strands:
            refusals.append(Refusal("the thin part around its opening starts and ends at one place, like a ring", 2))
            continue
        done |= frozenset().union(*(strand.openings for strand in strands))
        parts += [(anatomy, strand) for strand in strands]
        for group in _twins(strands):
            verdict = _judge(survey, anatomy, group, unseen)
            if isinstance(verdict, Handle):
                handles.append(verdict)
            else:
                refusals.append(verdict)
    hidden = [verdict for verdict in _hidden_middles(survey, parts, unseen) if isinstance(verdict, Handle)]
    handles = hidden or handles
    if _two_sides(handles):
        return Refusal("it has a handle at each side: which one a hand should hold is not clear", 9)
    if handles:
        return max(handles, key=lambda handle: handle.preference)
    return max(refusals, key=lambda refusal: refusal.nearness)


def _twins(strands: list[Strand]) -> list[tuple[Strand, ...]]:
    """Group strands that are the two straps of one handle: alike in length, their ends close to each other's."""
    rest = sorted(strands, key=lambda strand: -strand.length)
    groups: list[tuple[Strand, ...]] = []
    while rest:
        first = rest.pop(0)
        # Twin straps differ in length by how one hangs before the other, and their ends lie side by side on the body.
        alike = [
            other
            for other in rest
            if other.length > first.length / 1.7
            and max(np.hypot(*(other.left - first.left)), np.hypot(*(other.right - first.right)))
            < 0.45 * max(first.span, other.span)
        ]
        rest = [other for other in rest if all(other is not twin for twin in alike)]
        groups.append((first, *alike))
    return groups


def _hidden_middles(survey: Survey, parts: list[tuple[Anatomy, Strand]], unseen: Bools) -> Iterator[Handle | Refusal]:
    """Handles whose middle is behind something that reaches the body: a strand on either side of it, facing."""
    for anatomy, first in parts:
        for _, second in parts:
            whole = None if first is second else joined(first, second)
            if whole is not None:
                yield _judge(survey, anatomy, (whole,), unseen)


def _two_sides(handles: list[Handle]) -> bool:
    return len(handles) > 1 and all(handle.kind == "side" for handle in handles)


def _judge(survey: Survey, anatomy: Anatomy, strands: tuple[Strand, ...], unseen: Bools) -> Handle | Refusal:
    loop = measure(survey, anatomy, strands, unseen)
    for rule in RULES:
        if rule.breaks(loop):
            return Refusal(rule.reason, rule.nearness)
    kind = kind_of(loop, len(strands) > 1 or strands[0].doubled)
    return Handle(kind, strands, anatomy, survey, unseen, preference(loop))
