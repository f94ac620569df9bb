"""What a check of a workflow needs to know of a server."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from runner.workflow.graph import Graph

if TYPE_CHECKING:
    from runner.server.client import ComfyClient


@dataclass(frozen=True)
class ServerView:
    """What a check needs to know of a server."""

    object_info: Mapping[str, Any]
    replaced: Collection[str] = ()
    """Node classes the server itself rewrites to newer ones before it validates."""
    has_file: Callable[[str], bool] | None = None
    """Whether a file is there for an upload widget; None where nobody can be asked."""


def server_view(client: ComfyClient, graph: Graph) -> ServerView:
    """Ask a server about the nodes of this graph (about all of them when one is missing, to suggest another)."""
    classes = {str(node["class_type"]) for node in graph.values()}
    object_info = client.object_info(classes)
    has_file = cache(client.has_file)
    if classes <= object_info.keys():
        return ServerView(object_info, has_file=has_file)
    return ServerView(client.object_info(), client.replacements(), has_file)
