"""What a result is downloaded into before it has its name: a file of the runner that makes it, and of no other.

Its runner holds a lock on it, which the system frees when the runner ends, however it ends. What a killed runner left
is so told from what another one of this machine is at work on.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import platform
import re
from pathlib import Path
from typing import BinaryIO

from runner.files.lock import HeldError, TidiedUpError, hold, hold_new

_HERE = hashlib.sha256(platform.node().encode("utf-8", "replace")).hexdigest()[:8]
"""Locks are believed between processes of one machine only: some network drives do not pass them on."""
_NAME = re.compile(rf".+\.{_HERE}-\d+\.part")
_ANYWHERE = re.compile(r".+\.[0-9a-f]{8}-\d+\.part")


def is_draft(name: str) -> bool:
    """Whether a file of this name is a draft of a runner, on whatever machine."""
    return _ANYWHERE.fullmatch(name) is not None


def new_draft(target: Path) -> tuple[Path, BinaryIO | None]:
    """A new file beside `target`, and the lock on it where there are locks: close it when the file has its name."""
    for number in itertools.count():
        draft = target.with_name(f"{target.name}.{_HERE}-{number}.part")
        with contextlib.suppress(FileExistsError, TidiedUpError):
            return draft, hold_new(draft)
    raise AssertionError  # there is always another number


def remove_left_drafts(folder: Path) -> None:
    """Take away what killed runners of this machine left in a folder."""
    for draft in folder.iterdir():
        if not _NAME.fullmatch(draft.name):
            continue
        with contextlib.suppress(OSError, HeldError):
            lock = hold(draft)
            if lock is not None:
                with lock:
                    draft.unlink()
