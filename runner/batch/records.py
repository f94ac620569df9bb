"""What the `.json` beside a result of a batch says, whoever wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.batch.entries import Entry
from runner.data import parse_answer
from runner.files.naming import below
from runner.files.reading import read_text
from runner.untrusted import mapping


def record_of(folder: Path, entry: Entry) -> Mapping[str, Any]:
    """The record of a job's result; empty where there is none, or none that can be read."""
    sidecar = None if entry.sidecar is None else below(folder, entry.sidecar)
    if sidecar is None:
        return {}
    try:
        return mapping(parse_answer(read_text(sidecar, errors="replace"), is_record=True))
    except (OSError, ValueError):
        return {}
