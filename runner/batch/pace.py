"""How long what is left of a batch will take, from what was really made."""

from __future__ import annotations

import time


class Pace:
    """Seconds between the ends of jobs that made something. What fails fast is not fast."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._seconds, self._made = 0.0, 0

    def ended(self, *, made: bool) -> None:
        """A job is through; `made`: with a result."""
        now = time.monotonic()
        if made:
            self._seconds += now - self._last
            self._made += 1
        self._last = now

    def to_go(self, left: int) -> float | None:
        """Seconds until `left` more are made; None before anything was."""
        return None if self._made == 0 or left <= 0 else self._seconds / self._made * left
