"""The truth about a batch: one SQLite file beside its results, written before each step and never after the fact.

Several runners share it. A job belongs to the runner that claimed it. What a runner that is gone held
(`runner.batch.presence`) is anybody's again, with the id it was last submitted under.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from runner.batch.entries import (
    CLAIMED,
    DONE,
    FAILED,
    SUBMITTED,
    VERSION,
    WAITING,
    Entry,
    as_text,
    read_entry,
    seed_column,
)
from runner.batch.plan import BatchJob
from runner.batch.presence import STALE_S, Misfit, Presence
from runner.batch.store import is_full, transaction
from runner.errors import UsageError


class Ledger(Presence):
    """One runner's view of a batch. Thread-safe. Every change is on the disk when the call returns.

    What happens to a job is written by the runner that holds it and by no other: one that was held up (a laptop that
    slept) until others took its jobs is told so by `False`, and nothing is changed.
    """

    # what is to be done

    @transaction
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

    @transaction
    def add(self, jobs: Iterable[BatchJob]) -> int:
        """Enter the jobs it does not have yet; returns how many. A stem that is taken gets a number."""
        added = 0
        db = self._db
        known = dict(db.execute("SELECT key, stem FROM jobs").fetchall())
        keys, stems = set(known), {stem.lower() for stem in known.values()}
        numbers: dict[str, int] = {}
        for job in jobs:
            if job.key in keys:
                continue
            stem = base = job.stem.as_posix()
            if known.get(job.former_key) == stem:
                db.execute("UPDATE jobs SET key = ? WHERE key = ?", (job.key, job.former_key))
                keys.add(job.key)
                continue
            while stem.lower() in stems:
                numbers[base] = numbers.get(base, 1) + 1
                stem = f"{base}_{numbers[base]}"
            keys.add(job.key)
            stems.add(stem.lower())
            db.execute(
                "INSERT INTO jobs (key, stem, title, grp, category, vals, images, seed) VALUES (?,?,?,?,?,?,?,?)",
                (
                    job.key,
                    stem,
                    job.title,
                    job.group,
                    job.category,
                    as_text(job.values),
                    as_text(job.images),
                    seed_column(job.seed),
                ),
            )
            added += 1
        return added

    @transaction
    def try_failed_again(self) -> int:
        """Failed jobs wait again, unless another runner is at work; returns how many."""
        db = self._db
        now = time.time()
        beats = dict(db.execute("SELECT owner, beat FROM runners").fetchall())
        # Here clocks may be compared: at worst a job that failed is tried again while another runner is at work.
        if any(abs(now - (beats[owner] or 0.0)) <= STALE_S for owner in self._living() - {self.owner}):
            return 0
        again = [row["id"] for row in db.execute("SELECT id FROM jobs WHERE state = ?", (FAILED,))]
        for job in again:
            # A failed job is made anew: its old id would only tell the old failure.
            db.execute("UPDATE jobs SET prompt_id = NULL, error = NULL, exit_code = NULL WHERE id = ?", (job,))
            self._to(db, job, WAITING, "tried again")
        return len(again)

    @transaction
    def make_again(self, jobs: Iterable[int], why: str) -> None:
        """Jobs that were done wait again."""
        db = self._db
        for job in jobs:
            db.execute("UPDATE jobs SET prompt_id = NULL WHERE id = ?", (job,))
            self._to(db, job, WAITING, why)

    @transaction
    def found_done(self, found: Mapping[str, tuple[str, Sequence[str]]]) -> int:
        """Jobs, by their keys, whose (sidecar, files) are there although this ledger is new; returns how many."""
        count = 0
        for key, (sidecar, files) in found.items():
            query = "SELECT id FROM jobs WHERE key = ? AND state = ?"
            for (job,) in self._db.execute(query, (key, WAITING)).fetchall():
                change = "UPDATE jobs SET sidecar = ?, files = ?, ended_at = ? WHERE id = ?"
                self._db.execute(change, (sidecar, as_text(list(files)), time.time(), job))
                self._to(self._db, job, DONE, "known by its files")
                count += 1
        return count

    # claims

    @transaction
    def claim(self, server: str = "", unless: Sequence[str] = (), others: Sequence[str] = ()) -> Entry | None:
        """The next job that nobody has and that can run on `server`, now ours; None when there is none.

        Args:
            unless: places of this runner that are to be left what they can run: only what none of them can is claimed.
            others: places of this runner that are there. What was submitted to one of them before is theirs to look
                for first, unless they cannot run it.
        """
        self._free_stale(self._db)
        unfit = "EXISTS (SELECT 1 FROM unfit WHERE job = jobs.id AND owner = ? AND server = {})"
        query = f"SELECT * FROM jobs WHERE state = ? AND NOT {unfit.format('?')}"  # noqa: S608 - fixed text
        values: list[Any] = [WAITING, self.owner, server]
        if unless:
            query += f" AND (prompt_id IS NOT NULL AND server = ? OR {' AND '.join([unfit.format('?')] * len(unless))})"
            values += [server, *(value for other in unless for value in (self.owner, other))]
        if others:
            theirs = f"prompt_id IS NOT NULL AND server IN ({', '.join('?' * len(others))})"
            query += f" AND NOT ({theirs} AND NOT {unfit.format('jobs.server')})"
            values += [*others, self.owner]
        row = self._db.execute(query + " ORDER BY id LIMIT 1", values).fetchone()
        return None if row is None else self._take(row)

    @transaction
    def claim_hopeless(self) -> list[tuple[Entry, list[Misfit]]]:
        """The waiting jobs that can run at no place of any runner, now ours, to be failed."""
        return [(self._take(row), self.misfits(row["id"])) for row in self._nowhere()]

    @transaction
    def pass_on(self, job: int, place: str, misfit: Misfit) -> bool:
        """A job of ours turned out not to run at this place: another may have it. False when there is no other."""
        if not self._holds(job):
            return True  # another has it
        self._note(place, {job: misfit})
        if self._nowhere(job):
            return False
        self._release(self._db, job, f"cannot run on {misfit.server}")
        return True

    @transaction
    def give_back(self, jobs: Iterable[int] | None = None, note: str = "") -> None:
        """What is ours and not finished (or these jobs of it) is anybody's again."""
        db = self._db
        for row in db.execute("SELECT id FROM held WHERE owner = ?", (self.owner,)).fetchall():
            if jobs is None or row["id"] in jobs:
                self._release(db, row["id"], note)

    def leave(self) -> None:
        """Give everything back and go. On a full disk, others find out by the silent heartbeat."""
        self._beat_ended.set()
        self.stop_waiting()
        try:
            self.give_back(note="its runner ended")
        except sqlite3.OperationalError as error:
            if not is_full(error):
                raise
        self._forget()

    # what happens to a job

    @transaction
    def submitted(self, job: int, prompt_id: str, replaces: Sequence[str], server: str) -> bool:
        """To be called before the server hears of it."""
        if not self._holds(job):
            return False
        db = self._db
        db.execute(
            "UPDATE jobs SET prompt_id = ?, replaces = ?, server = ?, submitted_at = ? WHERE id = ?",
            (prompt_id, as_text(list(replaces)), server, time.time(), job),
        )
        self._to(db, job, SUBMITTED)
        return True

    @transaction
    def moved(self, job: int, state: str, note: str = "") -> bool:
        if not self._holds(job):
            return False
        self._to(self._db, job, state, note)
        return True

    @transaction
    def done(
        self, job: int, sidecar: str, files: Sequence[str], warnings: Sequence[str], metrics: Mapping[str, Any]
    ) -> bool:
        """Its files are there, under their names. Paths are relative to the output folder."""
        if not self._holds(job):
            return False
        db = self._db
        db.execute(
            "UPDATE jobs SET sidecar = ?, files = ?, warnings = ?, metrics = ?, ended_at = ?, error = NULL,"
            " exit_code = NULL, owner = NULL WHERE id = ?",
            (sidecar, as_text(list(files)), as_text(list(warnings)), as_text(metrics), time.time(), job),
        )
        self._to(db, job, DONE)
        return True

    @transaction
    def failed(self, job: int, error: str, exit_code: int, metrics: Mapping[str, Any] | None = None) -> bool:
        if not self._holds(job):
            return False
        db = self._db
        db.execute(
            "UPDATE jobs SET error = ?, exit_code = ?, metrics = ?, ended_at = ?, owner = NULL WHERE id = ?",
            (error, exit_code, as_text(metrics or {}), time.time(), job),
        )
        self._to(db, job, FAILED, error.splitlines()[0] if error else "")
        return True

    # what is known

    def entries(self, state: str | None = None) -> list[Entry]:
        with self._lock:
            where, values = ("WHERE state = ?", (state,)) if state else ("", ())
            return [read_entry(row) for row in self._db.execute(f"SELECT * FROM jobs {where} ORDER BY id", values)]  # noqa: S608 - fixed text

    def entry(self, job: int) -> Entry:
        with self._lock:
            return read_entry(self._db.execute("SELECT * FROM jobs WHERE id = ?", (job,)).fetchone())

    def held(self) -> set[int]:
        """The jobs some runner is at work on, this one or another."""
        with self._lock:
            return {row["id"] for row in self._db.execute("SELECT id FROM held")}

    def counts(self) -> dict[str, int]:
        with self._lock:
            return dict(self._db.execute("SELECT state, COUNT(*) FROM jobs GROUP BY state").fetchall())

    def waiting(self, most: int = 1000) -> int:
        """How many jobs nobody has; counted up to `most`."""
        with self._lock:
            query = "SELECT COUNT(*) FROM (SELECT 1 FROM jobs WHERE state = ? LIMIT ?)"
            return int(self._db.execute(query, (WAITING, most)).fetchone()[0])

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

    def _holds(self, job: int) -> bool:
        return (
            self._db.execute("SELECT 1 FROM held WHERE id = ? AND owner = ?", (job, self.owner)).fetchone() is not None
        )

    def _take(self, row: sqlite3.Row) -> Entry:
        self._db.execute("UPDATE jobs SET owner = ? WHERE id = ?", (self.owner, row["id"]))
        self._to(self._db, row["id"], CLAIMED)
        return read_entry(row)

    def _to(self, db: sqlite3.Connection, job: int, state: str, note: str = "") -> None:
        db.execute("UPDATE jobs SET state = ? WHERE id = ?", (state, job))
        db.execute(
            "INSERT INTO changes SELECT id, ?, ?, prompt_id, ?, ? FROM jobs WHERE id = ?",
            (time.time(), state, self.owner, note or None, job),
        )

    def _release(self, db: sqlite3.Connection, job: int, note: str) -> None:
        db.execute("UPDATE jobs SET owner = NULL WHERE id = ?", (job,))
        self._to(db, job, WAITING, note)

    def _free_stale(self, db: sqlite3.Connection) -> None:
        """Claims of runners that are gone are nobody's any more."""
        living = self._living() | {self.owner}
        for row in db.execute("SELECT id, owner FROM held").fetchall():
            if row["owner"] not in living:
                self._release(db, row["id"], "its runner is gone")
