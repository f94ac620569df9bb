"""What a person should look at in a result although every check passed: an unsure cut-out, a product nobody checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from runner.data import figure
from runner.untrusted import cut, mapping, texts, told

TRUSTED = 0.75
"""A cut-out less certain than this wants a look (the nodes try another method below it)."""


def certainty(record: Mapping[str, Any]) -> float | None:
    """How sure the least sure report of a result is of its cut-out; None where none says."""
    return min(_figures(record.get("reports"), "confidence"), default=None)


def is_unsure(certain: float | None) -> bool:
    """Whether a cut-out of this certainty is more of a guess."""
    return certain is not None and certain < TRUSTED


def not_checked(record: Mapping[str, Any]) -> str:
    """Why nobody can tell whether the product of a result is whole; "" where that is known, or not asked."""
    for report in _each(record.get("reports")):
        for rule in texts(report.get("rules")):
            _, mark, why = rule.partition("whole product: not checked: ")
            if mark and not rule.startswith("pass"):
                return cut(why.rpartition(" (asked: ")[0] or why)
    return ""


def doubts(record: Mapping[str, Any]) -> tuple[str, ...]:
    """A line for each."""
    certain, why = certainty(record), not_checked(record)
    lines = []
    if certain is not None and is_unsure(certain):
        lines.append(f"cut out with a certainty of {_below(certain):.0%}, below {TRUSTED:.0%}; look at it")
    if why:
        lines.append(f"whether the product is whole could not be checked ({why}); look at it")
    said = [one for report in _each(record.get("reports")) for one in texts(report.get("doubts"))]
    return tuple(told(dict.fromkeys([*texts(record.get("not_checked")), *lines, *said])))


def _below(certain: float) -> float:
    """As it is shown: what is rounded up to the limit would not be below it."""
    return min(certain, TRUSTED - 0.01)


def _figures(reports: Any, name: str) -> Iterator[float]:
    """This figure of every report that has it, as far as it lies between 0 and 1."""
    for report in _each(reports):
        value = figure(report.get(name))
        if value is not None and 0 <= value <= 1:
            yield value


def _each(reports: Any) -> Iterator[Mapping[str, Any]]:
    for entry in mapping(reports).values():
        for report in entry if isinstance(entry, list) else [entry]:
            yield mapping(report)
