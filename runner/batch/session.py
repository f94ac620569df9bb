"""A session that writes everything into the ledger before it happens, and takes up what an earlier runner left."""

from __future__ import annotations

import contextlib
import errno
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Protocol, cast

from runner.batch import entries as states
from runner.batch.recover import find_results
from runner.batch.store import FULL_RETRY_S
from runner.errors import InterruptedRunError, RunnerError, ServerUnavailableError, WorkflowRejectedError
from runner.events.reporter import Reporter
from runner.execution.dispatcher import Dispatcher
from runner.execution.job import LOST, Attempt
from runner.execution.prefetch import JobReady
from runner.execution.save import SavedJob
from runner.execution.saver import SaveEnded, Saver
from runner.execution.session import Session
from runner.server.availability import Limits
from runner.server.client import ComfyClient, ServerFaultError
from runner.server.records import JobRecord

MOST_LOSSES = 3
"""A job that its server lost this often is given up: it may be what kills the server."""


class Book(Protocol):
    """What is told of each step of a job; a `Ledger`, or what passes it on to one. False: another runner has it."""

    def submitted(self, job: int, prompt_id: str, replaces: Sequence[str], server: str, /) -> bool | None: ...

    def moved(self, job: int, state: str, note: str = "") -> bool | None: ...


class TakenOverError(InterruptedRunError):
    """Another runner has the job: this one was held up for so long that it counted as gone."""

    def __init__(self) -> None:
        super().__init__("Another runner has taken the job over.")


class LedgerDispatcher(Dispatcher):
    """A dispatcher whose every step is in the ledger first. The ledger's number of a job is its `spec.index`."""

    names_photos = False  # every line of a batch begins with it
    shows_failures = False  # such a job is given back to the ledger, not failed
    most_again: ClassVar[Mapping[str, int]] = {**Dispatcher.most_again, LOST: MOST_LOSSES}
    ledger: Book
    server: str
    stop_asked: threading.Event
    comfy: ComfyClient
    saver: Saver
    tell: Callable[[str], None]
    earlier: dict[int, tuple[str, tuple[str, ...]]]
    """Job → (what it was submitted as to this server by a runner that is gone, what that replaced)."""
    _full = False

    def _step(self) -> None:
        if self.stop_asked.is_set():
            raise InterruptedRunError("interrupted")
        super()._step()

    def _fill(self) -> None:
        if not self._full:
            super()._fill()

    def _submit(self, attempt: Attempt) -> None:
        number = attempt.spec.index
        before = self.earlier.pop(number, None)
        if before is not None:
            self._adopt(Attempt(attempt.spec, before[1], reasons=(LOST,) * len(before[1]), prompt_id=before[0]))
            return
        if self.ledger.submitted(number, attempt.prompt_id, attempt.replaces, self.server) is False:
            self._failed(attempt, TakenOverError())
            return
        try:
            super()._submit(attempt)
        except ServerFaultError as error:  # it may pass; the server may even have taken it: look before asking again
            if attempt.reasons.count(LOST) + 1 >= MOST_LOSSES:
                self._live.pop(attempt.prompt_id, None)
                self._failed(attempt, error)
        except WorkflowRejectedError as error:  # this job's own fault: the others go on
            if self._live.pop(attempt.prompt_id, None) is not None:
                with contextlib.suppress(RunnerError):
                    self.comfy.cancel_job(attempt.prompt_id)
            self._failed(attempt, error)

    def _adopt(self, attempt: Attempt) -> None:
        """Watch a job that is on the server already, or was."""
        attempt.sent(None)
        attempt.absent_since = None
        self._live[attempt.prompt_id] = attempt
        self._tell_queued(attempt)
        self._poll(attempt)

    def _finished(self, attempt: Attempt, record: JobRecord) -> None:
        if record.status == "cancelled" and attempt.client_id is None:  # by the runner that went away, on its way out
            del self._live[attempt.prompt_id]
            self._submit_again(attempt, "")
            return
        if record.status == "completed" and self.ledger.moved(attempt.spec.index, states.SAVING) is False:
            del self._live[attempt.prompt_id]
            self._failed(attempt, TakenOverError())
            return
        super()._finished(attempt, record)

    def _submit_again(self, old: Attempt, reason: str, rerun_nodes: tuple[str, ...] = ()) -> None:
        if reason == LOST:
            try:
                found = find_results(self.comfy, old)
            except ServerUnavailableError as error:
                self._live[old.prompt_id] = old  # asked again when it is back
                self._absence.went_away(str(error))
                return
            if found is not None:
                self.tell(f"The server has forgotten the job {old.prompt_id}, and has its files: nothing is repeated.")
                if self.ledger.moved(old.spec.index, states.SAVING, "found by its files") is False:
                    self._failed(old, TakenOverError())
                    return
                self._saving[old.prompt_id] = old
                self.saver.hand_over(old, found)
                return
        super()._submit_again(old, reason, rerun_nodes)

    def _end(self, attempt: Attempt, saved: SavedJob | None = None, error: RunnerError | None = None) -> None:
        super()._end(attempt, saved, error)
        self._results.clear()  # the ledger has it; ten thousand graphs need not stay in memory

    def _saved(self, ended: SaveEnded) -> None:
        if ended.error is not None and no_room(ended.error):
            if not self._full:
                self.tell(disk_full(ended.error.message))
            self._full = True
            self._saving.pop(ended.attempt.prompt_id)
            ended.attempt.next_poll = time.monotonic() + FULL_RETRY_S
            self._unsaved.append(ended)
            return
        if self._full:
            self.tell("There is room again: the batch goes on.")
        self._full = False
        super()._saved(ended)


def disk_full(where: str) -> str:
    return (
        f"The disk is full; the batch waits. {where}\n"
        f"  Make room: it is tried again every {FULL_RETRY_S:.0f} s. Ctrl-C ends it; --resume goes on later."
    )


def no_room(error: RunnerError) -> bool:
    """Whether a result could not be saved for want of room on the disk."""
    cause = error.__cause__
    return isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT)


class BatchSession(Session):
    """A `Session` around a `LedgerDispatcher`."""

    make_dispatcher = LedgerDispatcher

    def __init__(
        self,
        url: str,
        folder: Path,
        reporter: Reporter,
        ledger: Book,
        *,
        workflow: str,
        deadline: float | None = None,
        limits: Limits | None = None,
    ) -> None:
        super().__init__(url, folder, reporter, workflow=workflow, deadline=deadline, limits=limits)
        self._batch_dispatcher = cast(LedgerDispatcher, self._dispatcher)
        self._batch_dispatcher.ledger = ledger
        self._batch_dispatcher.server = self.client.url
        self._batch_dispatcher.comfy = self.client
        self._batch_dispatcher.saver = self._saver
        self._batch_dispatcher.tell = reporter.notice
        self._batch_dispatcher.stop_asked = threading.Event()
        self._batch_dispatcher.earlier = {}

    def __enter__(self) -> BatchSession:
        return self

    def take_up(self, job: int, prompt_id: str, replaces: tuple[str, ...]) -> None:
        """The job of this number was submitted here before: look for it first."""
        self._batch_dispatcher.earlier[job] = (prompt_id, replaces)

    def ask_to_stop(self) -> None:
        """End the run from another thread as Ctrl-C would."""
        self._batch_dispatcher.stop_asked.set()
        self._inbox.put(JobReady())
