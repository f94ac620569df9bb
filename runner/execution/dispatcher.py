"""Runs jobs on one server: two in its queue at a time, watched until their files are saved.

The socket says early what the job records say for certain. Every decision is taken on the calling thread: the listener
and the saver only put messages into its inbox.
"""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Iterable
from dataclasses import replace

from runner.errors import (
    InterruptedRunError,
    JobTimeoutError,
    RunnerError,
    ServerUnavailableError,
)
from runner.execution import translate
from runner.execution.blame import in_own_names
from runner.execution.cancel import cancel_attempts, ended, note_untold
from runner.execution.collector import Collector
from runner.execution.connection import Board, Connection
from runner.execution.failures import NodeExecutionError, failed_event, is_out_of_memory, node_failure
from runner.execution.hooks import Hooks, Policy
from runner.execution.job import Attempt, JobResult, JobSpec, Retry
from runner.execution.prefetch import JobReady, Prefetch
from runner.execution.saver import SaveEnded, SaverDied
from runner.execution.submitter import Submitter
from runner.server.records import JobRecord, JobStatus
from runner.server.websocket import ServerMessage


class NotNeededError(InterruptedRunError):
    """The job was called off because an earlier one had settled the matter."""


class Dispatcher:
    """One run. `run` returns how each job ended; it raises when the run as a whole cannot go on."""

    def __init__(
        self, connection: Connection, specs: Iterable[JobSpec], hooks: Hooks | None = None, policy: Policy | None = None
    ) -> None:
        """`specs` is read on a thread of its own, a little ahead of need."""
        self._connection = connection
        self._client, self._notice, self._report = connection.client, connection.notice, connection.report
        self._limits = connection.limits
        self._hooks, self._policy = hooks or Hooks(), policy or Policy()
        self._board = Board()
        parts = (connection, self._board, self._hooks, self._policy)
        self._submitter = Submitter(*parts, self._fail)
        self._collector = Collector(*parts, self._submitter, self._fail, self._succeed)
        self._prefetch = Prefetch(specs, connection.inbox)
        self._results: list[JobResult] = []

    def run(self) -> list[JobResult]:
        """Submit, watch and save every job; jobs that fail do not stop the others. To be called once.

        Returns:
            How each job ended, in their order; nothing where `Hooks.finished` is told instead.

        Raises WorkflowRejectedError, ServerUnavailableError, JobTimeoutError where nothing more can be done; what was
        queued is cancelled. Raises KeyboardInterrupt, InterruptedRunError after everything this run had queued is
        cancelled and nothing half-written is left.
        """
        self._prefetch.start()
        try:
            self._fill()
            while not self._board.is_empty or not self._prefetch.exhausted:
                self._step()
                self._fill()
        except RunnerError as error:
            self._call_off(error)
            raise
        except BaseException:
            self._call_off(InterruptedRunError("interrupted"))
            raise
        return sorted(self._results, key=lambda result: result.spec.index)

    def _fill(self) -> None:
        if not self._collector.is_paused:
            self._submitter.fill(self._prefetch)

    # watching

    def _step(self) -> None:
        """Take one message, or poll what has been silent for too long."""
        if self._connection.stop_asked.is_set():
            raise InterruptedRunError("interrupted")
        now = time.monotonic()
        self._connection.deadline.check()
        self._collector.save_again(now)
        overdue = [one for one in self._board.live.values() if now - one.polled_at > self._limits.chatter]
        if overdue:  # whatever is still to be heard of it: there may be no end of that
            self._poll(overdue[0])
            return
        try:
            seconds = min(max(0.0, self._wake_at(now) - now), self._connection.deadline.at_most(60.0))
            message = self._connection.inbox.get(timeout=seconds)
        except queue.Empty:
            self._poll_silent()
            return
        if isinstance(message, ServerMessage):
            self._hear(message)
        elif isinstance(message, SaveEnded):
            self._collector.saved(message)
        elif isinstance(message, SaverDied):
            raise message.error()
        elif not isinstance(message, JobReady):  # (dis)connected: what was said in between is not said again
            for attempt in self._board.live.values():
                if attempt.client_id != self._connection.listener.client_id:
                    attempt.next_poll = 0.0

    def _wake_at(self, now: float) -> float:
        """When there is something to do even if nothing is heard."""
        board, absence = self._board, self._connection.absence
        moments = [attempt.next_poll for attempt in board.live.values()] or [now + 1.0]
        moments += [ended.attempt.next_poll for ended in board.unsaved]
        if board.waiting and absence.away:
            moments.append(absence.retry_at)
        return min(moments)

    def _hear(self, message: ServerMessage) -> None:
        attempt = self._board.live.get(str(message.data.get("prompt_id")))
        if attempt is None:
            return
        attempt.confirmed, attempt.next_poll = True, time.monotonic() + self._limits.silence
        for event in translate.hear(attempt, message):
            self._report(event)
        if translate.says_it_ended(message):
            attempt.polls_after_end = max(1, attempt.polls_after_end)
            self._poll(attempt)
        elif translate.says_it_is_ending(message):
            attempt.next_poll = time.monotonic() + 0.1  # the closing message comes first, unless it is lost

    def _poll_silent(self) -> None:
        now = time.monotonic()
        for attempt in list(self._board.live.values()):
            if attempt.next_poll <= now and attempt.prompt_id in self._board.live:
                self._poll(attempt)

    def _poll(self, attempt: Attempt) -> None:
        absence = self._connection.absence
        attempt.polled_at = time.monotonic()
        deaf = attempt.client_id is None or attempt.client_id != self._connection.listener.client_id
        attempt.next_poll = attempt.polled_at + (self._limits.deaf if deaf else self._limits.silence)
        try:
            record = self._client.job(attempt.prompt_id, timeout=self._connection.deadline.at_most(15.0))
        except ServerUnavailableError as error:
            absence.went_away(error)
            attempt.next_poll = max(attempt.next_poll, absence.retry_at)
            return
        absence.came_back()
        position = None
        if record is not None and record.status == JobStatus.PENDING:
            with contextlib.suppress(ServerUnavailableError):
                position = self._client.position(attempt.prompt_id)
        if record is None:
            self._absent(attempt)
            return
        attempt.absent_since, attempt.confirmed = None, True
        if record.finished:
            self._finished(attempt, record)
        elif record.status == JobStatus.IN_PROGRESS:
            for event in translate.started(attempt):
                self._report(event)
            if attempt.polls_after_end:  # the socket said it ended: the record follows within milliseconds
                attempt.polls_after_end += 1
                attempt.next_poll = time.monotonic() + min(0.5, 0.002 * 2**attempt.polls_after_end)
        elif position is not None and position != attempt.position:
            attempt.position = position
            self._submitter.tell_queued(attempt)

    # ends

    def _finished(self, attempt: Attempt, record: JobRecord) -> None:
        del self._board.live[attempt.prompt_id]
        if record.status == JobStatus.COMPLETED:
            self._collector.completed(attempt, record)
        elif record.status == JobStatus.CANCELLED and attempt.resumed:
            self._submitter.again(attempt, Retry.CANCELLED)
        elif record.status == JobStatus.CANCELLED:
            self._fail(attempt, InterruptedRunError("The job was cancelled on the server, not by this run."))
        elif is_out_of_memory(record.error) and attempt.may_go_again(Retry.MEMORY, self._policy.retries):
            self._notice("The server ran out of memory: freeing its models and trying once more.")
            with contextlib.suppress(ServerUnavailableError):
                self._client.free()
            time.sleep(0.3)  # the server frees when it is idle, and would take a waiting job first
            self._submitter.again(attempt, Retry.MEMORY)
        else:
            error = node_failure(record.error, attempt.spec.graph)
            if self._submitter.may_give_photos(attempt, error):
                self._submitter.give_photos_again(attempt)
            elif isinstance(error, NodeExecutionError):
                self._fail(attempt, in_own_names(error, attempt, first=self._policy.names_photos))
            else:
                self._fail(attempt, error)

    def _absent(self, attempt: Attempt) -> None:
        """Neither queued nor in the history: lost with the server, or taken out of the queue by somebody."""
        listener, now = self._connection.listener, time.monotonic()
        if attempt.absent_since is None:
            attempt.absent_since, attempt.next_poll = now, now + self._limits.absent
            listener.ask_for_sign_of_life()
            return
        same_server = attempt.confirmed and attempt.client_id is not None
        same_server = same_server and attempt.client_id == listener.client_id
        if same_server and listener.last_heard <= attempt.absent_since:
            attempt.next_poll = now + self._limits.absent / 4  # an answer comes, or the connection is given up
        elif same_server:
            del self._board.live[attempt.prompt_id]
            why = "The job was taken out of the server's queue, not by this run."
            self._fail(attempt, InterruptedRunError(why))
        elif attempt.resumed or attempt.may_go_again(Retry.LOST, self._policy.retries):
            self._lost(attempt)
        else:
            del self._board.live[attempt.prompt_id]
            why = f"The server lost the job {attempt.reasons.count(Retry.LOST) + 1} times; its log may say why."
            self._fail(attempt, ServerUnavailableError(why))

    def _lost(self, attempt: Attempt) -> None:
        try:
            answer = self._hooks.lost(attempt)
        except ServerUnavailableError as error:
            self._connection.absence.went_away(error)  # asked again when it is back
            return
        del self._board.live[attempt.prompt_id]
        if answer is None:
            if attempt.resumed:  # what an earlier runner took back on its way out is not lost
                self._submitter.again(attempt, Retry.CANCELLED)
                return
            self._notice(f"The server has lost the job {attempt.prompt_id}: submitting it again.")
            self._submitter.again(attempt, Retry.LOST)
        elif isinstance(answer, RunnerError):
            self._fail(attempt, answer)
        else:
            forgotten = f"The server has forgotten the job {attempt.prompt_id}"
            self._notice(f"{forgotten}, and has its files: nothing is repeated.")
            self._collector.save(attempt, answer)

    # through

    def _fail(self, attempt: Attempt, error: RunnerError) -> None:
        self._conclude(JobResult(attempt.spec, attempt.prompt_id, error=error, seconds=_since(attempt)))

    def _succeed(self, attempt: Attempt, ended: SaveEnded) -> None:
        self._conclude(
            JobResult(
                attempt.spec,
                attempt.prompt_id,
                ended.saved,
                seconds=_since(attempt),
                attempt=attempt,
                record=ended.record,
                waited_s=ended.waited_s,
            )
        )

    def _conclude(self, result: JobResult) -> None:
        if self._hooks.finished is not None:
            if not self._hooks.finished(result):
                self._drop_rest()
            return
        self._results.append(result)
        if result.error is not None:
            self._report(failed_event(result.error, result.spec.index, result.prompt_id))
        for event in translate.saved(result):
            self._report(event)

    def _drop_rest(self) -> None:
        """Submit nothing more and cancel what is on the server; what is being saved is saved."""
        board = self._board
        self._prefetch.stop()
        dropped = [*board.live.values(), *board.waiting, *(ended.attempt for ended in board.unsaved)]
        cancel_attempts(self._client, board.live.values(), self._limits.cancel)
        board.live.clear()
        board.waiting.clear()
        board.unsaved.clear()
        for attempt in dropped:
            self._fail(attempt, NotNeededError("Not needed any more."))

    def _call_off(self, why: RunnerError) -> None:
        """Cancel what this run has on the server, stop the saver, leave nothing half-written; in `cancel` seconds."""
        self._prefetch.stop()
        untold = cancel_attempts(self._client, self._board.live.values(), self._limits.cancel)
        self._connection.saver.abort()
        if isinstance(why, (InterruptedRunError, JobTimeoutError)):
            note_untold(self._client.url, untold)
        if isinstance(why, JobTimeoutError):
            why.message = ended("Out of time (--timeout)")
        attempts = self._board.attempts()
        for number, attempt in enumerate(attempts):
            event = failed_event(why, attempt.spec.index, attempt.prompt_id)
            if number > 0 or not self._policy.shows_failures:  # the whole reason once
                event = replace(event, message=why.message.splitlines()[0].rstrip(":"), advice=None)
            self._report(event)
        why.told = bool(attempts) and self._policy.shows_failures


def _since(attempt: Attempt) -> float:
    return round(time.monotonic() - attempt.submitted_at, 3)
