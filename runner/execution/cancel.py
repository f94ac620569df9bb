"""Take back jobs that are not wanted any more, in bounded time."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable, Sequence
from typing import ClassVar

from runner.errors import RunnerError
from runner.execution.job import Attempt
from runner.invocation import spell
from runner.server.client import ComfyClient
from runner.untrusted import told
from runner.words import counted

_AGAIN_S = 0.1
"""ComfyUI forgets an interruption that reaches it between taking a job and running its first node: it is told again."""


_NAMED = 5
"""Ids that are said: a runner has two jobs in the queue of each server."""


class _Untold:
    """The jobs that could not be taken back in this process, by their servers; said once, when the run is over."""

    jobs: ClassVar[dict[str, list[str]]] = {}
    guard = threading.Lock()


def cancel_attempts(client: ComfyClient, attempts: Iterable[Attempt], seconds: float) -> list[str]:
    """Cancel these jobs on the server within `seconds`; a server that does not answer is not waited for.

    Returns the ids of those that it could not be told of: they may be there still, and run.
    """
    end = time.monotonic() + seconds
    live = list(attempts)
    doubtful = [attempt for attempt in live if not attempt.confirmed]
    cancelled, reached = [], set()
    # The waiting one first: otherwise it starts when the running one ends.
    for attempt in [*reversed(live), *doubtful]:
        if attempt in doubtful:
            time.sleep(0.05)  # its submission may still be on its way
        answer = _cancelled(client, attempt.prompt_id, end)
        if answer is not None:
            reached.add(attempt.prompt_id)
        if answer:
            cancelled.append(attempt.prompt_id)
    cancel_again(client, cancelled, end)
    return [attempt.prompt_id for attempt in live if attempt.prompt_id not in reached]


def note_untold(url: str, ids: Sequence[str]) -> None:
    """Have `ended` say that this server could not be told to cancel these jobs."""
    if ids:
        with _Untold.guard:
            _Untold.jobs.setdefault(url, []).extend(ids)


def ended(what: str, *, still: str = "") -> str:
    """What a run says last that was ended: `what` happened, and what became of what it had queued.

    `still`: what else is to be said where all of it was cancelled.
    """
    with _Untold.guard:
        jobs, _Untold.jobs = _Untold.jobs, {}
    if not jobs:
        return f"{what}: what this run had queued was cancelled, and nothing half-written is left.{still}"
    lines = [f"{what}; nothing half-written is left here, but not all that was queued could be cancelled."]
    for url, ids in jobs.items():
        later = spell("cancel", *(ids if len(ids) == 1 else ()), "--server", url)
        lines.append(
            f"{url} could not be told to cancel {counted(len(ids), 'job')} ({', '.join(told(ids, _NAMED))}): where it "
            f"still has {'it' if len(ids) == 1 else 'them'}, `{later}` takes {'it' if len(ids) == 1 else 'them'} back."
        )
    return "\n  ".join(lines)


def interrupted() -> str:
    """What a run says that was ended by Ctrl-C. ComfyUI looks for a cancellation between two steps only."""
    return ended(
        "Interrupted",
        still=" A step that the server is at ends first, which can take minutes with a huge photo.",
    )


def cancel_again(client: ComfyClient, cancelled: Sequence[str], end: float) -> None:
    """Cancel these jobs once more after a moment, where they are not gone yet; not after `end` (monotonic)."""
    if cancelled and time.monotonic() + _AGAIN_S < end:
        time.sleep(_AGAIN_S)
        for prompt_id in cancelled:
            _cancelled(client, prompt_id, end)


def _cancelled(client: ComfyClient, prompt_id: str, end: float) -> bool | None:
    """Whether it was there and is cancelled; None where the server could not be told, or did not say."""
    seconds = end - time.monotonic()
    if seconds <= 0:
        return None
    with contextlib.suppress(RunnerError):
        return client.cancel_job(prompt_id, timeout=max(0.2, seconds), tries=1)
    return None
