"""How good a candidate is, as one number: 100 is perfect, 0 lies on a limit, below 0 a limit is missed.

Every figure with a limit has a margin from −1 to 1 (−1 where it is no number):

- a maximum: 1 at 0, 0 at the limit, −1 at twice the limit and beyond (ΔE00 of 1.5 under a limit of 3 is 0.5);
- a minimum up to 1 (a share, such as SSIM or IoU): 1 at 1, 0 at the limit, −1 at 0;
- a larger minimum (a count, pixels): 1 at twice the limit, 0 at the limit, −1 at 0.

A share without a limit (`score`, `confidence`, `…iou`) counts as its own margin. A gate none of whose figures has a
margin counts 1 where it passed and −1 where it did not; a gate that did not pass for a reason its margins do not show
(floating, two people) adds a −1.

The score is 100 × (half the worst margin + half the mean of all): one bad figure cannot hide among good ones, and of
two candidates with the same weakest point the one that is better elsewhere wins. All figures weigh the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from runner.best_of.gates import Figure, Gate

COMFORTABLE = 60.0
"""A candidate that passes every gate with this score or more ends the search: its weakest figure typically uses up half
of what its limit allows, the others less."""


def score_of(gates: Iterable[Gate]) -> float | None:
    """The score, to one decimal; None when nothing was measured."""
    margins = [margin for gate in gates for margin in _margins(gate)]
    if not margins:
        return None
    return round(100 * (0.5 * min(margins) + 0.5 * sum(margins) / len(margins)), 1)


def margin_of(figure: Figure) -> float | None:
    """How far a figure is from its limit, −1 … 1; None when it has neither limit nor natural scale."""
    value, limit = figure.value, figure.limit
    if value is None or isinstance(value, bool):
        return None
    if not math.isfinite(value):
        return -1.0
    if limit is None:
        return _clamped(value) if figure.is_share else None
    if not figure.is_minimum:
        margin = 1 - value / limit if limit > 0 else (1.0 if value <= limit else -1.0)
    elif limit <= 0:
        margin = 1.0 if value >= limit else -1.0
    elif value >= limit:
        room = 1 - limit if limit < 1 else limit
        margin = (value - limit) / room
    else:
        margin = value / limit - 1
    return _clamped(margin)


def _margins(gate: Gate) -> list[float]:
    margins = [margin for margin in map(margin_of, gate.figures) if margin is not None]
    if gate.passed is not None and not margins:
        return [1.0 if gate.passed else -1.0]
    if gate.passed is False and min(margins) >= 0:
        margins.append(-1.0)
    return margins


def _clamped(value: float) -> float:
    return max(-1.0, min(1.0, value))
