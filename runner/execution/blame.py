"""Which of a user's photos a failed node was at work on, under the names the user knows them by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from runner.execution.failures import NodeExecutionError
from runner.execution.job import Attempt, Upload
from runner.untrusted import mapping
from runner.workflow.links import links_of, reached


def in_own_names(error: NodeExecutionError, attempt: Attempt, *, first: bool) -> NodeExecutionError:
    """The failure, in which a photo that was uploaded under a name of ours is called as the user calls it.

    `first`: what fails on account of its photo names it.
    """
    uploads = attempt.spec.uploads
    message = error.message
    for upload in uploads:
        # A sentence may begin with it, in a capital.
        said = re.compile(re.escape(upload.name), re.IGNORECASE)
        message = said.sub(upload.source.path.name.replace("\\", r"\\"), message)
    photos = dict.fromkeys(upload.source.path.name for upload in _behind(attempt.graph, error, uploads))
    return error.saying(message, tuple(photos) if first else ())


def _behind(graph: Mapping[str, Any], error: NodeExecutionError, uploads: tuple[Upload, ...]) -> list[Upload]:
    """The photos that a failure is about: those the node itself reads; all that reach it where it refuses to go on."""

    nodes = reached(graph, [error.node_id], links_of(graph)) if error.is_refusal else {error.node_id}
    inputs = (mapping(mapping(graph.get(node_id)).get("inputs")) for node_id in nodes)
    read = [value for values in inputs for value in values.values() if isinstance(value, str)]
    return [upload for upload in uploads if any(value.startswith(upload.name) for value in read)]
