"""What happens to a job, one frozen record per event: the same for the terminal, for plain lines and for `--json`."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, ClassVar


@dataclass(frozen=True)
class Event:
    """`job` counts the jobs of a run from 1; `prompt_id` is the server's name for it (None: it never got there)."""

    kind: ClassVar[str] = ""
    job: int
    prompt_id: str | None

    def as_json(self) -> dict[str, Any]:
        """`{"event": kind, "prompt_id": …, …}` for one JSON line; fields that say nothing are left out."""
        record: dict[str, Any] = {"event": self.kind, "prompt_id": self.prompt_id}
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name != "prompt_id" and value is not None and not item.metadata.get("internal"):
                record[item.name] = list(value) if isinstance(value, tuple) else value
        return record


@dataclass(frozen=True)
class Queued(Event):
    """The server has the job. `position`: how many run before it. `retry_of`: the id it replaces."""

    kind: ClassVar[str] = "queued"
    workflow: str | None = None
    seed: int | None = None
    position: int | None = None
    retry_of: str | None = None


@dataclass(frozen=True)
class Started(Event):
    kind: ClassVar[str] = "started"


@dataclass(frozen=True)
class Cached(Event):
    """Nodes whose earlier results are used again."""

    kind: ClassVar[str] = "cached"
    nodes: tuple[str, ...] = ()


@dataclass(frozen=True)
class NodeStarted(Event):
    """`done` of `total` nodes are through."""

    kind: ClassVar[str] = "node"
    node: str = ""
    title: str = ""
    done: int = 0
    total: int = 0


@dataclass(frozen=True)
class Progress(Event):
    """Step `value` of `max` inside a node."""

    kind: ClassVar[str] = "progress"
    node: str = ""
    title: str = ""
    value: float = 0
    max: float = 0


@dataclass(frozen=True)
class Preview(Event):
    """The picture so far. `image`: its bytes, until they are in the file `path`; `stem` as in `JobSpec`."""

    kind: ClassVar[str] = "preview"
    node: str = ""
    title: str = ""
    path: str = ""
    stem: str = field(default="", metadata={"internal": True})
    image: bytes = field(default=b"", repr=False, metadata={"internal": True})


@dataclass(frozen=True)
class Output(Event):
    """A file of the result is saved."""

    kind: ClassVar[str] = "output"
    path: str = ""
    output: str = ""


@dataclass(frozen=True)
class Done(Event):
    """Every file of the job is saved. `seconds`: from submission to the last file. `warnings`: checks not passed."""

    kind: ClassVar[str] = "done"
    files: tuple[str, ...] = ()
    sidecar: str | None = None
    seconds: float = 0
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Candidate(Event):
    """How candidate `candidate` of `of` was judged: `passed`, `failed` (a gate), `refused` (by a node that will not
    work on it), `broken` (black or unreadable), `error` or `cancelled`. `score`: 100 is perfect, below 0 a limit is
    missed."""

    kind: ClassVar[str] = "candidate"
    candidate: int = 0
    of: int = 0
    seed: int | None = None
    verdict: str = ""
    score: float | None = None
    reasons: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failed(Event):
    """The job (or, without a prompt_id, the run) ended without a result. `exit_code` as in `runner.errors`."""

    kind: ClassVar[str] = "failed"
    message: str = ""
    exit_code: int = 1
    advice: str | None = None
    node: str | None = None
    trace: str | None = None
    """Where in the server's code it was raised, for whoever looks into that; people are told without it."""
