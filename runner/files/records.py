"""The record beside a picture: `bag.json` of `bag.png`, and of `bag_mask.png` and `bag_02.png`, which it names too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from runner.data import parse_answer
from runner.files.reading import read_text
from runner.untrusted import items, mapping

_MOST_PARTS = 8
"""Parts of a name that are taken off in search of its record: more than a result's name ever has behind its stem."""


def record_of(picture: Path) -> Mapping[str, Any] | None:
    """What the `.json` beside a result says of it; None where there is none, or it is about other files."""
    for path in _possible(picture):
        try:
            record = mapping(parse_answer(read_text(path), is_record=True))
        except (OSError, ValueError, RecursionError):
            continue
        if any(mapping(file).get("file") == picture.name for file in items(record.get("files"))):
            return record
    return None


def _possible(picture: Path) -> Iterator[Path]:
    stem = picture.name.removesuffix(picture.suffix)
    for _ in range(_MOST_PARTS):
        yield picture.with_name(f"{stem}.json")
        stem, mark, _part = stem.rpartition("_")
        if not mark or not stem:
            return
