"""What a result carries for the canvas: the drawing of its workflow, with the values of the job that made it.

ComfyUI opens a picture by its `workflow` text, which holds places and groups; one that has only the `prompt` text
becomes nodes in a heap.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from runner.canvas.draw import draw
from runner.canvas.faces import Face, face_of
from runner.canvas.published import index, is_published, published_drawing
from runner.errors import WorkflowError
from runner.untrusted import items, mapping
from runner.workflow.graph import Graph, Workflow, is_link
from runner.workflow.origin import bundled_as
from runner.workflow.schema import ObjectInfo

if TYPE_CHECKING:
    from runner.models.manifest import Model

_MOST_NODES, _MOST_LINKS, _MOST_SLOTS = 400, 2400, 6000
"""Nodes, the links between them, and the inputs and outputs that the server says they have: four times as many nodes as
the largest workflow here has, ten times as many of the others. So much is drawn in about a second."""


class Drawing:
    """A workflow's canvas file, into which the values of each of its jobs are put."""

    def __init__(self, workflow: Workflow, object_info: ObjectInfo, drawn: Mapping[str, Any]) -> None:
        self._workflow, self._object_info, self._drawn = workflow, object_info, drawn

    @classmethod
    def of(cls, workflow: Workflow, object_info: ObjectInfo) -> Drawing | None:
        """None where it cannot be drawn: a node or an input that the server does not know, ids of a subgraph; or where
        that would take long."""
        with suppress(Exception):  # a graph or a schema from elsewhere may be anything; the job runs without a drawing
            drawn = _published(workflow, object_info) or _drawn_anew(workflow, object_info)
            return cls(workflow, object_info, drawn)
        return None

    def filled(self, graph: Graph) -> Mapping[str, Any] | None:
        """The canvas file of one job's graph; None where it cannot be drawn.

        What a job did not change is shared with the others: it is only to be read.
        """
        with suppress(Exception):  # as above
            return self._filled(graph)
        return None

    def _filled(self, graph: Graph) -> Mapping[str, Any]:
        own = self._workflow.graph
        changed = {node_id: node for node_id, node in graph.items() if node != own.get(node_id)}
        faces = {node_id: face_of(node, self._object_info[node["class_type"]]) for node_id, node in changed.items()}
        if graph.keys() != own.keys() or any(
            self._is_wired_anew(graph, node_id, faces[node_id]) for node_id in changed
        ):
            return _drawn_anew(replace(self._workflow, graph=graph), self._object_info)
        nodes = [
            {**node, "widgets_values": list(faces[key].values)} if (key := str(node["id"])) in faces else node
            for node in self._drawn["nodes"]
        ]
        return {**self._drawn, "nodes": nodes}

    def _is_wired_anew(self, graph: Graph, node_id: str, face: Face) -> bool:
        """Whether a value of the job has taken a link's place, or has changed what may be linked (or the node)."""
        node, before = graph[node_id], self._workflow.graph[node_id]
        return (
            _links(node) != _links(before)
            or node["class_type"] != before["class_type"]
            or face.slots != face_of(before, self._object_info[before["class_type"]]).slots
        )


def _links(node: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in node["inputs"].items() if is_link(value)}


def _drawn_anew(workflow: Workflow, object_info: ObjectInfo) -> Mapping[str, Any]:
    """Raises WorkflowError where there is too much to draw."""
    if len(workflow.graph) > _MOST_NODES or any(
        size > most for size, most in zip(_size(workflow.graph, object_info), (_MOST_LINKS, _MOST_SLOTS), strict=True)
    ):
        raise WorkflowError(f"{workflow.label} is too large to be drawn.")
    if (published := bundled_as(workflow)) is not None:
        workflow = replace(workflow, name=published.name)  # and is explained as that
    has_words = published is not None or is_published(workflow)
    return draw(workflow, object_info, _find_model, index() if has_words else {})


def _size(graph: Graph, object_info: ObjectInfo) -> tuple[int, int]:
    """How many links there are, and how many inputs and outputs."""
    infos = [object_info[node["class_type"]] for node in graph.values()]
    slots = sum(len(items(info.get("output"))) for info in infos)
    slots += sum(len(mapping(group)) for info in infos for group in mapping(info.get("input")).values())
    return sum(len(_links(node)) for node in graph.values()), slots


def _find_model(name: str) -> Model | None:
    from runner.models.manifest import load_manifest  # it takes 0.1 s, and most graphs name no model

    return load_manifest().find_file(name)


def _published(workflow: Workflow, object_info: ObjectInfo) -> Mapping[str, Any] | None:
    """The drawing of a bundled workflow, if this server's nodes have the faces that it was drawn with."""
    drawn = published_drawing(workflow)
    for node in drawn["nodes"] if drawn is not None else ():
        if str(node["id"]) in workflow.graph:
            face = face_of(workflow.graph[str(node["id"])], object_info[node["type"]])
            slots = [(slot["name"], slot["type"]) for slot in node["inputs"]]
            outputs = [(output["name"], output["type"]) for output in node["outputs"]]
            as_drawn = list(face.values) == node["widgets_values"] and outputs == list(face.outputs)
            if not as_drawn or slots != [(slot.name, slot.type) for slot in face.slots]:
                return None
    return drawn
