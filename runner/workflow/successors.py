"""Nodes that ComfyUI has given another name: a graph with the old one runs where only the new one is left.

ComfyUI keeps an old node beside the new one for a while, deprecated, and some day drops it. This table is the only
place that knows both. Renames that a server itself makes (`/node_replacements`) are left to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.workflow.graph import Graph, node_title
from runner.workflow.schema import ObjectInfo

WAS = "was"
"""The key of a node's `_meta` that says what its class was called in the workflow's file."""


@dataclass(frozen=True)
class Successor:
    """The node that took an old one's place."""

    name: str
    since: str
    """The ComfyUI that has both, in words: the new one from then on, the old one deprecated."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Old name → new name; all others are called as they were."""
    gathered: tuple[str, str, tuple[str, ...]] | None = None
    """(input, node, old inputs): these inputs have become one, which a node of its own makes of them."""


SUCCESSORS: Mapping[str, Successor] = {
    "ImageCrop": Successor(
        "ImageCropV2",
        "ComfyUI 0.30 or before",
        gathered=("crop_region", "PrimitiveBoundingBox", ("x", "y", "width", "height")),
    ),
    "TextGenerate": Successor(
        "TextGenerateV2",
        "a ComfyUI between 0.35 and 0.46",
        inputs={"image": "images.image1", "video": "videos.video1", "audio": "audios.audio1"},
    ),
}


def with_successors(graph: Graph, object_info: ObjectInfo | None) -> Graph:
    """The graph in the names of the server that `object_info` describes. Only nodes that it lacks are touched."""
    renewed: Graph = {}
    for node_id, node in graph.items():
        successor = _needed(str(node["class_type"]), object_info or {})
        if successor is None:
            renewed[node_id] = node
            continue
        inputs = {successor.inputs.get(name, name): value for name, value in node["inputs"].items()}
        if successor.gathered is not None:
            name, kind, parts = successor.gathered
            made = {part: inputs.pop(part) for part in parts if part in inputs}
            renewed[f"{node_id}:{name}"] = _node(kind, made, f"{node_title(node)}: {name}", node["class_type"])
            inputs[name] = [f"{node_id}:{name}", 0]
        renewed[node_id] = _node(successor.name, inputs, node_title(node), node["class_type"])
    return renewed


def _needed(class_type: str, object_info: ObjectInfo) -> Successor | None:
    successor = SUCCESSORS.get(class_type)
    if successor is None or not object_info or class_type in object_info:
        return None
    kinds = (successor.name, *(successor.gathered[1:2] if successor.gathered else ()))
    return successor if all(kind in object_info for kind in kinds) else None


def _node(class_type: str, inputs: Mapping[str, Any], title: str, was: str) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": dict(inputs), "_meta": {"title": title, WAS: was}}


def renamed(node: Mapping[str, Any]) -> str:
    """What a node that took another's place is to be told about; "" for any other node."""
    meta = node.get("_meta")
    was = meta.get(WAS) if isinstance(meta, Mapping) else None
    successor = SUCCESSORS.get(was) if isinstance(was, str) else None
    if successor is None or node["class_type"] != successor.name:
        return ""
    return f"{was} is called {successor.name} there (since {successor.since}); it is used in its place."
