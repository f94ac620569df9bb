"""What the server says about jobs and files, read into plain records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode


@dataclass(frozen=True)
class Receipt:
    """The server's answer to a submitted graph. `node_errors` non-empty: it runs only a part of it."""

    prompt_id: str
    node_errors: dict[str, Any]


@dataclass(frozen=True)
class JobRecord:
    """What the server knows of a job: `pending`, `in_progress`, `completed`, `failed` or `cancelled`."""

    prompt_id: str
    status: str
    outputs: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    started_ms: int | None = None
    ended_ms: int | None = None
    cached: tuple[str, ...] = ()

    @property
    def finished(self) -> bool:
        return self.status in ("completed", "failed", "cancelled")


@dataclass(frozen=True)
class QueuedJob:
    prompt_id: str
    running: bool
    extra_data: dict[str, Any]


@dataclass(frozen=True)
class ServerFile:
    """A file as an output lists it."""

    filename: str
    subfolder: str = ""
    type: str = "output"

    @property
    def query(self) -> str:
        named = {"filename": self.filename, "subfolder": self.subfolder, "type": self.type}
        return urlencode(named, errors="surrogatepass")


def record_of_job(job: Mapping[str, Any]) -> JobRecord:
    """An answer of `/api/jobs/{id}`."""
    status = job.get("execution_status") or {}
    return JobRecord(
        prompt_id=str(job.get("id")),
        status=str(job.get("status")),
        outputs=dict(job.get("outputs") or {}),
        error=job.get("execution_error"),
        started_ms=job.get("execution_start_time"),
        ended_ms=job.get("execution_end_time"),
        cached=_messages(status).get("execution_cached", {}).get("nodes", ()),
    )


def record_of_history(prompt_id: str, entry: Mapping[str, Any]) -> JobRecord:
    """An entry of `/history/{id}`, for servers older than `/api/jobs`."""
    status = entry.get("status") or {}
    said = _messages(status)
    end = said.get("execution_success") or said.get("execution_error") or said.get("execution_interrupted") or {}
    if "execution_interrupted" in said:
        kind = "cancelled"
    else:
        kind = "failed" if status.get("status_str") == "error" else "completed"
    return JobRecord(
        prompt_id=prompt_id,
        status=kind,
        outputs=dict(entry.get("outputs") or {}),
        error=said.get("execution_error"),
        started_ms=said.get("execution_start", {}).get("timestamp"),
        ended_ms=end.get("timestamp"),
        cached=tuple(said.get("execution_cached", {}).get("nodes", ())),
    )


def _messages(status: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        entry[0]: entry[1] for entry in status.get("messages") or [] if len(entry) > 1 and isinstance(entry[1], dict)
    }
