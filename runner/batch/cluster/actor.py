"""What runs in an actor: this runner's own session with a ComfyUI of its own; results go back as bytes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import queue
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from runner import __version__, events
from runner.batch.cluster.comfy import NodeFolder, OwnComfy
from runner.batch.cluster.messages import (
    Delivery,
    Ended,
    Heard,
    Job,
    Message,
    Notice,
    Order,
    Over,
    PackedError,
    Ready,
    UnknownRunError,
)
from runner.batch.cluster.outbox import DistantLedger, Outbox
from runner.batch.compatibility import Compatibility
from runner.batch.entries import Entry
from runner.batch.ledger_hooks import POLICY, ledger_hooks
from runner.batch.making import Maker
from runner.batch.metrics import Sampler
from runner.errors import RunnerError, ServerUnavailableError
from runner.events.reporter import Relay
from runner.execution.job import JobResult, JobSpec, Submission
from runner.execution.outputs import collect
from runner.execution.session import Session
from runner.execution.sidecar import describe_server
from runner.server.availability import Limits

_PHOTOS_KEPT = 8
"""Jobs that follow each other share a photo or two; eight are room enough, and no disk fills."""
_HALT_S = 3.0
"""A run that was told to end is waited for so long, and then left behind."""


class Actor:
    """One run at a time, on one ComfyUI that outlives the runs. Its methods are called from many threads."""

    def __init__(self) -> None:
        if os.environ.get("OMP_NUM_THREADS") == "1":  # Ray's own default, meant for small tasks
            del os.environ["OMP_NUM_THREADS"]
        self._guard = threading.RLock()
        self._folder: NodeFolder | None = None
        self._comfy: OwnComfy | None = None
        self._run: Run | None = None
        self._closed = False

    def begin(self, order: Order) -> None:
        """Begin a run; one that is still going on is ended first. Asking twice for the same one does nothing."""
        with self._guard:
            if self._closed or (self._run is not None and self._run.name == order.run):
                return
            if self._run is not None:
                self._run.halt()
                self._run.thread.join(_HALT_S)
            if self._folder is None or self._comfy is None:
                self._folder = NodeFolder(order.folder)
                self._comfy = OwnComfy(self._folder.path, lambda _: None)
            self._run = Run(order, self._comfy, self._folder.path)
            self._run.thread.start()

    def offer(self, run: str, job: Job) -> None:
        """One more job for the run."""
        self._named(run).offer(job)

    def news(self, run: str, after: int, wait: float) -> list[tuple[int, Message]]:
        """See `Outbox.after`."""
        return self._named(run).outbox.after(after, wait)

    def finish(self, run: str) -> None:
        """No more jobs come."""
        with contextlib.suppress(UnknownRunError):
            self._named(run).offer(None)

    def halt(self, run: str) -> None:
        """Cancel what the run has on ComfyUI, and end it."""
        with contextlib.suppress(UnknownRunError):
            self._named(run).halt()

    def close(self) -> None:
        """End everything that was started here and leave nothing behind; takes two seconds at most."""
        self._closed = True
        run, comfy, folder = self._run, self._comfy, self._folder
        if run is not None:
            run.halt()
        if comfy is not None:
            comfy.close()
        if folder is not None:
            folder.remove()

    def _named(self, name: str) -> Run:
        run = self._run
        if run is None or run.name != name:
            raise UnknownRunError(name)
        return run


class Run:
    """One session from the first job to the last."""

    def __init__(self, order: Order, comfy: OwnComfy, folder: Path) -> None:
        self.name = order.run
        self.outbox = Outbox()
        self.thread = threading.Thread(target=self._main, name="batch-run", daemon=True)
        self._order, self._comfy, self._folder = order, comfy, folder
        self._offered: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._session: Session | None = None
        self._sampler: Sampler | None = None
        self._submitted: dict[int, float] = {}
        self._started: dict[int, float] = {}

    def offer(self, job: Job | None) -> None:
        self._offered.put(job)

    def halt(self) -> None:
        self._stopped.set()
        self._offered.put(None)
        if self._session is not None:
            self._session.ask_to_stop()
        self.outbox.close()

    def _main(self) -> None:
        self._comfy.say = self.say
        try:
            with tempfile.TemporaryDirectory(prefix="run-", dir=self._folder) as folder:
                self._work(Path(folder))
            self.outbox.put(Over())
        except RunnerError as error:
            self.outbox.put(Over(PackedError.of(error)))
        except Exception as error:
            fault = RunnerError(f"An unexpected fault at {platform.node()}: {type(error).__name__}: {error}")
            self.outbox.put(Over(PackedError.of(fault)))

    def _work(self, folder: Path) -> None:
        ledger = DistantLedger(self.outbox)
        workflow = self._order.workflow
        url = self._comfy.url()
        if self._stopped.is_set():
            return
        with Session(url, folder / "out", Relay(self.heard, self.say), workflow=workflow.label) as session:
            self._session, self._sampler = session, Sampler(session.client)
            self._sampler.start()
            try:
                maker = Maker(workflow, session.client, Limits().patience, self._stopped)
                server = describe_server(session.client.url, session.stats)
                view = replace(maker.view(), has_file=_is_asked_here)
                self.outbox.put(Ready(platform.node(), __version__, view, server))
                hooks = ledger_hooks(ledger, session.client, self.say, self._ended)
                session.run(self._jobs(maker, ledger, folder / "photos"), hooks, POLICY)
            finally:
                self._sampler.stop()

    def say(self, text: str) -> None:
        self.outbox.put(Notice(text))

    # on the session's prefetching thread

    def _jobs(self, maker: Maker, ledger: DistantLedger, photos: Path) -> Iterator[JobSpec]:
        compatibility: Compatibility | None = None
        while not self._stopped.is_set() and (job := self._offered.get()) is not None:
            entry, paths = _with_photos(job, photos)
            try:
                compatibility = compatibility or Compatibility(self._order.workflow, maker.view())
                why_not = compatibility.why_not(entry.job)
                if why_not is not None:
                    raise why_not
                spec = maker.spec(entry)
            except ServerUnavailableError:
                raise
            except RunnerError as error:
                for here, there in paths.items():
                    error.message = error.message.replace(here, there)
                self.outbox.put(Ended(entry.id, None, 0.0, error=PackedError.of(error)))
                continue
            if job.earlier:
                submission = Submission(job.prompt_id, entry.replaces, resumed=True)
            else:
                submission = Submission(job.prompt_id)
                ledger.noted.add(job.prompt_id)
            yield replace(spec, submission=submission)

    # on the session's thread

    def heard(self, event: events.Event) -> None:
        if isinstance(event, events.Queued):
            self._submitted[event.job] = time.time()
        elif isinstance(event, events.Started):
            self._started[event.job] = time.time()
        self.outbox.put(Heard(event))

    def _ended(self, result: JobResult) -> bool:
        number, prompt_id = result.spec.index, result.prompt_id
        submitted = self._submitted.pop(number, time.time() - result.seconds)
        started = self._started.pop(number, None)
        if result.saved is None or result.attempt is None or result.record is None:
            error = result.error or RunnerError("ended without a result")
            self.outbox.put(Ended(number, prompt_id, result.seconds, error=PackedError.of(error)))
            return True
        attempt, record, waited = result.attempt, result.record, result.waited_s
        outputs = collect(record.outputs, attempt.graph, result.spec.outputs)
        paths = [file.path for file in result.saved.files]
        files = paths[: len(outputs.files)]  # the rest are texts, which are in the record
        contents = {item.file: path.read_bytes() for item, path in zip(outputs.files, files, strict=True)}
        for path in [*paths, result.saved.sidecar]:
            path.unlink()
        load = self._sampler.between(started or submitted, submitted + waited) if self._sampler is not None else {}
        delivery = Delivery(attempt, record, contents, waited, load)
        self.outbox.put(Ended(number, prompt_id, result.seconds, delivery))
        return True


def _is_asked_here(_name: str) -> bool:
    """For the runner, which cannot ask: whether a node has a file is found out at the node, job by job."""
    return True


def _with_photos(job: Job, folder: Path) -> tuple[Entry, dict[str, str]]:
    """The job with its photos as files of this node, and (path here → path there)."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for path, data in job.photos.items():
        there = Path(path)
        here = folder / hashlib.sha256(path.encode()).hexdigest()[:16] / there.name
        here.parent.mkdir(exist_ok=True)
        here.write_bytes(data)
        paths[str(here)] = path
    recent = sorted(folder.iterdir(), key=lambda one: one.stat().st_mtime)
    for old in recent[:-_PHOTOS_KEPT]:
        if not any(Path(here).parent == old for here in paths):
            for file in old.iterdir():
                file.unlink()
            old.rmdir()
    here_of = {there: here for here, there in paths.items()}
    images = {name: here_of[path] for name, path in job.entry.job.images.items()}
    return replace(job.entry, job=replace(job.entry.job, images=images)), paths
