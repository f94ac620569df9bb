"""Whether results can be written where they are to go: asked before the work, not after the night."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from runner.errors import UsageError


def check_folder(folder: Path, option: str = "--out") -> None:
    """Refuse a folder that is none, or that cannot be made or written to. Nothing stays behind.

    Raises UsageError with the reason the system gives.
    """
    existing = folder
    try:
        while not existing.exists() and existing != existing.parent:
            existing = existing.parent
        if not existing.is_dir():
            raise UsageError(f"{option} {folder}: {existing} is a file, not a folder.")
        if not os.access(existing, os.W_OK | os.X_OK):
            raise UsageError(f"{option} {folder}: {existing} cannot be written to.", advice="Choose another folder.")
        with tempfile.TemporaryFile(dir=existing):
            pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        message = f"{option} {folder}: {existing} cannot be written to ({reason})."
        raise UsageError(message, advice="Choose another folder.") from error


def check_file(path: Path, option: str, begins: Sequence[bytes]) -> None:
    """Refuse a file that could not be written, and one that somebody would miss: only what an earlier run wrote is
    replaced, which begins with one of `begins`. Raises UsageError."""
    if path.is_dir():
        raise UsageError(f"{option} {path}: this is a folder, not a file.")
    if path.is_symlink():
        raise UsageError(f"{option} {path}: this is a link.", advice="Name the file itself.")
    if path.exists() and not _is_replaceable(path, option, begins):
        raise UsageError(
            f"{option} {path}: there is a file already, which was not written by {option}. It would be lost.",
            advice="Name another file, or move that one away.",
        )
    check_folder(path.parent, option)


def _is_replaceable(path: Path, option: str, begins: Sequence[bytes]) -> bool:
    if not path.is_file():
        raise UsageError(f"{option} {path}: this is a device or a pipe, not a file.")
    try:
        with path.open("rb") as stream:
            head = stream.read(max(map(len, begins)))
    except OSError as error:
        raise UsageError(f"{option} {path}: it cannot be read ({error.strerror or error}).") from error
    return not head or head.startswith(tuple(begins))
