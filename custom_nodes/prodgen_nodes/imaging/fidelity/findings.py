"""What was found wrong with a product in a picture, and which of it is only a consequence of something else.

A product in another colour has another contrast, too; a blurred one has lost its structure. Said beside the true reason
that would be untrue, so what follows from another finding is not claimed. The figures of the report still hold it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..tensors import Box

Kind = Literal[
    "colour", "average", "structure", "detail", "changed", "missing", "halo", "floating", "ghost", "cut away",
    "added", "mirrored", "stretched", "not found",
]  # fmt: skip
"""`changed`: a place of it, in structure; `missing`: there its ground shows; `average`: figures of all of it that no
other finding explains; `cut away`: by the cut-out of the photo."""

_ABOUT_IT = {"colour", "structure", "detail", "changed", "missing", "mirrored", "stretched", "added"}
"""What explains figures of the whole product."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, of which `kind`, in words; at the `box` of the picture, all over where that is None."""

    kind: Kind
    text: str
    box: Box | None = None
    place: str | None = None

    def as_report(self) -> dict[str, Any]:
        return {"kind": self.kind, "place": self.place or "all over"}


def told(found: Sequence[Finding]) -> tuple[Finding, ...]:
    """Those of `found` that are no consequence of another."""
    whole, kinds = {one.kind for one in found if one.box is None}, {one.kind for one in found}
    untrue: set[str] = set()
    if "colour" in whole:
        untrue |= {"structure", "detail", "changed"}
    if "detail" in whole - untrue:
        untrue |= {"structure", "changed"}
    if "missing" in kinds:
        untrue |= {"structure"}
    if kinds & _ABOUT_IT:
        untrue |= {"average"}
    at_places = {one.kind for one in found if one.box is not None} - untrue
    return tuple(
        one
        for one in found
        if one.kind not in untrue
        and not (one.kind == "colour" and one.box is not None and "colour" in whole)
        and not (one.kind == "detail" and one.box is not None and at_places & {"changed", "missing"})
    )
