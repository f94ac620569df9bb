"""What 'Product Fidelity' reported, as the export needs it: one rule, and whether each picture's product is whole."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ..imaging.colorspace import DELTA_E00
from ..imaging.errors import ParameterError
from .rule import Rule

_NO_PHOTO = "connect the report of 'Product Fidelity', and to that node the photo as it was loaded"


@dataclass(frozen=True)
class Verdict:
    """`rules`: the one line that the report adds, none without a report. For each picture `missing`, where its product
    lacks a piece, and `unchecked`, why that is not known (None: it is)."""

    rules: tuple[Rule, ...] = ()
    missing: tuple[tuple[str, ...], ...] = ((),)
    unchecked: tuple[str | None, ...] = (_NO_PHOTO,)

    def of(self, index: int) -> tuple[tuple[str, ...], str | None]:
        """`missing` and `unchecked` of one picture; the last report serves all that follow."""
        index = min(index, len(self.missing) - 1)
        return self.missing[index], self.unchecked[index]


def read_verdict(text: str | None) -> Verdict:
    """The verdict in a report of 'Product Fidelity'; without one nothing is known.

    Raises ParameterError for a text that is no such report.
    """
    if not text:
        return Verdict()
    try:
        report = json.loads(text)
        mean = report.get("delta_e00_mean")
        passed = report["passed"] is True and (mean is None or abs(mean) < float("inf"))
        pictures = report.get("items") or [report]
        missing = tuple(tuple(map(str, picture.get("missing") or ())) for picture in pictures)
        unchecked = tuple(_unchecked(picture) for picture in pictures)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ParameterError("fidelity is not the report of a 'Product Fidelity' node; connect its report.") from error
    reasons = "; ".join(str(reason) for reason in report.get("reasons") or [])
    measured = f"mean colour difference {mean:.2f} {DELTA_E00}" if isinstance(mean, (int, float)) else "measured"
    rule = Rule(
        "product unchanged",
        passed,
        f"{measured}{': ' + reasons if reasons and not passed else ''}",
        "the photo's own product",
    )
    return Verdict((rule,), missing, unchecked)


def _unchecked(picture: dict[str, Any]) -> str | None:
    """Why the report of one picture does not say whether the product is whole."""
    if picture.get("whole") is not None:
        return None
    return str(picture.get("whole_note") or _NO_PHOTO).removeprefix("not checked: ")
