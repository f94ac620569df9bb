"""What somebody else may decide about a run of the dispatcher: at a few points of each job's way, and once for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from runner.errors import RunnerError
from runner.execution.job import Attempt, JobResult, Retry
from runner.server.records import JobRecord


def _go_on(_attempt: Attempt) -> RunnerError | None:
    return None


def _not_recovered(_attempt: Attempt) -> JobRecord | RunnerError | None:
    return None


def _no_pause(_error: RunnerError | None) -> float | None:
    return None


@dataclass(frozen=True)
class Hooks:
    """Called on the dispatcher's thread, which waits for the answer. The defaults change nothing."""

    before_submit: Callable[[Attempt], RunnerError | None] = _go_on
    """Before the server hears of a submission, each time. An error: the job ends with it and is not submitted."""

    before_save: Callable[[Attempt], RunnerError | None] = _go_on
    """Before the files of a job are fetched. An error: the job ends with it and nothing is saved."""

    lost: Callable[[Attempt], JobRecord | RunnerError | None] = _not_recovered
    """The server knows nothing of the job any more. The record of what it made, where that is still to be had: it is
    saved at once. An error: the job ends with it. None: it is submitted again. Raising ServerUnavailableError: asked
    again once the server is back."""

    save_ended: Callable[[RunnerError | None], float | None] = _no_pause
    """A save ended well (None) or with this error. Seconds: the save is tried again after so long, and until one ends
    otherwise nothing new is submitted. None: goes its usual way."""

    finished: Callable[[JobResult], bool] | None = None
    """How a job ended, in place of its last events and of its part in what `run` returns. False: nothing more is
    submitted, and what is on the server is cancelled."""


@dataclass(frozen=True)
class Policy:
    """What one job at fault means for the run. The defaults are for the few jobs of a command that somebody watches."""

    retries: Mapping[Retry, int] = field(
        default_factory=lambda: {Retry.LOST: 1, Retry.MEMORY: 1, Retry.FILES: 3, Retry.REPORTS: 1, Retry.PHOTOS: 8}
    )
    """How often a job is submitted again for each reason; what goes on for longer will not end by itself."""
    faults_end_the_run: bool = True
    """A job that the server rejects, or fails over when it gets it, ends the run: the others are of the same kind.
    False: it ends alone."""
    shows_failures: bool = True
    """A job that cannot end because the run as a whole cannot go on is shown as failed."""
    names_photos: bool = True
    """A failure begins with the name of the photo that it is about."""
