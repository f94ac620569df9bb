"""A lock between processes that the system frees when its holder ends, however it ends."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO


class LockTimeoutError(Exception):
    """Another process held the lock for longer than we wanted to wait."""


class FileLock:
    """`with FileLock(path):` – one process at a time gets past this line.

    `on_wait` is called once if another process holds it; `timeout` None waits for as long as that lives.

    Raises:
        LockTimeoutError: on entering, when `timeout` seconds were not enough.
    """

    def __init__(self, path: Path, *, on_wait: Callable[[], None] | None = None, timeout: float | None = None) -> None:
        self._path = path
        self._on_wait = on_wait
        self._timeout = timeout
        self._file: BinaryIO | None = None

    def fileno(self) -> int:
        """The descriptor that holds the lock; a child that inherits it keeps the lock until it ends, too (POSIX)."""
        if self._file is None:
            raise ValueError("the lock is not held")
        return self._file.fileno()

    def __enter__(self) -> FileLock:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("a+b")
        begin = time.monotonic()
        told = False
        while not _try_lock(self._file.fileno()):
            if not told and self._on_wait is not None:
                self._on_wait()
            told = True
            if self._timeout is not None and time.monotonic() - begin > self._timeout:
                self._file.close()
                self._file = None
                raise LockTimeoutError(str(self._path))
            time.sleep(0.1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            _unlock(self._file.fileno())
            self._file.close()
            self._file = None


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        os.lseek(descriptor, 0, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
