"""One job: what is asked for, how far it is, and how it ended."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.errors import RunnerError
from runner.execution.save import SavedJob
from runner.server.records import JobRecord
from runner.server.refusal import node_label
from runner.workflow.graph import node_title

if TYPE_CHECKING:
    from runner.execution.attachments import Attachment

RERUN_KEY = "prodgen_rerun"
"""An input no node has: ComfyUI does not pass it on, but it is part of what the cache compares."""


PUSHING_NODE = "SaveImageWebsocket"
"""ComfyUI's node that only sends its pictures to whoever listens."""


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
"""ComfyUI saves under such a name, a line break of a prompt say, and then cannot send the file."""


class Retry(Enum):
    """Why a job is submitted again."""

    LOST = "lost"
    """The server knows nothing of it any more: it was started anew."""
    MEMORY = "memory"
    """The server had too little memory, and has freed what it could."""
    FILES = "files"
    """The server lists results of an earlier run that it does not have any more."""
    REPORTS = "reports"
    """The server does not have any more what nodes said of which it took the results from its cache."""
    PHOTOS = "photos"
    """The server does not have the photos any more that it was given."""
    CANCELLED = "cancelled"
    """The runner that had submitted it cancelled it on its way out."""


@dataclass(frozen=True)
class Submission:
    """What a job is, or was, submitted as. `replaces`: what it was submitted as before that."""

    prompt_id: str
    replaces: tuple[str, ...] = ()
    resumed: bool = False
    """An earlier runner has made this submission, to the same server: it is looked for there before anything."""


@dataclass(frozen=True)
class Upload:
    """A file that was put on the server, and what it is called there."""

    source: Attachment
    name: str


@dataclass(frozen=True)
class JobSpec:
    """What one job is to do. `graph` is complete: inputs set, pictures uploaded, named as the server names them.

    `outputs`: node id → output name (empty: every file counts). `stem`: where the result goes, below the output folder,
    without extension. `record`: what the sidecar says about how it was asked for.
    """

    index: int
    workflow: str
    graph: Mapping[str, Any]
    outputs: Mapping[str, str]
    stem: Path
    seed: int | None = None
    record: Mapping[str, Any] = field(default_factory=dict)
    uploads: tuple[Upload, ...] = ()
    """The files the graph names: a server whose input folder was emptied gets them again."""
    canvas: Mapping[str, Any] | None = field(default=None, repr=False)
    """What the canvas opens when it is given the result: the graph as it is drawn there."""
    submission: Submission | None = None
    """Its first one, where somebody else decides on that; None: a new id."""


@dataclass
class Attempt:
    """One submission of a job, and why there were others before it (`reasons`, the latest last)."""

    spec: JobSpec
    replaces: tuple[str, ...] = ()
    rerun_nodes: tuple[str, ...] = ()
    reasons: tuple[Retry, ...] = ()
    prompt_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    client_id: str | None = None
    resumed: bool = False
    submitted_at: float = 0.0
    submitted_clock: float = 0.0
    confirmed: bool = False
    refused: bool = False
    started: bool = False
    position: int | None = None
    node: str | None = None
    nodes_done: set[str] = field(default_factory=set)
    next_poll: float = 0.0
    polled_at: float = 0.0
    polls_after_end: int = 0
    absent_since: float | None = None
    unsaved_since: float | None = None
    unsaved_whys: set[str] = field(default_factory=set)
    graph: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.graph = prepared_graph(self.spec.graph, self.prompt_id, self.rerun_nodes)

    @classmethod
    def first(cls, spec: JobSpec) -> Attempt:
        """The first submission of a job by this run."""
        given = spec.submission
        if given is None:
            return cls(spec)
        # Why is not written down: mostly the runner was stopped, and had cancelled it. No server is blamed for that.
        reasons = (Retry.CANCELLED,) * len(given.replaces)
        return cls(spec, given.replaces, reasons=reasons, prompt_id=given.prompt_id, resumed=given.resumed)

    def sent(self, client_id: str | None) -> None:
        self.client_id = client_id
        self.submitted_at = self.polled_at = time.monotonic()
        self.submitted_clock = time.time()

    def after(self, reason: Retry, rerun_nodes: tuple[str, ...] = ()) -> Attempt:
        """The next submission of the same job."""
        return Attempt(self.spec, (*self.replaces, self.prompt_id), rerun_nodes, (*self.reasons, reason))

    def may_go_again(self, reason: Retry, most: Mapping[Retry, int]) -> bool:
        """Whether it has been submitted again for this reason less often than that."""
        return self.reasons.count(reason) < most[reason]

    def may_fetch_again(self, patience: float) -> bool:
        """After a download failed: whether to try once more, in a second."""
        now = time.monotonic()
        self.unsaved_since = self.unsaved_since or now
        self.next_poll = now + 1.0
        return now - self.unsaved_since < patience

    def is_news(self, why: str) -> bool:
        """Whether this reason for not fetching the result is the first of its kind."""
        new = why not in self.unsaved_whys
        self.unsaved_whys.add(why)
        return new

    def title(self, node_id: str) -> str:
        return node_title(self.graph.get(node_id) or {}) or node_id

    def label(self, node_id: str) -> str:
        return node_label(self.graph, node_id)


@dataclass(frozen=True)
class JobResult:
    """How a job ended: with `saved` files, or with `error`."""

    spec: JobSpec
    prompt_id: str | None
    saved: SavedJob | None = None
    error: RunnerError | None = None
    seconds: float = 0.0
    """From its (last) submission to its end."""
    attempt: Attempt | None = None
    """The submission that ended so."""
    record: JobRecord | None = None
    """What the server said of it, where it was saved."""
    waited_s: float = 0.0
    """From that submission until its files were fetched, where it was saved."""


def prepared_graph(graph: Mapping[str, Any], prompt_id: str, rerun_nodes: tuple[str, ...] = ()) -> dict[str, Any]:
    """A copy in which every save node writes under a prefix of this job alone.

    A result that nobody saw finish can then be found on the server by the job's id, and a save node never answers from
    the cache with a file that was deleted since. What a node would push over the socket, where it is lost as soon as
    nobody listens, is saved like any other picture. `rerun_nodes` are made to run although nothing about them changed.
    """
    prepared: dict[str, Any] = {}
    for node_id, node in graph.items():
        inputs = node.get("inputs") if isinstance(node, dict) else None
        if isinstance(inputs, dict):
            inputs = dict(inputs)  # what is in it is only read
            kind = node.get("class_type")
            if kind == PUSHING_NODE:
                kind, inputs["filename_prefix"] = "SaveImage", "pushed"
            prefix = inputs.get("filename_prefix")
            if isinstance(prefix, str):
                inputs["filename_prefix"] = f"{_CONTROL.sub('_', prefix)}_{prompt_id[:8]}"
            if node_id in rerun_nodes:
                inputs[RERUN_KEY] = prompt_id
            prepared[node_id] = {**node, "class_type": kind, "inputs": inputs}
        else:
            prepared[node_id] = node
    return prepared
