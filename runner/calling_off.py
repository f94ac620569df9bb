"""Take back jobs that are not wanted any more, in bounded time."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable

from runner.client import ComfyClient
from runner.errors import RunnerError
from runner.jobs import Attempt


def cancel_attempts(client: ComfyClient, attempts: Iterable[Attempt], seconds: float) -> None:
    """Cancel these jobs on the server within `seconds`; a server that does not answer is not waited for."""
    end = time.monotonic() + seconds
    live = list(attempts)
    doubtful = [attempt for attempt in live if not attempt.confirmed]
    # The waiting one first: otherwise it starts when the running one ends.
    for attempt in [*reversed(live), *doubtful]:
        if attempt in doubtful:
            time.sleep(0.05)  # its submission may still be on its way
        left = end - time.monotonic()
        if left > 0:
            with contextlib.suppress(RunnerError):
                client.cancel_job(attempt.prompt_id, timeout=max(0.2, left), tries=1)
