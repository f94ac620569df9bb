"""Who should take the next job: near a batch's end, a slow server leaves the rest to those that finish it sooner."""

from __future__ import annotations

import threading
import time

_WEIGHT = 0.4
"""Of the newest job in a server's seconds per job: the first one may have loaded models."""


class Pace:
    """What the places of one runner are measured at. Thread-safe. A place is `open` while it can run jobs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: set[str] = set()
        self._seconds: dict[str, float] = {}
        self._busy: dict[str, int] = {}
        self._last_end: dict[str, float] = {}

    def opened(self, place: str) -> None:
        with self._lock:
            self._open.add(place)
            self._last_end.pop(place, None)

    def closed(self, place: str) -> None:
        with self._lock:
            self._open.discard(place)
            self._busy.pop(place, None)

    def others(self, place: str) -> tuple[str, ...]:
        """The other places that are open."""
        with self._lock:
            return tuple(sorted(self._open - {place}))

    def holds(self, place: str, jobs: int) -> None:
        """How many jobs it has claimed and not ended."""
        with self._lock:
            self._busy[place] = jobs

    def ended(self, place: str, seconds: float) -> None:
        """A job ended there now, `seconds` after it was submitted; some of that it may have waited for another."""
        now = time.monotonic()
        with self._lock:
            took = max(0.001, min(seconds, now - self._last_end.get(place, 0.0)))
            known = self._seconds.get(place)
            self._seconds[place] = took if known is None else known + _WEIGHT * (took - known)
            self._last_end[place] = now

    def seconds(self, place: str) -> float | None:
        """Measured seconds per job; None before the first."""
        with self._lock:
            return self._seconds.get(place)

    def untried(self, place: str) -> bool:
        """One of several, and busy with the first job: what it holds beyond that, another may finish sooner."""
        with self._lock:
            return len(self._open) > 1 and place not in self._seconds and self._busy.get(place, 0) > 0

    def sooner(self, place: str, waiting: int) -> tuple[str, ...]:
        """The other places, if they would be through with all `waiting` jobs before this one was with one more."""
        with self._lock:
            own = self._seconds.get(place)
            others = {name: self._seconds[name] for name in self._open if name != place and name in self._seconds}
            if own is None or not others or waiting == 0:
                return ()
            here = (self._busy.get(place, 0) + 1) * own
            busy = {name: self._busy.get(name, 0) for name in others}
            together = (waiting + sum(busy.values())) / sum(1 / seconds for seconds in others.values())
            one_more = min((busy[name] + 1) * seconds for name, seconds in others.items())
            return tuple(sorted(others)) if max(together, one_more) < here else ()
