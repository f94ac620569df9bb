"""Take back jobs that are not wanted any more, in bounded time."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable

from runner.client import ComfyClient
from runner.errors import RunnerError
from runner.jobs import Attempt

_AGAIN_S = (0.1, 0.3)
"""ComfyUI forgets an interruption that reaches it between taking a job and running its first node: it is told again."""


def cancel_attempts(client: ComfyClient, attempts: Iterable[Attempt], seconds: float) -> None:
    """Cancel these jobs on the server within `seconds`; a server that does not answer is not waited for."""
    end = time.monotonic() + seconds
    live = list(attempts)
    doubtful = [attempt for attempt in live if not attempt.confirmed]
    # The waiting one first: otherwise it starts when the running one ends.
    for attempt in [*reversed(live), *doubtful]:
        if attempt in doubtful:
            time.sleep(0.05)  # its submission may still be on its way
        _cancelled(client, attempt.prompt_id, end)


def cancel_again(client: ComfyClient, cancelled: Iterable[str], end: float) -> None:
    """Repeat the cancelling of these jobs until they are gone, a few times at most and not after `end` (monotonic)."""
    left = list(cancelled)
    for pause in _AGAIN_S:
        if not left or time.monotonic() + pause > end:
            return
        time.sleep(pause)
        left = [prompt_id for prompt_id in left if _cancelled(client, prompt_id, end)]


def _cancelled(client: ComfyClient, prompt_id: str, end: float) -> bool:
    seconds = end - time.monotonic()
    if seconds <= 0:
        return False
    with contextlib.suppress(RunnerError):
        return client.cancel_job(prompt_id, timeout=max(0.2, seconds), tries=1)
    return False
