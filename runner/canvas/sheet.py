"""A workflow laid out: each node and note in the column of its stage, and the way of every link between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runner.canvas import notes
from runner.canvas.faces import Face, face_of
from runner.canvas.heights import GAP, TITLE, set_heights
from runner.canvas.layers import Columns, Item, lay_lanes, order
from runner.canvas.stages import STAGES, Stage, columns_in, feeds_of, stages_of
from runner.workflow.graph import Graph, InputSpec, Workflow, is_link
from runner.workflow.schema import ObjectInfo

_BETWEEN, _BETWEEN_STAGES = 70.0, 130.0
"""Free width between two columns, where links turn, and between two stages."""
_BULGE = 0.25
"""How far a curve sets out to the side at most, in heights that it climbs: 3/4·t/(1+2t) of it, with t up to 1."""
CORNER = 15.0
"""How far before and behind a column a lane turns."""
_TALLEST = 2200.0
"""A stage's nodes that do not wait for each other fill a further column from here on; what is set stays in one."""
PAD, HEAD = 25.0, 45.0
"""Of a group: around what stands in it, and above that for its title."""


@dataclass
class Sheet:
    """What is drawn, while it is drawn."""

    workflow: Workflow
    faces: dict[str, Face]
    stages: dict[str, Stage]
    items: dict[str, Item]
    texts: dict[str, str]
    """Notes: the keys of their items, and what they say."""
    columns: Columns
    asked: list[InputSpec]
    """What may be set; on the canvas a widget goes by that name: a form of ten fields called “value” is none."""
    at: list[float]
    """Where each column begins."""

    @property
    def graph(self) -> Graph:
        return self.workflow.graph


def arranged(workflow: Workflow, object_info: ObjectInfo, entry: notes.Entry) -> Sheet:
    graph = workflow.graph
    faces = {node_id: face_of(node, object_info[node["class_type"]]) for node_id, node in graph.items()}
    stages, feeds = stages_of(graph), feeds_of(graph)
    about = notes.about(workflow.label, entry)
    first = Item("about", 0, notes.height(about), notes.WIDTH, pinned=0)
    columns, texts, items = Columns([[first]]), {"about": about}, {"about": first}
    for stage in STAGES:
        members = [node_id for node_id in graph if stages[node_id] == stage]
        if not members:
            continue
        joins = stage.key == "seldom" and len(columns.items) > 1  # below what is set, in the same column
        base = len(columns.items) - joins
        depth = _depths(stage, members, feeds, faces)
        while len(columns.items) < base + max(depth.values()) + 1:
            columns.items.append([])
        key, text = f"note of {stage.key}", notes.of_stage(stage, members, graph, entry)
        texts[key] = text
        place = len(columns.items[base])
        head = Item(key, base, notes.height(text), notes.WIDTH, above=PAD + HEAD if place else 0.0, pinned=place)
        for item in (head, *(_item(n, base + depth[n], faces[n]) for n in members)):
            if base == 1:
                item.pinned = len(columns.items[item.column])
            items[item.key] = item
            columns.items[item.column].append(item)
    lay_lanes(columns, _ways(graph, faces))
    order(columns)
    set_heights(columns)
    first.y = columns.items[1][0].y
    sheet = Sheet(workflow, faces, stages, items, texts, columns, workflow.inputs(object_info), [])
    sheet.at.extend(_across(sheet))
    return sheet


def _item(node_id: str, column: int, face: Face) -> Item:
    return Item(node_id, column, face.height, face.width)


def _ways(graph: Graph, faces: Mapping[str, Face]) -> list[tuple[tuple[str, int], str, float, float]]:
    """Every link: where it comes from, the node it feeds, and how far below their tops it begins and ends."""
    return [
        ((value[0], value[1]), node_id, faces[value[0]].output_row(value[1]), faces[node_id].rows[name])
        for node_id, node in graph.items()
        for name, value in node["inputs"].items()
        if is_link(value)
    ]


def _depths(
    stage: Stage, members: Sequence[str], feeds: Mapping[str, Sequence[str]], faces: Mapping[str, Face]
) -> dict[str, int]:
    depth = columns_in(members, feeds)
    if stage.key in ("set", "seldom"):
        return depth
    spread: dict[str, int] = {}
    shift = 0
    for column in range(max(depth.values()) + 1):
        used = 0.0
        for node_id in (node for node in members if depth[node] == column):
            used += faces[node_id].height + TITLE + GAP
            if used > _TALLEST:
                shift, used = shift + 1, faces[node_id].height
            spread[node_id] = column + shift
    return spread


def _across(sheet: Sheet) -> list[float]:
    """Where each column begins, with more room where a stage ends. All of a column is as wide as its widest node: a
    link leaves at its right border and passes over nothing in it."""
    at, x = [], 0.0
    keys = [_column_stage(sheet, column) for column in sheet.columns.items]
    for number, column in enumerate(sheet.columns.items):
        at.append(x)
        width = max((item.width for item in column), default=0.0)
        for item in column:
            item.width = width if item.width else 0.0
        x += width
        last = number + 1 == len(keys) or keys[number] != keys[number + 1]
        x += max(_BETWEEN_STAGES if last else _BETWEEN, _room_to_turn(sheet.columns, number))
    return at


def _room_to_turn(columns: Columns, number: int) -> float:
    """How wide the gap behind a column must be for the links in it to stay in it.

    LiteGraph draws a link from a node as a curve that sets out a quarter of its length to the side.
    """
    steepest = max(
        (
            abs(wire.right.y + wire.to_top - wire.left.y - wire.from_top)
            for wire in columns.wires
            if wire.left.column == number and not (wire.left.is_lane and wire.right.is_lane)
        ),
        default=0.0,
    )
    return round(_BULGE * steepest + 2 * CORNER)


def _column_stage(sheet: Sheet, column: Sequence[Item]) -> str:
    stages = [sheet.stages[item.key].key for item in column if item.key in sheet.stages]
    return "set" if stages and stages[0] == "seldom" else stages[0] if stages else ""
