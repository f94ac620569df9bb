"""Work through a ledger: claim, make ready, hand to a server, record the end."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from runner import events, hearing
from runner.absence import Limits
from runner.batch import entries as states
from runner.batch.entries import Entry
from runner.batch.ledger import Ledger
from runner.batch.live import BatchReporter
from runner.batch.metrics import Sampler, measured
from runner.batch.recover import tidy
from runner.batch.session import BatchSession
from runner.client import ComfyClient
from runner.errors import InterruptedRunError, PhotoError, RunnerError, ServerUnavailableError
from runner.failures import failed_event
from runner.graph import Workflow
from runner.jobs import JobResult, JobSpec
from runner.photos import PreparedPhoto, prepare_photo
from runner.progress import Reporter
from runner.request import Plan, Request
from runner.validate import ServerView, server_view

Result = TypeVar("Result")

OTHERS_POLL_S = 0.5


class Worker:
    """One server's share of a batch. `mine` are the jobs it has claimed and not ended."""

    def __init__(self, url: str, out: Path, workflow: Workflow, ledger: Ledger, view: BatchReporter) -> None:
        self.url, self.out, self.workflow, self.ledger, self.view = url, out, workflow, ledger, view
        self.patience = Limits().patience
        self.mine: set[int] = set()
        self._guard = threading.Lock()
        self._stopped = threading.Event()
        self._session: BatchSession | None = None
        self._sampler: Sampler | None = None
        self._started: dict[int, float] = {}
        self._submitted: dict[int, float] = {}
        self._uploaded: dict[str, tuple[str, PreparedPhoto]] = {}

    def run(self) -> None:
        """Until nothing is left to do for anybody.

        Raises:
            ServerUnavailableError: its server went away; what it had is given back.
            KeyboardInterrupt, InterruptedRunError: its jobs are cancelled on the server and given back.
        """
        self._stopped.clear()
        tap = _Tap(self)
        limits = Limits(patience=self.patience)
        try:
            with BatchSession(
                self.url, self.out, tap, self.ledger, workflow=self.workflow.label, limits=limits
            ) as session:
                self._session, self._sampler = session, Sampler(session.client)
                self._sampler.start()
                session.run(self._feed(session), self._ended)
        except (KeyboardInterrupt, InterruptedRunError):
            self.ledger.stop_waiting()
            raise
        finally:
            self._session = None
            if self._sampler is not None:
                self._sampler.stop()
            with self._guard:
                self._stopped.set()
                with contextlib.suppress(sqlite3.OperationalError):  # on a full disk the heartbeat's end says the same
                    self.ledger.give_back(self.mine, "its server or its runner ended")
                self.mine = set()

    def ask_to_stop(self) -> None:
        """End as after Ctrl-C, asked from another thread."""
        session = self._session
        if session is not None:
            session.ask_to_stop()

    # on the feeder's thread

    def _feed(self, session: BatchSession) -> Iterator[JobSpec]:
        view = self._patiently(lambda: server_view(session.client, self.workflow.graph))
        while not self._stopped.is_set():
            with self._guard:
                entry = None if self._stopped.is_set() else self.ledger.claim()
                if entry is not None:
                    self.mine.add(entry.id)
            if entry is None:
                if not self.ledger.held() - self.mine:
                    return
                self._stopped.wait(OTHERS_POLL_S)  # another runner may yet lose what it holds
                continue
            self.view.named(entry.id, entry.title, session.client.url)
            left = tidy(self.out / entry.job.stem, entry.prompt_id)
            if left is not None:
                files = [self._relative(path) for path in left.files]
                self.ledger.done(entry.id, self._relative(left.sidecar), files, (), {"bytes": _size(left.files)})
                self._through(entry.id)
                self.view.event(events.Done(entry.id, entry.prompt_id, tuple(map(str, left.files)), str(left.sidecar)))
                continue
            spec = self._spec(entry, session.client, view)
            if spec is not None:
                if entry.prompt_id is not None and entry.server == session.client.url:
                    session.take_up(entry.id, entry.prompt_id, entry.replaces)
                yield spec

    def _spec(self, entry: Entry, client: ComfyClient, view: ServerView) -> JobSpec | None:
        """The job, ready to be sent; None after its failure is recorded."""
        job = entry.job
        try:
            photos = {name: self._photo(Path(path), client) for name, path in job.images.items()}
            request = Request(
                self.workflow,
                {},
                {Path(path): photos[name][1] for name, path in job.images.items()},
                [Path(path) for path in job.images.values()],
                1,
                "{workflow}",
                None,
            )
            values = {**job.values, **{name: photo[0] for name, photo in photos.items()}}
            spec = next(iter(Plan(request, values, [], None, job.seed, view).jobs()))
        except ServerUnavailableError:
            raise
        except RunnerError as error:
            self._fail(entry.id, error)
            return None
        except Exception as error:  # one photo that Pillow cannot cope with is no reason to end the night's work
            self._fail(entry.id, RunnerError(f"{entry.title}: an unexpected fault: {type(error).__name__}: {error}"))
            return None
        group = {key: value for key, value in (("group", job.group), ("category", job.category)) if value}
        record = {**spec.record, "batch": {"job": entry.id, "input": entry.title, **group}}
        return replace(spec, index=entry.id, stem=job.stem, record=record)

    def _photo(self, path: Path, client: ComfyClient) -> tuple[str, PreparedPhoto]:
        """(the server's name for it, what it is); uploaded once for jobs that follow each other."""
        known = self._uploaded.get(str(path))
        if known is not None:
            return known
        photo = prepare_photo(path)

        def upload() -> str:
            limit, sent = client.upload_limit(), photo
            if limit is not None and len(photo.data) > limit:
                sent = prepare_photo(path, max_bytes=limit)
            return client.upload_image(sent.data, sent.upload_name)

        name = self._patiently(upload)
        while len(self._uploaded) >= 8:
            self._uploaded.pop(next(iter(self._uploaded)))
        self._uploaded[str(path)] = name, replace(photo, data=b"")
        return self._uploaded[str(path)]

    def _patiently(self, request: Callable[[], Result]) -> Result:
        """Ask again while the server is away, for as long as the run waits for it."""
        end = time.monotonic() + self.patience
        while True:
            try:
                return request()
            except PhotoError:
                raise
            except ServerUnavailableError:
                if time.monotonic() > end or self._stopped.wait(0.5):
                    raise

    # on the session's thread

    def heard(self, event: events.Event) -> None:
        """Note what the metrics and the ledger want to know."""
        if isinstance(event, events.Queued):
            self._submitted[event.job] = time.time()
        elif isinstance(event, events.Started):
            self._started[event.job] = time.time()
            self.ledger.moved(event.job, states.RUNNING)
        self.view.event(event)

    def _ended(self, result: JobResult) -> bool:
        number = result.spec.index
        if result.saved is None:
            self._fail(number, result.error or RunnerError("ended without a result"), result.prompt_id)
            return True
        paths = [file.path for file in result.saved.files]
        _on_disk([*paths, result.saved.sidecar])
        submitted = self._submitted.pop(number, time.time() - result.seconds)
        figures = {}
        if self._sampler is not None:
            size = sum(file.size for file in result.saved.files)
            figures = measured(result.saved.sidecar, size, self._sampler, submitted, self._started.pop(number, None))
        figures["sizes"] = {self._relative(file.path): file.size for file in result.saved.files}
        files = [self._relative(path) for path in paths]
        self.ledger.done(number, self._relative(result.saved.sidecar), files, result.saved.warnings, figures)
        self._through(number)
        for event in hearing.saved(result):
            self.view.event(event)
        return True

    def _fail(self, number: int, error: RunnerError, prompt_id: str | None = None) -> None:
        self.ledger.failed(number, str(error), error.exit_code)
        self._through(number)
        self.view.event(failed_event(error, number, prompt_id))

    def _through(self, number: int) -> None:
        with self._guard:
            self.mine.discard(number)

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


def _on_disk(paths: list[Path]) -> None:
    """Their bytes survive a power cut from here on: the ledger is about to say that they are there."""
    for path in paths:
        with contextlib.suppress(OSError), path.open("rb+") as stream:
            os.fsync(stream.fileno())


def _size(paths: tuple[Path, ...]) -> int:
    return sum(path.stat().st_size for path in paths if path.exists())
