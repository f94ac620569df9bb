"""Nodes that exist on the canvas only: notes, bookmarks, reroutes, switches of other packs' menus.

ComfyUI's own *Export (API)* leaves them out; other converters do not, and a server refuses a whole graph for one node
that it does not know. What has no effect is left out here as well, and what only hands something on is bridged.
"""

from __future__ import annotations

import re
from typing import Any

from runner.workflow.graph import Graph, describe_node, is_link

_NOTES = frozenset({"Note", "MarkdownNote"})
_BRIDGES = frozenset({"Reroute", "Reroute (rgthree)", "PrimitiveNode"})
_RGTHREE = (
    "Bookmark", "Label", "Fast Muter", "Fast Bypasser", "Fast Groups Muter", "Fast Groups Bypasser",
    "Fast Actions Button", "Mute / Bypass Repeater", "Mute / Bypass Relay", "Node Collector", "Node Combiner",
    "Random Unmuter",
)  # fmt: skip
_HELPERS = frozenset(
    {*(f"{name} (rgthree)" for name in _RGTHREE), "SetNode", "GetNode", "easy setNode", "easy getNode"}
)
_NOTE_LIKE = re.compile(r"\b(?:note|notes|bookmark|label|comment|markdown|sticky)s?\b", re.IGNORECASE)


def is_canvas_only(class_type: str) -> bool:
    """Whether no server has a node of this class: it is drawn by the canvas."""
    return class_type in _NOTES | _BRIDGES | _HELPERS or class_type.startswith(("workflow>", "workflow/"))


def without_canvas_nodes(graph: Graph) -> tuple[Graph, tuple[str, ...]]:
    """The graph without the nodes of the canvas that it can do without, and what those are called.

    One that others depend on and that cannot be bridged stays: the check names it.
    """
    bridged = {
        node_id: value
        for node_id, node in graph.items()
        if node["class_type"] in _BRIDGES and (value := _handed_on(node["inputs"])) is not None
    }
    needed = {
        source
        for node in graph.values()
        if not (is_canvas_only(str(node["class_type"])))
        for value in node["inputs"].values()
        for source in _sources(value, bridged)
    }
    left_out = [
        node_id
        for node_id, node in graph.items()
        if node_id not in needed
        and (is_canvas_only(str(node["class_type"])) or (_is_note(node) and not _is_linked(node_id, graph)))
    ]
    if not left_out or len(left_out) == len(graph):
        return graph, ()
    kept = {
        node_id: {**node, "inputs": {name: _through(value, bridged) for name, value in node["inputs"].items()}}
        for node_id, node in graph.items()
        if node_id not in left_out
    }
    return kept, tuple(describe_node(node_id, graph[node_id]) for node_id in left_out)


def _handed_on(inputs: dict[str, Any]) -> Any:
    """The one thing that a reroute or a primitive hands on; None where it is not clear what."""
    links = [value for value in inputs.values() if is_link(value)]
    values = [value for name, value in inputs.items() if not is_link(value) and name != "control_after_generate"]
    candidates = links or values
    return candidates[0] if len(candidates) == 1 else None


def _through(value: Any, bridged: dict[str, Any]) -> Any:
    """A link past every bridge in its way."""
    seen: set[str] = set()
    while is_link(value) and value[0] in bridged and value[0] not in seen:
        seen.add(value[0])
        value = bridged[value[0]]
    return value


def _sources(value: Any, bridged: dict[str, Any]) -> list[str]:
    end = _through(value, bridged)
    return [end[0]] if is_link(end) else []


def _is_note(node: dict[str, Any]) -> bool:
    return bool(_NOTE_LIKE.search(str(node["class_type"]))) and not any(map(is_link, node["inputs"].values()))


def _is_linked(node_id: str, graph: Graph) -> bool:
    return any(is_link(v) and v[0] == node_id for node in graph.values() for v in node["inputs"].values())
