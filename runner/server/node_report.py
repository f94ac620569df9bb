"""What a node says beside its pictures: its report, and why it declined. The runner's half of `docs/node-reports.md`.

The pack's half is `nodes/common.py` (the key of a report) and its `errors.py` modules (the names of what it declines
with). Neither imports the other; `tests/runner/test_node_report.py` holds the three together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from runner.untrusted import texts

REPORT_KEY = "prodgen_report"
"""Of a node's `ui` output: its reports, each one JSON object as text."""
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


class Declined(Enum):
    """Why a node of the pack did not do its work. Nothing broke: its message says all there is to say."""

    PICTURE = "picture"
    """This picture cannot be worked on; another, or another candidate, may be."""
    WIRING = "wiring"
    """The graph is wired or set wrongly: no picture will do."""
    SETUP = "setup"
    """What the node works with is damaged or not installed there."""


ERRORS = {
    "NotFiniteError": Declined.PICTURE,
    "RangeError": Declined.WIRING,
    "EmptyMaskError": Declined.PICTURE,
    "UntrustedCutoutError": Declined.PICTURE,
    "KeypointError": Declined.PICTURE,
    "NotRegisteredError": Declined.PICTURE,
    "ShapeError": Declined.WIRING,
    "ParameterError": Declined.WIRING,
    "ModelFileError": Declined.SETUP,
    "MissingPackageError": Declined.SETUP,
}
"""Exceptions of the pack by name, whichever of its modules called `errors` they are in."""


JUDGES = frozenset({"ProdgenCheck", "ProdgenExport", "ProdgenFidelity", "ProdgenHandCheck"})
"""The nodes of the pack that judge a picture and run in every graph they stand in: each reports whether it `passed`.
What else reports that it passed says it of a step on the way, or of what a picture holds."""


def declined(exception_type: str) -> Declined | None:
    """What the exception that a server names (`….errors.EmptyMaskError`) means; None: something broke."""
    module, _, name = exception_type.rpartition(".")
    return ERRORS.get(name) if module.rpartition(".")[2] == "errors" else None


def code_of(exception_type: str) -> str:
    """What kind of refusal it is, for programs: `….errors.EmptyMaskError` is `empty_mask`; "" where something broke."""
    if declined(exception_type) is None:
        return ""
    return _CAPITAL.sub("_", exception_type.rpartition(".")[2].removesuffix("Error")).lower()


def report_texts(entry: Any) -> list[str]:
    """The reports in one node's `ui` output.

    Of a node without the key (an older pack, somebody else's), every text it shows: it may be a report, too.
    """
    reports = list(texts(entry.get(REPORT_KEY))) if isinstance(entry, Mapping) else []
    return reports or shown_texts(entry)


def shown_texts(entry: Any) -> list[str]:
    """What one node shows to people."""
    shown = entry.get("text") if isinstance(entry, Mapping) else None
    return [shown] if isinstance(shown, str) else list(texts(shown))


def failed_rules(report: Mapping[str, Any]) -> Iterator[str]:
    """What failed in a report without `reasons`: its `rules` that are named in `failed`, as older packs write them.

    A rule is a line `mark  name: what was measured`.
    """
    failed = list(texts(report.get("failed")))
    for rule in texts(report.get("rules")):
        words = rule.partition("  ")[2].strip()
        if words.partition(": ")[0] in failed:
            yield words
