"""The objects that a batch of cut-outs has found, as its records tell of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from runner.batch.entries import Entry, JobState
from runner.batch.ledger import Ledger
from runner.batch.records import record_of
from runner.batch.sidecars import photo_of, reports_of, source_of
from runner.data import figure
from runner.files.naming import OBJECTS, ResultFile, distinct_names, part_of_output
from runner.untrusted import items, mapping, number, text


@dataclass(frozen=True)
class Find:
    """One object: its number in the picture, label, score (None: not said), box (left, top, right, bottom), area in
    pixels, its files below the folder ("" where there is none), what to know of it, and COCO's mask."""

    number: int
    label: str
    score: float | None
    box: tuple[int, int, int, int]
    area: int
    file: str
    crop: str
    notes: tuple[str, ...]
    segmentation: Mapping[str, Any]


@dataclass(frozen=True)
class Picture:
    """One picture of the batch: its photo, its `place` below the folder that was named, and what was found in it."""

    entry: Entry
    photo: Path
    place: str
    width: int
    height: int
    finds: tuple[Find, ...]
    sheet: str
    notes: tuple[str, ...]


def pictures(ledger: Ledger, folder: Path) -> Iterator[Picture]:
    """Every picture of a batch, in its order; one that failed or is not finished has no finds."""
    for entry in ledger.entries():
        record = record_of(folder, entry) if entry.state == JobState.DONE else {}
        saved = _report(record, "segmentation")
        finds = tuple(_find(mapping(one), entry) for one in items(saved.get("objects")))
        cut = _report(record, "picture")
        notes = tuple(text(note) for note in items(cut.get("notes")))
        size = (int(number(saved.get("width")) or 0), int(number(saved.get("height")) or 0))
        sheet = next((name for name in entry.files if name.endswith(".jpg")), "")
        yield Picture(entry, photo_of(entry), source_of(entry), *size, finds, sheet, notes)


def _report(record: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The report whose objects say `key`."""
    reports = (
        report for report in reports_of(record) if any(key in mapping(one) for one in items(report.get("objects")))
    )
    return next(reports, {})


def _find(one: Mapping[str, Any], entry: Entry) -> Find:
    box = [int(number(value) or 0) for value in items(one.get("bbox"))] + [0] * 4
    return Find(
        int(number(one.get("number")) or 0),
        text(one.get("label")) or "object",
        figure(one.get("score")),
        (box[0], box[1], box[2], box[3]),
        int(number(one.get("area")) or 0),
        _saved_as(text(one.get("file")), entry),
        _saved_as(text(one.get("crop")), entry),
        tuple(text(note) for note in items(one.get("notes"))),
        _segmentation(mapping(one.get("segmentation"))),
    )


def _segmentation(mask: Mapping[str, Any]) -> dict[str, Any]:
    """COCO's mask: (height, width) and the run lengths as text."""
    size = [int(number(value) or 0) for value in items(mask.get("size"))]
    return {"size": [*size, 0, 0][:2], "counts": text(mask.get("counts"))}


def _saved_as(name: str, entry: Entry) -> str:
    """The file of the batch that a node saved as `name`; "" where there is none."""
    part = part_of_output(name)
    end = PurePosixPath(entry.sidecar or "").stem.removeprefix(OBJECTS)  # `_2` where another had the name
    (wanted,) = distinct_names(f"{OBJECTS}{end}", [ResultFile(OBJECTS, PurePosixPath(name).suffix, part)])
    return next((file for file in entry.files if part and PurePosixPath(file).name == wanted), "")
