"""The runners at work on a batch, and their workers.

A runner shows that it lives by a heartbeat every `BEAT_S` seconds. A process of this machine counts for as long as it
is there, however long it is held up. Of a runner elsewhere only its heartbeat is known: once that has not moved for
`STALE_S` seconds of our own clock (clocks of two machines are never compared), it counts no more, nor do its workers.
"""

from __future__ import annotations

import contextlib
import os
import platform
import sqlite3
import threading
import time
import uuid

from runner.batch import process, sql
from runner.batch.store import LedgerGoneError, Store, is_full, transaction

BEAT_S = 5.0
"""See the head of this file: six beats may be lost before a runner counts as gone."""
STALE_S = 30.0


class Registry:
    """Who is there. `owner` is this runner."""

    def __init__(self, store: Store, *, stale_s: float = STALE_S) -> None:
        self.store = store
        self.owner = uuid.uuid4().hex
        self._stale_s = stale_s
        self._seen: dict[str, tuple[float, float]] = {}
        """Runner elsewhere → (its last heartbeat, when we first saw that one)."""
        self._workers: set[str] = set()
        self._beat_ended = threading.Event()

    @transaction
    def beat(self) -> None:
        """Show that this runner lives."""
        pid = os.getpid()
        self.store.change(sql.BEAT, owner=self.owner, host=platform.node(), pid=pid, now=time.time())
        self.store.change(sql.ADD_PROCESS, owner=self.owner, started=process.identity(pid))
        for worker in self._workers:  # others may have taken us for gone, and forgotten them
            self.store.change(sql.ADD_WORKER, owner=self.owner, server=worker)

    def start_beating(self) -> None:
        """Beat from now on, on a thread of its own, until `stop_beating`."""
        self.beat()

        def go_on() -> None:
            while not self._beat_ended.wait(BEAT_S):
                with contextlib.suppress(sqlite3.Error, LedgerGoneError):  # the run ends by itself
                    self.beat()

        threading.Thread(target=go_on, name="ledger-heartbeat", daemon=True).start()

    def stop_beating(self) -> None:
        self._beat_ended.set()

    @transaction
    def add_worker(self, url: str) -> None:
        """This runner has a worker of that name; what is kept of runners that are gone is forgotten."""
        living = self.living()
        for row in self.store.rows(sql.OWNERS_OF_WORKERS):
            if row["owner"] not in living:
                self._forget(row["owner"])
        self._workers.add(url)
        self.store.change(sql.ADD_WORKER, owner=self.owner, server=url)

    def leave(self) -> None:
        """This runner goes. On a full disk, others find out by the silent heartbeat."""
        try:
            self._forget(self.owner)
        except sqlite3.OperationalError as error:
            if not is_full(error):
                raise

    def living(self) -> set[str]:
        """The runners that live, this one among them."""
        return {row["owner"] for row in self.store.rows(sql.RUNNERS) if self._lives(row)} | {self.owner}

    def others_live(self) -> bool:
        """Whether another runner is at work."""
        return bool(self.living() - {self.owner})

    def others_beat(self) -> bool:
        """Whether another runner has beaten of late, by our own clock.

        Here clocks may be compared: at worst a job that failed is tried again while another runner is at work.
        """
        now, living = time.time(), self.living() - {self.owner}
        beats = [row["beat"] or 0.0 for row in self.store.rows(sql.RUNNERS) if row["owner"] in living]
        return any(abs(now - beat) <= STALE_S for beat in beats)

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
    def _forget(self, owner: str) -> None:
        for statement in sql.FORGET_RUNNER:
            self.store.change(statement, owner=owner)
