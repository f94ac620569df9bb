"""What the runner and an actor say to each other. Everything in here can be pickled and holds no credential."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runner.batch.entries import Entry, JobState
from runner.errors import RunnerError
from runner.events import Event
from runner.execution.job import Attempt
from runner.server.records import JobRecord, ServerFile
from runner.server.view import ServerView
from runner.workflow.graph import Workflow

# from the runner


@dataclass(frozen=True)
class Order:
    """Begin a run. `run` names it; `folder`: what the worker's folder on its node is called."""

    run: str
    folder: str
    workflow: Workflow


@dataclass(frozen=True)
class Job:
    """One job with its photos' bytes. `prompt_id` is in the ledger already; `earlier`: it was sent there before."""

    entry: Entry
    photos: Mapping[str, bytes]
    prompt_id: str
    earlier: bool


# from the actor


@dataclass(frozen=True)
class Ready:
    """Its ComfyUI answers. `server`: what every sidecar says about it."""

    node: str
    version: str
    view: ServerView
    server: Mapping[str, Any]


@dataclass(frozen=True)
class Notice:
    text: str


@dataclass(frozen=True)
class Heard:
    """What a job is doing."""

    event: Event


@dataclass(frozen=True)
class Submitting:
    """A job is about to be sent to ComfyUI once more; the actor waits until the ledger knows."""

    job: int
    prompt_id: str
    replaces: tuple[str, ...]


@dataclass(frozen=True)
class Moved:
    """The job's new state for the ledger."""

    job: int
    state: JobState
    note: str


@dataclass(frozen=True)
class Delivery:
    """What a job made: the server's own record, and the bytes of every file of the result.

    `waited_s`: from the submission until its files were fetched. `load`: the machine meanwhile (see `Sampler.between`).
    """

    attempt: Attempt
    record: JobRecord
    contents: Mapping[ServerFile, bytes]
    waited_s: float
    load: Mapping[str, float]


@dataclass(frozen=True)
class PackedError:
    """An error as it travels: its type, message and attributes. Its cause stays behind."""

    kind: type[RunnerError]
    message: str
    attributes: Mapping[str, Any]

    @classmethod
    def of(cls, error: RunnerError) -> PackedError:
        return cls(type(error), error.message, dict(vars(error)))

    def unpacked(self) -> RunnerError:
        error = self.kind.__new__(self.kind, self.message)  # whatever its constructor takes
        vars(error).update(self.attributes)
        return error


@dataclass(frozen=True)
class Ended:
    """How a job ended; `prompt_id` None: it could not be made ready."""

    job: int
    prompt_id: str | None
    seconds: float
    delivery: Delivery | None = None
    error: PackedError | None = None


@dataclass(frozen=True)
class Over:
    """The run has ended at the actor; with `error` where it could not go on."""

    error: PackedError | None = None


Message = Ready | Notice | Heard | Submitting | Moved | Ended | Over


class UnknownRunError(Exception):
    """The actor knows nothing of this run: it was started anew meanwhile."""
