"""What the server says over the socket about one job, and what became of it, turned into events."""

from __future__ import annotations

from collections.abc import Iterator

from runner import events
from runner.execution.job import Attempt, JobResult
from runner.server.websocket import ServerMessage
from runner.untrusted import number, texts

_MOST_STEPS = 1e12


def hear(attempt: Attempt, message: ServerMessage) -> Iterator[events.Event]:
    """The events a message amounts to; the attempt's progress is brought up to date."""
    index, prompt_id, data = attempt.spec.index, attempt.prompt_id, message.data
    if message.type == "execution_start":
        yield from started(attempt)
    elif message.type == "execution_cached":
        nodes = texts(data.get("nodes"))
        attempt.nodes_done.update(nodes)
        if nodes:
            yield events.Cached(index, prompt_id, nodes=nodes)
    elif message.type == "executing" and data.get("node") is not None:
        yield from started(attempt)
        yield from _node_started(attempt, str(data.get("display_node") or data["node"]))
    elif message.type == "progress" and data.get("node") is not None:
        node = str(data["node"])
        value, top = number(data.get("value")) or 0, number(data.get("max")) or 0
        if 0 <= value <= top <= _MOST_STEPS:
            yield events.Progress(index, prompt_id, node=node, title=attempt.title(node), value=value, max=top)
    elif message.type == "preview" and isinstance(data.get("image"), bytes):
        node = str(data.get("display_node_id") or data.get("node_id") or "")
        picture = {"stem": str(attempt.spec.stem), "image": data["image"]}
        yield events.Preview(index, prompt_id, node=node, title=attempt.title(node), **picture)


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
            yield events.Output(index, prompt_id, path=str(file.path), output=file.output)
        paths = tuple(str(file.path) for file in job.files)
        yield events.Done(index, prompt_id, paths, str(job.sidecar), result.seconds, job.warnings)


def _node_started(attempt: Attempt, node: str) -> Iterator[events.Event]:
    if attempt.node == node:
        return
    if attempt.node is not None:
        attempt.nodes_done.add(attempt.node)
    attempt.node = node
    done = len(attempt.nodes_done & attempt.graph.keys())
    yield events.NodeStarted(
        attempt.spec.index,
        attempt.prompt_id,
        node=node,
        title=attempt.title(node),
        done=done,
        total=len(attempt.graph),
    )
