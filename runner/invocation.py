"""How this program was started, so that every command it prints can be pasted as it stands."""

from __future__ import annotations

import contextlib
import ntpath
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

NAME = "prodgen"
_MODULE = ("-m", "runner")
_BARE = re.compile(r"[A-Za-z0-9_./:=,+@-]+")
"""What no shell makes anything else of."""
_BARE_ON_WINDOWS = re.compile(r"[A-Za-z0-9_.:=+~/\\-]+")


@dataclass(frozen=True)
class Invocation:
    """The words before a command of ours, as they were typed or as short as the shell finds them."""

    words: tuple[str, ...]
    windows: bool = False

    def command(self, *words: str) -> str:
        """A whole command line for the shell it was called from."""
        return " ".join(quoted(word, windows=self.windows) for word in (*self.words, *words))


def quoted(word: str, *, windows: bool = os.name == "nt") -> str:
    """One word for a POSIX shell, or for Windows' own (cmd and PowerShell).

    There, double quotes are the only ones that both know, and a backslash counts only before one.
    """
    if (_BARE_ON_WINDOWS if windows else _BARE).fullmatch(word):
        return word
    if windows:
        escaped = re.sub(r'(\\*)"', r'\1\1\\"', word)
        return '"' + re.sub(r"(\\+)$", r"\1\1", escaped) + '"'
    return "'" + word.replace("'", "'\"'\"'") + "'"


def invocation(
    argv: Sequence[str] | None = None, orig_argv: Sequence[str] | None = None, *, windows: bool = os.name == "nt"
) -> Invocation:
    """How a process with these arguments was started: as `prodgen`, or as a Python's `-m runner`."""
    argv = sys.argv if argv is None else argv
    orig_argv = sys.orig_argv if orig_argv is None else orig_argv
    program = argv[0] if argv else ""
    if _stem(program).lower() in (NAME, f"{NAME}-script"):
        return Invocation((_short(_without_suffix(program), windows),), windows)
    options = list(orig_argv[1:])
    if any(tuple(options[at : at + 2]) == _MODULE for at in range(len(options))):
        return Invocation((_short(orig_argv[0], windows), *_MODULE), windows)
    return Invocation(("python", *_MODULE), windows)


def spell(*words: str) -> str:
    """A command of this program as the user can type it: `spell("models", "list")`."""
    return invocation().command(*words)


def _stem(program: str) -> str:
    name = ntpath.basename(program)  # which knows both kinds of slash
    return _without_suffix(name)


def _without_suffix(program: str) -> str:
    """Without `.exe`: a shell of Windows adds it."""
    return re.sub(r"(-script\.pyw?|\.exe)$", "", program, flags=re.IGNORECASE)


def _short(program: str, windows: bool) -> str:
    """The bare name where a shell finds this file by it, a path below the current folder, or as it is."""
    path = Path(program)
    if not path.is_absolute():
        return program
    name = ntpath.basename(program) if windows else path.name
    if _first_on_path(name) == path:
        return name
    with contextlib.suppress(OSError, ValueError):  # the folder is gone, or is not above
        below = path.relative_to(Path.cwd())
        return str(below) if len(below.parts) > 1 else f"{os.curdir}{os.sep}{below}"
    return program


def _first_on_path(name: str) -> Path | None:
    """Not `shutil.which`, which costs every start the import of three archivers."""
    for folder in os.get_exec_path():
        with contextlib.suppress(OSError):  # a folder that is not ours to look into
            if Path(folder, name).is_file():
                return Path(folder, name)
    return None
