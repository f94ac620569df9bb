"""One line of a check of a finished picture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """One line of the report; `level` is `must` (a shop refuses or hides the picture) or `advice`. `checked`: False
    where nobody could tell."""

    rule: str
    passed: bool
    measured: str
    asked: str
    level: str = "must"
    checked: bool = True

    @property
    def state(self) -> str:
        """For programs: `passed`, `failed` or `not checked`."""
        if not self.checked:
            return "not checked"
        return "passed" if self.passed else "failed"

    @property
    def finding(self) -> str:
        return f"{self.rule}: {self.measured} (asked: {self.asked})"

    def text(self) -> str:
        """For people; what a program wants to know is a field of its own."""
        mark = "pass" if self.passed else ("FAIL" if self.level == "must" else "note")
        return f"{mark}  {self.finding}"
