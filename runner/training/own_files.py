"""A folder that is written again and again, and in which people work, too: only what was written here is replaced.

`.prodgen/written.txt` in it says what that was, a line a file, as `sha256sum` writes it. A file that is not on it, or
has another content by now, is somebody's work.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from runner.errors import UsageError
from runner.files.hashes import content_sha256
from runner.files.reading import read_text
from runner.files.whole import written_whole
from runner.words import counted

_LIST = Path(".prodgen") / "written.txt"
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
_SHOWN = 3
"""Names in one sentence; the rest is counted."""


class OwnFiles:
    """The files that were written to `folder` from here, now and before."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            lines = read_text(folder / _LIST, errors="replace").split("\n")
        except OSError:
            lines = []
        self._known = {(match[2], match[1]) for line in lines if (match := _LINE.fullmatch(line))}
        self._now: list[tuple[str, str]] = []

    def check(self, paths: Iterable[Path], option: str) -> None:
        """Raises UsageError where one of these is there and is not as it was written here: it would be lost."""
        others = [path for path in paths if os.path.lexists(path) and not self._is_own(path)]
        if not others:
            return
        shown = ", ".join(str(path.relative_to(self._folder)) for path in others[:_SHOWN])
        shown += f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        raise UsageError(
            f"{self._folder}: {counted(len(others), 'file')} there would be lost that {option} did not write, or that "
            f"somebody has changed since: {shown}.",
            advice="Move them away, or choose another --out. A changed caption belongs beside its photo: <photo>.txt.",
        )

    def write(self, path: Path, data: bytes) -> None:
        """Write a file. It is listed before it is there: what a killed run leaves does not look like others'."""
        own = (path.relative_to(self._folder).as_posix(), hashlib.sha256(data).hexdigest())
        if own not in self._known:
            self._note([own], anew=False)
            self._known.add(own)
        self._now.append(own)
        with written_whole(path, "wb") as stream:
            stream.write(data)

    def finish(self) -> None:
        """Keep of the list what was written now."""
        self._note(self._now, anew=True)

    def _note(self, files: Iterable[tuple[str, str]], *, anew: bool) -> None:
        path = self._folder / _LIST
        text = "".join(f"{digest}  {name}\n" for name, digest in files)
        if anew or not path.is_file() or path.is_symlink():
            with written_whole(path, newline="\n") as stream:
                stream.write(text)
        else:
            with path.open("a", encoding="utf-8", newline="\n") as stream:
                stream.write(text)

    def _is_own(self, path: Path) -> bool:
        if path.is_symlink():
            return False
        return (path.relative_to(self._folder).as_posix(), content_sha256(path)) in self._known
