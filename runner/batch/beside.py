"""Files that stand beside the results of a batch: tables, sheets, copies. Written again at every end of a run."""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path, PurePosixPath

from runner.batch.store import LEDGER_FILE
from runner.files.whole import written_whole

_MADE = "beside.txt"
"""In the ledger's folder: the names under which these files were written here before."""


class Beside:
    """The files beside the results in `folder`.

    Each is replaced whole, so that two runners that end together leave one of them whole. A file of that name that was
    not made here is somebody's own and stays: the next name is taken (`index_2.csv`). `written`: what is there now.
    """

    def __init__(self, folder: Path, notice: Callable[[str], None]) -> None:
        self._folder, self._notice = folder, notice
        self._list = (folder / LEDGER_FILE).parent / _MADE
        try:
            self._made = set(self._list.read_text(encoding="utf-8").split("\n")) - {""}
        except (OSError, ValueError):
            self._made = set()
        self._before = frozenset(self._made)
        self.written: list[Path] = []

    def write(self, name: str, data: bytes) -> Path | None:
        """Write a file; where it is, None where it could not be written (that is told)."""

        def fill(path: Path) -> None:
            with written_whole(path, "wb") as stream:
                stream.write(data)

        return self._put(name, fill)

    def copy(self, source: Path, name: str) -> Path | None:
        """Copy a file byte for byte, with its times, to `name` (which may have folders); likewise."""

        def fill(path: Path) -> None:
            if not (path.is_file() and filecmp.cmp(source, path, shallow=True)):
                with source.open("rb") as stream, written_whole(path, "wb") as target:
                    shutil.copyfileobj(stream, target)
                shutil.copystat(source, path)

        return self._put(name, fill)

    def moved_on(self, among: frozenset[str]) -> None:
        """Remove what an earlier run copied into one of these folders and this one into another of them."""
        now = {self._named(path) for path in self.written}
        for name in sorted(self._before - now):
            first, _, rest = name.partition("/")
            path = self._folder / name
            inside = path.resolve().is_relative_to(self._folder.resolve())
            if inside and first in among and any(f"{other}/{rest}" in now for other in among):
                path.unlink(missing_ok=True)
                self._made.discard(name)
        self._note()

    def _put(self, name: str, fill: Callable[[Path], None]) -> Path | None:
        path = self._free(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            fill(path)
            if self._named(path) not in self._made:
                self._made.add(self._named(path))
                self._note()
        except OSError as error:
            why = error.strerror or error
            self._notice(f"warning: {path} could not be written ({why}); --resume writes it again.")
            return None
        self.written.append(path)
        return path

    def _note(self) -> None:
        self._list.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(self._list) as lines:
            lines.write("\n".join(sorted(self._made)))

    def _named(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix()

    def _free(self, name: str) -> Path:
        wanted = PurePosixPath(name)
        path = self._folder / wanted
        for number in count(2):
            taken = path in self.written
            if not taken and (self._named(path) in self._made or not os.path.lexists(path)):
                return path
            path = path.with_name(f"{wanted.stem}_{number}{wanted.suffix}")
        raise AssertionError("numbers do not end")
