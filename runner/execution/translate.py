"""What the server says over the socket about one job, and what became of it, turned into events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from runner import events
from runner.execution.job import Attempt, JobResult
from runner.server.websocket import ServerMessage
from runner.untrusted import LONGEST_NAME, number, texts
from runner.workflow.steps import doing

Data = Mapping[str, Any]

_MOST_STEPS = 1e12
"""No sampler has so many: a server that says so is not believed."""


def hear(attempt: Attempt, message: ServerMessage) -> Iterator[events.Event]:
    """The events a message amounts to; the attempt's progress is brought up to date."""
    translation = _TRANSLATIONS.get(message.type)
    return iter(()) if translation is None else translation(attempt, message.data)


def says_it_ended(message: ServerMessage) -> bool:
    """The closing message. Success and failure are announced before it, when the record is not there yet."""
    return message.type == "executing" and message.data.get("node") is None


def says_it_is_ending(message: ServerMessage) -> bool:
    return message.type in ("execution_success", "execution_error", "execution_interrupted")


def started(attempt: Attempt) -> Iterator[events.Event]:
    if not attempt.started:
        attempt.started = True
        yield events.Started(attempt.spec.index, attempt.prompt_id)


def saved(result: JobResult) -> Iterator[events.Event]:
    """The last events of a job that went well."""
    index, prompt_id, job = result.spec.index, result.prompt_id, result.saved
    if job is not None:
        for file in job.files:
            yield events.Output(index, prompt_id, str(file.path), file.output, file.text or None)
        paths = tuple(str(file.path) for file in job.files)
        seconds = _seconds_of_work(result)
        yield events.Done(index, prompt_id, paths, str(job.sidecar), seconds, job.warnings, job.doubts)


def _seconds_of_work(result: JobResult) -> float:
    """Without the time in the server's queue, where the server says when it began."""
    record = result.record
    if record is None or record.started_ms is None or record.ended_ms is None:
        return result.seconds
    return min(result.seconds, max(0.0, round((record.ended_ms - record.started_ms) / 1000, 3)))


# messages


def _start(attempt: Attempt, _data: Data) -> Iterator[events.Event]:
    yield from started(attempt)


def _cached(attempt: Attempt, data: Data) -> Iterator[events.Event]:
    nodes = texts(data.get("nodes"))
    attempt.nodes_done.update(nodes)
    if nodes:
        yield events.Cached(attempt.spec.index, attempt.prompt_id, nodes=nodes)


def _executing(attempt: Attempt, data: Data) -> Iterator[events.Event]:
    if data.get("node") is None:
        return
    yield from started(attempt)
    node = _node(data.get("display_node") or data["node"])
    if attempt.node == node:
        return
    if attempt.node is not None:
        attempt.nodes_done.add(attempt.node)
    attempt.node = node
    yield events.NodeStarted(
        attempt.spec.index,
        attempt.prompt_id,
        node=node,
        title=attempt.title(node),
        doing=doing(attempt.graph, node),
        done=len(attempt.nodes_done & attempt.graph.keys()),
        total=len(attempt.graph),
    )


def _progress(attempt: Attempt, data: Data) -> Iterator[events.Event]:
    if data.get("node") is None:
        return
    node = _node(data["node"])
    title, at = attempt.title(node), doing(attempt.graph, node)
    value, top = number(data.get("value")) or 0, number(data.get("max")) or 0
    if 0 <= value <= top <= _MOST_STEPS:
        yield events.Progress(attempt.spec.index, attempt.prompt_id, node, title, at, value, top)


def _preview(attempt: Attempt, data: Data) -> Iterator[events.Event]:
    if not isinstance(data.get("image"), bytes):
        return
    node = _node(data.get("display_node_id") or data.get("node_id") or "")
    yield events.Preview(
        attempt.spec.index,
        attempt.prompt_id,
        node=node,
        title=attempt.title(node),
        stem=str(attempt.spec.stem),
        image=data["image"],
    )


def _node(said: Any) -> str:
    """A node's id, which is no longer than a name: what is no node of the graph is shown as it was said."""
    return str(said)[:LONGEST_NAME]


_TRANSLATIONS: Mapping[str, Callable[[Attempt, Data], Iterator[events.Event]]] = {
    "execution_start": _start,
    "execution_cached": _cached,
    "executing": _executing,
    "progress": _progress,
    "preview": _preview,
}
"""What ComfyUI's messages say. All others say nothing that the job's record does not say for certain."""
