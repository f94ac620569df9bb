"""The dispatcher of a batch: every step is in the ledger first, and what an earlier runner left is taken up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from runner.batch.entries import JobState
from runner.batch.full_disk import FullDisk
from runner.batch.recover import find_results
from runner.errors import InterruptedRunError, RunnerError
from runner.execution.hooks import Hooks, Policy
from runner.execution.job import Attempt, JobResult, Retry
from runner.server.client import ComfyClient
from runner.server.records import JobRecord

MOST_LOSSES = 3
"""A job that its server lost this often is given up: it may be what kills the server."""

POLICY = Policy(
    retries={**Policy().retries, Retry.LOST: MOST_LOSSES},
    faults_end_the_run=False,
    shows_failures=False,  # such a job is given back to the ledger, not failed
    names_photos=False,  # every line of a batch begins with it
)


class Steps(Protocol):
    """What is told of each step of a job; a `Ledger`, or what passes it on to one. False: another runner has it."""

    def submitted(self, job: int, prompt_id: str, replaces: Sequence[str], server: str, /) -> bool: ...

    def moved(self, job: int, state: JobState, note: str = "", /) -> bool: ...


class TakenOverError(InterruptedRunError):
    """Another runner has the job: this one was held up for so long that it counted as gone."""

    def __init__(self) -> None:
        super().__init__("Another runner has taken the job over.")


def ledger_hooks(
    steps: Steps, client: ComfyClient, notice: Callable[[str], None], finished: Callable[[JobResult], bool]
) -> Hooks:
    """Hooks for a run on `client`'s server. The ledger's number of a job is its `spec.index`."""

    def unless_taken_over(ours: bool) -> RunnerError | None:
        return None if ours else TakenOverError()

    def before_submit(attempt: Attempt) -> RunnerError | None:
        number, replaced = attempt.spec.index, attempt.replaces
        return unless_taken_over(steps.submitted(number, attempt.prompt_id, replaced, client.url))

    def before_save(attempt: Attempt) -> RunnerError | None:
        return unless_taken_over(steps.moved(attempt.spec.index, JobState.SAVING))

    def lost(attempt: Attempt) -> JobRecord | RunnerError | None:
        record = find_results(client, attempt)
        if record is None:
            return None
        return unless_taken_over(steps.moved(attempt.spec.index, JobState.SAVING, "found by its files")) or record

    return Hooks(before_submit, before_save, lost, FullDisk(notice).save_ended, finished)
