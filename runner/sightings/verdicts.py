"""What a batch that looks for a product found in each picture, as its records tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.batch.entries import Entry, JobState
from runner.batch.ledger import Ledger
from runner.batch.records import record_of
from runner.batch.sidecars import photo_of, place_of, reports_of, source_of
from runner.data import figure
from runner.execution.outputs import NO_NUMBER, VERDICTS
from runner.untrusted import LONGEST_NAME, cut, items, mapping, number, text


@dataclass(frozen=True)
class Find:
    """One thing that the verdict rests on, or the likest one: label, score, verdict, box (left, top, right, bottom)."""

    label: str
    score: float | None
    verdict: str
    box: tuple[int, int, int, int]
    area: int


@dataclass(frozen=True)
class Picture:
    """One picture of the batch; `verdict` is "" where it failed, is not finished, or where what was said of it is no
    verdict: nothing, or one that rests on a figure that is no number. `place`: where it belongs below the
    folder; `source`: where it lies below the one that was named."""

    entry: Entry
    photo: Path
    place: str
    source: str
    verdict: str
    why: str
    width: int
    height: int
    finds: tuple[Find, ...]

    @property
    def is_unjudged(self) -> bool:
        """Whether it was looked at, and nobody knows what was seen."""
        return self.entry.state == JobState.DONE and not self.verdict


def pictures(ledger: Ledger, folder: Path, folders_of_its_own: int) -> Iterator[Picture]:
    """Every picture of a batch, in its order; for the last argument see `place_of`."""
    for entry in ledger.entries():
        record = record_of(folder, entry) if entry.state == JobState.DONE else {}
        is_judged = not any(line.endswith(NO_NUMBER) for line in entry.warnings)
        said = reports_of(record) if is_judged else []
        report = next((one for one in said if text(one.get("verdict")) in VERDICTS), {})
        yield Picture(
            entry,
            photo_of(entry),
            place_of(entry, folders_of_its_own),
            source_of(entry, folders_of_its_own),
            text(report.get("verdict")),
            cut(text(report.get("why"))),
            int(number(report.get("width")) or 0),
            int(number(report.get("height")) or 0),
            tuple(_find(mapping(one)) for one in items(report.get("objects"))),
        )


def _find(one: Mapping[str, Any]) -> Find:
    box = [int(number(value) or 0) for value in items(one.get("bbox"))] + [0] * 4
    verdict = text(one.get("verdict"))
    return Find(
        cut(text(one.get("label")), LONGEST_NAME),
        figure(one.get("score")),
        verdict if verdict in VERDICTS else "",
        (box[0], box[1], box[2], box[3]),
        int(number(one.get("area")) or 0),
    )
