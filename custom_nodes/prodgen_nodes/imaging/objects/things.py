"""What is known of the objects of one picture."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from ..tensors import Box, bounding_box


@dataclass(frozen=True, eq=False)
class Thing:
    """One object: its soft `mask` `[H,W]` (1 = object), `score` 0..1, what it is called, and what to know of it.

    `colours` `[H,W,3]` are its own up to and beyond its edge, also where it touches another; None: not known yet.

    Two are equal only where they are one: masks are not compared.
    """

    mask: Tensor
    score: float = 1.0
    label: str = "object"
    notes: tuple[str, ...] = ()
    colours: Tensor | None = None

    @property
    def box(self) -> Box:
        """Around all of it that is at least half covered."""
        return bounding_box(self.mask)

    @property
    def area(self) -> int:
        """Pixels that are more than half covered."""
        return int((self.mask > 0.5).sum())


@dataclass(frozen=True)
class Objects:
    """The `things` of one picture, from the left to the right; how many `specks` were dropped and what to know."""

    things: list[Thing]
    specks: int = 0
    notes: list[str] = field(default_factory=list)
