"""What the ledger keeps of each job, and the states a job goes through."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.batch.plan import BatchJob
from runner.data import to_json
from runner.errors import UsageError
from runner.files.naming import leads_out

VERSION = "1"

WAITING, CLAIMED, SUBMITTED, RUNNING, SAVING, DONE, FAILED = (
    "waiting", "claimed", "submitted", "running", "saving", "done", "failed",
)  # fmt: skip
STATES = frozenset({WAITING, CLAIMED, SUBMITTED, RUNNING, SAVING, DONE, FAILED})

TABLES = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS runners (owner TEXT PRIMARY KEY, host TEXT, pid INTEGER, beat REAL);
CREATE TABLE IF NOT EXISTS processes (owner TEXT PRIMARY KEY, started TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS jobs (
    id INTEGER PRIMARY KEY, key TEXT UNIQUE NOT NULL, stem TEXT UNIQUE COLLATE NOCASE NOT NULL, title TEXT NOT NULL,
    grp TEXT NOT NULL, category TEXT NOT NULL, vals TEXT NOT NULL, images TEXT NOT NULL, seed INTEGER,
    state TEXT NOT NULL DEFAULT 'waiting', owner TEXT, prompt_id TEXT, replaces TEXT NOT NULL DEFAULT '[]', server TEXT,
    exit_code INTEGER, error TEXT, sidecar TEXT, files TEXT NOT NULL DEFAULT '[]', warnings TEXT NOT NULL DEFAULT '[]',
    submitted_at REAL, ended_at REAL, metrics TEXT NOT NULL DEFAULT '{}');
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, id);
CREATE VIEW IF NOT EXISTS held AS SELECT id, owner FROM jobs
    WHERE state IN ('claimed', 'submitted', 'running', 'saving');
CREATE TABLE IF NOT EXISTS changes (job INTEGER NOT NULL, at REAL NOT NULL, state TEXT NOT NULL, prompt_id TEXT,
    owner TEXT, note TEXT);
CREATE TABLE IF NOT EXISTS places (owner TEXT NOT NULL, server TEXT NOT NULL, PRIMARY KEY (owner, server));
CREATE TABLE IF NOT EXISTS unfit (job INTEGER NOT NULL, owner TEXT NOT NULL, server TEXT NOT NULL, label TEXT NOT NULL,
    why TEXT NOT NULL, exit_code INTEGER NOT NULL, PRIMARY KEY (job, owner, server)) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Entry:
    """A job with what is known of it. `prompt_id`: what it was last submitted as, to `server`."""

    id: int
    key: str
    job: BatchJob
    state: str
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
    texts = [entry.key, entry.state, entry.title, *entry.replaces, *entry.files, *entry.warnings]
    texts += [entry.job.group, entry.job.category, *entry.job.images, *entry.job.images.values()]
    texts += [text for text in (entry.prompt_id, entry.server, entry.error, entry.sidecar) if text is not None]
    numbers = [number for number in (entry.submitted_at, entry.ended_at, entry.job.seed) if number is not None]
    if not all(isinstance(text, str) and "\0" not in text for text in texts):
        raise ValueError("something in it is no text")
    if entry.state not in STATES:  # no runner would ever take it, nor call it done
        raise ValueError(f"there is no state {entry.state[:40]!r}")
    if not all(isinstance(number, (int, float)) and abs(number) < 2**65 for number in numbers):
        raise ValueError("something in it is no number")
    if not isinstance(entry.job.values, dict) or not isinstance(entry.metrics, dict):
        raise ValueError("something in it is no set of values")
    if entry.exit_code is not None and not isinstance(entry.exit_code, int):
        raise ValueError("its exit code is none")
    return entry


def _entry(row: sqlite3.Row) -> Entry:
    job = BatchJob(
        "", Path(row["stem"]), json.loads(row["vals"]), json.loads(row["images"]), seed_of(row["seed"]), row["grp"],
        row["category"],
    )  # fmt: skip
    return Entry(
        row["id"], row["key"], job, row["state"], row["title"], row["prompt_id"], tuple(json.loads(row["replaces"])),
        row["server"], row["exit_code"], row["error"], row["sidecar"], tuple(json.loads(row["files"])),
        tuple(json.loads(row["warnings"])), row["submitted_at"], row["ended_at"], json.loads(row["metrics"]),
    )  # fmt: skip


def seed_column(seed: int | None) -> int | str | None:
    """A seed as the ledger keeps it: SQLite's whole numbers end at 63 bits, seeds at 64."""
    return seed if seed is None or abs(seed) < 2**63 else f"#{seed}"


def seed_of(column: Any) -> int | None:
    return int(column[1:]) if isinstance(column, str) else column


def as_text(value: Any) -> str:
    return to_json(dict(value) if isinstance(value, Mapping) else value)
