"""Runs jobs on one server: two in its queue at a time, watched until their files are saved.

The socket says early what the job records say for certain. Every decision is taken on the calling thread: the listener
and the saver only put messages into its inbox.
"""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import ClassVar

from runner.errors import (
    InterruptedRunError,
    NodeFailedError,
    RunnerError,
    ServerUnavailableError,
)
from runner.execution import translate
from runner.execution.blame import in_own_names
from runner.execution.cancel import cancel_attempts
from runner.execution.failures import NodeExecutionError, failed_event, is_out_of_memory, node_failure
from runner.execution.job import FILES, LOST, MEMORY, Attempt, JobResult, JobSpec
from runner.execution.prefetch import Feeder, JobReady
from runner.execution.save import SavedJob
from runner.execution.saver import SaveEnded, SaverDied
from runner.execution.submitting import Submitter
from runner.http.transport import BusyError, NoAccessError, TooLargeError
from runner.server.records import JobRecord
from runner.server.websocket import ServerMessage

Ended = Callable[[JobResult], bool]
"""Told how a job ended, in place of its last events; returns whether the rest of the run is still wanted."""


class NotNeededError(InterruptedRunError):
    """The job was called off because an earlier one had settled the matter."""


class Dispatcher(Submitter):
    """One run. `run` returns how each job ended; it raises when the run as a whole cannot go on."""

    shows_failures: ClassVar[bool] = True
    """`report` shows a job that failed because the run as a whole cannot go on."""
    names_photos: ClassVar[bool] = True
    """A failure begins with the name of the photo that it is about."""
    _ended: Ended

    def run(self, specs: Iterable[JobSpec], ended: Ended | None = None) -> list[JobResult]:
        """Submit, watch and save every job; jobs that fail do not stop the others.

        `specs` is read on a thread of its own, a little ahead of need. `ended` hears of each end; when it returns
        False, nothing more is submitted and what is on the server is cancelled.

        Raises:
            WorkflowRejectedError, ServerUnavailableError, JobTimeoutError: nothing more can be done; what was queued
                is cancelled.
            KeyboardInterrupt: passed on after everything this run had queued is cancelled and nothing half-written
                is left.
        """
        self._results, self._ended = [], ended or self._tell_ended
        self._feeder = Feeder(specs, self._inbox)
        self._feeder.start()
        try:
            self._fill()
            while self._busy:
                self._step()
                self._fill()
        except RunnerError as error:
            self._call_off(error)
            raise
        except BaseException:
            self._call_off(InterruptedRunError("interrupted"))
            raise
        return sorted(self._results, key=lambda result: result.spec.index)

    @property
    def _busy(self) -> bool:
        return bool(self._waiting or self._live or self._saving or self._unsaved) or not self._feeder.exhausted

    # watching

    def _step(self) -> None:
        """Take one message, or poll what has been silent for too long."""
        now = time.monotonic()
        self._deadline.check()
        self._fetch_again(now)
        wake = min((attempt.next_poll for attempt in self._live.values()), default=now + 1.0)
        wake = min([wake, *(ended.attempt.next_poll for ended in self._unsaved)])
        if self._waiting and self._absence.away:
            wake = min(wake, self._absence.retry_at)
        try:
            message = self._inbox.get(timeout=min(max(0.0, wake - now), self._deadline.at_most(60.0)))
        except queue.Empty:
            self._poll_silent()
            return
        if isinstance(message, ServerMessage):
            self._hear(message)
        elif isinstance(message, SaveEnded):
            self._saved(message)
        elif isinstance(message, SaverDied):
            raise message.error()
        elif not isinstance(message, JobReady):  # (dis)connected: what was said in between is not said again
            for attempt in self._live.values():
                if attempt.client_id != self._listener.client_id:
                    attempt.next_poll = 0.0

    def _hear(self, message: ServerMessage) -> None:
        attempt = self._live.get(str(message.data.get("prompt_id")))
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
        for attempt in list(self._live.values()):
            if attempt.next_poll <= now and attempt.prompt_id in self._live:
                self._poll(attempt)

    def _poll(self, attempt: Attempt) -> None:
        deaf = attempt.client_id is None or attempt.client_id != self._listener.client_id
        attempt.next_poll = time.monotonic() + (self._limits.deaf if deaf else self._limits.silence)
        try:
            record = self._client.job(attempt.prompt_id, timeout=self._deadline.at_most(15.0))
        except NoAccessError:  # the door was shut meanwhile: it does not open by waiting
            raise
        except ServerUnavailableError as error:
            self._absence.went_away(str(error), error.wait if isinstance(error, BusyError) else 0.0)
            attempt.next_poll = max(attempt.next_poll, self._absence.retry_at)
            return
        self._absence.came_back()
        position = None
        if record is not None and record.status == "pending":
            with contextlib.suppress(ServerUnavailableError):
                position = self._client.position(attempt.prompt_id)
        if record is None:
            self._absent(attempt)
            return
        attempt.absent_since, attempt.confirmed = None, True
        if record.finished:
            self._finished(attempt, record)
        elif record.status == "in_progress":
            for event in translate.started(attempt):
                self._report(event)
            if attempt.polls_after_end:  # the socket said it ended: the record follows within milliseconds
                attempt.polls_after_end += 1
                attempt.next_poll = time.monotonic() + min(0.5, 0.002 * 2**attempt.polls_after_end)
        elif position is not None and position != attempt.position:
            attempt.position = position
            self._tell_queued(attempt)

    # ends

    def _finished(self, attempt: Attempt, record: JobRecord) -> None:
        del self._live[attempt.prompt_id]
        if record.status == "completed":
            self._saving[attempt.prompt_id] = attempt
            self._saver.hand_over(attempt, record)
        elif record.status == "cancelled":
            self._failed(attempt, InterruptedRunError("The job was cancelled on the server, not by this run."))
        elif is_out_of_memory(record.error) and attempt.may_go_again(MEMORY, self.most_again):
            self._notice("The server ran out of memory: freeing its models and trying once more.")
            with contextlib.suppress(ServerUnavailableError):
                self._client.free()
            time.sleep(0.3)  # the server frees when it is idle, and would take a waiting job first
            self._submit_again(attempt, MEMORY)
        else:
            error = node_failure(record.error, attempt.spec.graph)
            if self._wants_photos(attempt, error):
                self._give_photos_again(attempt)
            elif isinstance(error, NodeExecutionError):
                self._failed(attempt, in_own_names(error, attempt, first=self.names_photos))
            else:
                self._failed(attempt, error)

    def _absent(self, attempt: Attempt) -> None:
        """Neither queued nor in the history: lost with the server, or taken out of the queue by somebody."""
        now = time.monotonic()
        if attempt.absent_since is None:
            attempt.absent_since, attempt.next_poll = now, now + self._limits.absent
            self._listener.ask_for_sign_of_life()
            return
        same_server = attempt.confirmed and attempt.client_id is not None
        same_server = same_server and attempt.client_id == self._listener.client_id
        if same_server and self._listener.last_heard <= attempt.absent_since:
            attempt.next_poll = now + self._limits.absent / 4  # an answer comes, or the connection is given up
            return
        del self._live[attempt.prompt_id]
        if same_server:
            why = "The job was taken out of the server's queue, not by this run."
            self._failed(attempt, InterruptedRunError(why))
        elif not attempt.may_go_again(LOST, self.most_again):
            why = f"The server lost the job {attempt.reasons.count(LOST) + 1} times; its log may say why."
            self._failed(attempt, ServerUnavailableError(why))
        else:
            self._notice(f"The server has lost the job {attempt.prompt_id}: submitting it again.")
            self._submit_again(attempt, LOST)

    def _saved(self, ended: SaveEnded) -> None:
        attempt = self._saving.pop(ended.attempt.prompt_id)
        missing = ", ".join(ended.missing.names) if ended.missing else ""
        if ended.saved is not None:
            self._end(attempt, saved=ended.saved)
        elif ended.missing is not None and attempt.may_go_again(FILES, self.most_again):
            self._notice(f"The server lists {missing} of an earlier run but does not have it: running that part again.")
            self._submit_again(attempt, FILES, ended.missing.nodes)
        elif ended.missing is not None:
            self._failed(attempt, NodeFailedError(f"The server does not have the files it lists: {missing}."))
        elif isinstance(ended.error, NoAccessError):
            raise ended.error
        elif _may_pass(ended.error) and attempt.may_fetch_again(self._limits.patience):
            if attempt.is_news(str(ended.error)):
                minutes = f"{self._limits.patience / 60:g} min"
                self._notice(f"The result could not be fetched and is tried again for up to {minutes}: {ended.error}")
            self._unsaved.append(ended)
        elif ended.error is not None:
            self._failed(attempt, ended.error)

    def _fetch_again(self, now: float) -> None:
        for ended in [ended for ended in self._unsaved if ended.attempt.next_poll <= now]:
            self._unsaved.remove(ended)
            self._saving[ended.attempt.prompt_id] = ended.attempt
            self._saver.hand_over(ended.attempt, ended.record)

    def _failed(self, attempt: Attempt, error: RunnerError) -> None:
        self._end(attempt, error=error)

    def _end(self, attempt: Attempt, saved: SavedJob | None = None, error: RunnerError | None = None) -> None:
        seconds = round(time.monotonic() - attempt.submitted_at, 3)
        result = JobResult(attempt.spec, attempt.prompt_id, saved, error, seconds)
        self._results.append(result)
        if not self._ended(result):
            self._drop_rest()

    def _tell_ended(self, result: JobResult) -> bool:
        if result.error is not None:
            self._report(failed_event(result.error, result.spec.index, result.prompt_id))
        for event in translate.saved(result) if result.saved is not None else ():
            self._report(event)
        return True

    def _drop_rest(self) -> None:
        """Submit nothing more and cancel what is on the server; what is being saved is saved."""
        self._feeder.stop()
        dropped = [*self._live.values(), *self._waiting, *(ended.attempt for ended in self._unsaved)]
        cancel_attempts(self._client, self._live.values(), self._limits.cancel)
        self._live.clear()
        self._waiting.clear()
        self._unsaved.clear()
        for attempt in dropped:
            self._failed(attempt, NotNeededError("Not needed any more."))

    def _call_off(self, why: RunnerError) -> None:
        """Cancel what this run has on the server, stop the saver, leave nothing half-written; in `cancel` seconds."""
        self._feeder.stop()
        cancel_attempts(self._client, self._live.values(), self._limits.cancel)
        self._saver.abort()
        attempts = [*self._live.values(), *self._saving.values(), *(ended.attempt for ended in self._unsaved)]
        for number, attempt in enumerate(attempts):
            event = failed_event(why, attempt.spec.index, attempt.prompt_id)
            if number > 0 or not self.shows_failures:  # the whole reason once
                event = replace(event, message=why.message.splitlines()[0].rstrip(":"), advice=None)
            self._report(event)
        why.told = bool(attempts) and self.shows_failures


def _may_pass(error: RunnerError | None) -> bool:
    """Whether a download that failed may go well a moment later."""
    return isinstance(error, ServerUnavailableError) and not isinstance(error, TooLargeError)
