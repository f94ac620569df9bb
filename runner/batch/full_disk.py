"""A full disk holds a batch up, and does not end it; nor does a folder that went, where one is watched."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from runner.batch.ledger import Ledger
from runner.batch.store import FULL_RETRY_S
from runner.errors import RunnerError
from runner.events.reporter import Reporter
from runner.execution.save import FULL_DISK


class FullDisk:
    """Whether saves wait for room just now. Both changes are told, once each."""

    def __init__(self, notice: Callable[[str], None]) -> None:
        self._notice = notice
        self._until: float | None = None

    @property
    def is_full(self) -> bool:
        """The last save had no room."""
        return self._until is not None

    @property
    def may_try(self) -> bool:
        """Whether it is time for a save."""
        return self._until is None or time.monotonic() >= self._until

    def save_ended(self, error: RunnerError | None) -> float | None:
        """Told how a save ended; the seconds to wait before it is tried again, or None (see `Hooks.save_ended`)."""
        if error is not None and _no_room(error):
            if not self.is_full:
                self._notice(disk_full(error.message))
            self._until = time.monotonic() + FULL_RETRY_S
            return FULL_RETRY_S
        if self.is_full:
            self._notice("There is room again: the batch goes on.")
        self._until = None
        return None


def disk_full(where: str) -> str:
    """What people are told."""
    return (
        f"The disk is full; the batch waits. {where}\n"
        f"  Make room: it is tried again every {FULL_RETRY_S:.0f} s. Ctrl-C ends it; the same command goes on later."
    )


def patient_ledger(out: Path, view: Reporter, *, watches: bool) -> Ledger:
    """The ledger of a batch that a full disk holds up; where a folder is watched, one that went does so, too."""
    gone = "warning: {} is not there. It is looked for again and again. Ctrl-C ends it."
    return Ledger(
        out,
        on_full=lambda where: view.notice(disk_full(where)),
        on_gone=(lambda where: view.once(gone.format(where))) if watches else None,
    )


def _no_room(error: RunnerError) -> bool:
    """Whether a result could not be saved for want of room on the disk."""
    cause = error.__cause__
    return isinstance(cause, OSError) and cause.errno in FULL_DISK
