"""What the records beside a batch's results say, read with care: anybody may have changed them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from runner.batch.entries import Entry
from runner.files.naming import safe_folder
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


def source_of(entry: Entry, folders_of_its_own: int = 1) -> str:
    """The same with its folders as they are called there: a result's are called what every system allows."""
    place, photo = PurePosixPath(place_of(entry, folders_of_its_own)), photo_of(entry)
    folders = photo.parent.parts[len(photo.parent.parts) - len(place.parent.parts) :]
    if [safe_folder(folder) for folder in folders] != list(place.parent.parts):  # a table's groups, or a link
        return place.as_posix()
    return PurePosixPath(*folders, photo.name).as_posix()
