"""The circle that a turned thing stands on, as the picture shows it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RoundFoot:
    """Its middle (canvas `column`, `row`), its `radius` in columns, and depth on the ground to rows of the picture,
    `foreshortening`."""

    column: float
    row: float
    radius: float
    foreshortening: float
