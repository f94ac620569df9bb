"""Whether results can be written where they are to go: asked before the work, not after the night."""

from __future__ import annotations

import os
import tempfile
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


def check_file(path: Path, option: str) -> None:
    """Refuse a file that could not be written. Raises UsageError."""
    if path.is_dir():
        raise UsageError(f"{option} {path}: this is a folder, not a file.")
    check_folder(path.parent, option)
