"""A drawn workflow as a test reads it: back into the graph that runs, and as boxes and lines on the canvas.

Reads the file as the frontend does, and shares no code with what drew it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.comfy import REPO

FOLDER = REPO / "workflows" / "canvas"
TEMPLATES = REPO / "custom_nodes" / "prodgen_nodes" / "example_workflows"
TITLE = 30.0
CONTROLS = {"fixed", "increment", "decrement", "randomize"}


@dataclass(frozen=True)
class Box:
    """A rectangle on the canvas; a node's has its title in it."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def holds(self, other: Box) -> bool:
        across = self.left <= other.left and other.right <= self.right
        return across and self.top <= other.top and other.bottom <= self.bottom


def load(name: str) -> dict[str, Any]:
    return dict(json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")))


def runs(drawn: dict[str, Any]) -> list[dict[str, Any]]:
    """The nodes that a server gets: notes are the canvas' own."""
    return [node for node in drawn["nodes"] if node["type"] != "MarkdownNote"]


def box(node: dict[str, Any]) -> Box:
    (x, y), (width, height) = node["pos"], node["size"]
    return Box(x, y - TITLE, x + width, y + height)


def group_box(group: dict[str, Any]) -> Box:
    x, y, width, height = group["bounding"]
    return Box(x, y, x + width, y + height)


def group_of(drawn: dict[str, Any], node: dict[str, Any]) -> str:
    """The title, without its number, of the one group a node stands in."""
    found = [group for group in drawn["groups"] if group_box(group).holds(box(node))]
    assert len(found) == 1, f"{node['title']} stands in {len(found)} groups"
    return str(found[0]["title"]).partition(" · ")[2]


def graph_of(drawn: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The file in API format, without any value that a link stands for."""
    links = {link[0]: link for link in drawn["links"]}
    graph = {}
    for node in runs(drawn):
        inputs: dict[str, Any] = {}
        values = list(node["widgets_values"])
        for number, slot in enumerate(node["inputs"]):
            value = values.pop(0) if "widget" in slot else None
            counted = "widget" in slot and slot["type"] == "INT" and values and values[0] in CONTROLS
            if counted and isinstance(values[0], str):
                values.pop(0)
            if slot["link"] is not None:
                _, source, output, target, target_slot, _ = links[slot["link"]]
                assert (target, target_slot) == (node["id"], number), "a link and its slot do not agree"
                inputs[slot["name"]] = [str(source), output]
            elif "widget" in slot and slot["type"] != "IMAGEUPLOAD":
                inputs[slot["name"]] = value
        assert not values, f"{node['title']} has more values than widgets: {values}"
        graph[str(node["id"])] = {
            "class_type": node["type"],
            "inputs": inputs,
            "_meta": {"title": node["title"]},
        }
    return graph


def lanes(drawn: dict[str, Any]) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Every straight piece between two reroutes of one link."""
    points = {point["id"]: point for point in drawn["extra"].get("reroutes", [])}
    return [
        (tuple(points[point["parentId"]]["pos"]), tuple(point["pos"]))
        for point in points.values()
        if "parentId" in point
    ]


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def template_of(name: str) -> Path:
    """The template whose first word is this workflow."""
    (found,) = TEMPLATES.glob(f"{name} - *.json")
    return found
