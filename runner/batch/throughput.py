"""Who should take the next job: near a batch's end, a slow server leaves the rest to those that finish it sooner."""

from __future__ import annotations

import threading
import time

_WEIGHT = 0.4
"""Of the newest job in a server's seconds per job: the first one may have loaded models."""


class Throughput:
    """What the workers of one runner are measured at. Thread-safe. A worker is `open` while it can run jobs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: set[str] = set()
        self._seconds: dict[str, float] = {}
        self._busy: dict[str, int] = {}
        self._last_end: dict[str, float] = {}

    def opened(self, worker: str) -> None:
        with self._lock:
            self._open.add(worker)
            self._last_end.pop(worker, None)

    def closed(self, worker: str) -> None:
        with self._lock:
            self._open.discard(worker)
            self._busy.pop(worker, None)

    def others(self, worker: str) -> tuple[str, ...]:
        """The other workers that are open."""
        with self._lock:
            return tuple(sorted(self._open - {worker}))

    def holds(self, worker: str, jobs: int) -> None:
        """How many jobs it has claimed and not ended."""
        with self._lock:
            self._busy[worker] = jobs

    def ended(self, worker: str, seconds: float) -> None:
        """A job ended there now, `seconds` after it was submitted; some of that it may have waited for another."""
        now = time.monotonic()
        with self._lock:
            took = max(0.001, min(seconds, now - self._last_end.get(worker, 0.0)))
            before = self._seconds.get(worker)
            self._seconds[worker] = took if before is None else before + _WEIGHT * (took - before)
            self._last_end[worker] = now

    def seconds(self, worker: str) -> float | None:
        """Measured seconds per job; None before the first."""
        with self._lock:
            return self._seconds.get(worker)

    def untried(self, worker: str) -> bool:
        """One of several, and busy with the first job: what it holds beyond that, another may finish sooner."""
        with self._lock:
            return len(self._open) > 1 and worker not in self._seconds and self._busy.get(worker, 0) > 0

    def sooner(self, worker: str, waiting: int) -> tuple[str, ...]:
        """The other workers, if they would be through with all `waiting` jobs before this one was with one more."""
        with self._lock:
            own = self._seconds.get(worker)
            others = {name: self._seconds[name] for name in self._open if name != worker and name in self._seconds}
            if own is None or not others or waiting == 0:
                return ()
            here = (self._busy.get(worker, 0) + 1) * own
            busy = {name: self._busy.get(name, 0) for name in others}
            together = (waiting + sum(busy.values())) / sum(1 / seconds for seconds in others.values())
            one_more = min((busy[name] + 1) * seconds for name, seconds in others.items())
            return tuple(sorted(others)) if max(together, one_more) < here else ()
