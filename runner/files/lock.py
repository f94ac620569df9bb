"""A lock between processes that the system frees when its holder ends, however it ends."""

from __future__ import annotations

import contextlib
import os
import stat
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

    `on_wait` is called once if another process holds it; `timeout` None waits for as long as that lives. `remove`: the
    file is gone when nobody needs it any more.

    Raises LockTimeoutError on entering, when `timeout` seconds were not enough.
    """

    def __init__(
        self,
        path: Path,
        *,
        on_wait: Callable[[], None] | None = None,
        timeout: float | None = None,
        remove: bool = False,
    ) -> None:
        self._path = path
        self._on_wait = on_wait
        self._timeout = timeout
        self._remove = remove
        self._file: BinaryIO | None = None
        self.waited = False
        """Whether another process had it first, when it was entered."""

    def fileno(self) -> int:
        """The descriptor that holds the lock; a child that inherits it keeps the lock until it ends, too (POSIX)."""
        if self._file is None:
            raise ValueError("the lock is not held")
        return self._file.fileno()

    def __enter__(self) -> FileLock:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        begin = time.monotonic()
        self.waited = False
        while (taken := self._take()) is None:
            if not self.waited and self._on_wait is not None:
                self._on_wait()
            self.waited = True
            if self._timeout is not None and time.monotonic() - begin > self._timeout:
                raise LockTimeoutError(str(self._path))
            time.sleep(0.1)
        self._file = taken
        return self

    def _take(self) -> BinaryIO | None:
        """The file, opened and locked; None where another process has it."""
        file = _open(self._path)
        if _try_lock(file.fileno()) and (not self._remove or _is_at(file, self._path)):
            return file
        file.close()  # what was locked may have been taken away by its last holder: then it keeps nobody out
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            if self._remove and os.name == "posix":  # while nobody else can have it
                with contextlib.suppress(OSError):
                    self._path.unlink()
            _unlock(self._file.fileno())
            self._file.close()
            self._file = None
            if self._remove and os.name != "posix":  # Windows refuses where another has it open
                with contextlib.suppress(OSError):
                    self._path.unlink()


def lock_beside(path: Path, *, on_wait: Callable[[], None] | None = None) -> FileLock:
    """The lock of one who writes `path`: in the same folder, so that who may write there may lock, and nobody else."""
    return FileLock(path.with_name(f"{path.name}.lock"), on_wait=on_wait, remove=True)


class HeldError(Exception):
    """Somebody else has the file locked."""


def hold(path: Path) -> BinaryIO | None:
    """The file that is there, locked until it is closed; None where there are no locks, or it is no file of ours.

    None on Windows too, where a locked file could not be renamed.

    Raises HeldError where somebody else has it locked. Raises FileNotFoundError where it is gone, or another is in its
    place.
    """
    if os.name != "posix":
        return None
    try:
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK), "r+b")
    except FileNotFoundError:
        raise
    except OSError:
        return None
    locked = _try_lock(file.fileno())
    is_there = _is_at(file, path)
    if locked and is_there and stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    if not is_there:
        raise FileNotFoundError(str(path))
    if locked is False:
        raise HeldError(str(path))
    return None


class TidiedUpError(Exception):
    """The file that was just made was taken away before it was locked."""


def hold_new(path: Path) -> BinaryIO | None:
    """A new file at `path`, locked until it is closed; None where there are no locks, and on Windows, as in `hold`.

    It is the made file that is locked, not what its name leads to by then.

    Raises FileExistsError where there is one. Raises TidiedUpError where somebody took it away before it was locked.
    """
    file = os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o644), "r+b")
    locked = None if os.name != "posix" else _try_lock(file.fileno())
    while locked is False:  # whoever has it only tidies up
        time.sleep(0.01)
        locked = _try_lock(file.fileno())
    if locked and _is_at(file, path):
        return file
    file.close()
    if locked:
        raise TidiedUpError(str(path))
    return None


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("a+b")
    except PermissionError as refused:
        try:
            return path.open("rb")  # another user's, who is at work: enough to wait for the end of it
        except FileNotFoundError:  # nobody is, and the folder is not ours to write to
            raise refused from None


def _is_at(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool | None:
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

    def _try_lock(descriptor: int) -> bool | None:
        """None: there are no locks on this file system."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return None
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
