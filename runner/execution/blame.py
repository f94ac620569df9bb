"""Which of a user's photos a failed node was at work on, under the names the user knows them by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.execution.failures import NodeExecutionError
from runner.execution.job import Attempt, Upload
from runner.untrusted import mapping
from runner.workflow.graph import is_link


def in_own_names(error: NodeExecutionError, attempt: Attempt, *, first: bool) -> NodeExecutionError:
    """The failure, in which a photo that was uploaded under a name of ours is called as the user calls it.

    `first`: what fails on account of its photo begins with that photo's name.
    """
    uploads = attempt.spec.uploads
    message = error.message
    for upload in uploads:
        message = message.replace(upload.name, upload.source.path.name)
    photos = dict.fromkeys(upload.source.path.name for upload in _behind(attempt.graph, error, uploads))
    if first and photos and not any(name in message for name in photos):
        message = f"{', '.join(photos)}: {message}"
    return error.saying(message)


def _behind(graph: Mapping[str, Any], error: NodeExecutionError, uploads: tuple[Upload, ...]) -> list[Upload]:
    """The photos that a failure is about: those the node itself reads; all that reach it where it refuses to go on."""
    reached, waiting = {error.node_id}, [error.node_id]
    while waiting and error.is_refusal:
        inputs = mapping(mapping(graph.get(waiting.pop())).get("inputs"))
        for value in inputs.values():
            if is_link(value) and value[0] not in reached:
                reached.add(value[0])
                waiting.append(value[0])
    read = [
        value
        for node_id in reached
        for value in mapping(mapping(graph.get(node_id)).get("inputs")).values()
        if isinstance(value, str)
    ]
    return [upload for upload in uploads if any(value.startswith(upload.name) for value in read)]
