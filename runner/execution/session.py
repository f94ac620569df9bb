"""A run's connection to one server: client, socket, saver and dispatcher, put together and taken down."""

from __future__ import annotations

import getpass
import hashlib
import platform
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from runner import console, log
from runner.data import to_json
from runner.events import Event
from runner.events.reporter import Reporter
from runner.execution.connection import Connection
from runner.execution.dispatcher import Dispatcher
from runner.execution.hooks import Hooks, Policy
from runner.execution.job import JobResult, JobSpec
from runner.execution.prefetch import JobReady
from runner.execution.saver import Saver
from runner.execution.sidecar import describe_server
from runner.models.licences import licence_lines
from runner.server.availability import Absence, Deadline, Limits
from runner.server.client import ComfyClient
from runner.server.preview_message import METHOD, PreviewFiles
from runner.server.websocket import Inbox, Listener

OWNER_KEY = "prodgen"
"""Where a job's `extra_data` says that this runner queued it; `cancel` without an id goes by it."""


class Session:
    """Everything that lives as long as one run on one server. The socket opens while the photos are uploaded."""

    def __init__(
        self,
        url: str,
        folder: Path,
        reporter: Reporter,
        *,
        workflow: str,
        deadline: float | None = None,
        limits: Limits | None = None,
        previews: bool = False,
    ) -> None:
        """`previews`: keep the picture so far beside the result while a job samples."""
        limits = limits or Limits()
        self.client = ComfyClient(url)
        self.client.patience, self.client.deadline = limits.patience, Deadline(deadline)
        self.client.notice = reporter.notice
        inbox = Inbox()
        self._listener = Listener(self.client, inbox, previews=previews)
        self._listener.start()
        self._reporter = reporter
        try:
            self.stats = self.client.system_stats()
        except BaseException:
            self._listener.stop()
            raise
        self._connection = Connection(
            client=self.client,
            listener=self._listener,
            saver=Saver(self.client, folder, inbox, describe_server(self.client.url, self.stats)),
            inbox=inbox,
            report=PreviewFiles(folder, self._report, reporter.notice) if previews else self._report,
            notice=reporter.notice,
            extra_data={OWNER_KEY: {"owner": owner(), "workflow": workflow}, **(METHOD if previews else {})},
            deadline=Deadline(deadline),
            limits=limits,
            absence=Absence(limits.patience, reporter.notice),
        )

    def notice(self, text: str) -> None:
        self._reporter.notice(text)

    def _report(self, event: Event) -> None:
        log.record(console.clean_line(f"event {to_json(event.as_json())}"))
        self._reporter.event(event)

    def run(
        self, specs: Iterable[JobSpec], hooks: Hooks | None = None, policy: Policy | None = None
    ) -> list[JobResult]:
        """Submit, watch and save every job; see `Dispatcher.run`."""
        saver = self._connection.saver
        if not saver.is_alive():
            saver.start()
        self._listener.wait_for_first_attempt(2.0)
        return Dispatcher(self._connection, self._with_licences(specs), hooks, policy).run()

    def ask_to_stop(self) -> None:
        """End the run from another thread as Ctrl-C would."""
        self._connection.stop_asked.set()
        self._connection.inbox.put(JobReady())

    def _with_licences(self, specs: Iterable[JobSpec]) -> Iterator[JobSpec]:
        """The jobs; before the first that uses a model whose pictures must not be sold, that is said."""
        for spec in specs:
            for line in licence_lines(spec.graph):
                self._reporter.once(line)
            yield spec

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.stop()
        self._connection.saver.stop()


def owner() -> str:
    """What tells this user's jobs from those of others on a shared server, without naming anybody."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):
        user = ""
    return hashlib.sha256(f"{user}@{platform.node()}".encode(errors="replace")).hexdigest()[:16]


def is_ours(extra_data: dict[str, Any]) -> bool:
    mark = extra_data.get(OWNER_KEY)
    return isinstance(mark, dict) and mark.get("owner") == owner()
