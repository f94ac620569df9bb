"""Files that stand beside the results of a batch: tables, sheets, copies. Written again at every end of a run."""

from __future__ import annotations

import errno
import filecmp
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path, PurePosixPath
from types import TracebackType

from runner.batch.store import LEDGER_FILE
from runner.errors import UsageError
from runner.files.lock import lock_beside
from runner.files.naming import below, leads_out, safe_folder, safe_name
from runner.files.reading import open_file, read_text
from runner.files.whole import written_whole

_LIST = (LEDGER_FILE.parent / "beside.txt").as_posix()
"""The names under which these files were written here before."""


class Beside:
    """`with Beside(folder, notice) as beside:` – the files beside the results in `folder`, for one runner at a time.

    Each is replaced whole. A file of that name that was not made here is somebody's own and stays: the next name is
    taken (`index_2.csv`). The folder may come from somebody: nothing is written, copied or removed where a link leads
    out of it, and a link is never taken for a file that was made here. Of the photos that its ledger names only those
    are copied that were named now, too: a ledger can name any file there is.

    `written`: what is there now; `missed`: what could not be put there, or not removed (each is told).
    """

    def __init__(self, folder: Path, notice: Callable[[str], None], photos: Iterable[Path] = ()) -> None:
        """`photos`: what may be copied."""
        self.folder, self._notice = folder, notice
        self._photos = frozenset(map(os.path.realpath, photos))
        self._list = folder / _LIST
        self._lock = lock_beside(self._list, on_wait=self._waiting)
        self._made: set[str] = set()
        self._before: frozenset[str] = frozenset()
        self._now: set[str] = set()
        self.written: list[Path] = []
        self.missed: list[Path] = []

    def __enter__(self) -> Beside:
        """Raises UsageError where what was written here cannot be noted."""
        if any(below(self.folder, name) is None for name in (_LIST, f"{_LIST}.lock")):
            raise UsageError(
                f"{self._list}: a link leads the list of what was written here out of {self.folder}.",
                advice="Take the link away, or name another folder with --out.",
            )
        try:
            self._lock.__enter__()
        except OSError as error:
            raise UsageError(
                f"--out {self.folder} cannot be written to ({error.strerror or error}).",
                advice="Choose another folder, or allow yourself to write to this one.",
            ) from error
        try:
            self._made = set(read_text(self._list).split("\n")) - {""}
        except (OSError, ValueError):
            self._made = set()
        self._before = frozenset(self._made)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.__exit__(kind, error, trace)

    def write(self, name: str, data: bytes | Iterable[bytes]) -> Path | None:
        """Write a file; where it is, None where it could not be written."""

        def fill(path: Path) -> None:
            with written_whole(path, "wb") as stream:
                stream.writelines([data] if isinstance(data, bytes) else data)

        return self._put(name, fill)

    def copy(self, source: Path, name: str) -> Path | None:
        """Copy a file byte for byte, with its times, to `name` (which may have folders); likewise. What was copied
        before outlives its source."""

        def fill(path: Path) -> None:
            gone = not os.path.lexists(source)
            if path.is_file() and (gone or filecmp.cmp(source, path, shallow=True)):
                return
            if not gone and os.path.realpath(source) not in self._photos:
                raise OSError(errno.EPERM, f"{source} is none of the pictures that were named now", str(source))
            with open_file(source) as stream, written_whole(path, "wb") as target:
                shutil.copyfileobj(stream, target)
            shutil.copystat(source, path)

        return self._put(name, fill)

    def moved_on(self, among: frozenset[str]) -> None:
        """Remove what an earlier run copied into one of these folders and this one into another of them."""
        for name in sorted(self._before - self._now):
            first, _, rest = name.partition("/")
            if first not in among or not any(f"{other}/{rest}" in self._now for other in among):
                continue
            path = below(self.folder, name)
            if path is not None:
                with self._told(path):
                    path.unlink(missing_ok=True)
                    self._made.discard(name)
        with self._told(self._list):
            self._note()

    def _put(self, name: str, fill: Callable[[Path], None]) -> Path | None:
        with self._told(self.folder / name):
            path = self._free(_safe(name))
            path.parent.mkdir(parents=True, exist_ok=True)
            fill(path)
            here = self._named(path)
            if here not in self._made:
                self._made.add(here)
                self._note()
            self._now.add(here)
            self.written.append(path)
            return path
        return None

    @contextmanager
    def _told(self, path: Path) -> Iterator[None]:
        """What the system refuses within is told, and `path` is among the `missed`."""
        try:
            yield
        except OSError as error:
            why = error.strerror or error
            self._notice(f"warning: {path} could not be written ({why}); the same command writes it again.")
            self.missed.append(path)

    def _note(self) -> None:
        with written_whole(self._list) as lines:
            lines.write("\n".join(sorted(self._made)))

    def _named(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def _free(self, name: str) -> Path:
        """The first path by that name that is free or holds what was made here.

        Raises OSError where a link leads its folder out of this one.
        """
        wanted = PurePosixPath(name)
        if wanted.parent.parts and below(self.folder, wanted.parent.as_posix()) is None:
            raise OSError(errno.EPERM, f"a link leads it out of {self.folder}", str(self.folder / wanted))
        path = self.folder / wanted
        for number in count(2):
            if self._named(path) not in self._now and self._is_replaceable(path):
                return path
            path = path.with_name(f"{wanted.stem}_{number}{wanted.suffix}")
        raise AssertionError("numbers do not end")

    def _is_replaceable(self, path: Path) -> bool:
        if not os.path.lexists(path):
            return True
        return self._named(path) in self._made and stat.S_ISREG(os.lstat(path).st_mode)

    def _waiting(self) -> None:
        self._notice(f"Waiting for another runner that is writing into {self.folder}.")


def _safe(name: str) -> str:
    """A name as it is, where it is one on every system and leads nowhere else; otherwise one that is like it."""
    if not leads_out(name):
        return name
    *folders, last = name.split("/")
    stem, dot, suffix = last.rpartition(".")
    safe = f"{safe_name(stem)}.{safe_name(suffix)}" if dot and stem else safe_name(last)
    return "/".join([*map(safe_folder, folders), safe])
