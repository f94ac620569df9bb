"""One report for a batch, alike for every node: what holds for all of its pictures, and one report each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def batch_report(reports: Sequence[Mapping[str, Any]], **together: Any) -> dict[str, Any]:
    """The report of a batch from one report per picture (at least one).

    Of one picture: its own, as it is. Of several: every entry on which all agree; `passed` where all passed; `reasons`,
    each with its picture's number; `notes`, `warnings` and `doubts`, each once; `together`, which says what else can be
    said of all, such as the worst figure; `pictures`, how many they are, and `items`, one report each, in order.
    """
    first = reports[0]
    if len(reports) == 1:
        return dict(first)
    report = {key: value for key, value in first.items() if all(key in one and one[key] == value for one in reports)}
    if "passed" in first:
        report["passed"] = all(one["passed"] for one in reports)
    if "reasons" in first:
        report["reasons"] = [f"picture {n}: {text}" for n, one in enumerate(reports, 1) for text in one["reasons"]]
    for key in ("notes", "warnings", "doubts"):
        if key in first:
            report[key] = list(dict.fromkeys(text for one in reports for text in one[key]))
    return {**report, **together, "pictures": len(reports), "items": [dict(one) for one in reports]}
