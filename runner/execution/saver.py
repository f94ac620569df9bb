"""The thread that downloads, checks and writes results while the next jobs run."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from runner.errors import RunnerError
from runner.execution.job import Attempt
from runner.execution.outputs import collect
from runner.execution.save import Abort, AbortedError, FilesMissingError, FileSource, SavedJob, save_job
from runner.execution.sidecar import describe_job
from runner.server.records import JobRecord
from runner.server.websocket import Inbox


@dataclass(frozen=True)
class SaveEnded:
    """Put into the inbox when a job's files are saved, or cannot be."""

    attempt: Attempt
    record: JobRecord
    waited_s: float
    """From the submission until the files were fetched."""
    saved: SavedJob | None = None
    missing: FilesMissingError | None = None
    error: RunnerError | None = None


@dataclass(frozen=True)
class SaverDied:
    """Put into the inbox when nothing will be saved any more, with the reason."""

    reason: str

    def error(self) -> RunnerError:
        return RunnerError(f"Results cannot be saved any more: {self.reason}.")


class Saver(threading.Thread):
    """Saves the jobs handed over, one after the other, and reports each to the inbox."""

    def __init__(self, source: FileSource, folder: Path, inbox: Inbox, server: Mapping[str, Any]) -> None:
        super().__init__(name="saver", daemon=True)
        self._source = source
        self._folder = folder
        self._inbox = inbox
        self._server = server
        self._work: queue.SimpleQueue[tuple[Attempt, JobRecord] | None] = queue.SimpleQueue()
        self._abort = Abort()

    def hand_over(self, attempt: Attempt, record: JobRecord) -> None:
        self._work.put((attempt, record))

    def stop(self) -> None:
        """Let the thread end when what it was given is saved."""
        self._work.put(None)

    def abort(self, patience: float = 0.5) -> None:
        """End now: what is being written is removed."""
        self._abort.set()
        self._work.put(None)
        self.join(patience)
        self._abort.remove_parts()

    def run(self) -> None:
        try:
            while (work := self._work.get()) is not None:
                self._inbox.put(self._save(*work))
        except AbortedError:
            return
        except BaseException as error:  # whoever waits for this thread must hear that it is no more
            self._inbox.put(SaverDied(f"{type(error).__name__}: {error}"))

    def _save(self, attempt: Attempt, record: JobRecord) -> SaveEnded:
        fetch_began = time.monotonic()
        ended = partial(SaveEnded, attempt, record, fetch_began - attempt.submitted_at)
        try:
            outputs = collect(record.outputs, attempt.graph, attempt.spec.outputs)
            description = describe_job(attempt, record, self._server, fetch_began)
            saved = save_job(
                self._source,
                outputs,
                self._folder / attempt.spec.stem,
                graph=attempt.graph,
                sidecar=description,
                abort=self._abort,
            )
        except FilesMissingError as missing:
            return ended(missing=missing)
        except RunnerError as error:
            return ended(error=error)
        except AbortedError:
            raise
        except Exception as error:
            return ended(error=RunnerError(f"Saving failed: {type(error).__name__}: {error}"))
        return ended(saved=saved)
