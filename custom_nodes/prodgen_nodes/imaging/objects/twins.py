"""Masks that mean the same object: a second find of it, or a part of it that was found as a thing of its own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..tensors import check_range
from .things import Thing

SAME = 0.6
"""Overlap (intersection over union) from which two masks are one object: below .5 a mug before a jug would be lost."""
WITHIN = 0.85
"""Share of the smaller mask that lies in the larger one, from which it is a part of it: a lid, a buckle, a logo."""


def without_twins(things: Sequence[Thing], same: float = SAME, within: float = WITHIN) -> list[Thing]:
    """The `things` of one picture without duplicates and nested parts, in the order given.

    Of two that overlap by `same` the one with the higher score stays; of a part and its whole, the whole, unless its
    score is less than half the part's: then it is a bad find that swallows several.
    """
    check_range(same, 0.0, 1.0, "same")
    check_range(within, 0.0, 1.0, "within")
    solid = [thing.mask > 0.5 for thing in things]
    areas = [int(mask.sum()) for mask in solid]
    kept: list[int] = []
    # Best first; among equals the larger, so that a whole comes before its parts.
    for index in sorted(range(len(things)), key=lambda i: (-things[i].score, -areas[i])):
        if areas[index] == 0:
            continue
        rivals = [(other, _shared(solid[index], solid[other])) for other in kept]
        if any(both > same * (areas[index] + areas[other] - both) for other, both in rivals):
            continue
        nested = [(other, both) for other, both in rivals if both > within * min(areas[index], areas[other])]
        inside = [other for other, _ in nested if areas[other] >= areas[index]]
        around = [other for other, _ in nested if areas[other] < areas[index]]
        if inside or any(things[index].score < 0.5 * things[other].score for other in around):
            continue
        kept = [other for other in kept if other not in around] + [index]
    return [things[index] for index in sorted(kept)]


def _shared(one: Tensor, other: Tensor) -> int:
    return int(torch.logical_and(one, other).sum())
