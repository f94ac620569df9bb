"""The truth about a batch: one SQLite file beside its results, written before each step and never after the fact.

Several runners share it. A job belongs to the runner that claimed it; a runner shows that it lives by a heartbeat every
`BEAT_S` seconds. What a runner that has been silent for `STALE_S` seconds held (or at once: what a process of this
machine held that is gone) is anybody's again, with the id it was last submitted under.
"""

from __future__ import annotations

import contextlib
import os
import platform
import sqlite3
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from runner.batch.entries import CLAIMED, DONE, FAILED, SUBMITTED, TABLES, VERSION, WAITING, Entry, as_text, read_entry
from runner.batch.plan import BatchJob
from runner.errors import UsageError

P = ParamSpec("P")
T = TypeVar("T")

PLACE = Path(".prodgen") / "ledger.sqlite"
BEAT_S = 5.0
STALE_S = 30.0
FULL_RETRY_S = 3.0


def _transaction(method: Callable[Concatenate[Ledger, P], T]) -> Callable[Concatenate[Ledger, P], T]:
    """All of it or nothing, and on the disk at the end; begun anew when the disk was full in between."""

    def whole(self: Ledger, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.in_transaction(lambda: method(self, *args, **kwargs))

    return whole


class Ledger:
    """One runner's view of a batch. Thread-safe. Every change is on the disk when the call returns.

    While the disk is full, calls wait and try again every few seconds; `on_full` is told once each time.
    """

    def __init__(self, out: Path, *, on_full: Callable[[str], None] = lambda _: None) -> None:
        self.path = out / PLACE
        self.owner = uuid.uuid4().hex
        self._on_full = on_full
        self._lock = threading.RLock()
        self._give_up = False
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(self.path, timeout=60.0, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")  # a submission must never be unknown after a power cut
        self._db.executescript(TABLES)
        self._beat_ended = threading.Event()

    @staticmethod
    def exists(out: Path) -> bool:
        return (out / PLACE).exists()

    def close(self) -> None:
        self._beat_ended.set()
        with self._lock:
            self._db.close()

    # what is to be done

    @_transaction
    def bind(self, facts: Mapping[str, str]) -> None:
        """Note what the batch is made with, or find out that this folder belongs to another one.

        Raises:
            UsageError: the ledger was made with another workflow or by another version.
        """
        db = self._db
        known = {row["name"]: row["value"] for row in db.execute("SELECT name, value FROM facts")}
        for name, value in {"ledger": VERSION, **facts}.items():
            if known.get(name, value) != value:
                raise UsageError(
                    f"This folder's batch was made with another {name} ({known[name]}, now {value}).",
                    advice="Name another folder with --out.",
                )
            db.execute("INSERT OR IGNORE INTO facts VALUES (?, ?)", (name, value))

    @_transaction
    def add(self, jobs: Iterable[BatchJob]) -> int:
        """Enter the jobs it does not have yet; returns how many. A stem that is taken gets a number."""
        added = 0
        db = self._db
        keys = {row["key"] for row in db.execute("SELECT key FROM jobs")}
        stems = {row["stem"].lower() for row in db.execute("SELECT stem FROM jobs")}
        numbers: dict[str, int] = {}
        for job in jobs:
            if job.key in keys:
                continue
            stem = base = job.stem.as_posix()
            while stem.lower() in stems:
                numbers[base] = numbers.get(base, 1) + 1
                stem = f"{base}_{numbers[base]}"
            keys.add(job.key)
            stems.add(stem.lower())
            db.execute(
                "INSERT INTO jobs (key, stem, title, grp, category, vals, images, seed) VALUES (?,?,?,?,?,?,?,?)",
                (job.key, stem, job.title, job.group, job.category, as_text(job.values), as_text(job.images), job.seed),
            )
            added += 1
        return added

    @_transaction
    def try_failed_again(self) -> int:
        """Failed jobs wait again, unless another runner is at work; returns how many."""
        db = self._db
        if self._living(db) - {self.owner}:
            return 0
        again = [row["id"] for row in db.execute("SELECT id FROM jobs WHERE state = ?", (FAILED,))]
        for job in again:
            # A failed job is made anew: its old id would only tell the old failure.
            db.execute("UPDATE jobs SET prompt_id = NULL, error = NULL, exit_code = NULL WHERE id = ?", (job,))
            self._to(db, job, WAITING, "tried again")
        return len(again)

    @_transaction
    def make_again(self, jobs: Iterable[int], why: str) -> None:
        """Jobs that were done wait again."""
        db = self._db
        for job in jobs:
            db.execute("UPDATE jobs SET prompt_id = NULL WHERE id = ?", (job,))
            self._to(db, job, WAITING, why)

    # claims

    @_transaction
    def beat(self) -> None:
        """Show that this runner lives."""
        db = self._db
        db.execute(
            "INSERT INTO runners VALUES (?, ?, ?, ?) ON CONFLICT (owner) DO UPDATE SET beat = excluded.beat",
            (self.owner, platform.node(), os.getpid(), time.time()),
        )

    def start_beating(self) -> None:
        self.beat()

        def go_on() -> None:
            while not self._beat_ended.wait(BEAT_S):
                with contextlib.suppress(sqlite3.Error):  # the end of the run may come in between
                    self.beat()

        threading.Thread(target=go_on, name="ledger-heartbeat", daemon=True).start()

    @_transaction
    def claim(self) -> Entry | None:
        """The next job nobody has, now ours; None when there is none (see `unfinished`)."""
        db = self._db
        self._free_stale(db)
        row = db.execute("SELECT * FROM jobs WHERE state = ? ORDER BY id LIMIT 1", (WAITING,)).fetchone()
        if row is None:
            return None
        db.execute("UPDATE jobs SET owner = ? WHERE id = ?", (self.owner, row["id"]))
        self._to(db, row["id"], CLAIMED)
        return read_entry(row)

    @_transaction
    def give_back(self, jobs: Iterable[int] | None = None, note: str = "") -> None:
        """What is ours and not finished (or these jobs of it) is anybody's again."""
        db = self._db
        for row in db.execute("SELECT id FROM held WHERE owner = ?", (self.owner,)).fetchall():
            if jobs is None or row["id"] in jobs:
                self._release(db, row["id"], note)

    def stop_waiting(self) -> None:
        """From now on a full disk is an error: what is ending must not be held up by it."""
        self._give_up = True

    def leave(self) -> None:
        """Give everything back and go. On a full disk, others find out by the silent heartbeat."""
        self._beat_ended.set()
        self.stop_waiting()
        try:
            self.give_back(note="its runner ended")
            self._forget()
        except sqlite3.OperationalError as error:
            if not _is_full(error):
                raise

    @_transaction
    def _forget(self) -> None:
        self._db.execute("DELETE FROM runners WHERE owner = ?", (self.owner,))

    # what happens to a job

    @_transaction
    def submitted(self, job: int, prompt_id: str, replaces: Sequence[str], server: str) -> None:
        """To be called before the server hears of it."""
        db = self._db
        db.execute(
            "UPDATE jobs SET prompt_id = ?, replaces = ?, server = ?, submitted_at = ? WHERE id = ?",
            (prompt_id, as_text(list(replaces)), server, time.time(), job),
        )
        self._to(db, job, SUBMITTED)

    @_transaction
    def moved(self, job: int, state: str, note: str = "") -> None:
        db = self._db
        self._to(db, job, state, note)

    @_transaction
    def done(
        self, job: int, sidecar: str, files: Sequence[str], warnings: Sequence[str], metrics: Mapping[str, Any]
    ) -> None:
        """Its files are there, under their names. Paths are relative to the output folder."""
        db = self._db
        db.execute(
            "UPDATE jobs SET sidecar = ?, files = ?, warnings = ?, metrics = ?, ended_at = ?, error = NULL,"
            " exit_code = NULL, owner = NULL WHERE id = ?",
            (sidecar, as_text(list(files)), as_text(list(warnings)), as_text(metrics), time.time(), job),
        )
        self._to(db, job, DONE)

    @_transaction
    def failed(self, job: int, error: str, exit_code: int, metrics: Mapping[str, Any] | None = None) -> None:
        db = self._db
        db.execute(
            "UPDATE jobs SET error = ?, exit_code = ?, metrics = ?, ended_at = ?, owner = NULL WHERE id = ?",
            (error, exit_code, as_text(metrics or {}), time.time(), job),
        )
        self._to(db, job, FAILED, error.splitlines()[0] if error else "")

    # what is known

    def entries(self, state: str | None = None) -> list[Entry]:
        with self._lock:
            where, values = ("WHERE state = ?", (state,)) if state else ("", ())
            return [read_entry(row) for row in self._db.execute(f"SELECT * FROM jobs {where} ORDER BY id", values)]  # noqa: S608 - fixed text

    def held(self) -> set[int]:
        """The jobs some runner is at work on, this one or another."""
        with self._lock:
            return {row["id"] for row in self._db.execute("SELECT id FROM held")}

    def counts(self) -> dict[str, int]:
        with self._lock:
            return dict(self._db.execute("SELECT state, COUNT(*) FROM jobs GROUP BY state").fetchall())

    def unfinished(self) -> int:
        counts = self.counts()
        return sum(counts.values()) - counts.get(DONE, 0) - counts.get(FAILED, 0)

    def facts(self) -> dict[str, str]:
        with self._lock:
            return dict(self._db.execute("SELECT name, value FROM facts").fetchall())

    def changes(self, job: int) -> list[tuple[float, str, str | None, str | None]]:
        """(when, state, prompt id, note) for everything that happened to a job."""
        with self._lock:
            query = "SELECT at, state, prompt_id, note FROM changes WHERE job = ? ORDER BY rowid"
            return [tuple(row) for row in self._db.execute(query, (job,))]

    # inside

    def in_transaction(self, work: Callable[[], T]) -> T:
        told = False
        while True:
            with self._lock:
                if self._db.in_transaction:
                    return work()
                try:
                    self._db.execute("BEGIN IMMEDIATE")
                    answer = work()
                    self._db.execute("COMMIT")
                    return answer
                except BaseException as error:
                    if self._db.in_transaction:
                        self._db.execute("ROLLBACK")
                    if self._give_up or not _is_full(error):
                        raise
            if not told:
                self._on_full(str(self.path.parent.parent))
            told = True
            time.sleep(FULL_RETRY_S)

    def _to(self, db: sqlite3.Connection, job: int, state: str, note: str = "") -> None:
        db.execute("UPDATE jobs SET state = ? WHERE id = ?", (state, job))
        db.execute(
            "INSERT INTO changes SELECT id, ?, ?, prompt_id, ?, ? FROM jobs WHERE id = ?",
            (time.time(), state, self.owner, note or None, job),
        )

    def _release(self, db: sqlite3.Connection, job: int, note: str) -> None:
        db.execute("UPDATE jobs SET owner = NULL WHERE id = ?", (job,))
        self._to(db, job, WAITING, note)

    def _living(self, db: sqlite3.Connection) -> set[str]:
        now, here = time.time(), platform.node()
        return {
            row["owner"]
            for row in db.execute("SELECT * FROM runners")
            if now - row["beat"] <= STALE_S and not (row["host"] == here and _is_gone(row["pid"]))
        }

    def _free_stale(self, db: sqlite3.Connection) -> None:
        """Claims of runners that are gone are nobody's any more."""
        living = self._living(db) | {self.owner}
        for row in db.execute("SELECT id, owner FROM held").fetchall():
            if row["owner"] not in living:
                self._release(db, row["id"], "its runner is gone")


def _is_full(error: BaseException) -> bool:
    return isinstance(error, sqlite3.OperationalError) and ("full" in str(error) or "disk I/O" in str(error))


def _is_gone(pid: int) -> bool:
    """Whether no process of this machine has this number any more."""
    if sys.platform == "win32":  # there, asking about a process could end it: the heartbeat decides
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
