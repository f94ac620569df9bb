"""A node's failure in words: which node, what it said, the end of its traceback."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from runner.errors import NodeFailedError, RunnerError
from runner.events import Failed
from runner.server.node_report import Declined, declined
from runner.server.refusal import node_label
from runner.untrusted import mapping, texts


class NodeExecutionError(NodeFailedError):
    """A node raised. `node_id` is its id in the graph, `kind` the exception's full name, `reason` its message; `trace`
    where it was raised, as far as the message does not say so."""

    def __init__(
        self, message: str, node_id: str, kind: str = "", reason: str = "", *, advice: str = "", trace: str = ""
    ) -> None:
        super().__init__(message, advice=advice)
        self.node_id = node_id
        self.kind = kind
        self.reason = reason
        self.trace = trace

    def saying(self, message: str) -> NodeExecutionError:
        """The same failure in other words."""
        return type(self)(message, self.node_id, self.kind, self.reason, advice=self.advice, trace=self.trace)

    @property
    def is_refusal(self) -> bool:
        """A node declined to work on this picture, in its own words; nothing is broken or wired wrongly."""
        return declined(self.kind) is Declined.PICTURE


class OutOfMemoryError(NodeExecutionError):
    """The server had too little memory for the job, even after it had freed what it could."""


_TRACEBACK_LINES = 8
"""The last four frames, two lines each: where it was raised."""
_LONGEST_LINE, _LONGEST_MESSAGE = 500, 10_000
"""Characters of a line and of a message that are passed on: a node may print a tensor."""
_MEMORY = ("outofmemory", "out of memory", "allocation on device", "not enough memory", "t allocate memory")


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
    node_id = str(error.get("node_id"))
    message = str(error.get("exception_message") or "no message").strip()[:_LONGEST_MESSAGE]
    kind = str(error.get("exception_type") or "an exception")
    trace = error.get("traceback")
    text = (trace if isinstance(trace, str) else "".join(texts(trace))).rstrip()
    # Its last line is the message again; where it was raised is what is worth adding.
    raised_at = [line for line in text.splitlines() if line.startswith("  ")][-_TRACEBACK_LINES:]
    label = node_label(graph, node_id)
    prefix = mapping(mapping(graph.get(node_id)).get("inputs")).get("filename_prefix")
    if isinstance(prefix, str) and (why := _why_not_saved(kind, message)):
        words = f"{label} could not save under filename_prefix {prefix[:200]!r}: {why}"
        return NodeExecutionError(words, node_id, kind, message, advice=_PREFIX_ADVICE, trace=text)
    lines = [f"{label} failed: {message}"]
    if declined(kind) is None:
        lines.append(f"    {kind}, raised at:" if raised_at else f"    {kind}")
        lines += [f"    {line[:_LONGEST_LINE]}" for line in raised_at]
    failure = OutOfMemoryError if is_out_of_memory(error) else NodeExecutionError
    advice = _WEIGHTS_ADVICE if kind.endswith(_NO_WEIGHTS) else ""
    return failure("\n".join(lines), node_id, kind, message, advice=advice)


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
        advice=error.advice or None,
        node=error.node_id if isinstance(error, NodeExecutionError) else None,
        trace=error.trace or None if isinstance(error, NodeExecutionError) else None,
    )
