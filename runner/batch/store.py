"""The file a batch's ledger lives in: transactions that are whole, on the disk, and patient with a full one."""

from __future__ import annotations

import functools
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from runner.batch import sql
from runner.data import storable
from runner.errors import UsageError
from runner.files.naming import below

P = ParamSpec("P")
T = TypeVar("T")

LEDGER_FILE = Path(".prodgen") / "ledger.sqlite"
_BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside it while it is open."""
FULL_RETRY_S = 3.0
"""Between tries to write to a full disk: somebody has to make room."""
_GONE_RETRY_S = 0.5
"""Between looks for a file that went: a share is back in a moment, and a look costs nothing."""

_LOCKED_RETRY_S = 0.02
"""Between tries to open a file that another is just making, which takes a few milliseconds."""


class LedgerError(UsageError):
    """The ledger cannot be read or written; nothing was submitted for it."""


class LedgerGoneError(LedgerError):
    """The ledger's file, or the whole output folder, was deleted while the batch ran."""


@contextmanager
def in_words(out: Path) -> Iterator[None]:
    """What SQLite says about a ledger, as a `LedgerError` that says what to do."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        if not isinstance(error, sqlite3.Error) and out / LEDGER_FILE.parent not in _paths(error):
            raise
        raise _explained(out / LEDGER_FILE, error) from error


def _paths(error: OSError) -> list[Path]:
    return [Path(name) for name in (error.filename, error.filename2) if isinstance(name, str)]


def _explained(path: Path, error: sqlite3.Error | OSError) -> LedgerError:
    reason = str(error)
    if "locked" in reason or "busy" in reason:
        advice = "Another program holds it: end that one, or wait, then run the same command again."
    elif is_full(error):
        advice = "The disk is full: make room, then run the same command again."
    elif isinstance(error, OSError) or "readonly" in reason or "unable to open" in reason:
        advice = "Allow yourself to write to that file and its folder; a batch needs that, also to go on."
    else:
        return LedgerError(
            f"{path}: this is no ledger that can be read ({reason}).",
            advice=f"To go on with its batch, delete it (or move it away) and run the same command: "
            f"what is done is then known from the .json files beside the results.\n  rm {path}*",
        )
    return LedgerError(f"{path}: the ledger of the batch cannot be used ({reason}).", advice=advice)


class HasStore(Protocol):
    """What writes into a store."""

    @property
    def store(self) -> Store: ...


S = TypeVar("S", bound=HasStore)


def transaction(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """All of it or nothing, and on the disk at the end; begun anew when the disk was full in between."""

    @functools.wraps(method)
    def whole(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.store.in_transaction(lambda: method(self, *args, **kwargs))

    return whole


class Store:
    """Thread-safe. Every change is on the disk when the call returns.

    While the disk is full, calls wait and try again every few seconds; `on_full` is told once each time.
    """

    def __init__(
        self,
        out: Path,
        *,
        on_full: Callable[[str], None] = lambda _: None,
        on_gone: Callable[[str], None] | None = None,
        wait_s: float = 60.0,
    ) -> None:
        """`on_gone`: told once each time the file went, which is waited for then, too; without it that is an error.
        `wait_s`: how long to wait for another program that writes."""
        self.path = out / LEDGER_FILE
        self._on_full, self._on_gone = on_full, on_gone
        self._lock = threading.RLock()
        self._give_up = False
        if any(below(out, f"{LEDGER_FILE.as_posix()}{end}") is None for end in ("", *_BESIDE)):
            raise LedgerError(
                f"{self.path}: a link leads the ledger of this batch out of {out}, to a file that is not its own.",
                advice="Take the link away: what is done is known from the .json files beside the results.",
            )
        if self.path.exists() and not self.path.is_file():
            raise LedgerError(
                f"{self.path}: this is a device or a pipe, not the ledger of a batch.",
                advice="Take it away: what is done is known from the .json files beside the results.",
            )
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(self.path, timeout=wait_s, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        with _damage_in_words():
            self._log_ahead(wait_s)
            self._db.execute("PRAGMA synchronous=FULL")  # a submission must never be unknown after a power cut
            self._db.executescript(sql.TABLES)

    def _log_ahead(self, wait_s: float) -> None:
        """Readers never wait for writers. Of several that open a new file at once SQLite refuses all but one for a
        moment, and does not wait as it does elsewhere."""
        end = time.monotonic() + wait_s
        while True:
            try:
                self._db.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() >= end:
                    raise
            time.sleep(_LOCKED_RETRY_S)

    @staticmethod
    def exists(out: Path) -> bool:
        return (out / LEDGER_FILE).exists()

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def stop_waiting(self) -> None:
        """From now on a full disk is an error, and so is a file that went: what is ending must not be held up."""
        self._give_up = True

    def rows(self, statement: str, **values: Any) -> list[sqlite3.Row]:
        """What a statement of `runner.batch.sql` answers."""
        with self._lock, _damage_in_words():
            return self._db.execute(statement, _sayable(values)).fetchall()

    def row(self, statement: str, **values: Any) -> sqlite3.Row | None:
        """The first row of it, if there is one."""
        with self._lock, _damage_in_words():
            row: sqlite3.Row | None = self._db.execute(statement, _sayable(values)).fetchone()
            return row

    def change(self, statement: str, **values: Any) -> None:
        """Carry out a statement; to be called within a transaction."""
        with _damage_in_words():
            self._db.execute(statement, _sayable(values))

    def change_each(self, statement: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """The same for many rows."""
        with _damage_in_words():
            self._db.executemany(statement, [_sayable(row) for row in rows])

    def in_transaction(self, work: Callable[[], T]) -> T:
        told = False
        while True:
            with self._lock:
                if self._db.in_transaction:
                    return work()
                is_there = self.path.exists()
                if is_there:
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
                elif self._on_gone is None or self._give_up:
                    raise LedgerGoneError(
                        f"{self.path} is not there any more: it, or its folder, was deleted while the batch ran.",
                        advice="The same command makes what is missing.",
                    )
            tell = self._on_full if is_there or self._on_gone is None else self._on_gone
            if not told:
                tell(str(self.path.parent.parent))
            told = True
            time.sleep(FULL_RETRY_S if is_there else _GONE_RETRY_S)


@contextmanager
def _damage_in_words() -> Iterator[None]:
    """SQLite quotes a damaged file in what it says of it, and Python cannot always read the quotation."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise sqlite3.DatabaseError("it is damaged") from error


def is_full(error: BaseException) -> bool:
    return isinstance(error, sqlite3.OperationalError) and ("full" in str(error) or "disk I/O" in str(error))


def _sayable(values: Mapping[str, Any]) -> dict[str, Any]:
    """What a server or a file name says may hold what UTF-8 has no bytes for, and what a row that is read counts as
    damaged for."""
    return {name: storable(one) if isinstance(one, str) else one for name, one in values.items()}
