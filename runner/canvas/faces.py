"""One node of a graph as ComfyUI's canvas keeps it: slots, widget values in their order, and how large it is drawn.

The canvas holds a node's values by position, so their order must be its frontend's own: inputs as the schema lists
them, after a seed what happens to it once a run is queued, after a picture the button that uploads one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.workflow.graph import is_link
from runner.workflow.schema import COMBO, DYNAMIC_COMBO, InputSchema, node_inputs, output_types

_ROW, _WIDGET, _EDGE = 20.0, 24.0, 6.0
"""LiteGraph's: a row of slots, a widget with its gap, the rest."""
_TEXT_BOX = 130.0
_PICTURE = 240.0
"""Room for a text of several lines, and for the picture that a node shows once it has one."""
_LETTER = 7.6
"""Width of a letter of the canvas' font, in the mean."""
_NARROW, _WIDE = 270.0, 430.0
"""Of a node: what its titles need, and what a text or a picture does."""
_SEEDS = frozenset({"seed", "noise_seed"})
_SHOWS_PICTURE = frozenset(
    {"LoadImage", "SaveImage", "PreviewImage", "PreviewAny", "ProdgenExport", "ProdgenSaveCutout"}
    | {"ProdgenSegmentProduct", "ProdgenColorFix", "ProdgenFidelity", "ProdgenGripZone", "ProdgenGroundShadow"}
    | {"ProdgenEraseHandle", "ProdgenLight", "ProdgenKeepInFront", "ProdgenPasteBack", "ProdgenPlaceProduct"}
    | {"ProdgenRegisterProduct", "ProdgenStyle", "ProdgenJoinTiles"}
)
"""Nodes that grow by a picture once they have run."""
_MATCHED = "COMFY_MATCHTYPE_V3"


@dataclass(frozen=True)
class Slot:
    """An input that may be linked; `widget`: it is one that has a value of its own as well."""

    name: str
    type: str
    widget: bool = False
    optional: bool = False


@dataclass(frozen=True)
class Face:
    """What the canvas needs of a node, apart from its place."""

    slots: tuple[Slot, ...]
    values: tuple[Any, ...]
    outputs: tuple[tuple[str, str], ...]
    """(name, type) of each."""
    width: float
    height: float
    rows: Mapping[str, float] = field(default_factory=dict)
    """Input → how far below the node's top its slot is."""

    def slot_number(self, name: str) -> int:
        return next(number for number, slot in enumerate(self.slots) if slot.name == name)

    def output_row(self, number: int) -> float:
        return _slot_row(number)


def face_of(node: Mapping[str, Any], info: Mapping[str, Any]) -> Face:
    """The face of a node of a graph; `info` is what `/object_info` says of its class."""
    given: Mapping[str, Any] = node["inputs"]
    schemas = node_inputs(info, given)
    sockets = [schema for schema in schemas.values() if not _is_widget(schema)]
    widgets = [schema for schema in schemas.values() if _is_widget(schema)]
    slots = [Slot(s.name, _slot_type(s), optional=not s.required) for s in sockets]
    values: list[Any] = []
    drawn: list[tuple[str, float]] = []
    uploads = [schema for schema in widgets if schema.upload]
    last_required = max((n for n, schema in enumerate(widgets) if schema.required), default=-1)
    for number, schema in enumerate(widgets):
        slots.append(Slot(schema.name, schema.type, widget=True, optional=not schema.required))
        present = given.get(schema.name)
        values.append(_default(schema) if present is None or is_link(present) else present)
        drawn.append((schema.name, _TEXT_BOX if schema.settings.get("multiline") else _WIDGET))
        if _is_counted(schema):
            values.append("fixed")
            drawn.append(("control_after_generate", _WIDGET))
        if uploads and number == last_required:
            values.append("image")
            drawn.append(("upload", _WIDGET))
            slots.append(Slot("upload", "IMAGEUPLOAD", widget=True))
    outputs = tuple(zip(_output_names(info), _output_kinds(info), strict=True))
    return _sized(node, slots, values, outputs, drawn)


def _sized(
    node: Mapping[str, Any],
    slots: list[Slot],
    values: list[Any],
    outputs: tuple[tuple[str, str], ...],
    drawn: list[tuple[str, float]],
) -> Face:
    sockets = [slot for slot in slots if not slot.widget]
    rows = {slot.name: _slot_row(number) for number, slot in enumerate(sockets)}
    top = max(len(sockets), len(outputs), 1) * _ROW + _EDGE
    for name, height in drawn:
        rows[name] = top + min(height, _WIDGET) / 2
        top += height
    height = top + (8.0 if drawn else 0.0)
    if node["class_type"] in _SHOWS_PICTURE:
        height += _PICTURE
    names = [slot.name for slot in sockets]
    letters = max(
        *(len(left) + len(right) for left, right in _pairs(names, [name for name, _ in outputs])),
        *(len(name) + min(len(str(value)), 22) + 4 for name, value in zip((n for n, _ in drawn), values, strict=True)),
        len(str(node.get("_meta", {}).get("title", ""))) + 3,
        0,
    )
    width = max(_NARROW, letters * _LETTER + 40)
    if any(height > _WIDGET for _, height in drawn):
        width = _WIDE
    width = min(_WIDE, math.ceil(width / 10) * 10)
    return Face(tuple(slots), tuple(values), outputs, width, math.ceil(height / 10) * 10, rows)


def _pairs(left: list[str], right: list[str]) -> list[tuple[str, str]]:
    longest = max(len(left), len(right), 1)
    fill = [""] * longest
    return list(zip((left + fill)[:longest], (right + fill)[:longest], strict=True))


def _slot_row(number: int) -> float:
    return 4.0 + (number + 0.7) * _ROW


def _is_widget(schema: InputSchema) -> bool:
    return schema.is_value


def _is_counted(schema: InputSchema) -> bool:
    """Whether the canvas asks what becomes of the value after a run: fixed, one more, another."""
    asked = schema.settings.get("control_after_generate")
    return bool(schema.name in _SEEDS and schema.type == "INT" if asked is None else asked)


def _default(schema: InputSchema) -> Any:
    if schema.default is not None:
        return schema.default
    if schema.type in (COMBO, DYNAMIC_COMBO):
        return schema.options[0] if schema.options else ""
    return {"INT": schema.settings.get("min", 0), "FLOAT": schema.settings.get("min", 0.0), "BOOLEAN": False}.get(
        schema.type, ""
    )


def _slot_type(schema: InputSchema) -> str:
    if schema.type == _MATCHED:
        return str(schema.settings.get("template", {}).get("allowed_types", "*"))
    return schema.type


def _output_kinds(info: Mapping[str, Any]) -> list[str]:
    return [
        _COMBO_OUT if isinstance(kind, list) else "*" if kind == _MATCHED else str(kind) for kind in output_types(info)
    ]


_COMBO_OUT = COMBO


def _output_names(info: Mapping[str, Any]) -> list[str]:
    kinds = _output_kinds(info)
    names = [str(name) for name in info.get("output_name") or ()]
    return [names[number] if number < len(names) else kind for number, kind in enumerate(kinds)]
