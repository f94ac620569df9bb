"""`batch --watch DIR`: photos are made as they land, once each, until somebody ends it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from runner.batch.accounts import tell_unusable
from runner.batch.changed import make_changed_again
from runner.batch.entries import JobState
from runner.batch.landing import Landing
from runner.batch.names import names_of
from runner.batch.setup import prepare
from runner.console import clean_line
from runner.errors import ServerUnavailableError, UsageError
from runner.files.paths import is_within
from runner.words import counted

if TYPE_CHECKING:
    from runner.batch.order import BatchOrder
    from runner.batch.worker import Batch

_POLL_S = 1.0
"""Between looks into the folder: nobody waits longer for a photo, and a share is not kept busy."""
_SERVER_S = 10.0
"""Between attempts while no server is there."""
_NAMED = 5
"""Of empty photos; more are counted."""
_EMPTY_S = 20.0
"""After which a photo without a byte is told: a slow copy has written something long before."""


class Watch:
    """One folder that is watched. `make` makes all that the ledger has, or raises ServerUnavailableError."""

    def __init__(self, order: BatchOrder, folder: Path, batch: Batch, make: Callable[[], None]) -> None:
        self._order, self._folder, self._make = order, folder, make
        self._view, self._ledger, self._deadline = batch.view, batch.ledger, batch.deadline
        self._landing = Landing(folder, order.out, order.settle)
        self._trouble = ""
        self._server_at = 0.0
        self._empty: set[Path] = set()

    def run(self) -> None:
        """Until the batch's time is up, if it has one, and otherwise until it is interrupted."""
        self._view.notice(
            f"Watching {self._folder}: photos are made as they land. Ctrl-C ends it, the same command goes on."
        )
        try:
            self._watch()
        finally:
            if empty := self._landing.empty():
                self._view.notice(f"warning: {_empty(empty)} to the end, and not made.")

    def _watch(self) -> None:
        while self._deadline is None or time.monotonic() < self._deadline:
            self._look()
            self._tell_empty()
            if self._ledger.unfinished() and time.monotonic() >= self._server_at:
                try:
                    self._make()
                except ServerUnavailableError as error:
                    self._view.once(f"warning: {error} What lands meanwhile is made when a server answers.")
                    self._server_at = time.monotonic() + _SERVER_S
            time.sleep(min(_POLL_S, self._order.settle / 2))

    def _tell_empty(self) -> None:
        """Once of each photo that nobody goes on writing."""
        told = self._empty
        self._empty = {*self._landing.empty(_EMPTY_S), *(told & {*self._landing.empty()})}
        if new := self._empty - told:
            self._view.notice(f"warning: {_empty(sorted(new))}. It is made as soon as there is something in it.")

    def _look(self) -> None:
        try:
            landed = self._landing.look()
            if landed:
                self._enter(landed)
        except UsageError as error:  # a folder that went, a sub-folder that may not be read: neither ends a night
            if error.message != self._trouble:
                self._view.notice(f"warning: {error.message} It is looked for again and again.")
            self._trouble = error.message
            return
        if self._trouble:
            self._view.notice(f"{self._folder} is there again.")
        self._trouble = ""

    def _enter(self, landed: Sequence[Path]) -> None:
        """Put what has landed into the ledger. What is there already was made, or is; from another photo of that name
        it is made again."""
        chosen = set(landed)
        order = replace(self._order, images=str(self._folder), leave_out=lambda path: path not in chosen)
        setup = prepare(order)
        keys = {job.key for job in setup.jobs}
        self._landing.take(list(landed))
        self._ledger.add(setup.jobs)
        again = make_changed_again(self._order.out, setup.jobs, self._ledger, self._view.notice)
        known = self._ledger.entries(JobState.FAILED)
        if failed := [entry.id for entry in known if entry.key in keys]:  # it was taken before it was whole
            self._ledger.try_again(failed)
        entries = self._ledger.entries()
        tell_unusable(setup, self._ledger.done_keys(), self._view)
        self._view.names = names_of(entries)
        self._view.expect(len(entries), len(failed) + again)


def _empty(photos: Sequence[Path]) -> str:
    """`a.jpg, b.jpg: 2 photos stayed empty (0 bytes)`."""
    more = f" and {len(photos) - _NAMED} more" if len(photos) > _NAMED else ""
    names = ", ".join(clean_line(path.name) for path in photos[:_NAMED])
    return f"{names}{more}: {counted(len(photos), 'photo')} stayed empty (0 bytes)"


def check(order: BatchOrder, folder: Path) -> None:
    """Whether this folder can be watched; makes of a rehearsal one of what is there. Raises UsageError."""
    if order.images is not None or order.photos:
        raise UsageError("--watch names the folder of the photos: leave out the others.")
    if order.ray is not None:
        raise UsageError("--watch and --ray do not go together.", advice="Name servers with --server.")
    if not folder.is_dir():
        raise UsageError(f"--watch {folder}: there is no such folder.")
    if is_within(folder, order.out):
        raise UsageError(
            f"--out {order.out} is the folder that is watched, or one above it: results would lie among the photos.",
            advice="Name another folder with --out.",
        )
    if order.dry_run:
        order.images, order.watch = str(folder), None
