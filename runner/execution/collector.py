"""Has what jobs made fetched and saved, and decides what becomes of a save that went wrong."""

from __future__ import annotations

import time
from collections.abc import Callable

from runner.errors import NodeFailedError, RunnerError, ServerUnavailableError
from runner.execution.connection import Board, Connection
from runner.execution.hooks import Hooks, Policy
from runner.execution.job import Attempt, Retry
from runner.execution.save import in_a_row
from runner.execution.saver import SaveEnded
from runner.execution.submitter import Fail, Submitter
from runner.execution.unreported import unreported
from runner.http.transport import NoAccessError, TooLargeError
from runner.server.records import JobRecord


class Collector:
    """Moves attempts of one run through `saving`, to their end or back.

    `is_paused`: nothing new is to be submitted until a save goes otherwise (see `Hooks.save_ended`).
    """

    def __init__(
        self,
        connection: Connection,
        board: Board,
        hooks: Hooks,
        policy: Policy,
        submitter: Submitter,
        fail: Fail,
        succeed: Callable[[Attempt, SaveEnded], None],
    ) -> None:
        self._connection, self._board, self._hooks, self._policy = connection, board, hooks, policy
        self._submitter, self._fail, self._succeed = submitter, fail, succeed
        self.is_paused = False

    def completed(self, attempt: Attempt, record: JobRecord) -> None:
        """The server says that the job is made: save it, unless somebody objects or a report is missing."""
        refusal = self._hooks.before_save(attempt)
        silent = unreported(attempt.graph, record.outputs, record.cached, attempt.spec.outputs)
        if refusal is not None:
            self._fail(attempt, refusal)
        elif silent and attempt.may_go_again(Retry.REPORTS, self._policy.retries):
            titles = ", ".join(map(attempt.title, silent))
            self._connection.notice(f"The server lacks what is to be said of this by {titles}: that runs again.")
            self._submitter.again(attempt, Retry.REPORTS, silent)
        else:
            self.save(attempt, record)

    def save(self, attempt: Attempt, record: JobRecord) -> None:
        self._board.saving[attempt.prompt_id] = attempt
        self._connection.saver.hand_over(attempt, record)

    def save_again(self, now: float) -> None:
        """What could not be saved and is due."""
        for ended in [ended for ended in self._board.unsaved if ended.attempt.next_poll <= now]:
            self._board.unsaved.remove(ended)
            self.save(ended.attempt, ended.record)

    def saved(self, ended: SaveEnded) -> None:
        """A save ended. Raises what ends the run."""
        attempt, retries = self._board.saving.pop(ended.attempt.prompt_id), self._policy.retries
        notice, patience = self._connection.notice, self._connection.limits.patience
        pause = self._hooks.save_ended(ended.error)
        self.is_paused = pause is not None
        missing = in_a_row(ended.missing.names) if ended.missing else ""
        if pause is not None:
            attempt.next_poll = time.monotonic() + pause
            self._board.unsaved.append(ended)
        elif ended.saved is not None:
            self._succeed(attempt, ended)
        elif ended.missing is not None and attempt.may_go_again(Retry.FILES, retries):
            notice(f"The server lists {missing} of an earlier run but does not have it: running that part again.")
            self._submitter.again(attempt, Retry.FILES, ended.missing.nodes)
        elif ended.missing is not None:
            self._fail(attempt, NodeFailedError(f"The server does not have the files it lists: {missing}."))
        elif isinstance(ended.error, NoAccessError):
            raise ended.error
        elif _may_pass(ended.error) and attempt.may_fetch_again(patience):
            if attempt.is_news(str(ended.error)):
                minutes = f"{patience / 60:g} min"
                notice(f"The result could not be fetched and is tried again for up to {minutes}: {ended.error}")
            self._board.unsaved.append(ended)
        elif ended.error is not None:
            self._fail(attempt, ended.error)


def _may_pass(error: RunnerError | None) -> bool:
    """Whether a download that failed may go well a moment later."""
    return isinstance(error, ServerUnavailableError) and not isinstance(error, TooLargeError)
