"""What the export says of a batch: one line per rule of the shop, and the files that were written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .channels import OURS, RECHECK_NOTE, Channel
from .rule import Rule


def together(pictures: Sequence[Sequence[Rule]]) -> list[Rule]:
    """One line per rule for the whole batch: the first failing picture's (a fault before a note), else the first's."""
    lines: list[Rule] = []
    for row in zip(*pictures, strict=True):
        failed = [(number, rule) for number, rule in enumerate(row, 1) if not rule.passed]
        failed.sort(key=lambda entry: entry[1].level != "must")
        if failed and len(pictures) > 1:
            number, rule = failed[0]
            lines.append(
                Rule(rule.rule, False, f"picture {number}: {rule.measured}", rule.asked, rule.level, rule.checked)
            )
        else:
            lines.append(failed[0][1] if failed else row[0])
    return lines


def export_report(
    channel: Channel, pictures: Sequence[Sequence[Rule]], files: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """The report of a batch, from the rules of each of its `pictures` and the `files` written."""
    rules = together(pictures)
    return {
        "channel": channel.name,
        "title": channel.title,
        "passed": all(rule.passed for rule in rules if rule.level == "must"),
        "reasons": [rule.finding for rule in rules if not rule.passed and rule.level == "must"],
        "rules": [rule.text() for rule in rules],
        "checks": {rule.rule: rule.passed for rule in rules},
        "states": {rule.rule: rule.state for rule in rules},
        "failed": [rule.rule for rule in rules if not rule.passed and rule.level == "must"],
        "sources": {rule.rule: channel.sources.get(rule.rule, OURS) for rule in rules},
        "files": list(files),
        "note": f"{channel.note} {RECHECK_NOTE}".strip(),
    }
