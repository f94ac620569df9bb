"""What a run waits for, and how long a server may be gone: one clock for every request that found nobody."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from runner.errors import JobTimeoutError, ServerUnavailableError
from runner.http.transport import BusyError, NoAccessError, NoAnswerError, NonsenseError, NotReachedError

RETRY_S = 0.5
"""Between tries to reach a server that is away: its start takes longer."""
_NONSENSE_S = 5.0
"""How long one that says what no ComfyUI says is asked again: some tries, and no start of a server."""


@dataclass(frozen=True)
class Limits:
    """Seconds and counts a run keeps to."""

    window: int = 2  # jobs in the server's queue: two close the gap between jobs, more bring nothing
    silence: float = 1.5  # poll a job the socket has said nothing about for this long
    chatter: float = 30.0  # and any job after so long, however much the socket says: it may never say that it ended
    deaf: float = 1.0  # poll a job whose messages cannot reach us
    patience: float = 120.0  # a server that went away may take this long to come back
    cancel: float = 1.2  # what cancelling may take in all
    absent: float = 1.0  # between the two looks after which a job counts as lost


class Deadline:
    """When a run has to be through (`time.monotonic`); None: it may take as long as it needs."""

    def __init__(self, at: float | None) -> None:
        self._at = at

    def at_most(self, seconds: float) -> float:
        """`seconds`, or what is left of the run's time."""
        return seconds if self._at is None else max(0.1, min(seconds, self._at - time.monotonic()))

    def check(self) -> None:
        """Raises JobTimeoutError when it is over."""
        if self._at is not None and time.monotonic() >= self._at:
            raise JobTimeoutError(
                "Out of time (--timeout).",
                advice="What was finished before is saved. Give it longer, or use smaller pictures.",
            )


class Absence:
    """Notes when the server stopped answering and when it came back."""

    def __init__(self, patience: float, notice: Callable[[str], None]) -> None:
        self._patience = patience
        self._notice = notice
        self._since: float | None = None
        self.retry_at = 0.0
        """The moment (`time.monotonic`) for the next try; 0 while the server is there."""

    @property
    def away(self) -> bool:
        return self._since is not None

    def went_away(self, error: ServerUnavailableError) -> None:
        """Note a request that got no answer, and when to ask again: a busy server says so itself.

        Raises the error where waiting changes nothing (a login, a certificate), and ServerUnavailableError when the
        patience is used up.
        """
        if isinstance(error, NoAccessError):
            raise error
        why, wait = str(error), error.wait if isinstance(error, BusyError) else 0.0
        answers = not isinstance(error, (NotReachedError, NoAnswerError))
        patience = min(self._patience, _NONSENSE_S) if isinstance(error, NonsenseError) else self._patience
        now = time.monotonic()
        if self._since is None:
            self._since = now
            waits = "Asking it again for" if answers else "Waiting"
            self._notice(f"{why} {waits} up to {patience:.0f} s{'' if answers else ' for it to come back'}.")
        elif now - self._since > patience:
            if answers:
                raise ServerUnavailableError(
                    f"The server is there, and for {patience:.0f} s it did not answer as a ComfyUI does: {why}",
                    advice="What was finished before is saved. Check what stands at this address, and look at its log.",
                )
            raise ServerUnavailableError(
                f"The server went away and did not come back within {patience:.0f} s: {why}",
                advice="What was finished before is saved. Look at the server's log, start it again, and run again.",
            )
        self.retry_at = max(now + RETRY_S, min(now + wait, self._since + patience + 0.01))

    def came_back(self) -> None:
        if self._since is not None:
            self._notice(f"The server answers again after {time.monotonic() - self._since:.1f} s.")
        self._since = None
        self.retry_at = 0.0
