"""Take back jobs that are not wanted any more, in bounded time."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Sequence

from runner.errors import RunnerError
from runner.execution.job import Attempt
from runner.server.client import ComfyClient

_AGAIN_S = 0.1
"""ComfyUI forgets an interruption that reaches it between taking a job and running its first node: it is told again."""


def cancel_attempts(client: ComfyClient, attempts: Iterable[Attempt], seconds: float) -> None:
    """Cancel these jobs on the server within `seconds`; a server that does not answer is not waited for."""
    end = time.monotonic() + seconds
    live = list(attempts)
    doubtful = [attempt for attempt in live if not attempt.confirmed]
    cancelled = []
    # The waiting one first: otherwise it starts when the running one ends.
    for attempt in [*reversed(live), *doubtful]:
        if attempt in doubtful:
            time.sleep(0.05)  # its submission may still be on its way
        if _cancelled(client, attempt.prompt_id, end):
            cancelled.append(attempt.prompt_id)
    cancel_again(client, cancelled, end)


def cancel_again(client: ComfyClient, cancelled: Sequence[str], end: float) -> None:
    """Cancel these jobs once more after a moment, where they are not gone yet; not after `end` (monotonic)."""
    if cancelled and time.monotonic() + _AGAIN_S < end:
        time.sleep(_AGAIN_S)
        for prompt_id in cancelled:
            _cancelled(client, prompt_id, end)


def _cancelled(client: ComfyClient, prompt_id: str, end: float) -> bool:
    seconds = end - time.monotonic()
    if seconds <= 0:
        return False
    with contextlib.suppress(RunnerError):
        return client.cancel_job(prompt_id, timeout=max(0.2, seconds), tries=1)
    return False
