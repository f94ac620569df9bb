"""What the server says about jobs and files, read into plain records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from urllib.parse import urlencode

from runner.http.transport import NonsenseError
from runner.untrusted import cut, items, mapping, number, text, texts

_LONGEST_STATE = 80
"""Characters that are repeated of what should be a word."""


class JobStatus(str, Enum):
    """Where a server says a job is, in the words of its `/api/jobs`."""

    PENDING = "pending"
    """It waits in the queue."""
    IN_PROGRESS = "in_progress"
    """The server works on it."""
    COMPLETED = "completed"
    """All its nodes ran; the record lists what they made."""
    FAILED = "failed"
    """A node broke; the record says which."""
    CANCELLED = "cancelled"
    """It was taken back, by this run or by somebody else."""

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Receipt:
    """The server's answer to a submitted graph. `node_errors` non-empty: it runs only a part of it."""

    prompt_id: str
    node_errors: dict[str, Any]


@dataclass(frozen=True)
class JobRecord:
    """What the server knows of a job."""

    prompt_id: str
    status: JobStatus
    outputs: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    started_ms: float | None = None
    ended_ms: float | None = None
    cached: tuple[str, ...] = ()

    @property
    def finished(self) -> bool:
        return self.status in (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED)


@dataclass(frozen=True)
class QueuedJob:
    """`order`: those with a smaller number run first."""

    prompt_id: str
    running: bool
    extra_data: dict[str, Any]
    order: float = 0


@dataclass(frozen=True)
class ServerFile:
    """A file as an output lists it."""

    filename: str
    subfolder: str = ""
    type: str = "output"

    @property
    def query(self) -> str:
        parts = {"filename": self.filename, "subfolder": self.subfolder, "type": self.type}
        try:
            return urlencode(parts, errors="surrogateescape")  # as the server reads a name that is not UTF-8
        except UnicodeEncodeError:
            return urlencode(parts, errors="replace")


def queued_jobs(entries: Any, *, running: bool) -> list[QueuedJob]:
    """A list of `/queue`: entries of [number, prompt id, graph, extra data, …]."""
    jobs = []
    for entry in items(entries):
        parts = [*items(entry)[:4], *[None] * 4][:4]
        if isinstance(parts[1], str):
            jobs.append(QueuedJob(parts[1], running, mapping(parts[3]), number(parts[0]) or 0))
    return jobs


def record_of_job(job: Mapping[str, Any]) -> JobRecord:
    """An answer of `/api/jobs/{id}`.

    Raises NonsenseError for a state no ComfyUI knows: such a job would never end.
    """
    try:
        status = JobStatus(job.get("status"))
    except (ValueError, TypeError):
        state = job.get("status", "nothing")
        raise NonsenseError(
            f"The server says of the job what no ComfyUI says: its state is {cut(str(state), _LONGEST_STATE)!r}.",
            advice="Check that the address is that of a ComfyUI server.",
        ) from None
    return JobRecord(
        prompt_id=text(job.get("id")),
        status=status,
        outputs=mapping(job.get("outputs")),
        error=mapping(job.get("execution_error")) or None,
        started_ms=number(job.get("execution_start_time")),
        ended_ms=number(job.get("execution_end_time")),
        cached=texts(_messages(job.get("execution_status")).get("execution_cached", {}).get("nodes")),
    )


def record_of_history(prompt_id: str, entry: Mapping[str, Any]) -> JobRecord:
    """An entry of `/history/{id}`, for servers older than `/api/jobs`."""
    status = mapping(entry.get("status"))
    messages = _messages(status)
    ends = ("execution_success", "execution_error", "execution_interrupted")
    end = next((messages[name] for name in ends if messages.get(name)), {})
    if "execution_interrupted" in messages:
        kind = JobStatus.CANCELLED
    else:
        kind = JobStatus.FAILED if status.get("status_str") == "error" else JobStatus.COMPLETED
    return JobRecord(
        prompt_id=prompt_id,
        status=kind,
        outputs=mapping(entry.get("outputs")),
        error=messages.get("execution_error"),
        started_ms=number(messages.get("execution_start", {}).get("timestamp")),
        ended_ms=number(end.get("timestamp")),
        cached=texts(messages.get("execution_cached", {}).get("nodes")),
    )


def _messages(status: Any) -> dict[str, dict[str, Any]]:
    pairs = [items(entry)[:2] for entry in items(mapping(status).get("messages"))]
    return {pair[0]: mapping(pair[1]) for pair in pairs if len(pair) == 2 and isinstance(pair[0], str)}
