"""Brings jobs to the server: so many in its queue at a time, each submitted until it is there."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

from runner import events
from runner.errors import PhotoError, RunnerError, ServerUnavailableError, WorkflowRejectedError
from runner.execution.connection import Board, Connection
from runner.execution.hooks import Hooks, Policy
from runner.execution.job import Attempt, JobSpec, Retry
from runner.execution.prefetch import Prefetch
from runner.execution.upload import lacks_photos, upload_again
from runner.http.transport import BusyError, NoAnswerError, NotReachedError
from runner.server.client import ServerFaultError
from runner.server.refusal import half_accepted

Fail = Callable[[Attempt, RunnerError], None]


class Submitter:
    """Moves attempts of one run from `waiting` to `live`; `fail` is told of those that end before they get there."""

    def __init__(self, connection: Connection, board: Board, hooks: Hooks, policy: Policy, fail: Fail) -> None:
        self._connection, self._board = connection, board
        self._hooks, self._policy, self._fail = hooks, policy, fail

    def fill(self, prefetch: Prefetch) -> None:
        """Keep the server's queue filled with `window` jobs of ours, as far as they are ready."""
        limits, absence = self._connection.limits, self._connection.absence
        while len(self._board.live) < limits.window and time.monotonic() >= absence.retry_at:
            if self._board.waiting:
                self._submit(self._board.waiting.pop(0))
            elif (spec := prefetch.take()) is not None:
                self._begin(spec)
            else:
                return

    def again(self, old: Attempt, reason: Retry, rerun_nodes: tuple[str, ...] = ()) -> None:
        """Submit the job of an attempt once more, before anything new."""
        self._board.waiting.append(old.after(reason, rerun_nodes))

    def may_give_photos(self, attempt: Attempt, error: RunnerError) -> bool:
        """Whether the job failed for want of a photo that the server had, and may be given it once more."""
        return lacks_photos(attempt, error) and attempt.may_go_again(Retry.PHOTOS, self._policy.retries)

    def give_photos_again(self, attempt: Attempt) -> None:
        """Upload them and submit the job again."""
        self._connection.notice("The server does not have the photo any more: it gets it again.")
        try:
            upload_again(self._connection.client, attempt)
        except PhotoError as error:
            self._fail(attempt, error)
        except ServerUnavailableError as error:
            self._connection.absence.went_away(error)
            self._board.waiting.insert(0, attempt)
        else:
            self.again(attempt, Retry.PHOTOS)

    def tell_queued(self, attempt: Attempt) -> None:
        """Report where the attempt stands in the server's queue."""
        spec = attempt.spec
        retry_of = attempt.replaces[-1] if attempt.replaces else None
        self._connection.report(
            events.Queued(spec.index, attempt.prompt_id, spec.workflow, spec.seed, attempt.position, retry_of)
        )

    def _begin(self, spec: JobSpec) -> None:
        attempt = Attempt.first(spec)
        if self._board.has(attempt.prompt_id):
            # A damaged record gave two jobs one id; the second would take the first one's place.
            attempt = Attempt(spec)
        if attempt.resumed:  # it is on the server already, or was: it is looked for at once
            attempt.sent(None)
            attempt.next_poll = 0.0
            self._board.live[attempt.prompt_id] = attempt
            self.tell_queued(attempt)
        else:
            self._submit(attempt)

    def _submit(self, attempt: Attempt) -> None:
        refusal = self._hooks.before_submit(attempt)
        if refusal is not None:
            self._fail(attempt, refusal)
        elif not (attempt.refused and self._has_arrived(attempt)):
            try:
                self._send(attempt)
            except ServerFaultError as error:
                # It may pass; the server may even have taken the job: that is looked for before it is asked again.
                if self._policy.faults_end_the_run:
                    raise
                if attempt.reasons.count(Retry.LOST) + 1 >= self._policy.retries[Retry.LOST]:
                    self._board.live.pop(attempt.prompt_id, None)
                    self._fail(attempt, error)
            except WorkflowRejectedError as error:
                if self._policy.faults_end_the_run:
                    raise
                if self._board.live.pop(attempt.prompt_id, None) is not None:
                    with contextlib.suppress(RunnerError):
                        self._connection.client.cancel_job(attempt.prompt_id)
                self._fail(attempt, error)

    def _send(self, attempt: Attempt) -> None:
        connection, live = self._connection, self._board.live
        attempt.sent(connection.listener.client_id)
        attempt.resumed = False
        live[attempt.prompt_id] = attempt  # before it is sent: whatever happens now, it is looked for
        attempt.next_poll = attempt.submitted_at + connection.limits.deaf
        client_id = attempt.client_id or attempt.prompt_id
        try:
            receipt = connection.client.post_prompt(
                attempt.graph,
                attempt.prompt_id,
                client_id,
                _extra_data(connection, attempt.spec),
                timeout=connection.deadline.at_most(30.0),
            )
        except NotReachedError as error:
            del live[attempt.prompt_id]
            self._board.waiting.insert(0, attempt)
            attempt.refused = isinstance(error, BusyError)
            connection.absence.went_away(error)
            return
        except NoAnswerError as error:
            connection.absence.went_away(error)
            return
        except WorkflowRejectedError as error:
            if not self.may_give_photos(attempt, error):
                raise
            del live[attempt.prompt_id]
            self.give_photos_again(attempt)
            return
        connection.absence.came_back()
        attempt.confirmed = True
        if receipt.node_errors:
            raise half_accepted(receipt.node_errors, attempt.graph)
        self.tell_queued(attempt)

    def _has_arrived(self, attempt: Attempt) -> bool:
        """Whether a job that was answered with “busy” is on the server all the same, or nobody knows (it waits on)."""
        connection = self._connection
        try:
            record = connection.client.job(attempt.prompt_id, timeout=connection.deadline.at_most(15.0))
        except ServerUnavailableError as error:
            self._board.waiting.insert(0, attempt)
            connection.absence.went_away(error)
            return True
        if record is not None:
            attempt.confirmed, attempt.next_poll = True, 0.0
            self._board.live[attempt.prompt_id] = attempt
            self.tell_queued(attempt)
        return record is not None


def _extra_data(connection: Connection, spec: JobSpec) -> dict[str, Any]:
    """What is said of a job beside its graph; what stands under `extra_pnginfo`, ComfyUI writes into its pictures."""
    if spec.canvas is None:
        return connection.extra_data
    return {**connection.extra_data, "extra_pnginfo": {"workflow": spec.canvas}}
