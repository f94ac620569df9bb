"""What the ledger keeps of each job, and the states a job goes through."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from runner.batch.plan import BatchJob
from runner.data import to_json
from runner.errors import UsageError
from runner.files.naming import leads_out

VERSION = "1"
DECLINED = "declined"
"""Among the figures of a failed job: a node declined to work on its photo, and nothing broke."""


class JobState(str, Enum):
    """Where a job of a batch is. The ledger keeps it as text."""

    WAITING = "waiting"
    """Nobody has it: any runner may claim it."""
    CLAIMED = "claimed"
    """A worker has it and makes it ready."""
    SUBMITTED = "submitted"
    """It is in the queue of a server, or about to be."""
    RUNNING = "running"
    """The server works on it."""
    SAVING = "saving"
    """The server has made it; its files are fetched and checked."""
    DONE = "done"
    """Its files are in the output folder, under their names."""
    FAILED = "failed"
    """It ended without a result; the same command tries it again."""

    __hash__ = str.__hash__  # looked up as the text it is, too

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Entry:
    """A job with what is known of it. `prompt_id`: what it was last submitted as, to `server`."""

    id: int
    key: str
    job: BatchJob
    state: JobState
    title: str
    prompt_id: str | None
    replaces: tuple[str, ...]
    server: str | None
    exit_code: int | None
    error: str | None
    sidecar: str | None
    files: tuple[str, ...]
    warnings: tuple[str, ...]
    submitted_at: float | None
    ended_at: float | None
    metrics: Mapping[str, Any]


@dataclass(frozen=True)
class Incompatibility:
    """Why a worker cannot run a job; `exit_code` is what the job would end with. `worker` is what people read."""

    worker: str
    why: str
    exit_code: int


def read_entry(row: sqlite3.Row) -> Entry:
    """Raises sqlite3.DataError where the row is not one that a ledger of ours holds, UsageError where its paths lead
    out of the batch's folder: it was not written here."""
    try:
        entry = _checked(_entry(row))
    except (ValueError, TypeError, IndexError, KeyError, RecursionError, AttributeError) as error:
        raise sqlite3.DataError(f"its job {row['id']} is damaged: {error}") from error
    for name in (str(entry.job.stem), entry.sidecar, *entry.files):
        if name is not None and leads_out(name):
            raise UsageError(
                f"The ledger of this batch names a file outside of its folder, {name[:200]!r}: it was changed by "
                "somebody else.",
                advice="Use nothing of this folder; start anew with another --out.",
            )
    return entry


def _checked(entry: Entry) -> Entry:
    texts = [entry.key, entry.title, *entry.replaces, *entry.files, *entry.warnings]
    texts += [entry.job.group, entry.job.category, *entry.job.images.values()]
    texts += [text for text in (entry.prompt_id, entry.server, entry.error, entry.sidecar) if text is not None]
    numbers = [number for number in (entry.submitted_at, entry.ended_at, entry.job.seed) if number is not None]
    if not all(isinstance(text, str) and "\0" not in text for text in texts):
        raise ValueError("something in it is no text")
    if not all(isinstance(number, (int, float)) and abs(number) < 2**65 for number in numbers):
        raise ValueError("something in it is no number")
    if not isinstance(entry.job.values, dict) or not isinstance(entry.metrics, dict):
        raise ValueError("something in it is no set of values")
    if entry.exit_code is not None and not isinstance(entry.exit_code, int):
        raise ValueError("its exit code is none")
    return entry


def _entry(row: sqlite3.Row) -> Entry:
    job = BatchJob(
        where="",
        stem=Path(row["stem"]),
        values=json.loads(row["vals"]),
        images=json.loads(row["images"]),
        seed=seed_of(row["seed"]),
        group=row["grp"],
        category=row["category"],
    )
    return Entry(
        id=row["id"],
        key=row["key"],
        job=job,
        state=_state(row["state"]),
        title=row["title"],
        prompt_id=row["prompt_id"],
        replaces=tuple(json.loads(row["replaces"])),
        server=row["server"],
        exit_code=row["exit_code"],
        error=row["error"],
        sidecar=row["sidecar"],
        files=tuple(json.loads(row["files"])),
        warnings=tuple(json.loads(row["warnings"])),
        submitted_at=row["submitted_at"],
        ended_at=row["ended_at"],
        metrics=json.loads(row["metrics"]),
    )


def _state(text: Any) -> JobState:
    try:
        return JobState(text)
    except ValueError:  # no runner would ever take it, nor call it done
        raise ValueError(f"there is no state {str(text)[:40]!r}") from None


def seed_column(seed: int | None) -> int | str | None:
    """A seed as the ledger keeps it: SQLite's whole numbers end at 63 bits, seeds at 64."""
    return seed if seed is None or abs(seed) < 2**63 else f"#{seed}"


def seed_of(column: Any) -> int | None:
    return int(column[1:]) if isinstance(column, str) else column


def as_text(value: Any) -> str:
    """What `read_entry` reads again: texts without a character of the number 0, but in values, which may have any."""
    return to_json(dict(value) if isinstance(value, Mapping) else [_kept(one) for one in value])


def _kept(one: Any) -> Any:
    return one.replace("\0", "\ufffd") if isinstance(one, str) else one
