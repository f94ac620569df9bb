"""Folders of batches for the report, made without a server: a real ledger, real pictures, any text anywhere."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from PIL import Image

from runner.batch.changed import INPUTS, noted
from runner.batch.entries import JobState, as_text
from runner.batch.ledger import Ledger
from runner.batch.plan import BatchJob
from runner.batch.store import LEDGER_FILE
from runner.data import without_lone_surrogates
from runner.report.page import write_page


@dataclass
class Job:
    """A job as it ended: with files, with an error, or (neither) not yet. `record`: what its `.json` says, besides what
    the photo was, unless it `knows_photo` not."""

    photo: str
    stem: str = ""
    group: str = ""
    files: Sequence[str] = ()
    error: str = ""
    warnings: Sequence[str] = ()
    metrics: Mapping[str, Any] = field(default_factory=dict)
    record: Mapping[str, Any] | None = None
    knows_photo: bool = True

    def inputs(self) -> dict[str, Any]:
        """What a runner notes of the photo when it reads it."""
        return {INPUTS: noted({"image": self.photo}) if self.photo and self.knows_photo else {}}


def batch_folder(out: Path, jobs: Sequence[Job], workflow: str = "packshot.v5 0123") -> Path:
    """A ledger that tells of these jobs, and their records; pictures are the caller's."""
    out.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(Ledger(out)) as ledger:
        ledger.bind({"workflow": workflow})
        planned = []
        for number, job in enumerate(jobs):
            stem, images = Path(job.stem or f"job{number}"), {"image": job.photo} if job.photo else {}
            planned.append(BatchJob("", stem, {"number": number}, images, None, job.group))
        ledger.add(planned)
    rows = []
    for number, job in enumerate(jobs):
        state = JobState.FAILED if job.error else JobState.DONE if job.files else JobState.WAITING
        sidecar = f"{number}.json" if job.files else None
        if sidecar is not None:
            record = {"batch": job.inputs(), **(job.record or {})}
            (out / sidecar).write_text(json.dumps(record), encoding="utf-8")
        metrics = {**job.metrics, **job.inputs()} if job.error else job.metrics
        told = map(as_text, (list(job.files), list(job.warnings), metrics))
        rows.append((state.value, without_lone_surrogates(job.error) or None, sidecar, *told, number + 1))
    with contextlib.closing(sqlite3.connect(out / LEDGER_FILE)) as database, database:
        change = "UPDATE jobs SET state = ?, error = ?, sidecar = ?, files = ?, warnings = ?, metrics = ? WHERE id = ?"
        database.executemany(change, rows)
    return out


def report(out: Path, page: Path | None = None) -> Path:
    """The page of a folder, as the command writes it."""
    page = page or out / "report.html"
    with contextlib.closing(Ledger(out)) as ledger:
        write_page(page, out, ledger, 300.0)
    return page


def picture(path: Path, colour: str | tuple[int, ...] = "white", size: tuple[int, int] = (48, 32)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB" if isinstance(colour, str) or len(colour) == 3 else "RGBA", size, colour).save(path)
    return path


class Parsed(HTMLParser):
    """A page as a browser takes it: every tag with its attributes, all text, and the data of each card."""

    def __init__(self, page: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.blocks: list[Any] = []
        self._in_block = False
        self.source = page.read_text(encoding="utf-8")
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._in_block = tag == "script" and dict(attrs).get("type") == "application/json"

    def handle_data(self, data: str) -> None:
        if self._in_block:
            self.blocks.append(json.loads(data))
            self._in_block = False
        else:
            self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def cards(self) -> list[dict[str, str | None]]:
        return self.all("article")

    @property
    def links(self) -> list[str]:
        """Where the cards lead to."""
        return [str(attributes["href"]) for attributes in self.all("a") if "href" in attributes]

    @property
    def names(self) -> list[str]:
        """What is copied of each card, in their order."""
        return list(self.blocks[-1])
