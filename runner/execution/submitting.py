"""What of a run is on its way to the server: two jobs in its queue at a time, each submitted until it is there."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from runner import events
from runner.errors import PhotoError, RunnerError, ServerUnavailableError, WorkflowRejectedError
from runner.execution.job import FILES, LOST, MEMORY, PHOTOS, Attempt, JobResult
from runner.execution.prefetch import Feeder
from runner.execution.saver import SaveEnded, Saver
from runner.execution.upload import lacks_photos, upload_again
from runner.http.transport import BusyError, NoAccessError, NoAnswerError, NotReachedError
from runner.server.availability import Absence, Deadline, Limits
from runner.server.client import ComfyClient
from runner.server.refusal import half_accepted
from runner.server.websocket import Inbox, Listener

Report = Callable[[events.Event], None]
Notice = Callable[[str], None]


class Submitter:
    """The half of a `Dispatcher` that hands jobs to the server, and the state both halves share."""

    most_again: ClassVar[Mapping[str, int]] = {LOST: 1, MEMORY: 1, FILES: 3, PHOTOS: 8}
    """How often a job is submitted again for each reason; what goes on for longer will not end by itself."""

    def __init__(
        self,
        client: ComfyClient,
        listener: Listener,
        saver: Saver,
        inbox: Inbox,
        *,
        report: Report,
        notice: Notice,
        extra_data: dict[str, Any] | None = None,
        deadline: float | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._client, self._listener, self._saver, self._inbox = client, listener, saver, inbox
        self._report, self._notice = report, notice
        self._extra_data = extra_data or {}
        self._deadline = Deadline(deadline)
        self._limits = limits or Limits()
        self._absence = Absence(self._limits.patience, notice)
        self._live: dict[str, Attempt] = {}  # on the server, or about to be
        self._saving: dict[str, Attempt] = {}
        self._waiting: list[Attempt] = []  # to be submitted before anything new
        self._unsaved: list[SaveEnded] = []  # to be fetched again: the server went away in between
        self._results: list[JobResult] = []
        self._feeder = Feeder((), inbox)

    def _failed(self, attempt: Attempt, error: RunnerError) -> None:
        raise NotImplementedError

    def _fill(self) -> None:
        """Keep the server's queue filled with `window` jobs of ours, as far as they are ready."""
        while len(self._live) < self._limits.window and time.monotonic() >= self._absence.retry_at:
            if self._waiting:
                self._submit(self._waiting.pop(0))
            elif (spec := self._feeder.take()) is not None:
                self._submit(Attempt(spec))
            else:
                return

    def _submit(self, attempt: Attempt) -> None:
        if attempt.refused and self._has_arrived(attempt):
            return
        attempt.sent(self._listener.client_id)
        self._live[attempt.prompt_id] = attempt  # before it is sent: whatever happens now, it is looked for
        attempt.next_poll = attempt.submitted_at + self._limits.deaf
        client_id = attempt.client_id or attempt.prompt_id
        try:
            receipt = self._client.post_prompt(
                attempt.graph, attempt.prompt_id, client_id, self._extra_data, timeout=self._deadline.at_most(30.0)
            )
        except NotReachedError as error:
            del self._live[attempt.prompt_id]
            self._waiting.insert(0, attempt)
            attempt.refused = isinstance(error, BusyError)
            self._absence.went_away(str(error), error.wait if isinstance(error, BusyError) else 0.0)
            return
        except NoAnswerError as error:
            self._absence.went_away(str(error))
            return
        except WorkflowRejectedError as error:
            if not self._wants_photos(attempt, error):
                raise
            del self._live[attempt.prompt_id]
            self._give_photos_again(attempt)
            return
        self._absence.came_back()
        attempt.confirmed = True
        if receipt.node_errors:
            raise half_accepted(receipt.node_errors, attempt.graph)
        self._tell_queued(attempt)

    def _has_arrived(self, attempt: Attempt) -> bool:
        """Whether a job that was answered with “busy” is on the server all the same, or nobody knows (it waits on)."""
        try:
            record = self._client.job(attempt.prompt_id, timeout=self._deadline.at_most(15.0))
        except NoAccessError:
            raise
        except ServerUnavailableError as error:
            self._waiting.insert(0, attempt)
            self._absence.went_away(str(error), error.wait if isinstance(error, BusyError) else 0.0)
            return True
        if record is not None:
            attempt.confirmed, attempt.next_poll = True, 0.0
            self._live[attempt.prompt_id] = attempt
            self._tell_queued(attempt)
        return record is not None

    def _submit_again(self, old: Attempt, reason: str, rerun_nodes: tuple[str, ...] = ()) -> None:
        self._waiting.append(old.after(reason, rerun_nodes))

    def _wants_photos(self, attempt: Attempt, error: RunnerError) -> bool:
        return lacks_photos(attempt, error) and attempt.may_go_again(PHOTOS, self.most_again)

    def _give_photos_again(self, attempt: Attempt) -> None:
        self._notice("The server does not have the photo any more: it gets it again.")
        try:
            upload_again(self._client, attempt)
        except PhotoError as error:
            self._failed(attempt, error)
        except ServerUnavailableError as error:
            self._absence.went_away(str(error))
            self._waiting.insert(0, attempt)
        else:
            self._submit_again(attempt, PHOTOS)

    def _tell_queued(self, attempt: Attempt) -> None:
        spec = attempt.spec
        retry_of = attempt.replaces[-1] if attempt.replaces else None
        self._report(events.Queued(spec.index, attempt.prompt_id, spec.workflow, spec.seed, attempt.position, retry_of))
