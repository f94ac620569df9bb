"""The jobs of one worker, from the claim in the ledger to the end that is noted there."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner import events
from runner.batch.alone import for_this_photo
from runner.batch.changed import INPUTS, noted
from runner.batch.compatibility import Compatibility, nowhere
from runner.batch.entries import DECLINED, Entry, Incompatibility, JobState
from runner.batch.ledger_hooks import TakenOverError
from runner.batch.metrics import LoadMeter, measured
from runner.batch.recover import tidy
from runner.batch.store import LedgerGoneError
from runner.batch.worker import Batch
from runner.errors import EXIT_INTERRUPTED, RunnerError, UsageError
from runner.execution import translate
from runner.execution.doubts import doubts
from runner.execution.failures import NodeExecutionError, OutOfMemoryError, failed_event
from runner.execution.job import JobResult
from runner.execution.save import SavedJob
from runner.files.naming import below
from runner.untrusted import mapping

OTHERS_POLL_S = 0.5
"""How often to look whether another runner has left something to do."""


class Claims:
    """What a worker has claimed and not ended. `next` may be called on another thread than the rest.

    Attributes:
        worker: what it is called in the ledger.
        label: what people read.
        compatibility: what it can run; to be set before `next` is called.
        changed: set when a job has ended, and when the worker closes.
    """

    def __init__(self, batch: Batch, worker: str, label: str, compatibility: Compatibility | None = None) -> None:
        self.worker, self.label, self.compatibility = worker, label, compatibility
        self.changed = threading.Event()
        self.closed = threading.Event()
        self._batch, self._ledger, self._view = batch, batch.ledger, batch.view
        self._guard = threading.Lock()
        self._held: set[int] = set()
        self._submitted_at: dict[int, float] = {}
        self._started_at: dict[int, float] = {}

    @property
    def held(self) -> frozenset[int]:
        with self._guard:
            return frozenset(self._held)

    def open(self) -> None:
        """The worker begins, or begins again."""
        self.closed.clear()

    def close(self, why: str) -> None:
        """What is not ended is anybody's again; nothing more is claimed."""
        with self._guard:
            self.closed.set()
            self.changed.set()
            # On a full disk the heartbeat's end says the same.
            with contextlib.suppress(sqlite3.OperationalError, LedgerGoneError):
                self._ledger.give_back(self._held, why)
            self._held = set()

    # the next job

    def next(self) -> tuple[Entry | None, bool]:
        """(a job that is ours now, whether nothing is left for this worker). Neither: look again soon."""
        throughput = self._batch.throughput
        if throughput.untried(self.worker):
            return None, False
        leave = throughput.sooner(self.worker, self._ledger.waiting())
        with self._guard:
            others = throughput.others(self.worker)
            if self.closed.is_set():
                return None, False
            entry, finished = self._ledger.claim_or_end(self.worker, leave, others, self._held)
            if entry is not None:
                self._held.add(entry.id)
                throughput.holds(self.worker, len(self._held))
                return entry, False
        for hopeless, reasons in self._ledger.claim_hopeless():
            self._view.named(hopeless.id, hopeless.title, self.label)
            self.fail(hopeless.id, nowhere(reasons))
        if not finished and not self.held:
            for runner in self._ledger.others_at_work():
                self._view.once(f"Waiting for another runner of this batch ({runner}): the rest is in its hands.")
        return None, finished

    def settled(self, entry: Entry) -> bool:
        """Whether a claimed job needs nothing more here: it was saved before a crash, or this worker cannot run it."""
        out = self._batch.out
        self._view.named(entry.id, entry.title, self.label)
        if below(out, entry.job.stem.as_posix()) is None:
            self.fail(entry.id, UsageError(f"{entry.title}: a link leads its result out of {out}."))
            return True
        # What was never submitted has left nothing; looking takes longer the more files there are.
        left = None if entry.prompt_id is None else tidy(out / entry.job.stem, entry.prompt_id)
        if left is None:
            return self._left_to_others(entry)
        files = [self._relative(path) for path in left.files]
        ours = self._ledger.done(
            entry.id, self._relative(left.sidecar), files, left.warnings, {"bytes": _size(left.files)}
        )
        self._through(entry.id)
        if ours:
            names, lacks = tuple(map(str, left.files)), doubts(left.record)
            sidecar = str(left.sidecar)
            self._view.event(
                events.Done(entry.id, entry.prompt_id, names, sidecar, warnings=left.warnings, doubts=lacks)
            )
        return True

    def _left_to_others(self, entry: Entry) -> bool:
        """A job that this worker cannot run is noted as such, with all others like it, and left to the others."""
        compatibility = self.compatibility
        why = None if compatibility is None else compatibility.why_not(entry.job)
        if compatibility is None or why is None:
            return False
        reasons = {
            other.id: Incompatibility(self.label, str(error), error.exit_code)
            for other in self._ledger.entries(JobState.WAITING)
            if (error := compatibility.why_not(other.job)) is not None
        }
        reasons[entry.id] = Incompatibility(self.label, str(why), why.exit_code)
        self._ledger.cannot_run(self.worker, reasons)
        self._ledger.give_back([entry.id], f"cannot run on {self.label}")
        self._through(entry.id)
        return True

    # what becomes of it

    def heard(self, event: events.Event) -> None:
        """Note what the metrics and the ledger want to know, and show it."""
        if isinstance(event, events.Failed) and event.exit_code != EXIT_INTERRUPTED:
            return  # called off with the server or the time: such a job is given back, not failed
        if isinstance(event, events.Queued):
            self._submitted_at[event.job] = time.time()
        elif isinstance(event, events.Started):
            self._started_at[event.job] = time.time()
            self._ledger.moved(event.job, JobState.RUNNING)
        self._view.event(event)

    def ended(self, result: JobResult, load: LoadMeter | None = None) -> bool:
        """Note how a job ended. `load`: what the machine did meanwhile. True, always (see `Hooks.finished`)."""
        number = result.spec.index
        submitted = self._submitted_at.pop(number, time.time() - result.seconds)
        if result.saved is None:
            self._ended_badly(result)
            return True
        saved = result.saved
        self._batch.throughput.ended(self.worker, result.seconds)  # what fails fast is not fast
        paths = [file.path for file in saved.files]
        _on_disk([*paths, saved.sidecar])
        started = self._started_at.pop(number, None)
        size = sum(file.size for file in saved.files)
        figures = {} if load is None else measured(saved.sidecar, size, load, submitted, started)
        figures["sizes"] = {self._relative(file.path): file.size for file in saved.files}
        files = [self._relative(path) for path in paths]
        ours = self._ledger.done(number, self._relative(saved.sidecar), files, saved.warnings, figures)
        self._through(number)
        if not ours:
            self._leave_to_its_holder(number, saved)
            return True
        for event in translate.saved(result):
            self._view.event(event)
        return True

    def fail(
        self,
        number: int,
        error: RunnerError,
        prompt_id: str | None = None,
        inputs: Mapping[str, Any] | None = None,
    ) -> None:
        """A job of ours ended without a result. `inputs`: what its files were when they were read."""
        declined = isinstance(error, NodeExecutionError) and error.is_refusal
        figures: dict[str, Any] = {DECLINED: declined} if declined else {}
        job = self._ledger.entry(number).job
        figures[INPUTS] = noted(job.images) if inputs is None else inputs
        error.advice = for_this_photo(error.advice, job, self._batch.alone)
        ours = self._ledger.failed(number, str(error), error.exit_code, figures)
        self._through(number)
        if ours:
            self._view.event(failed_event(error, number, prompt_id))

    def _ended_badly(self, result: JobResult) -> None:
        number, error = result.spec.index, result.error or RunnerError("ended without a result")
        if isinstance(error, TakenOverError):
            self._through(number)
            return
        if isinstance(error, OutOfMemoryError):
            if self._pass_on(number, error):
                return
            reasons = self._ledger.incompatibilities(number)
            error = nowhere(reasons) if len(reasons) > 1 else error
        self.fail(number, error, result.prompt_id, mapping(result.spec.record.get("batch")).get(INPUTS))

    def _pass_on(self, number: int, error: OutOfMemoryError) -> bool:
        """A job that does not fit into this server's memory goes to another server, if there is one to try."""
        title = self._view.title(number)
        reason = Incompatibility(self.label, error.message, error.exit_code)
        if not self._ledger.pass_on(number, self.worker, reason):
            return False
        self._through(number)
        self._view.notice(f"{title}: {self.label} has not enough memory for it; another server tries.")
        return True

    def _leave_to_its_holder(self, number: int, saved: SavedJob) -> None:
        """Another runner has the job that was just saved: one copy is enough, unless this is what that one found."""
        entry = self._ledger.entry(number)
        if entry.state == JobState.CLAIMED or entry.sidecar == self._relative(saved.sidecar):
            return
        for path in [*(file.path for file in saved.files), saved.sidecar]:
            path.unlink(missing_ok=True)

    def _through(self, number: int) -> None:
        with self._guard:
            self._held.discard(number)
            self._batch.throughput.holds(self.worker, len(self._held))
        self.changed.set()

    def _relative(self, path: Path) -> str:
        return path.relative_to(self._batch.out).as_posix()


def _on_disk(paths: list[Path]) -> None:
    """Their bytes survive a power cut from here on: the ledger is about to say that they are there."""
    for path in paths:
        with contextlib.suppress(OSError), path.open("rb+") as stream:
            os.fsync(stream.fileno())


def _size(paths: tuple[Path, ...]) -> int:
    return sum(path.stat().st_size for path in paths if path.exists())
