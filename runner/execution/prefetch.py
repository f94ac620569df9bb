"""The jobs of a run, made ready ahead of need on a thread of their own.

Making a job ready may mean decoding and uploading a photo. On the thread that listens and decides this would hold up
every event of the job that is running.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable
from dataclasses import dataclass

from runner.execution.job import JobSpec
from runner.server.websocket import Inbox


@dataclass(frozen=True)
class JobReady:
    """Put into the inbox when `take` has something new to give, or to raise."""


class Prefetch(threading.Thread):
    """Takes jobs from an iterable, at most `ahead` more than were asked for, in order."""

    def __init__(self, specs: Iterable[JobSpec], inbox: Inbox, ahead: int = 2) -> None:
        super().__init__(name="prefetch", daemon=True)
        self._specs = specs
        self._inbox = inbox
        self._room = threading.Semaphore(ahead)
        self._ready: queue.SimpleQueue[JobSpec | BaseException | None] = queue.SimpleQueue()
        self._stopped = False
        self.exhausted = False
        """True: `take` has given the last job."""

    def run(self) -> None:
        end: BaseException | None = None
        try:
            for spec in self._specs:
                self._ready.put(spec)
                self._inbox.put(JobReady())
                self._room.acquire()
                if self._stopped:
                    return
        except BaseException as error:
            end = error
        self._ready.put(end)
        self._inbox.put(JobReady())

    def take(self) -> JobSpec | None:
        """The next job, or None when none is ready (yet, or any more: see `exhausted`). Raises what making it did."""
        if self.exhausted:
            return None
        try:
            item = self._ready.get_nowait()
        except queue.Empty:
            return None
        if isinstance(item, JobSpec):
            self._room.release()
            return item
        self.exhausted = True
        if item is not None:
            raise item
        return None

    def stop(self) -> None:
        """No more jobs are wanted. What is being made ready now is not waited for."""
        self._stopped = self.exhausted = True
        self._room.release()
