"""A node's failure in words: which node, what it said, the end of its traceback."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from runner.errors import NodeFailedError, RunnerError
from runner.events import Failed, in_lines
from runner.server.advice import read_refusal
from runner.server.node_report import Declined, code_of, declined
from runner.untrusted import LONGEST_LINE, LONGEST_NAME, cut, mapping, texts
from runner.words import others_lines
from runner.workflow.graph import node_title, parse_title
from runner.workflow.steps import step_name


class NodeExecutionError(NodeFailedError):
    """A node raised. `node_id` is its id in the graph, `kind` the exception's full name, `reason` its message; `trace`
    where it was raised; `photos` what it is about, as the user calls them."""

    def __init__(
        self,
        message: str,
        node_id: str,
        kind: str = "",
        reason: str = "",
        *,
        advice: str = "",
        trace: str = "",
        photos: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, advice=advice)
        self.node_id = node_id
        self.kind = kind
        self.reason = reason
        self.trace = trace
        self.photos = photos
        self.code = code_of(kind) or self.code

    def saying(self, message: str, photos: tuple[str, ...]) -> NodeExecutionError:
        """The same failure in other words, about these photos."""
        told = {"advice": self.advice, "trace": self.trace}
        return type(self)(message, self.node_id, self.kind, self.reason, photos=photos, **told)

    def __str__(self) -> str:
        return in_lines(self.message, self.advice, self.photos)

    @property
    def is_refusal(self) -> bool:
        """A node declined to work on this picture, in its own words; nothing is broken or wired wrongly."""
        return declined(self.kind) is Declined.PICTURE


class OutOfMemoryError(NodeExecutionError):
    """The server had too little memory for the job, even after it had freed what it could."""

    code = "out_of_memory"


_LONGEST_MESSAGE = 10_000
"""Characters of a message that are passed on, and of the end of its traceback: a node may print a tensor."""
_MEMORY = ("outofmemory", "out of memory", "allocation on device", "not enough memory", "t allocate memory")


_OUT_OF_MEMORY_ADVICE = "Try a smaller size, close what else uses the graphics card, or name another --server."
_UNKNOWN_ADVICE = "--verbose shows where it was raised; the server's own log says more."
_SETTING = re.compile(r"--set (\w+)=")
_SENTENCES = re.compile(r"(?<=\.)\s+(?=[A-Z-])")
_OS_ERROR = re.compile(r"\[(?:Errno|WinError) \d+\] ([^:\n]{1,200})")
_PREFIX_ADVICE = (
    "filename_prefix is a name below the server's output folder, like set1/bag. Where results are put here, --out and "
    "--name say."
)
_NO_WEIGHTS = "LocalEntryNotFoundError"  # huggingface_hub's, for a file that is neither here nor to be had
_WEIGHTS_ADVICE = (
    "This node fetches its own weights when it first runs, and its server could not. Let that server reach the "
    "internet once, put them where the node's own page says, or take a workflow that does without this node."
)


def is_out_of_memory(error: Mapping[str, Any] | None) -> bool:
    """Whether an `execution_error` says that the server had no memory left (GPU or RAM)."""
    if not error:
        return False
    words = f"{error.get('exception_type')} {error.get('exception_message')}".casefold()
    return "memoryerror" in words or any(word in words for word in _MEMORY)


def node_failure(error: Mapping[str, Any] | None, graph: Mapping[str, Any]) -> NodeFailedError:
    """The exception for an `execution_error`."""
    if not error:
        return NodeFailedError("The job failed on the server, which does not say why.", advice="Look at its log.")
    node_id = str(error.get("node_id"))[:LONGEST_NAME]
    message = cut(str(error.get("exception_message") or "no message").strip(), _LONGEST_MESSAGE)
    kind = str(error.get("exception_type") or "an exception")[-LONGEST_LINE:]
    trace = error.get("traceback")
    text = (trace if isinstance(trace, str) else "".join(texts(trace))).rstrip()[-_LONGEST_MESSAGE:]
    label = step_name(graph, node_id)
    prefix = mapping(mapping(graph.get(node_id)).get("inputs")).get("filename_prefix")
    if isinstance(prefix, str) and (why := _why_not_saved(kind, message)):
        words = f"{label} could not save under filename_prefix {prefix[:200]!r}: {why}"
        return NodeExecutionError(words, node_id, kind, message, advice=_PREFIX_ADVICE, trace=text)
    if (reason := declined(kind)) is not None:
        refusal = read_refusal(message)
        tried = _that_can_be_set(refusal.advice, graph) or ("another photo." if reason is Declined.PICTURE else "")
        advice = f"What to try: {tried}" if tried else ""
        return NodeExecutionError(_sentence(refusal.why) or label, node_id, kind, message, advice=advice, trace=text)
    words = f"{label} failed: {others_lines(message)}"
    if is_out_of_memory(error):
        return OutOfMemoryError(words, node_id, kind, message, advice=_OUT_OF_MEMORY_ADVICE, trace=text)
    advice = _WEIGHTS_ADVICE if kind.endswith(_NO_WEIGHTS) else _UNKNOWN_ADVICE
    return NodeExecutionError(words, node_id, kind, message, advice=advice, trace=text)


def _that_can_be_set(advice: str, graph: Mapping[str, Any]) -> str:
    """Without what names an input that this workflow does not have: a node does not know which there are."""
    if "--set " not in advice:
        return advice
    marks = (parse_title(node_title(mapping(node))) for node in graph.values())
    known = {mark.name for mark in marks if mark is not None and mark.kind == "input"}
    sentences: list[str] = []
    for sentence in _SENTENCES.split(advice):
        clauses = [part for part in sentence.rstrip(".").split("; ") if known.issuperset(_SETTING.findall(part))]
        if clauses:
            said = "; ".join(clauses).removeprefix("or ")
            sentences.append((_sentence(said) if sentences else said) + ".")
    return " ".join(sentences)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _why_not_saved(kind: str, message: str) -> str:
    """What is wrong with the place that a node was to save under, in a sentence; "" where that is not what failed."""
    if "outside the output folder" in message or "outside of the output" in message:
        return "it leads out of the server's output folder."
    if kind in ("UnicodeEncodeError", "ValueError") and ("surrogate" in message or "null" in message):
        return "it holds characters that no file name can have."
    reason = _OS_ERROR.search(message)
    return f"the server's system says “{reason[1].strip()}”." if reason is not None and kind.endswith("Error") else ""


def failed_event(error: RunnerError, job: int, prompt_id: str | None) -> Failed:
    """The `failed` event for an error, whichever kind."""
    return Failed(
        job,
        prompt_id,
        message=error.message,
        exit_code=error.exit_code,
        code=error.code,
        advice=error.advice or None,
        photos=error.photos or None if isinstance(error, NodeExecutionError) else None,
        node=error.node_id if isinstance(error, NodeExecutionError) else None,
        trace=error.trace or None if isinstance(error, NodeExecutionError) else None,
    )
