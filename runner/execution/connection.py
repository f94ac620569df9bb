"""What a run works with: the way to its server and back, and where each of its jobs is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from runner import events
from runner.execution.job import Attempt
from runner.execution.saver import SaveEnded, Saver
from runner.server.availability import Absence, Deadline, Limits
from runner.server.client import ComfyClient
from runner.server.websocket import Inbox, Listener

Report = Callable[[events.Event], None]
Notice = Callable[[str], None]


@dataclass(frozen=True)
class Connection:
    """One server as the runs of a session reach it. `absence` and `stop_asked` outlive each of them."""

    client: ComfyClient
    listener: Listener
    saver: Saver
    inbox: Inbox
    report: Report
    notice: Notice
    extra_data: dict[str, Any]
    deadline: Deadline
    limits: Limits
    absence: Absence
    stop_asked: threading.Event = field(default_factory=threading.Event)
    """Set (and the inbox woken) from another thread: the run ends as with Ctrl-C."""


@dataclass
class Board:
    """Where the jobs of one run are. An attempt is in at most one of these; when it is in none, its job has ended."""

    waiting: list[Attempt] = field(default_factory=list)
    """To be submitted before anything new."""
    live: dict[str, Attempt] = field(default_factory=dict)
    """On the server, or about to be, by prompt id."""
    saving: dict[str, Attempt] = field(default_factory=dict)
    """Handed to the saver, by prompt id."""
    unsaved: list[SaveEnded] = field(default_factory=list)
    """To be fetched again: the server went away in between, or there was no room."""

    @property
    def is_empty(self) -> bool:
        return not (self.waiting or self.live or self.saving or self.unsaved)

    def has(self, prompt_id: str) -> bool:
        """Whether a job that has not ended goes by this id."""
        return any(attempt.prompt_id == prompt_id for attempt in [*self.waiting, *self.attempts()])

    def attempts(self) -> list[Attempt]:
        """What is not at its end, apart from what waits."""
        return [*self.live.values(), *self.saving.values(), *(ended.attempt for ended in self.unsaved)]
