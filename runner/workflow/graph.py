"""A workflow in API format and the names marked on it: what may be set and which nodes hold the results.

The marks are node titles (`_meta.title`), so they survive a round trip through ComfyUI's canvas:

- `input: <name>` on a node with one obvious widget, `input: <name> = <widget>` where it has several;
- `output: <name>` on the node whose files are the result.

The same input name on several nodes sets all of them (one seed for two samplers).
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from runner.errors import WorkflowError
from runner.suggest import did_you_mean
from runner.workflow.schema import COMBO, InputSchema, ObjectInfo, node_inputs

Graph = dict[str, dict[str, Any]]
"""Node id → `{"class_type", "inputs", "_meta"}`, as ComfyUI's *Export (API)* writes it."""

Consumers = Mapping[str, Sequence[tuple[str, str]]]

_TITLE = re.compile(r"^\s*(?P<kind>input|output)\s*:\s*(?P<rest>.*?)\s*$", re.IGNORECASE)
_HANDS_ON = ("Primitive", "ProdgenNumber")
"""Nodes that only hand a value on: it has the range and the help of what it is connected to."""
_USUAL_RANGES = {
    "times": (0.01, 100), "hires_scale": (0.1, 8), "max_megapixels": (0.01, 1000), "refiner_at": (0, 1),
    "strong_from": (0, 1), "denoise": (0, 1), "steps": (1, 10_000), "fast_steps": (1, 10_000), "cfg": (0, 100),
    "fast_cfg": (0, 100),
}  # fmt: skip
"""The least and the most of an input by its name: behind a switch or an expression it is seen no more what a value is
for. Steps, cfg and denoise: core's samplers'; the others: beyond them nothing is left of a picture, or of memory."""
_NO_FILE = frozenset({"none", "off", "disabled"})
_MEDIA = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"}
    | {".wav", ".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aac", ".mp4", ".mov", ".webm", ".mkv", ".avi", ".m4v"}
    | {".glb", ".gltf", ".obj", ".fbx", ".stl", ".ply"}
)
_OBVIOUS_WIDGETS = ("value", "image", "text", "string", "prompt")


@dataclass(frozen=True)
class Mark:
    """A title that names an input or an output."""

    kind: str
    name: str
    widget: str | None = None


@dataclass(frozen=True)
class Target:
    """One widget of one node."""

    node_id: str
    widget: str


@dataclass(frozen=True)
class InputSpec:
    """Something a user may set."""

    name: str
    type: str
    """INT, FLOAT, STRING, BOOLEAN, COMBO, or IMAGE for the name of an uploaded picture, FILE for any other upload."""
    default: Any
    targets: tuple[Target, ...]
    help: str = ""
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    options: tuple[Any, ...] | None = None
    from_schema: bool = False
    """False: the type was guessed from the value in the file, because no schema of the node was at hand."""

    @property
    def node_id(self) -> str:
        return self.targets[0].node_id

    @property
    def widget(self) -> str:
        return self.targets[0].widget

    @property
    def is_image(self) -> bool:
        return self.type == "IMAGE"

    @property
    def is_file(self) -> bool:
        """A file of the user's own can be given: it is uploaded."""
        return self.type in ("IMAGE", "FILE")


@dataclass(frozen=True)
class OutputSpec:
    """A node whose files are a result."""

    name: str
    node_id: str
    class_type: str


@dataclass(frozen=True)
class Workflow:
    """A workflow file, read and checked for shape. `graph` is never changed: patching works on a copy."""

    name: str
    version: int | None
    path: Path
    graph: Graph = field(repr=False)
    left_out: tuple[str, ...] = ()
    """Nodes of the file that exist on the canvas only (a note), by what messages call them."""
    smoke: bool = False
    """Models that a server lacks are stood in for by smoke models, and its results say so."""
    channels: tuple[str, ...] = ()
    """The shops it makes pictures for at once, where those are several (`runner.workflow.channels`)."""
    _specs_read: list[tuple[ObjectInfo | None, list[InputSpec]]] = field(
        default_factory=list, init=False, repr=False, compare=False
    )
    """What `inputs` found last: a batch asks for each of ten thousand jobs."""

    @property
    def label(self) -> str:
        return self.name if self.version is None else f"{self.name}.v{self.version}"

    @property
    def notes(self) -> list[str]:
        """What the user should know of how the file was read."""
        return [f"{node} exists on the canvas only: it was left out." for node in self.left_out]

    @cached_property
    def consumers(self) -> Consumers:
        """Which nodes each node of the graph feeds."""
        return consumers_of(self.graph)

    def inputs(self, object_info: ObjectInfo | None = None) -> list[InputSpec]:
        """The named inputs, in the file's order; `object_info` adds type, range, choices and help."""
        for asked, answer in list(self._specs_read):
            if asked is object_info:
                return list(answer)
        grouped: dict[str, list[Target]] = {}
        for node_id, mark in _marks(self.graph, "input"):
            target = Target(node_id, _marked_widget(self, node_id, mark, object_info))
            grouped.setdefault(mark.name, []).append(target)
        specs = [_input_spec(self, name, tuple(targets), object_info) for name, targets in grouped.items()]
        self._specs_read[:] = [(object_info, specs), *self._specs_read[:2]]
        return list(specs)

    def image_inputs(self, object_info: ObjectInfo | None = None) -> list[InputSpec]:
        """Where pictures go, in the order `--image` fills them: `image`, `image_2`, … or the only LoadImage.

        A picture that the workflow does without as it stands (`none`) is set by its name only.
        """
        named = [spec for spec in self.inputs(object_info) if spec.is_image and not self._is_spared(spec)]
        if named:
            return sorted(named, key=lambda spec: _image_order(spec.name))
        loaders = [node_id for node_id, node in self.graph.items() if node["class_type"] == "LoadImage"]
        if len(loaders) != 1:
            return []
        return [_input_spec(self, "image", (Target(loaders[0], "image"),), object_info)]

    def _is_spared(self, spec: InputSpec) -> bool:
        """The workflow does without this file as it stands: its widget says `none` (core's LoadImage has no such)."""
        none = str(spec.default).strip("[]()<>- ").casefold() in _NO_FILE
        return none and self.graph[spec.node_id]["class_type"] != "LoadImage"

    def outputs(self) -> list[OutputSpec]:
        """The nodes titled `output: <name>`; none means that every output node's files count."""
        return [
            OutputSpec(mark.name, node_id, str(self.graph[node_id]["class_type"]))
            for node_id, mark in _marks(self.graph, "output")
        ]

    def widget(self, node_id: str, name: str, object_info: ObjectInfo | None = None) -> InputSpec:
        """Any widget of any node, described like a named input; its name is `<node id>.<widget>`."""
        return _input_spec(self, f"{node_id}.{name}", (Target(node_id, name),), object_info)

    def input(self, name: str, object_info: ObjectInfo | None = None) -> InputSpec | None:
        """The named input, or None."""
        return next((spec for spec in self.inputs(object_info) if spec.name.casefold() == name.casefold()), None)


def node_title(node: Mapping[str, Any]) -> str:
    """A node's title; an untitled node is called by its class."""
    meta = node.get("_meta")
    title = meta.get("title") if isinstance(meta, Mapping) else None
    return title if isinstance(title, str) and title.strip() else str(node.get("class_type", ""))


def describe_node(node_id: str, node: Mapping[str, Any]) -> str:
    """How a message names a node: id, title, class."""
    title, kind = node_title(node), str(node.get("class_type", "?"))
    return f"node {node_id} ({kind})" if title == kind else f"node {node_id} “{title}” ({kind})"


def is_link(value: Any) -> bool:
    """A widget's list value also arrives as a list; only `[node id, slot]` is a link."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], int)
        and not isinstance(value[1], bool)
    )


def parse_title(title: str) -> Mark | None:
    """`input: steps = value` → Mark("input", "steps", "value"); None for any other title."""
    match = _TITLE.match(title)
    if not match:
        return None
    kind, rest = match["kind"].lower(), match["rest"]
    if kind == "output":
        return Mark(kind, rest) if rest else None
    name, equals, widget = (part.strip() for part in rest.partition("="))
    if not name or (equals and not widget):
        return None
    return Mark(kind, name, widget or None)


def _marks(graph: Graph, kind: str) -> Iterator[tuple[str, Mark]]:
    for node_id, node in graph.items():
        mark = parse_title(node_title(node))
        if mark is not None and mark.kind == kind:
            yield node_id, mark


def _image_order(name: str) -> tuple[int, int, str]:
    match = re.fullmatch(r"image(?:_(\d+))?", name, re.IGNORECASE)
    return (0, int(match[1] or 1), "") if match else (1, 0, "")


def _marked_widget(workflow: Workflow, node_id: str, mark: Mark, object_info: ObjectInfo | None) -> str:
    node = workflow.graph[node_id]
    where = f"{workflow.path}: {describe_node(node_id, node)}"
    given: dict[str, Any] = node["inputs"]
    widgets = [name for name, value in given.items() if not is_link(value)]
    schemas = schemas_of(node, object_info)
    if schemas is not None:
        widgets += [name for name, schema in schemas.items() if schema.is_value and name not in given]
    if mark.widget is not None:
        if mark.widget in given and is_link(given[mark.widget]):
            raise WorkflowError(f"{where}: its input {mark.widget!r} is linked to another node, so it cannot be set.")
        if mark.widget not in widgets:
            raise WorkflowError(
                f"{where}: the title names the widget {mark.widget!r}, which the node does not have."
                f"{did_you_mean(mark.widget, widgets)}",
                advice=f"It has: {', '.join(widgets) or 'no widgets'}.",
            )
        return mark.widget
    present = [name for name in widgets if name in given] or widgets
    for name in _OBVIOUS_WIDGETS:
        if name in present:
            return name
    if mark.name in present:
        return mark.name
    if len(present) == 1:
        return present[0]
    raise WorkflowError(
        f"{where}: the title does not say which widget {mark.name!r} sets.",
        advice=f"Rename the node to “input: {mark.name} = <widget>” with one of: {', '.join(present) or 'none'}.",
    )


def consumers_of(graph: Graph) -> Consumers:
    """Node id → the nodes and their inputs that are linked to it, in the graph's order."""
    consumers: dict[str, list[tuple[str, str]]] = {}
    for consumer, node in graph.items():
        for name, value in node["inputs"].items():
            if is_link(value):
                consumers.setdefault(value[0], []).append((consumer, name))
    return consumers


def schemas_of(node: Mapping[str, Any], object_info: ObjectInfo | None) -> dict[str, InputSchema] | None:
    """The schema of a node's inputs, or None where its class is unknown."""
    info = object_info.get(str(node["class_type"])) if object_info else None
    return node_inputs(info, node["inputs"]) if info else None


def schema_of(
    graph: Graph, node_id: str, widget: str, object_info: ObjectInfo | None, consumers: Consumers | None = None
) -> InputSchema | None:
    """The schema of one widget. A primitive's value has the range and the help of the inputs it is linked to.

    `consumers`: those of the graph, where many are asked for.
    """
    node = graph[node_id]
    own = (schemas_of(node, object_info) or {}).get(widget)
    if own is None or not str(node["class_type"]).startswith(_HANDS_ON):
        return own
    links = (consumers_of(graph) if consumers is None else consumers).get(node_id, ())
    linked = ((schemas_of(graph[consumer], object_info) or {}).get(name) for consumer, name in links)
    fed = [schema for schema in linked if schema is not None]
    mark = parse_title(node_title(node))
    least, most = _USUAL_RANGES.get(mark.name if mark else "", (None, None))
    shared = {
        "min": max((low for low in [least, *(s.minimum for s in [own, *fed])] if low is not None), default=None),
        "max": min((high for high in [most, *(s.maximum for s in [own, *fed])] if high is not None), default=None),
        "step": next((s.step for s in [*fed, own] if s.step is not None), None),
        "tooltip": next((s.help for s in [*fed, own] if s.help), None),
    }
    return replace(own, settings={**own.settings, **shared})


def _input_spec(
    workflow: Workflow, name: str, targets: tuple[Target, ...], object_info: ObjectInfo | None
) -> InputSpec:
    node = workflow.graph[targets[0].node_id]
    widget = targets[0].widget
    schema = schema_of(workflow.graph, targets[0].node_id, widget, object_info, workflow.consumers)
    present = node["inputs"].get(widget)
    if schema is None:
        kind = guess_type(node, widget, present)
        return InputSpec(name, kind, present, targets)
    kind = "IMAGE" if schema.is_image_upload else "FILE" if schema.is_upload else schema.type
    return InputSpec(
        name,
        kind if kind != "COMFY_DYNAMICCOMBO_V3" else COMBO,
        present if widget in node["inputs"] else schema.default,
        targets,
        schema.help,
        _worth_saying(schema.minimum),
        _worth_saying(schema.maximum),
        schema.step,
        None if schema.is_upload else schema.options,
        from_schema=True,
    )


def _worth_saying(limit: float | None) -> float | None:
    """The ends of 64 bits, as primitives have them, limit nothing a person would type."""
    return None if limit is not None and abs(limit) in (2**63 - 1, 2**63) else limit


def guess_type(node: Mapping[str, Any], widget: str, present: Any) -> str:
    """The type a value in the file suggests."""
    if widget == "image" and isinstance(present, str) and str(node["class_type"]).startswith("LoadImage"):
        return "IMAGE"
    if isinstance(present, str) and "Load" in str(node["class_type"]) and Path(present).suffix.lower() in _MEDIA:
        return "FILE"
    if isinstance(present, bool):
        return "BOOLEAN"
    if isinstance(present, int):
        return "INT"
    if isinstance(present, float):
        return "FLOAT"
    return "STRING"


def up_to(graph: Graph, *node_ids: str) -> Graph:
    """A copy that holds these nodes and what they need, nothing else."""
    kept: set[str] = set()
    waiting = list(node_ids)
    while waiting:
        node_id = waiting.pop()
        if node_id not in kept:
            kept.add(node_id)
            waiting += [value[0] for value in graph[node_id]["inputs"].values() if isinstance(value, list)]
    return copy.deepcopy({node_id: node for node_id, node in graph.items() if node_id in kept})
