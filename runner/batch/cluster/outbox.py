"""What an actor has to say, kept until the runner has taken note of it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

from runner.batch.cluster.messages import Heard, Message, Moved, Submitting
from runner.batch.entries import JobState
from runner.errors import InterruptedRunError
from runner.events import NodeStarted, Progress

_MOST_PROGRESS = 500
"""With so much unread, a bar's next step is not worth keeping."""


class Outbox:
    """Numbered messages. Thread-safe. A message counts as noted once the runner asks for those after it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[tuple[int, Message]] = deque()
        self._last = self._noted = 0
        self._closed = False

    def put(self, message: Message) -> int:
        """Returns the message's number."""
        with self._changed:
            passing = isinstance(message, Heard) and isinstance(message.event, (Progress, NodeStarted))
            if not (passing and len(self._waiting) >= _MOST_PROGRESS):
                self._last += 1
                self._waiting.append((self._last, message))
                self._changed.notify_all()
            return self._last

    def wait_until_noted(self, number: int) -> bool:
        """False: the outbox was closed, nobody will note it."""
        with self._changed:
            self._changed.wait_for(lambda: self._noted >= number or self._closed)
            return self._noted >= number

    def after(self, number: int, wait: float) -> list[tuple[int, Message]]:
        """Everything after message `number`, which with all before it is noted; waits up to `wait` seconds for one."""
        with self._changed:
            self._noted = max(self._noted, number)
            while self._waiting and self._waiting[0][0] <= number:
                self._waiting.popleft()
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._waiting or self._closed, timeout=wait)
            return list(self._waiting)

    def close(self) -> None:
        """Nobody reads any more: let go of those who wait."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class DistantLedger:
    """The ledger as an actor sees it: it says what it does, and waits where the ledger must know first."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self.noted: set[str] = set()
        """Prompt ids the ledger has from the runner itself."""

    def submitted(self, job: int, prompt_id: str, replaces: Sequence[str], _server: str) -> bool:
        """Returns (True) when the ledger has it. Raises InterruptedRunError when the runner listens no more."""
        if prompt_id in self.noted:
            self.noted.discard(prompt_id)
            return True
        if not self._outbox.wait_until_noted(self._outbox.put(Submitting(job, prompt_id, tuple(replaces)))):
            raise InterruptedRunError("interrupted")
        return True

    def moved(self, job: int, state: JobState, note: str = "") -> bool:
        self._outbox.put(Moved(job, state, note))
        return True
