"""The circle that a turned thing stands on, as the picture shows it."""

from __future__ import annotations

from dataclasses import dataclass

LEAST_WIDTH = 24
"""Pixels below which an ellipse cannot be told from a line."""
STEEPEST = 0.9
"""The ellipse's height over its width, at most, for cameras up to 64° above the ground: more is a ball's or an egg's
end."""


@dataclass(frozen=True)
class RoundFoot:
    """Its middle (canvas `column`, `row`), its `radius` in columns, depth on the ground to rows of the picture,
    `foreshortening`, and whether it is `under_a_rim`, a dish's."""

    column: float
    row: float
    radius: float
    foreshortening: float
    under_a_rim: bool = False
