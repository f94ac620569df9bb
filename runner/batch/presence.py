"""Who is at work on a batch: the runners that live, the places they run jobs at, and what cannot run where.

A runner shows that it lives by a heartbeat every `BEAT_S` seconds. A process of this machine counts for as long as it
is there, however long it is held up. Of a runner elsewhere only its heartbeat is known: once that has not moved for
`STALE_S` seconds of our own clock (clocks of two machines are never compared), it counts no more, nor do its places.
"""

from __future__ import annotations

import contextlib
import os
import platform
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from runner.batch import process
from runner.batch.store import LedgerGoneError, Store, is_full, transaction

BEAT_S = 5.0
STALE_S = 30.0


@dataclass(frozen=True)
class Misfit:
    """Why one place cannot run a job; `exit_code` is what the job would end with. `server` is what people read."""

    server: str
    why: str
    exit_code: int


class Presence(Store):
    """The part of the ledger that says who is there. `owner` is this runner."""

    def __init__(
        self,
        out: Path,
        *,
        on_full: Callable[[str], None] = lambda _: None,
        wait_s: float = 60.0,
        stale_s: float = STALE_S,
    ) -> None:
        super().__init__(out, on_full=on_full, wait_s=wait_s)
        self.owner = uuid.uuid4().hex
        self._stale_s = stale_s
        self._seen: dict[str, tuple[float, float]] = {}
        """Runner elsewhere → (its last heartbeat, when we first saw that one)."""
        self._places: set[str] = set()
        self._beat_ended = threading.Event()

    def close(self) -> None:
        self._beat_ended.set()
        super().close()

    @transaction
    def beat(self) -> None:
        """Show that this runner lives."""
        self._db.execute(
            "INSERT INTO runners VALUES (?, ?, ?, ?) ON CONFLICT (owner) DO UPDATE SET beat = excluded.beat",
            (self.owner, platform.node(), os.getpid(), time.time()),
        )
        known = (self.owner, process.identity(os.getpid()))
        self._db.execute("INSERT OR IGNORE INTO processes VALUES (?, ?)", known)
        for place in self._places:  # others may have taken us for gone, and forgotten them
            self._db.execute("INSERT OR IGNORE INTO places VALUES (?, ?)", (self.owner, place))

    def start_beating(self) -> None:
        self.beat()

        def go_on() -> None:
            while not self._beat_ended.wait(BEAT_S):
                with contextlib.suppress(sqlite3.Error, LedgerGoneError):  # the run ends by itself
                    self.beat()

        threading.Thread(target=go_on, name="ledger-heartbeat", daemon=True).start()

    def others_live(self) -> bool:
        """Whether another runner is at work."""
        with self._lock:
            return bool(self._living() - {self.owner})

    # places

    @transaction
    def opens(self, server: str) -> None:
        """This runner runs jobs there."""
        living = self._living() | {self.owner}
        for (owner,) in self._db.execute("SELECT DISTINCT owner FROM places").fetchall():
            if owner not in living:
                self._clear(owner)
        self._places.add(server)
        self._db.execute("INSERT OR IGNORE INTO places VALUES (?, ?)", (self.owner, server))

    @transaction
    def cannot_run(self, place: str, jobs: Mapping[int, Misfit]) -> None:
        """These jobs are not for this place of this runner."""
        self._note(place, jobs)

    def misfits(self, job: int) -> list[Misfit]:
        """Where a job cannot run."""
        with self._lock:
            rows = self._db.execute("SELECT label, why, exit_code FROM unfit WHERE job = ?", (job,)).fetchall()
        return [Misfit(*row) for row in rows]

    # inside

    def _note(self, place: str, jobs: Mapping[int, Misfit]) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO unfit VALUES (?, ?, ?, ?, ?, ?)",
            [(job, self.owner, place, misfit.server, misfit.why, misfit.exit_code) for job, misfit in jobs.items()],
        )

    def _nowhere(self, job: int | None = None) -> list[sqlite3.Row]:
        """The waiting jobs (or this one, in any state) that no place of a living runner can run."""
        living = sorted(self._living() | {self.owner})
        marks = ", ".join("?" * len(living))
        places = self._db.execute(f"SELECT COUNT(*) FROM places WHERE owner IN ({marks})", living).fetchone()[0]  # noqa: S608 - question marks
        if not places:
            return []
        query = (
            "SELECT * FROM jobs WHERE (id = ? OR ? IS NULL AND state = 'waiting') AND (SELECT COUNT(*) FROM unfit"  # noqa: S608 - question marks
            f" JOIN places USING (owner, server) WHERE job = jobs.id AND owner IN ({marks})) >= ?"
        )
        return self._db.execute(query, [job, job, *living, places]).fetchall()

    def _living(self) -> set[str]:
        query = "SELECT runners.*, COALESCE(started, '') AS started FROM runners LEFT JOIN processes USING (owner)"
        return {row["owner"] for row in self._db.execute(query).fetchall() if self._lives(row)}

    def _lives(self, row: sqlite3.Row) -> bool:
        there = process.lives(row["pid"], row["started"]) if row["host"] == platform.node() else None
        if there is not None:
            return there
        now = time.monotonic()
        beat, since = self._seen.get(row["owner"], (None, now))
        if beat != row["beat"]:
            beat, since = self._seen[row["owner"]] = row["beat"], now
        return now - since <= self._stale_s

    @transaction
    def _clear(self, owner: str) -> None:
        for table in ("runners", "processes", "places", "unfit"):
            self._db.execute(f"DELETE FROM {table} WHERE owner = ?", (owner,))  # noqa: S608 - fixed names

    def _forget(self) -> None:
        """This runner goes. On a full disk, others find out by the silent heartbeat."""
        try:
            self._clear(self.owner)
        except sqlite3.OperationalError as error:
            if not is_full(error):
                raise
