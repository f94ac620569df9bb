"""The file a batch's ledger lives in: transactions that are whole, on the disk, and patient with a full one."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from runner.batch.entries import TABLES
from runner.data import clean

P = ParamSpec("P")
T = TypeVar("T")
S = TypeVar("S", bound="Store")

PLACE = Path(".prodgen") / "ledger.sqlite"
FULL_RETRY_S = 3.0


class _Connection(sqlite3.Connection):
    """Takes any text: what a server or a file name says may hold what UTF-8 has no bytes for."""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        return super().execute(sql, _sayable(parameters))

    def executemany(self, sql: str, rows: Any, /) -> sqlite3.Cursor:
        return super().executemany(sql, [_sayable(row) for row in rows])


def _sayable(parameters: Any) -> Any:
    return [clean(value) if isinstance(value, str) else value for value in parameters]


def transaction(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """All of it or nothing, and on the disk at the end; begun anew when the disk was full in between."""

    def whole(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.in_transaction(lambda: method(self, *args, **kwargs))

    return whole


class Store:
    """Thread-safe. Every change is on the disk when the call returns.

    While the disk is full, calls wait and try again every few seconds; `on_full` is told once each time.
    """

    def __init__(self, out: Path, *, on_full: Callable[[str], None] = lambda _: None) -> None:
        self.path = out / PLACE
        self._on_full = on_full
        self._lock = threading.RLock()
        self._give_up = False
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(
            self.path, timeout=60.0, isolation_level=None, check_same_thread=False, factory=_Connection
        )
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")  # a submission must never be unknown after a power cut
        self._db.executescript(TABLES)

    @staticmethod
    def exists(out: Path) -> bool:
        return (out / PLACE).exists()

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def stop_waiting(self) -> None:
        """From now on a full disk is an error: what is ending must not be held up by it."""
        self._give_up = True

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
                    if self._give_up or not is_full(error):
                        raise
            if not told:
                self._on_full(str(self.path.parent.parent))
            told = True
            time.sleep(FULL_RETRY_S)


def is_full(error: BaseException) -> bool:
    return isinstance(error, sqlite3.OperationalError) and ("full" in str(error) or "disk I/O" in str(error))
