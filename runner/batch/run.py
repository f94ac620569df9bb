"""Work through a ledger: claim, make ready, hand to a server, record the end."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runner import events
from runner.batch import entries as states
from runner.batch.entries import Entry
from runner.batch.fitness import Fitness, nowhere
from runner.batch.ledger import Ledger
from runner.batch.live import BatchReporter
from runner.batch.making import Maker
from runner.batch.metrics import Sampler, measured
from runner.batch.pace import Pace
from runner.batch.presence import Misfit
from runner.batch.recover import tidy
from runner.batch.servers import Server
from runner.batch.session import BatchSession, TakenOverError
from runner.batch.store import LedgerGoneError
from runner.errors import EXIT_INTERRUPTED, InterruptedRunError, RunnerError, ServerUnavailableError, UsageError
from runner.events.reporter import Reporter
from runner.execution import translate
from runner.execution.failures import OutOfMemoryError, failed_event
from runner.execution.job import JobResult, JobSpec
from runner.execution.save import SavedJob
from runner.files.naming import below
from runner.http.auth import public_url
from runner.server.availability import Limits
from runner.workflow.graph import Workflow

OTHERS_POLL_S = 0.5


class Worker:
    """The place that is one ComfyUI server (see `Place`). `mine` are the jobs it has claimed and not ended."""

    def __init__(
        self,
        server: Server,
        out: Path,
        workflow: Workflow,
        ledger: Ledger,
        view: BatchReporter,
        pace: Pace,
        *,
        fitness: Fitness | None = None,
        deadline: float | None = None,
    ) -> None:
        self.url, self.label = public_url(server.url), server.label
        self.patience = Limits().patience
        self.mine: set[int] = set()
        self._fitness, self._deadline = fitness, deadline
        self._server, self._pace = server, pace
        if fitness is not None:  # it answered: what it was sent before is left to it from the start
            pace.opened(self.url)
        self.out, self.workflow, self.ledger, self.view = out, workflow, ledger, view
        self._guard = threading.Lock()
        self._stopped = threading.Event()
        self._changed = threading.Event()
        self._session: BatchSession | None = None
        self._sampler: Sampler | None = None
        self._started: dict[int, float] = {}
        self._submitted: dict[int, float] = {}

    def run(self) -> None:
        """Until nothing is left to do for anybody.

        Raises:
            ServerUnavailableError: its server went away; what it had is given back.
            JobTimeoutError: the deadline came; likewise.
            KeyboardInterrupt, InterruptedRunError: its jobs are cancelled on the server and given back.
        """
        self._stopped.clear()
        tap = _Tap(self)
        limits = Limits(patience=self.patience, window=self._server.window)
        try:
            with BatchSession(
                self._server.url,
                self.out,
                tap,
                self.ledger,
                workflow=self.workflow.label,
                deadline=self._deadline,
                limits=limits,
            ) as session:
                self._session, self._sampler = session, Sampler(session.client)
                self._sampler.start()
                self._pace.opened(self.url)
                session.run(self._feed(session), self._ended)
        except (KeyboardInterrupt, InterruptedRunError):
            self.ledger.stop_waiting()
            raise
        finally:
            self._session = None
            self._pace.closed(self.url)
            if self._sampler is not None:
                self._sampler.stop()
            with self._guard:
                self._stopped.set()
                self._changed.set()
                with contextlib.suppress(
                    sqlite3.OperationalError, LedgerGoneError
                ):  # on a full disk the heartbeat's end says the same
                    self.ledger.give_back(self.mine, "its server or its runner ended")
                self.mine = set()

    def ask_to_stop(self) -> None:
        """End as after Ctrl-C, asked from another thread."""
        session = self._session
        if session is not None:
            session.ask_to_stop()

    # on the feeder's thread

    def _feed(self, session: BatchSession) -> Iterator[JobSpec]:
        maker = Maker(self.workflow, session.client, self.patience, self._stopped)
        view = maker.view()
        if self._fitness is None or self._fitness.view != view:
            self._fitness = Fitness(self.workflow, view)
        while not self._stopped.is_set():
            entry, finished = self._next()
            if finished:
                return
            if entry is None:
                self._changed.wait(OTHERS_POLL_S)
                self._changed.clear()
                continue
            if self._settled(entry, self._fitness):
                continue
            try:
                spec = maker.spec(entry)
            except ServerUnavailableError:
                raise
            except RunnerError as error:
                self._fail(entry.id, error)
                continue
            if entry.prompt_id is not None and entry.server == session.client.url:
                session.take_up(entry.id, entry.prompt_id, entry.replaces)
            yield spec

    def _settled(self, entry: Entry, fitness: Fitness) -> bool:
        """Whether a claimed job needs nothing more here: it was saved before a crash, or this server cannot run it."""
        self.view.named(entry.id, entry.title, self.label)
        if below(self.out, entry.job.stem.as_posix()) is None:
            self._fail(entry.id, UsageError(f"{entry.title}: a link leads its result out of {self.out}."))
            return True
        # What was never submitted has left nothing; looking takes longer the more files there are.
        left = None if entry.prompt_id is None else tidy(self.out / entry.job.stem, entry.prompt_id)
        if left is None:
            return self._misfit(entry, fitness)
        files = [self._relative(path) for path in left.files]
        ours = self.ledger.done(entry.id, self._relative(left.sidecar), files, (), {"bytes": _size(left.files)})
        self._through(entry.id)
        if not ours:
            return True
        self.view.event(events.Done(entry.id, entry.prompt_id, tuple(map(str, left.files)), str(left.sidecar)))
        return True

    def _next(self) -> tuple[Entry | None, bool]:
        """(a job that is ours now, whether nothing is left for this place). Neither: look again soon."""
        if self._pace.untried(self.url):
            return None, False
        leave = self._pace.sooner(self.url, self.ledger.waiting())
        with self._guard:
            entry = None if self._stopped.is_set() else self.ledger.claim(self.url, leave, self._pace.others(self.url))
            if entry is not None:
                self.mine.add(entry.id)
                self._pace.holds(self.url, len(self.mine))
                return entry, False
        for hopeless, misfits in self.ledger.claim_hopeless():
            self.view.named(hopeless.id, hopeless.title, self.label)
            self._fail(hopeless.id, nowhere(misfits))
        # While somebody holds a job, it may yet come back to be done here.
        return None, not leave and not self.ledger.held() - self.mine

    def _misfit(self, entry: Entry, fitness: Fitness) -> bool:
        """A job that this server cannot run is noted as such, with all others like it, and left to the others."""
        why = fitness.why_not(entry.job)
        if why is None:
            return False
        misfit = Misfit(self.label, str(why), why.exit_code)
        found = {
            other.id: Misfit(self.label, str(error), error.exit_code)
            for other in self.ledger.entries(states.WAITING)
            if (error := fitness.why_not(other.job)) is not None
        }
        self.ledger.cannot_run(self.url, {**found, entry.id: misfit})
        self.ledger.give_back([entry.id], f"cannot run on {self.label}")
        self._through(entry.id)
        return True

    # on the session's thread

    def heard(self, event: events.Event) -> None:
        """Note what the metrics and the ledger want to know."""
        if isinstance(event, events.Failed) and event.exit_code != EXIT_INTERRUPTED:
            return  # called off with the server or the time: such a job is given back, not failed
        if isinstance(event, events.Queued):
            self._submitted[event.job] = time.time()
        elif isinstance(event, events.Started):
            self._started[event.job] = time.time()
            self.ledger.moved(event.job, states.RUNNING)
        self.view.event(event)

    def _ended(self, result: JobResult) -> bool:
        number = result.spec.index
        submitted = self._submitted.pop(number, time.time() - result.seconds)
        if result.saved is None:
            error = result.error or RunnerError("ended without a result")
            if isinstance(error, TakenOverError):
                self._through(number)
                return True
            if isinstance(error, OutOfMemoryError):
                if self._pass_on(number, error):
                    return True
                tried = self.ledger.misfits(number)
                error = nowhere(tried) if len(tried) > 1 else error
            self._fail(number, error, result.prompt_id)
            return True
        self._pace.ended(self.url, result.seconds)  # only what was made: a server that fails fast is not fast
        paths = [file.path for file in result.saved.files]
        _on_disk([*paths, result.saved.sidecar])
        figures = self._figures(result.saved, submitted, self._started.pop(number, None))
        figures["sizes"] = {self._relative(file.path): file.size for file in result.saved.files}
        files = [self._relative(path) for path in paths]
        sidecar = self._relative(result.saved.sidecar)
        ours = self.ledger.done(number, sidecar, files, result.saved.warnings, figures)
        self._through(number)
        if not ours:
            self._leave_to_others(number, result.saved)
            return True
        for event in translate.saved(result):
            self.view.event(event)
        return True

    def _leave_to_others(self, number: int, saved: SavedJob) -> None:
        """Another runner has the job that was just saved: one copy is enough, unless this is what that one found."""
        entry = self.ledger.entry(number)
        if entry.state == states.CLAIMED or entry.sidecar == self._relative(saved.sidecar):
            return
        for path in [*(file.path for file in saved.files), saved.sidecar]:
            path.unlink(missing_ok=True)

    def _figures(self, saved: SavedJob, submitted: float, started: float | None) -> dict[str, Any]:
        if self._sampler is None:
            return {}
        size = sum(file.size for file in saved.files)
        return measured(saved.sidecar, size, self._sampler, submitted, started)

    def _pass_on(self, number: int, error: OutOfMemoryError) -> bool:
        """A job that does not fit into this server's memory goes to another server, if there is one to try."""
        title = self.view.titles.get(number, f"job {number}")
        if not self.ledger.pass_on(number, self.url, Misfit(self.label, error.message, error.exit_code)):
            return False
        self._through(number)
        self.view.notice(f"{title}: {self.label} has not enough memory for it; another server tries.")
        return True

    def _fail(self, number: int, error: RunnerError, prompt_id: str | None = None) -> None:
        ours = self.ledger.failed(number, str(error), error.exit_code)
        self._through(number)
        if not ours:
            return
        self.view.event(failed_event(error, number, prompt_id))

    def _through(self, number: int) -> None:
        with self._guard:
            self.mine.discard(number)
            self._pace.holds(self.url, len(self.mine))
        self._changed.set()

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.out).as_posix()


class _Tap(Reporter):
    """Lets the worker hear what the session reports."""

    def __init__(self, worker: Worker) -> None:
        super().__init__()
        self._worker = worker

    def event(self, event: events.Event) -> None:
        self._worker.heard(event)

    def notice(self, text: str) -> None:
        self._worker.view.notice(text)

    def once(self, text: str) -> None:
        self._worker.view.once(text)  # of all servers together


def _on_disk(paths: list[Path]) -> None:
    """Their bytes survive a power cut from here on: the ledger is about to say that they are there."""
    for path in paths:
        with contextlib.suppress(OSError), path.open("rb+") as stream:
            os.fsync(stream.fileno())


def _size(paths: tuple[Path, ...]) -> int:
    return sum(path.stat().st_size for path in paths if path.exists())
