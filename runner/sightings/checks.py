"""What `check` found in each picture: read from the reports beside the results, told, and put into a table."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runner.batch.beside import Beside
from runner.batch.entries import JobState
from runner.batch.ledger import Ledger
from runner.batch.records import record_of
from runner.batch.sidecars import photo_of, reports_of, source_of
from runner.batch.store import in_words
from runner.data import figure, not_numbers
from runner.events import Checked
from runner.execution.outputs import NO_NUMBER
from runner.files import spreadsheet
from runner.untrusted import items, mapping, text, texts, told

NO_VERDICT = "the verdict on it did not arrive, so it has not passed"
"""What is said of a picture that was checked and of which the check says nothing."""
SAME, CHANGED, NOT_FOUND = "the seller's product", "changed", "not found"
VERDICTS = (SAME, CHANGED, NOT_FOUND)
TABLE = "check.csv"
_FIGURES = (
    "confidence", "delta_e00_mean", "delta_e00_p95", "hue_error_deg", "ssim", "light_ratio", "worst_similarity",
    "worst_delta_e00",
)  # fmt: skip
_COLUMNS = ("picture", "passed", "verdict", "reasons", "notes", *_FIGURES, "whole", "box", "heat", "state", "reason")


@dataclass(frozen=True)
class Found:
    """What the report on one picture says; `report` has all of it."""

    verdict: str
    passed: bool
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    report: Mapping[str, Any]

    @property
    def whole(self) -> bool | None:
        """Whether the photo's cut-out is known to hold all of the product; None where nobody knows."""
        whole = self.report.get("whole")
        return whole if isinstance(whole, bool) else None

    def event(self, picture: str, heat: Path | None, job: int = 1, prompt_id: str | None = None) -> Checked:
        """The same as an event about `picture`."""
        return Checked(
            job,
            prompt_id,
            picture=picture,
            verdict=self.verdict,
            passed=self.passed,
            reasons=self.reasons,
            notes=self.notes,
            heat=None if heat is None else str(heat),
            whole=self.whole,
        )


def found_in(reports: Iterable[Any]) -> Found | None:
    """The first report that holds a verdict; None where there is none. What does not say that it passed has not, nor
    has what is judged by a figure that is no number."""
    for report in map(mapping, reports):
        verdict = text(report.get("verdict"))
        if verdict in VERDICTS:
            wrong = [f"{name}{NO_NUMBER}" for name in not_numbers(report)]
            passed = report.get("passed") is True and verdict == SAME and not wrong
            reasons, notes = told([*texts(report.get("reasons")), *wrong]), told(texts(report.get("notes")))
            return Found(verdict, passed, tuple(reasons), tuple(notes), report)
    return None


@dataclass(frozen=True)
class Picture:
    """One picture of the batch; `found` is None where it failed or is not finished."""

    name: str
    found: Found | None
    heat: Path | None
    state: str
    error: str


@dataclass(frozen=True)
class Collected:
    """Every picture of the batch, and the table."""

    pictures: Sequence[Picture]
    table: Path | None

    @property
    def passed(self) -> int:
        return sum(one.found is not None and one.found.passed for one in self.pictures)

    @property
    def to_be_looked_at(self) -> int:
        """How many passed of which nobody knows whether the cut-out that they were compared with is whole."""
        return sum(one.found is not None and one.found.passed and not one.found.whole for one in self.pictures)


def collect_checks(beside: Beside) -> Collected:
    """`check.csv`: a line for each picture of the batch."""
    with in_words(beside.folder), contextlib.closing(Ledger(beside.folder)) as ledger:
        pictures = list(_pictures(ledger, beside.folder))
    data = spreadsheet.table(_COLUMNS, _rows(pictures, beside.folder))
    return Collected(pictures, beside.write(TABLE, data.encode("utf-8", "replace")))


def _pictures(ledger: Ledger, folder: Path) -> Iterator[Picture]:
    for entry in ledger.entries():
        record = record_of(folder, entry) if entry.state == JobState.DONE else {}
        heat = next((folder / name for name in entry.files if name.endswith(".png")), None)
        error = (entry.error or "").partition("\n")[0]
        found = found_in(reports_of(record))
        wrong = tuple(line for line in entry.warnings if line.endswith(NO_NUMBER))  # a record has no such figures
        if found is not None and wrong:
            found = replace(found, passed=False, reasons=(*found.reasons, *wrong))
        if found is None and entry.state == JobState.DONE:
            error = NO_VERDICT
        name = source_of(entry, 0) or photo_of(entry).name
        yield Picture(name, found, heat, entry.state, error)


def _rows(pictures: Sequence[Picture], folder: Path) -> Iterator[dict[str, Any]]:
    for one in pictures:
        row: dict[str, Any] = {"picture": one.name, "state": one.state, "reason": one.error}
        if one.heat is not None:
            row["heat"] = one.heat.relative_to(folder).as_posix()
        if one.found is not None:
            report = one.found.report
            row |= {name: figure(report.get(name)) for name in _FIGURES}
            row |= {
                "passed": "yes" if one.found.passed else "no",
                "verdict": one.found.verdict,
                "reasons": "; ".join(one.found.reasons),
                "notes": "; ".join(one.found.notes),
                "whole": "not known" if one.found.whole is None else "yes" if one.found.whole else "no",
                "box": " ".join(str(side) for side in items(report.get("bbox")) if isinstance(side, int)),
            }
        yield row
