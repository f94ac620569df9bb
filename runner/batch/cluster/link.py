"""The way to one actor, and the thread that listens to it."""

from __future__ import annotations

import threading
from typing import Protocol

from runner.batch.cluster.messages import Job, Message, Order
from runner.server.websocket import Inbox

NEWS_WAIT_S = 2.0
"""How long a call waits for news: an idle cluster is not asked more often."""


class LostError(Exception):
    """The actor is gone, or cannot be reached; it may come back."""


class Link(Protocol):
    """The way to one actor. Every call raises LostError when the actor is gone; those without a result do not wait."""

    def begin(self, order: Order, stopped: threading.Event) -> None:
        """Returns when the actor lives and has begun; it may have to be started (again) first.

        Raises ServerUnavailableError where it cannot be started at all.
        """

    def offer(self, run: str, job: Job) -> None: ...

    def news(self, run: str, after: int, wait: float) -> list[tuple[int, Message]]: ...

    def finish(self, run: str) -> None: ...

    def halt(self, run: str) -> None: ...


class Reader(threading.Thread):
    """Begins the run and puts what the actor says into the inbox, batch by batch, each after the last was noted."""

    def __init__(self, link: Link, order: Order, inbox: Inbox) -> None:
        super().__init__(name="cluster-news", daemon=True)
        self._link, self._order, self._inbox = link, order, inbox
        self._stopped = threading.Event()
        self.noted = threading.Event()

    def stop(self) -> None:
        self._stopped.set()
        self.noted.set()

    def run(self) -> None:
        after = 0
        try:
            self._link.begin(self._order, self._stopped)
            while not self._stopped.is_set():
                batch = self._link.news(self._order.run, after, NEWS_WAIT_S)
                if batch:
                    self._inbox.put([message for _, message in batch])
                    self.noted.wait()
                    self.noted.clear()
                    after = batch[-1][0]
        except Exception as error:
            self._inbox.put(error)
