"""Subgraphs that the pack puts into ComfyUI's node library, next to core's own: two steps of the work in one node each.

A blueprint is a workflow file that holds one node, the subgraph, and its definition. Ids come from the names, so that a
file drawn again is the same file.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_SPACE = uuid.UUID("0c0bb1f2-6ad1-4b1e-9a55-6f1c8a3b7d10")
"""Any constant will do: the ids of these blueprints are made within it."""
_INPUT, _OUTPUT = -10, -20
"""What the front end calls the two ends of a subgraph."""
_WIDE, _GAP, _SLOT, _HEAD = 320, 80, 20, 60
"""Pixels: a node's width, the space between two, the height of a slot and of what stands around them."""
_WIDGETS = ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO")


@dataclass(frozen=True)
class Blueprint:
    """`nodes`: class of each, in the order of the work. `wires`: what feeds an input, `"input NAME"` or `"NODE.OUTPUT"`
    (nodes counted from 0). `results`: output → where it comes from. `shown`: widgets that stand on the subgraph's face.
    """

    name: str
    description: str
    nodes: tuple[str, ...]
    wires: Mapping[str, str]
    results: Mapping[str, str]
    shown: tuple[str, ...]
    values: Mapping[str, Any]


BLUEPRINTS = (
    Blueprint(
        "Cut out and place",
        "Cuts the product out of its photo and puts it on a plain canvas. Connect placement, product and product_mask "
        "to 'Paste back and judge'.",
        ("ProdgenSegmentProduct", "ProdgenPlaceProduct"),
        {
            "0.image": "input photo",
            "0.transparency": "input transparency",
            "0.hint": "input hint",
            "1.product": "0.product",
            "1.mask": "0.mask",
        },
        {
            "image": "1.image",
            "mask": "1.mask",
            "placement": "1.placement",
            "product": "0.product",
            "product_mask": "0.mask",
            "report": "0.report",
        },
        ("0.parts", "0.min_confidence", "1.width", "1.height", "1.pose", "1.fill", "1.background"),
        {},
    ),
    Blueprint(
        "Paste back and judge",
        "Pastes the photo's own pixels over a generated scene and says whether the product in it is still the "
        "seller's, with reasons. photo is optional: with it the report also says whether the cut-out is whole.",
        ("ProdgenNumber", "ProdgenPasteBack", "ProdgenFidelity"),
        {
            "1.scene": "input scene",
            "1.product": "input product",
            "1.mask": "input product_mask",
            "1.placement": "input placement",
            "1.keep_in_front": "input keep_in_front",
            "1.scale": "0.value",
            "2.image": "1.image",
            "2.product": "input product",
            "2.mask": "input product_mask",
            "2.placement": "input placement",
            "2.keep_in_front": "input keep_in_front",
            "2.photo": "input photo",
            "2.scale": "0.value",
        },
        {"image": "1.image", "mask": "1.mask", "report": "2.report"},
        ("0.value", "1.feather", "2.compare", "2.check_floating"),
        {"0.value": 1.01},
    ),
)


def drawn(blueprint: Blueprint, object_info: Mapping[str, Any]) -> dict[str, Any]:
    """The file of one blueprint, for nodes as `object_info` describes them."""
    nodes = [_node(number, kind, object_info[kind], blueprint) for number, kind in enumerate(blueprint.nodes)]
    ends = _Ends(nodes)
    for target, source in blueprint.wires.items():
        ends.wire(source, target)
    for name, source in blueprint.results.items():
        ends.result(name, source)
    identity = str(uuid.uuid5(_SPACE, blueprint.name))
    inputs = [_end(blueprint.name, "in", *slot) for slot in ends.inputs.items()]
    outputs = [_end(blueprint.name, "out", *slot) for slot in ends.outputs.items()]
    right = len(nodes) * (_WIDE + _GAP)
    subgraph = {
        "id": identity,
        "version": 1,
        "state": {"lastGroupId": 0, "lastNodeId": len(nodes), "lastLinkId": len(ends.links), "lastRerouteId": 0},
        "revision": 0,
        "config": {},
        "name": blueprint.name,
        "inputNode": {"id": _INPUT, "bounding": [-200, 0, 120, _HEAD + _SLOT * len(inputs)]},
        "outputNode": {"id": _OUTPUT, "bounding": [right, 0, 120, _HEAD + _SLOT * len(outputs)]},
        "inputs": inputs,
        "outputs": outputs,
        "widgets": [],
        "nodes": nodes,
        "groups": [],
        "links": ends.links,
        "extra": {},
        "category": "prodgen",
        "description": blueprint.description,
    }
    face = {
        "id": len(nodes) + 1,
        "type": identity,
        "pos": [0, 0],
        "size": [_WIDE, _HEAD + _SLOT * max(len(inputs), len(outputs)) + 26 * len(blueprint.shown)],
        "flags": {},
        "order": 0,
        "mode": 0,
        "inputs": [{"name": slot["name"], "type": slot["type"], "link": None} for slot in inputs],
        "outputs": [{"name": slot["name"], "type": slot["type"], "links": []} for slot in outputs],
        "properties": {"proxyWidgets": [_proxy(shown) for shown in blueprint.shown]},
        "widgets_values": [],
        "title": blueprint.name,
    }
    return {
        "revision": 0,
        "last_node_id": face["id"],
        "last_link_id": 0,
        "nodes": [face],
        "links": [],
        "version": 0.4,
        "definitions": {"subgraphs": [subgraph]},
        "extra": {},
    }


def _proxy(shown: str) -> list[str]:
    number, name = shown.split(".")
    return [str(int(number) + 1), name]


def _end(blueprint: str, side: str, name: str, slot: tuple[str, list[int]]) -> dict[str, Any]:
    kind, links = slot
    return {"id": str(uuid.uuid5(_SPACE, f"{blueprint} {side} {name}")), "name": name, "type": kind, "linkIds": links}


def _node(number: int, kind: str, info: Mapping[str, Any], blueprint: Blueprint) -> dict[str, Any]:
    """A node with every slot it has, sockets first, as the canvas writes it, and its widgets at their defaults."""
    specs = [
        (name, str(spec[0]) if isinstance(spec[0], str) else "COMBO", spec[1], section)
        for section in ("required", "optional")
        for name, spec in info["input"].get(section, {}).items()
    ]
    widgets = [spec for spec in specs if spec[1] in _WIDGETS]
    inputs: list[dict[str, Any]] = []
    for name, type_, _, section in specs:
        if type_ not in _WIDGETS:
            optional = {"shape": 7} if section == "optional" else {}
            inputs.append({"name": name, "type": type_, **optional, "link": None})
    inputs += [{"name": name, "type": type_, "widget": {"name": name}, "link": None} for name, type_, _, _ in widgets]
    outputs = zip(info["output_name"], info["output"], strict=True)
    values = [blueprint.values.get(f"{number}.{name}", spec.get("default")) for name, _, spec, _ in widgets]
    return {
        "id": number + 1,
        "type": kind,
        "pos": [number * (_WIDE + _GAP), 0],
        "size": [_WIDE, _HEAD + _SLOT * len(inputs) + 26 * len(widgets)],
        "flags": {},
        "order": number,
        "mode": 0,
        "inputs": inputs,
        "outputs": [{"name": name, "type": type_, "links": []} for name, type_ in outputs],
        "properties": {"Node name for S&R": kind},
        "widgets_values": values,
    }


class _Ends:
    """The links of a subgraph, and the slots at its two ends."""

    def __init__(self, nodes: Sequence[dict[str, Any]]) -> None:
        self.nodes, self.links = nodes, list[dict[str, Any]]()
        self.inputs: dict[str, tuple[str, list[int]]] = {}
        self.outputs: dict[str, tuple[str, list[int]]] = {}

    def wire(self, source: str, target: str) -> None:
        """From an input of the subgraph, or a node's output, to a node's input."""
        number, name = target.split(".")
        slots = self.nodes[int(number)]["inputs"]
        place = next(index for index, slot in enumerate(slots) if slot["name"] == name)
        if source.startswith("input "):
            label = source.removeprefix("input ")
            links = self.inputs.setdefault(label, (slots[place]["type"], []))[1]
            start = (_INPUT, list(self.inputs).index(label))
        else:
            start, links = self._output(source)
        link = self._link(start, (int(number) + 1, place), slots[place]["type"])
        links.append(link)
        slots[place]["link"] = link

    def result(self, name: str, source: str) -> None:
        """From a node's output to an output of the subgraph."""
        start, links = self._output(source)
        kind = self.nodes[start[0] - 1]["outputs"][start[1]]["type"]
        link = self._link(start, (_OUTPUT, len(self.outputs)), kind)
        links.append(link)
        self.outputs[name] = (kind, [link])

    def _output(self, source: str) -> tuple[tuple[int, int], list[int]]:
        number, name = source.split(".")
        slots = self.nodes[int(number)]["outputs"]
        place = next(index for index, slot in enumerate(slots) if slot["name"] == name)
        return (int(number) + 1, place), slots[place]["links"]

    def _link(self, start: tuple[int, int], end: tuple[int, int], kind: str) -> int:
        number = len(self.links) + 1
        origin = {"origin_id": start[0], "origin_slot": start[1]}
        self.links.append({"id": number, **origin, "target_id": end[0], "target_slot": end[1], "type": kind})
        return number
