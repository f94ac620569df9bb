"""What became of each photo in each colour: read from the reports beside the results, told, and put into a table."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.batch.beside import Beside
from runner.batch.entries import Entry, JobState
from runner.batch.ledger import Ledger
from runner.batch.records import record_of
from runner.batch.sidecars import photo_of, place_of, reports_of
from runner.batch.store import in_words
from runner.data import figure
from runner.events import Recolored
from runner.files import spreadsheet
from runner.untrusted import mapping, text, texts, told

TABLE = "recolor.csv"
_COLUMNS = (
    "photo", "color", "picture", "cutout", "share", "before", "after", "said", "warnings", "state", "reason",
)  # fmt: skip


@dataclass(frozen=True)
class Result:
    """One photo in one colour. `report` is empty where it failed or is not finished."""

    photo: str
    color: str
    entry: Entry
    report: Mapping[str, Any]

    def event(self, folder: Path) -> Recolored:
        picture = _file(self.entry, "picture")
        return Recolored(
            self.entry.id,
            self.entry.prompt_id,
            photo=self.photo,
            color=self.color,
            said=tuple(told(texts(self.report.get("said")))),
            doubts=tuple(told(texts(self.report.get("warnings")))),
            file=None if picture is None else str(folder / picture),
        )


@dataclass(frozen=True)
class Collected:
    """Every photo in every colour, and the table."""

    results: Sequence[Result]
    table: Path | None


def collect_recolored(beside: Beside) -> Collected:
    """`recolor.csv`: a line for each photo in each colour."""
    with in_words(beside.folder), contextlib.closing(Ledger(beside.folder)) as ledger:
        results = [_result(entry, beside.folder) for entry in ledger.entries()]
    data = spreadsheet.table(_COLUMNS, _rows(results))
    return Collected(results, beside.write(TABLE, data.encode("utf-8", "replace")))


def _result(entry: Entry, folder: Path) -> Result:
    record = record_of(folder, entry) if entry.state == JobState.DONE else {}
    report: Mapping[str, Any] = next((one for one in reports_of(record) if one.get("title") == "Recolor Product"), {})
    swatch = entry.job.images.get("swatch")
    color = Path(swatch).name if swatch else str(entry.job.values.get("color", ""))
    return Result(place_of(entry, 0) or photo_of(entry).name, color, entry, mapping(report))


def _rows(results: Sequence[Result]) -> Iterator[dict[str, Any]]:
    for one in results:
        yield {
            "photo": one.photo,
            "color": one.color,
            "picture": _file(one.entry, "picture"),
            "cutout": _file(one.entry, "cutout"),
            "share": figure(one.report.get("of_product")),
            "before": text(one.report.get("before")),
            "after": text(one.report.get("after")),
            "said": " ".join(texts(one.report.get("said"))),
            "warnings": " ".join(texts(one.report.get("warnings"))),
            "state": one.entry.state,
            "reason": (one.entry.error or "").partition("\n")[0],
        }


def _file(entry: Entry, output: str) -> str | None:
    """The file of an output, below the folder of the batch."""
    return next((name for name in entry.files if name.endswith(f"_{output}.png")), None)
