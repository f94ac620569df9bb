"""The worker that is an actor of a cluster: jobs go there with their photos, results come back and are saved here."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
import uuid
from collections import Counter, deque
from pathlib import Path
from typing import Any

from runner import __version__, events
from runner.batch.claims import OTHERS_POLL_S, Claims
from runner.batch.cluster.delivered import Delivered, Load, carried
from runner.batch.cluster.link import Link, LostError, Reader
from runner.batch.cluster.messages import (
    Delivery,
    Ended,
    Heard,
    Job,
    Message,
    Moved,
    Notice,
    Order,
    Over,
    Ready,
    Submitting,
)
from runner.batch.compatibility import Compatibility
from runner.batch.entries import Entry
from runner.batch.full_disk import FullDisk
from runner.batch.ledger_hooks import MOST_LOSSES
from runner.batch.worker import Batch
from runner.errors import InterruptedRunError, PhotoError, RunnerError, ServerUnavailableError
from runner.execution.job import JobResult, JobSpec
from runner.execution.saver import SaveEnded, Saver, SaverDied
from runner.local_server.process import START_TIMEOUT_S
from runner.server.availability import Deadline, Limits
from runner.server.websocket import Inbox

AT_ACTOR = 4
"""Jobs an actor holds: two in its ComfyUI's queue, two being made ready."""


class ActorWorker:
    """One actor (see `Worker`). `losses`, shared by the workers of a run: job → how often an actor was lost over it."""

    def __init__(self, name: str, link: Link, folder: str, batch: Batch, losses: Counter[int]) -> None:
        """`name`: what the ledger calls it; `folder`: what its folder on its node is called."""
        self.url = name
        self.patience = Limits().patience
        self._link, self._folder, self._losses = link, folder, losses
        self._batch, self._ledger, self._view = batch, batch.ledger, batch.view
        self._claims = Claims(batch, name, name)
        self._halt_asked = threading.Event()
        self._inbox = Inbox()
        self._run_name = ""
        self._ready = False
        self._there: set[int] = set()
        """Jobs the actor has."""
        self._running: set[int] = set()
        self._look_at = 0.0
        self._over = False
        self._saver: Saver | None = None
        self._delivered = Delivered()
        self._to_save: deque[Delivery] = deque()
        self._disk = FullDisk(self._view.notice)

    @property
    def label(self) -> str:
        """With the name of its node, once that is known."""
        return self._claims.label

    def run(self) -> None:
        """Until nothing is left for this worker; an actor that is lost is waited for, its jobs are given back at once.

        Raises ServerUnavailableError where it does not start, or its ComfyUI does not. Raises JobTimeoutError,
        KeyboardInterrupt, InterruptedRunError after its jobs are cancelled and given back.
        """
        self._halt_asked.clear()
        while not self._serve():
            self._view.notice(f"{self.label} was lost: its jobs are given back, and it is started again.")

    def ask_to_stop(self) -> None:
        self._halt_asked.set()
        self._inbox.put(None)

    def _serve(self) -> bool:
        """One run on the actor as it is. False: the actor was lost."""
        self._inbox, self._run_name = Inbox(), uuid.uuid4().hex
        self._ready = self._over = False
        self._there, self._running, self._look_at = set(), set(), 0.0
        self._claims.open()
        reader = Reader(self._link, Order(self._run_name, self._folder, self._batch.workflow), self._inbox)
        reader.start()
        lost = False
        try:
            self._work(reader)
        except LostError:
            lost = True
            self._blame()
        except (KeyboardInterrupt, InterruptedRunError):
            self._ledger.store.stop_waiting()
            raise
        finally:
            reader.stop()
            self._put_down("its actor was lost" if lost else "its server or its runner ended")
            reader.join(1.0)
        return not lost

    def _put_down(self, why: str) -> None:
        self._batch.throughput.closed(self.url)
        with contextlib.suppress(LostError):
            if self._claims.held:
                self._link.halt(self._run_name)
            else:
                self._link.finish(self._run_name)
        if self._saver is not None:
            self._saver.abort()
        self._saver, self._delivered = None, Delivered()  # what was being saved comes again
        self._to_save.clear()
        self._claims.close(why)

    def _blame(self) -> None:
        """A job that is running whenever its actor dies may be what kills it: at the third time it is given up."""
        self._losses.update(self._running & self._claims.held)
        for number in [one for one in self._running & self._claims.held if self._losses[one] >= MOST_LOSSES]:
            why = f"{MOST_LOSSES} times, the actor that ran this job was lost."
            self._claims.fail(number, ServerUnavailableError(why, advice="Its node may not have enough memory for it."))

    def _work(self, reader: Reader) -> None:
        deadline, began = Deadline(self._batch.deadline), time.monotonic()
        while True:
            if self._halt_asked.is_set():
                raise InterruptedRunError("interrupted")
            deadline.check()
            if self._ready and not self._over:
                if self._hand_out() and not self._claims.held:
                    return
            elif not self._ready and self._needless(began):
                return
            if self._over and self._there:
                raise LostError("it ended before its jobs did")
            self._save_next()
            if self._over and not self._claims.held:
                return
            with contextlib.suppress(queue.Empty):
                self._take(self._inbox.get(timeout=deadline.at_most(OTHERS_POLL_S)), reader)

    def _needless(self, began: float) -> bool:
        """While the actor starts: whether others have done everything meanwhile. Raises when it takes too long."""
        if time.monotonic() - began > 2 * START_TIMEOUT_S:
            raise ServerUnavailableError(
                f"{self.label} did not start within {2 * START_TIMEOUT_S / 60:.0f} minutes.",
                advice="`ray status` shows whether the cluster has a free GPU (or CPU) for it.",
            )
        return self._ledger.unfinished() == 0

    # to the actor

    def _hand_out(self) -> bool:
        """Give it jobs while it has room for them; returns whether nothing is left for this worker."""
        if self._disk.is_full or not (self._claims.changed.is_set() or time.monotonic() >= self._look_at):
            return False
        self._claims.changed.clear()
        self._look_at = time.monotonic() + OTHERS_POLL_S
        while len(self._there) < AT_ACTOR:
            entry, finished = self._claims.next()
            if entry is None:
                return finished
            if self._claims.settled(entry):
                continue
            try:
                photos = {path: carried(Path(path)) for path in entry.job.images.values()}
            except PhotoError as error:
                self._claims.fail(entry.id, error)
                continue
            self._send(entry, photos)
        return False

    def _send(self, entry: Entry, photos: dict[str, bytes]) -> None:
        earlier = entry.prompt_id if entry.server == self.url else None
        prompt_id = earlier or str(uuid.uuid4())
        if earlier is None:
            self._ledger.submitted(entry.id, prompt_id, (), self.url)
        self._there.add(entry.id)
        self._link.offer(self._run_name, Job(entry, photos, prompt_id, earlier is not None))

    # from the actor

    def _take(self, message: Any, reader: Reader) -> None:
        if isinstance(message, BaseException):
            raise message
        if isinstance(message, SaveEnded):
            self._saved(message)
        elif isinstance(message, SaverDied):
            raise message.error()
        elif isinstance(message, list):
            for one in message:
                self._note(one)
            reader.noted.set()

    def _note(self, message: Message) -> None:
        if isinstance(message, Ready):
            self._open(message)
        elif isinstance(message, Notice):
            self._view.notice(f"{self.label}: {message.text}")
        elif isinstance(message, Over):
            if message.error is not None:
                raise message.error.unpacked()
            self._over = True
        elif isinstance(message, Heard):
            if message.event.job in self._there:
                self._hear(message.event)
        elif message.job in self._there:
            if isinstance(message, Submitting):
                self._ledger.submitted(message.job, message.prompt_id, message.replaces, self.url)
            elif isinstance(message, Moved):
                self._ledger.moved(message.job, message.state, message.note)
            else:
                self._came_back(message)

    def _open(self, ready: Ready) -> None:
        if ready.version != __version__:
            raise ServerUnavailableError(
                f"{ready.node} has version {ready.version} of this project, here it is {__version__}.",
                advice="Install the same version on every node.",
            )
        claims = self._claims
        claims.label = f"{self.url} ({ready.node})"
        if claims.compatibility is None or claims.compatibility.view != ready.view:
            claims.compatibility = Compatibility(self._batch.workflow, ready.view)
        server = {**ready.server, "server": claims.label}
        self._saver = Saver(self._delivered, self._batch.out, self._inbox, server)
        self._saver.start()
        self._batch.throughput.opened(self.url)
        self._ready = True

    def _hear(self, event: events.Event) -> None:
        if isinstance(event, events.Started):
            self._running.add(event.job)
        self._claims.heard(event)

    def _came_back(self, ended: Ended) -> None:
        self._there.discard(ended.job)
        self._running.discard(ended.job)
        self._claims.changed.set()
        if ended.delivery is not None:
            self._to_save.append(ended.delivery)
        elif ended.prompt_id is None and ended.error is not None:
            self._claims.fail(ended.job, ended.error.unpacked())
        elif ended.error is not None:
            spec = JobSpec(ended.job, self._batch.workflow.label, {}, {}, Path())
            self._claims.ended(JobResult(spec, ended.prompt_id, None, ended.error.unpacked(), ended.seconds))

    # saving

    def _save_next(self) -> None:
        """Hand the next delivery to the saver, one at a time."""
        if self._saver is None or self._delivered.busy or not self._to_save:
            return
        if not self._disk.may_try:
            return
        delivery = self._to_save.popleft()
        attempt = delivery.attempt
        attempt.submitted_at = time.monotonic() - delivery.waited_s  # the clock it had is another machine's
        self._delivered.hold(delivery)
        self._saver.hand_over(attempt, delivery.record)

    def _saved(self, ended: SaveEnded) -> None:
        delivery = self._delivered.release()
        if self._disk.save_ended(ended.error) is not None:
            self._to_save.appendleft(delivery)
            return
        attempt = ended.attempt
        error = ended.error or (RunnerError(str(ended.missing)) if ended.missing is not None else None)
        seconds = round(time.monotonic() - attempt.submitted_at, 3)
        result = JobResult(attempt.spec, attempt.prompt_id, ended.saved, error, seconds)
        self._claims.ended(result, Load(delivery.load))
