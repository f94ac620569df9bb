"""What happens to a job, one frozen record per event: the same for the terminal, for plain lines and for `--json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from runner.untrusted import cut

_LONGEST_TEXT = 10_000
"""Characters of a result that is text and is shown beside its file: a caption, not a novel."""


@dataclass(frozen=True)
class Event:
    """`job` counts the jobs of a run from 1; `prompt_id` is the server's name for it (None: it never got there)."""

    kind: ClassVar[str] = ""
    """What JSON lines call it."""
    is_progress: ClassVar[bool] = False
    """It says how far a job is: a display shows it in place, and what only tells of ends leaves it out."""
    ends_job: ClassVar[bool] = False
    """Nothing more comes of its job."""
    is_renewed: ClassVar[bool] = False
    """It comes again and again in the same words: they are read once."""
    job: int
    prompt_id: str | None

    def describe(self) -> str:
        """What people read of it in every display that has nothing better; "" where there is nothing to say."""
        return ""

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
    is_progress: ClassVar[bool] = True
    workflow: str | None = None
    seed: int | None = None
    position: int | None = None
    retry_of: str | None = None

    def describe(self) -> str:
        if self.position is None:
            again = ", again" if self.retry_of else ""
            return f"queued {self.workflow or ''}{seed_text(self.seed)}{again}"
        return f"waiting, {self.position} before it in the queue" if self.position else ""


@dataclass(frozen=True)
class Started(Event):
    kind: ClassVar[str] = "started"
    is_progress: ClassVar[bool] = True


@dataclass(frozen=True)
class Cached(Event):
    """Nodes whose earlier results are used again."""

    kind: ClassVar[str] = "cached"
    is_progress: ClassVar[bool] = True
    nodes: tuple[str, ...] = ()


@dataclass(frozen=True)
class NodeStarted(Event):
    """`done` of `total` nodes are through. `doing`: what this one is at, in people's words."""

    kind: ClassVar[str] = "node"
    is_progress: ClassVar[bool] = True
    node: str = ""
    title: str = ""
    doing: str = ""
    done: int = 0
    total: int = 0

    def describe(self) -> str:
        return f"[{self.done + 1}/{self.total}] {self.doing or self.title}"


@dataclass(frozen=True)
class Progress(Event):
    """Step `value` of `max` inside a node."""

    kind: ClassVar[str] = "progress"
    is_progress: ClassVar[bool] = True
    node: str = ""
    title: str = ""
    doing: str = ""
    value: float = 0
    max: float = 0

    def describe(self) -> str:
        return f"{self.doing or self.title} {self.value:g}/{self.max:g}" if self.max > 1 else ""


@dataclass(frozen=True)
class Preview(Event):
    """The picture so far. `image`: its bytes, until they are in the file `path`; `stem` as in `JobSpec`."""

    kind: ClassVar[str] = "preview"
    is_renewed: ClassVar[bool] = True
    node: str = ""
    title: str = ""
    path: str = ""
    stem: str = field(default="", metadata={"internal": True})
    image: bytes = field(default=b"", repr=False, metadata={"internal": True})

    def describe(self) -> str:
        return f"preview, renewed as it goes: {self.path}"


@dataclass(frozen=True)
class Output(Event):
    """A file of the result is saved. Every display shows the path itself, as a result, and its `text` before it."""

    kind: ClassVar[str] = "output"
    path: str = ""
    output: str = ""
    text: str | None = None
    """What is in it, where that is a text that a node wrote."""

    def describe(self) -> str:
        """A text under the name of its output: by itself its first line could be taken for one of ours."""
        text = cut(self.text or "", _LONGEST_TEXT)
        return f"{self.output}: {text}" if text and self.output else text


@dataclass(frozen=True)
class Done(Event):
    """Every file of the job is saved. `seconds`: of work, not of waiting. `warnings`: checks not passed.
    `doubts`: what a person should look at although it passed."""

    kind: ClassVar[str] = "done"
    ends_job: ClassVar[bool] = True
    files: tuple[str, ...] = ()
    sidecar: str | None = None
    seconds: float = 0
    warnings: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    def describe(self) -> str:
        told = [f"  not passed: {line}" for line in self.warnings] + [f"  warning: {line}" for line in self.doubts]
        return "\n".join([f"done in {self.seconds:.1f} s", *told])


@dataclass(frozen=True)
class Candidate(Event):
    """How candidate `candidate` of `of` was judged: `verdict` is a `runner.best_of.candidate.Verdict`. `score`: 100 is
    perfect, below 0 a limit is missed."""

    kind: ClassVar[str] = "candidate"
    ends_job: ClassVar[bool] = True
    candidate: int = 0
    of: int = 0
    seed: int | None = None
    verdict: str = ""
    score: float | None = None
    reasons: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    def describe(self) -> str:
        score = "" if self.score is None else f", score {self.score:g}"
        why = f": {self.reasons[0]}" if self.reasons else ""
        more = f" (and {len(self.reasons) - 1} more)" if len(self.reasons) > 1 else ""
        return f"seed {self.seed}: {self.verdict}{score}{why}{more}"


@dataclass(frozen=True)
class Checked(Event):
    """Whether `picture` shows the seller's product: the `verdict` in words, and why not. `heat`: the map of it;
    `whole`: whether the cut-out it was compared with is known to hold all of the product."""

    kind: ClassVar[str] = "checked"
    picture: str = ""
    verdict: str = ""
    passed: bool = False
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    heat: str | None = None
    whole: bool | None = None

    def describe(self) -> str:
        """A sentence with the first reason, and the notes: the others are told where the job ends."""
        words = _VERDICTS.get(self.verdict, self.verdict)
        if self.passed:
            words = _WHOLE if self.whole else _AS_CUT_OUT
        head = f"{'PASSED' if self.passed else 'NOT PASSED'}: {self.picture}: {words}"
        if self.reasons:
            more = f" (and {len(self.reasons) - 1} more)" if len(self.reasons) > 1 else ""
            head += f": {self.reasons[0]}{more}"
        return "\n".join([head, *(f"  note: {note}" for note in self.notes)])


_WHOLE = "it shows the seller's product, unchanged"
_AS_CUT_OUT = (
    "it shows the product as it was cut out of its photo; that the cut-out holds all of it is NOT known: look yourself"
)
_VERDICTS = {
    "the seller's product": "it shows the seller's product",
    "changed": "it does not show the seller's product as it is",
    "not found": "the product could not be checked in it",
}


@dataclass(frozen=True)
class Recolored(Event):
    """What became of `photo` in the colour `color`: which part has it and what was left alone (`said`), and where it
    cannot be believed (`doubts`). `file`: the picture."""

    kind: ClassVar[str] = "recolored"
    photo: str = ""
    color: str = ""
    said: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    file: str | None = None

    def describe(self) -> str:
        head = f"{self.photo} in {self.color}: {' '.join(self.said)}".rstrip()
        return "\n".join([head, *(f"  warning: {doubt}" for doubt in self.doubts)])


@dataclass(frozen=True)
class Failed(Event):
    """The job (or, without a prompt_id, the run) ended without a result. `exit_code` as in `runner.errors`."""

    kind: ClassVar[str] = "failed"
    ends_job: ClassVar[bool] = True
    message: str = ""
    exit_code: int = 1
    code: str | None = None
    """What kind it is (`RunnerError.code`): finer than the exit code, and as stable."""
    advice: str | None = None
    photos: tuple[str, ...] | None = None
    """Which of the user's photos it is about, as they are called there."""
    node: str | None = None
    trace: str | None = None
    """Where in the server's code it was raised, for whoever looks into that; people are told without it."""

    def describe(self) -> str:
        return f"failed: {in_lines(self.message, self.advice or '', self.photos or ())}"


def in_lines(message: str, advice: str, photos: Sequence[str] = ()) -> str:
    """A failure as people read it: which photo, where it is one's; what is wrong; what to try. A line each."""
    lines = [*([", ".join(photos)] if photos else []), message, *([advice] if advice else [])]
    return "\n  ".join(lines)


def seed_text(seed: int | None) -> str:
    return "" if seed is None else f", seed {seed}"
