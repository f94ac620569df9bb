"""What the records beside a batch's results say, read with care: anybody may have changed them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from runner.batch.entries import Entry
from runner.untrusted import items, mapping


def reports_of(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What the nodes reported, each run of each node."""
    reports: list[Mapping[str, Any]] = []
    for value in mapping(record.get("reports")).values():
        reports += [mapping(one) for one in (items(value) if isinstance(value, list) else [value])]
    return reports


def photo_of(entry: Entry) -> Path:
    """The photo that a job was made from."""
    return Path(next(iter(entry.job.images.values()), entry.title))


def place_of(entry: Entry, folders_of_its_own: int = 1) -> str:
    """Where that photo lies below the folder that was named. `folders_of_its_own`: how many each job's results have."""
    parents = entry.job.stem.parts[: -1 - folders_of_its_own]
    return (PurePosixPath(*parents) / photo_of(entry).name).as_posix()
