"""A workflow drawn: the file that ComfyUI's canvas opens, made of the graph that runs and of nothing else.

Ids, titles, links and values are the graph's own. Lanes become reroutes, which the canvas leaves out of what it sends.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runner.canvas import notes
from runner.canvas.faces import Face, face_of
from runner.canvas.heights import TITLE, set_heights
from runner.canvas.layers import Columns, Item, lay_lanes, order
from runner.canvas.stages import STAGES, Stage, columns_in, feeds_of, stages_of
from runner.errors import WorkflowError
from runner.models.manifest import Manifest
from runner.workflow.graph import Graph, Workflow, is_link, node_title, parse_title
from runner.workflow.schema import ObjectInfo

_BETWEEN, _BETWEEN_STAGES = 70.0, 130.0
"""Free width between two columns, where links turn, and between two stages."""
_TALLEST = 2200.0
"""A stage's nodes that do not wait for each other fill a further column from here on; what is set stays in one."""
_PAD, _HEAD = 25.0, 45.0
_COLOURS = {"input": ("#232", "#353"), "output": ("#223", "#335")}
_NOTE_COLOURS = ("#432", "#653")
_NAMESPACE = uuid.UUID("6f0d2a52-6a3f-4a5b-9a51-0f5f0c1c7e11")


@dataclass
class _Sheet:
    """What is drawn, while it is drawn."""

    workflow: Workflow
    faces: dict[str, Face]
    stages: dict[str, Stage]
    items: dict[str, Item]
    texts: dict[str, str]
    """Notes: the keys of their items, and what they say."""
    columns: Columns
    at: list[float]
    """Where each column begins."""

    @property
    def graph(self) -> Graph:
        return self.workflow.graph


def draw(workflow: Workflow, object_info: ObjectInfo, manifest: Manifest, index: Mapping[str, Any]) -> dict[str, Any]:
    """The canvas file of a workflow. Raises WorkflowError where a node's schema is not known."""
    unknown = sorted({str(node["class_type"]) for node in workflow.graph.values()} - set(object_info))
    if unknown:
        raise WorkflowError(f"{workflow.label}: the schema of {', '.join(unknown)} is not known: it cannot be drawn.")
    sheet = _arranged(workflow, object_info, notes.entry_of(index, workflow.label))
    links = _links(sheet)
    reroutes, extensions = _reroutes(sheet, links)
    number = max(map(int, workflow.graph)) + 1
    drawn_notes = [_note(sheet, key, number + place) for place, key in enumerate(sheet.texts)]
    extra: dict[str, Any] = {"ds": _view(sheet), "workflowRendererVersion": "LG", "linearData": _form(workflow, sheet)}
    if reroutes:
        extra |= {"reroutes": reroutes, "linkExtensions": extensions}
    return {
        "id": str(uuid.uuid5(_NAMESPACE, workflow.label)),
        "revision": 0,
        "last_node_id": number + len(drawn_notes) - 1,
        "last_link_id": len(links),
        "nodes": [*(_node(sheet, node_id, links, manifest) for node_id in sheet.graph), *drawn_notes],
        "links": links,
        "groups": _groups(sheet),
        "config": {},
        "extra": extra,
        "version": 0.4,
    }


def _arranged(workflow: Workflow, object_info: ObjectInfo, entry: notes.Entry) -> _Sheet:
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
        head = Item(key, base, notes.height(text), notes.WIDTH, above=_PAD + _HEAD if place else 0.0, pinned=place)
        for item in (head, *(_item(n, base + depth[n], faces[n]) for n in members)):
            if base == 1:
                item.pinned = len(columns.items[item.column])
            items[item.key] = item
            columns.items[item.column].append(item)
    lay_lanes(columns, _ways(graph, faces))
    order(columns)
    set_heights(columns)
    first.y = columns.items[1][0].y
    sheet = _Sheet(workflow, faces, stages, items, texts, columns, [])
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
            used += faces[node_id].height + TITLE + 30
            if used > _TALLEST:
                shift, used = shift + 1, faces[node_id].height
            spread[node_id] = column + shift
    return spread


def _across(sheet: _Sheet) -> list[float]:
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
        x += _BETWEEN_STAGES if last else _BETWEEN
    return at


def _column_stage(sheet: _Sheet, column: Sequence[Item]) -> str:
    found = [sheet.stages[item.key].key for item in column if item.key in sheet.stages]
    return "set" if found and found[0] == "seldom" else found[0] if found else ""


def _links(sheet: _Sheet) -> list[list[Any]]:
    """[id, from, output, to, input, type], in the order of the graph."""
    links: list[list[Any]] = []
    for node_id, node in sheet.graph.items():
        for name, value in node["inputs"].items():
            if is_link(value):
                kind = sheet.faces[value[0]].outputs[value[1]][1]
                slot = sheet.faces[node_id].slot_number(name)
                links.append([len(links) + 1, int(value[0]), value[1], int(node_id), slot, kind])
    return links


def _reroutes(sheet: _Sheet, links: Sequence[Sequence[Any]]) -> tuple[list[dict[str, Any]], list[dict[str, int]]]:
    """Points where a link passes the columns between its ends, and for each link the last of them."""
    reroutes: list[dict[str, Any]] = []
    extensions: list[dict[str, int]] = []
    for (source, output), lanes in sheet.columns.lanes.items():
        fed = [link for link in links if (str(link[1]), link[2]) == (source, output)]
        parent: int | None = None
        for number, lane in enumerate(lanes):
            ending = [link[0] for link in fed if sheet.items[str(link[3])].column == lane.column + 1]
            passing = [link[0] for link in fed if sheet.items[str(link[3])].column > lane.column]
            for x in _corners(sheet, lanes, number, bool(ending)):
                point: dict[str, Any] = {"id": len(reroutes) + 1, "pos": [x, lane.y], "linkIds": passing}
                if parent is not None:
                    point["parentId"] = parent
                reroutes.append(point)
                parent = len(reroutes)
            extensions += [{"id": link, "parentId": parent} for link in ending if parent is not None]
    return reroutes, sorted(extensions, key=lambda extension: extension["id"])


def _corners(sheet: _Sheet, lanes: Sequence[Item], number: int, ends: bool) -> list[float]:
    """Where a lane turns at a column: at its left unless it comes level, at its right unless it goes on so."""
    lane = lanes[number]
    left = sheet.at[lane.column] - 15
    right = sheet.at[lane.column] + max(item.width for item in sheet.columns.items[lane.column]) + 15
    comes_level = number > 0 and lanes[number - 1].y == lane.y
    goes_level = number + 1 < len(lanes) and lanes[number + 1].y == lane.y
    return [x for x, wanted in ((left, not comes_level), (right, ends or not goes_level)) if wanted]


def _node(sheet: _Sheet, node_id: str, links: Sequence[Sequence[Any]], manifest: Manifest) -> dict[str, Any]:
    node, face, item = sheet.graph[node_id], sheet.faces[node_id], sheet.items[node_id]
    entering = {link[4]: link[0] for link in links if link[3] == int(node_id)}
    leaving: dict[int, list[int]] = {}
    for link in links:
        if link[1] == int(node_id):
            leaving.setdefault(link[2], []).append(link[0])
    properties: dict[str, Any] = {"Node name for S&R": node["class_type"]}
    models = _models(node, manifest)
    if models:
        properties["models"] = models
    drawn: dict[str, Any] = {
        "id": int(node_id),
        "type": node["class_type"],
        "pos": [sheet.at[item.column], item.y],
        "size": [item.width, item.height],
        "flags": {},
        "order": list(sheet.graph).index(node_id),
        "mode": 0,
        "inputs": [
            {"name": slot.name, "type": slot.type}
            | ({"shape": 7} if slot.optional else {})
            | ({"widget": {"name": slot.name}} if slot.widget else {})
            | {"link": entering.get(number)}
            for number, slot in enumerate(face.slots)
        ],
        "outputs": [
            {"name": name, "type": kind, "links": leaving.get(number)}
            for number, (name, kind) in enumerate(face.outputs)
        ],
        "title": node_title(node),
        "properties": properties,
        "widgets_values": list(face.values),
    }
    mark = parse_title(node_title(node))
    if mark:
        drawn["color"], drawn["bgcolor"] = _COLOURS[mark.kind]
    return drawn


def _models(node: Mapping[str, Any], manifest: Manifest) -> list[dict[str, str]]:
    """The files a node names, as ComfyUI's own templates say where each comes from and belongs."""
    found = []
    for value in node["inputs"].values():
        model = manifest.find_file(value) if isinstance(value, str) else None
        if model is not None and model.url:
            entry = {"name": str(value), "url": model.url, "directory": model.folder}
            if model.sha256:
                entry |= {"hash": model.sha256, "hash_type": "SHA256"}
            found.append(entry)
    return found


def _note(sheet: _Sheet, key: str, number: int) -> dict[str, Any]:
    item = sheet.items[key]
    colour, ground = _NOTE_COLOURS
    return {
        "id": number, "type": "MarkdownNote", "pos": [sheet.at[item.column], item.y], "size": [item.width, item.height],
        "flags": {}, "order": number, "mode": 0, "inputs": [], "outputs": [],
        "title": "About this workflow" if key == "about" else "What happens here", "properties": {},
        "widgets_values": [sheet.texts[key]], "color": colour, "bgcolor": ground,
    }  # fmt: skip


def _groups(sheet: _Sheet) -> list[dict[str, Any]]:
    groups = []
    shown = [stage for stage in STAGES if stage in sheet.stages.values()]
    for number, stage in enumerate(shown, start=1):
        keys = [f"note of {stage.key}", *(node_id for node_id, found in sheet.stages.items() if found == stage)]
        boxes = [(sheet.at[item.column], item.y - TITLE, item) for item in (sheet.items[key] for key in keys)]
        left, top = min(x for x, _, _ in boxes) - _PAD, min(y for _, y, _ in boxes) - _HEAD
        right = max(x + item.width for x, _, item in boxes) + _PAD
        bottom = max(y + TITLE + item.height for _, y, item in boxes) + _PAD
        groups.append(
            {
                "id": number,
                "title": f"{number} · {stage.title}",
                "bounding": [left, top, right - left, bottom - top],
                "color": stage.colour,
                "font_size": 24,
                "flags": {},
            }
        )
    return groups


def _view(sheet: _Sheet) -> dict[str, Any]:
    """What is seen first: as much of the left as can be read, in a window of usual size."""
    tops = [item.y for item in sheet.items.values()]
    bottoms = [item.y + item.height for item in sheet.items.values()]
    right = sheet.at[-1] + max(item.width for item in sheet.columns.items[-1])
    scale = min(1.0, max(0.7, min(1450 / (right + 100), 800 / (max(bottoms) - min(tops) + 150))))
    top = sheet.items["about"].y
    return {"scale": round(scale, 3), "offset": [round(80 / scale), round(130 / scale - top)]}


def _form(workflow: Workflow, sheet: _Sheet) -> dict[str, Any]:
    """What ComfyUI's app mode asks for and shows: what is set first of all, and the results."""
    asked = [
        [node_id, (mark.widget or next(n for n, v in sheet.graph[node_id]["inputs"].items() if not is_link(v)))]
        for node_id, stage in sheet.stages.items()
        if stage.key == "set" and (mark := parse_title(node_title(sheet.graph[node_id])))
    ]
    return {"inputs": asked, "outputs": [spec.node_id for spec in workflow.outputs()]}
