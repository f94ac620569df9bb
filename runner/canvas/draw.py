"""A workflow drawn: the file that ComfyUI's canvas opens, made of the graph that runs and of nothing else.

Ids, titles, links and values are the graph's own. Lanes become reroutes, which the canvas leaves out of what it sends.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runner.canvas import notes
from runner.canvas.heights import TITLE
from runner.canvas.layers import Item
from runner.canvas.sheet import CORNER, HEAD, PAD, Sheet, arranged
from runner.canvas.stages import STAGES
from runner.errors import WorkflowError
from runner.models.names import is_model_name
from runner.workflow.graph import Workflow, is_link, node_title, parse_title
from runner.workflow.schema import ObjectInfo

if TYPE_CHECKING:
    from runner.models.manifest import Model

FindModel = Callable[[str], "Model | None"]
"""The manifest's model of a file's name, if there is one."""
_COLOURS = {"input": ("#232", "#353"), "output": ("#223", "#335")}
_NOTE_COLOURS = ("#432", "#653")
_NAMESPACE = uuid.UUID("6f0d2a52-6a3f-4a5b-9a51-0f5f0c1c7e11")


def draw(
    workflow: Workflow, object_info: ObjectInfo, find_model: FindModel, index: Mapping[str, Any]
) -> dict[str, Any]:
    """The canvas file of a workflow; `index` holds the words about it.

    Raises WorkflowError where a node is not known.
    """
    unknown = sorted({str(node["class_type"]) for node in workflow.graph.values()} - set(object_info))
    if unknown:
        raise WorkflowError(f"{workflow.label}: the schema of {', '.join(unknown)} is not known: it cannot be drawn.")
    strange = [node_id for node_id in workflow.graph if not node_id.isdecimal()]
    if strange:
        raise WorkflowError(f"{workflow.label}: the canvas numbers its nodes, and {strange[0]!r} is no number.")
    entry = notes.entry_of(index, workflow.label)
    sheet = arranged(workflow, object_info, entry)
    links = _links(sheet)
    reroutes, extensions = _reroutes(sheet, links)
    number = max(map(int, workflow.graph)) + 1
    drawn_notes = [_note(sheet, key, number + place) for place, key in enumerate(sheet.texts)]
    form = _form(workflow, sheet, entry.form)
    extra: dict[str, Any] = {"ds": _view(sheet), "workflowRendererVersion": "LG", "linearData": form}
    if reroutes:
        extra |= {"reroutes": reroutes, "linkExtensions": extensions}
    return {
        "id": str(uuid.uuid5(_NAMESPACE, workflow.label)),
        "revision": 0,
        "last_node_id": number + len(drawn_notes) - 1,
        "last_link_id": len(links),
        "nodes": [*(_node(sheet, node_id, links, find_model) for node_id in sheet.graph), *drawn_notes],
        "links": links,
        "groups": _groups(sheet),
        "config": {},
        "extra": extra,
        "version": 0.4,
    }


def _links(sheet: Sheet) -> list[list[Any]]:
    """[id, from, output, to, input, type], in the order of the graph."""
    links: list[list[Any]] = []
    for node_id, node in sheet.graph.items():
        for name, value in node["inputs"].items():
            if is_link(value):
                kind = sheet.faces[value[0]].outputs[value[1]][1]
                slot = sheet.faces[node_id].slot_number(name)
                links.append([len(links) + 1, int(value[0]), value[1], int(node_id), slot, kind])
    return links


def _reroutes(sheet: Sheet, links: Sequence[Sequence[Any]]) -> tuple[list[dict[str, Any]], list[dict[str, int]]]:
    """Points where a link passes the columns between its ends, and for each link the last of them."""
    reroutes: list[dict[str, Any]] = []
    extensions: list[dict[str, int]] = []
    fed_by: dict[tuple[str, int], list[Sequence[Any]]] = {}
    for link in links:
        fed_by.setdefault((str(link[1]), link[2]), []).append(link)
    for (source, output), lanes in sheet.columns.lanes.items():
        fed = fed_by.get((source, output), [])
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


def _corners(sheet: Sheet, lanes: Sequence[Item], number: int, ends: bool) -> list[float]:
    """Where a lane turns at a column: at its left unless it comes level, at its right unless it goes on so."""
    lane = lanes[number]
    left = sheet.at[lane.column] - CORNER
    right = sheet.at[lane.column] + max(item.width for item in sheet.columns.items[lane.column]) + CORNER
    comes_level = number > 0 and lanes[number - 1].y == lane.y
    goes_level = number + 1 < len(lanes) and lanes[number + 1].y == lane.y
    return [x for x, wanted in ((left, not comes_level), (right, ends or not goes_level)) if wanted]


def _node(sheet: Sheet, node_id: str, links: Sequence[Sequence[Any]], find_model: FindModel) -> dict[str, Any]:
    node, face, item = sheet.graph[node_id], sheet.faces[node_id], sheet.items[node_id]
    entering = {link[4]: link[0] for link in links if link[3] == int(node_id)}
    called = {(target.node_id, target.widget): spec.name for spec in sheet.asked for target in spec.targets}
    leaving: dict[int, list[int]] = {}
    for link in links:
        if link[1] == int(node_id):
            leaving.setdefault(link[2], []).append(link[0])
    properties: dict[str, Any] = {"Node name for S&R": node["class_type"]}
    models = _models(node, find_model)
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
            | ({"label": called[node_id, slot.name].replace("_", " ")} if (node_id, slot.name) in called else {})
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


def _models(node: Mapping[str, Any], find_model: FindModel) -> list[dict[str, str]]:
    """The files a node names, as ComfyUI's own templates say where each comes from and belongs."""
    entries = []
    for value in node["inputs"].values():
        model = find_model(value) if is_model_name(value) else None
        if model is not None and model.url:
            entry = {"name": str(value), "url": model.url, "directory": model.folder}
            if model.sha256:
                entry |= {"hash": model.sha256, "hash_type": "SHA256"}
            entries.append(entry)
    return entries


def _note(sheet: Sheet, key: str, number: int) -> dict[str, Any]:
    item = sheet.items[key]
    colour, ground = _NOTE_COLOURS
    return {
        "id": number, "type": "MarkdownNote", "pos": [sheet.at[item.column], item.y], "size": [item.width, item.height],
        "flags": {}, "order": number, "mode": 0, "inputs": [], "outputs": [],
        "title": "About this workflow" if key == "about" else "What happens here", "properties": {},
        "widgets_values": [sheet.texts[key]], "color": colour, "bgcolor": ground,
    }  # fmt: skip


def _groups(sheet: Sheet) -> list[dict[str, Any]]:
    groups = []
    shown = [stage for stage in STAGES if stage in sheet.stages.values()]
    for number, stage in enumerate(shown, start=1):
        keys = [f"note of {stage.key}", *(node_id for node_id, own in sheet.stages.items() if own == stage)]
        boxes = [(sheet.at[item.column], item.y - TITLE, item) for item in (sheet.items[key] for key in keys)]
        left, top = min(x for x, _, _ in boxes) - PAD, min(y for _, y, _ in boxes) - HEAD
        right = max(x + item.width for x, _, item in boxes) + PAD
        bottom = max(y + TITLE + item.height for _, y, item in boxes) + PAD
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


def _view(sheet: Sheet) -> dict[str, Any]:
    """What is seen first: as much of the left as can be read, in a window of usual size."""
    tops = [item.y for item in sheet.items.values()]
    bottoms = [item.y + item.height for item in sheet.items.values()]
    right = sheet.at[-1] + max(item.width for item in sheet.columns.items[-1])
    scale = min(1.0, max(0.7, min(1450 / (right + 100), 800 / (max(bottoms) - min(tops) + 150))))
    top = sheet.items["about"].y
    return {"scale": round(scale, 3), "offset": [round(80 / scale), round(130 / scale - top)]}


def as_form(drawn: Mapping[str, Any]) -> dict[str, Any]:
    """The same file, opened by ComfyUI in its app mode: as a form, with the graph behind it."""
    return {**drawn, "extra": {**drawn["extra"], "linearMode": True}}


def _form(workflow: Workflow, sheet: Sheet, asked: Sequence[str]) -> dict[str, Any]:
    """What ComfyUI's app mode asks for and shows: the inputs the index names, or what is set first; the results."""
    specs = [spec for spec in sheet.asked if spec.name in asked] or [
        spec for spec in sheet.asked if sheet.stages[spec.node_id].key == "set"
    ]
    order = [*asked, *(spec.name for spec in specs)]
    inputs = [[spec.node_id, spec.widget] for spec in sorted(specs, key=lambda spec: order.index(spec.name))]
    return {"inputs": inputs, "outputs": [spec.node_id for spec in workflow.outputs()]}
