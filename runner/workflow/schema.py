"""What a server says about its nodes (`/object_info`), read into plain types.

Two notations are in use for a choice: the old `[["a", "b"], {…}]` and the new `["COMBO", {"options": […]}]`; both
become type `COMBO` here. Inputs that a node grows at run time (dynamic combos, growing lists, dynamic slots) are
expanded against the inputs a graph really gives, the way the server does before it validates.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from runner.data import parse_answer
from runner.errors import UsageError, WorkflowError
from runner.files.reading import read_text
from runner.models.names import is_model_name
from runner.untrusted import items, mapping, number, text, texts

ObjectInfo = Mapping[str, Any]
"""`/object_info`: node class → what its inputs and outputs are."""

COMBO = "COMBO"
DYNAMIC_COMBO = "COMFY_DYNAMICCOMBO_V3"
AUTOGROW = "COMFY_AUTOGROW_V3"
DYNAMIC_SLOT = "COMFY_DYNAMICSLOT_V3"
VALUE_TYPES = frozenset({"INT", "FLOAT", "STRING", "BOOLEAN", COMBO, DYNAMIC_COMBO})
_UPLOAD_KINDS = {
    "animated_image_upload": "file",
    "image_upload": "image",
    "audio_upload": "audio",
    "video_upload": "video",
    "file_upload": "file",
}
"""Flag of an upload widget → what it takes. Only an image is prepared; an animation is a file like any other."""


@dataclass(frozen=True)
class InputSchema:
    """One input of a node, as its server describes it."""

    name: str
    type: str
    required: bool = True
    options: tuple[Any, ...] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    raw_type: Any = None

    @property
    def default(self) -> Any:
        return self.settings.get("default")

    @property
    def minimum(self) -> float | None:
        return number(self.settings.get("min"))

    @property
    def maximum(self) -> float | None:
        return number(self.settings.get("max"))

    @property
    def step(self) -> float | None:
        return number(self.settings.get("step"))

    @property
    def help(self) -> str:
        tooltip = self.settings.get("tooltip")
        return tooltip if isinstance(tooltip, str) else ""

    @property
    def is_colour(self) -> bool:
        """A text that is a colour: ComfyUI has no type for it, the input's help says “as #rrggbb”."""
        return self.type == "STRING" and "as #rrggbb" in self.help

    @property
    def is_upload(self) -> bool:
        """The value is the name of a file in the server's input folder, sent there by an upload."""
        return bool(self.upload)

    @property
    def upload(self) -> str:
        """What an upload widget takes: `image`, `audio`, `video` or `file`; "" for any other widget."""
        return next((kind for flag, kind in _UPLOAD_KINDS.items() if self.settings.get(flag)), "")

    @property
    def is_image_upload(self) -> bool:
        return self.upload == "image"

    @property
    def is_value(self) -> bool:
        """A widget (a value typed in), as opposed to a socket that only takes a link."""
        return self.type in VALUE_TYPES and not self.settings.get("forceInput")


_MOST_GROUPS = 8
"""`required`, `optional`, `hidden`, and what may still come."""
_DEEPEST, _LONGEST = 8, 1000
"""Dynamic inputs within dynamic inputs; inputs, outputs and names of a growing list that a node may have: ComfyUI's own
have some thirty. What a server says beyond is left out."""


def well_formed(object_info: Mapping[str, Any]) -> dict[str, Any]:
    """What of an `/object_info` has the shape it should have. All other functions here, and the checks, rely on that.

    A node that is not described at all is left out, as one the server does not have.
    """
    schemas = {}
    for name, info in object_info.items():
        if isinstance(info, dict):
            listed = items(info.get("output"))[:_LONGEST]
            outputs = [kind for kind in listed if isinstance(kind, str) or texts(kind)]
            schemas[name] = {**info, "input": _groups(info.get("input"), 0), "output": outputs}
    return schemas


def _groups(value: Any, depth: int) -> dict[str, Any]:
    return {
        group: entries
        if group == "hidden"
        else {name: _entry(entry, depth) for name, entry in islice(entries.items(), _LONGEST)}
        for group, entries in islice(mapping(value).items(), _MOST_GROUPS)
        if isinstance(entries, dict) and depth < _DEEPEST
    }


def _entry(value: Any, depth: int) -> list[Any]:
    parts = items(value) or [value]
    kind = _choices(parts[0]) if isinstance(parts[0], list) else text(parts[0], "*")
    settings = dict(mapping(parts[1])) if len(parts) > 1 else {}
    if kind == DYNAMIC_COMBO:
        options = [mapping(option) for option in items(settings.get("options"))]
        settings["options"] = [
            {**option, "inputs": _groups(option.get("inputs"), depth + 1)}
            for option in options
            if _is_plain(option.get("key"))
        ]
    elif kind == DYNAMIC_SLOT:
        settings["inputs"] = _groups(settings.get("inputs"), depth + 1)
    elif kind == AUTOGROW:
        read: dict[str, Callable[[Any], Any]] = {
            "min": _count,
            "max": _count,
            "names": lambda names: list(texts(names))[:_LONGEST],
            "prefix": text,
            "input": lambda groups: _groups(groups, depth + 1),
        }
        template = mapping(settings.get("template"))
        settings["template"] = {key: read.get(key, _as_it_is)(value) for key, value in template.items()}
    elif isinstance(settings.get("options"), list):
        settings["options"] = _choices(settings["options"])
    return [kind, settings] if len(parts) > 1 or settings else [kind]


def _count(value: Any) -> int:
    return int(max(0, min(_LONGEST, number(value) or 0)))


def _as_it_is(value: Any) -> Any:
    return value


def _choices(options: list[Any]) -> list[Any]:
    return [option for option in options if _is_plain(option)]


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float))


def parse_input(name: str, entry: Any, required: bool) -> InputSchema:
    """One `[type, settings]` pair of `/object_info`."""
    parts = entry if isinstance(entry, (list, tuple)) else [entry]
    raw_type = parts[0] if parts else "*"
    settings = parts[1] if len(parts) > 1 and isinstance(parts[1], Mapping) else {}
    if isinstance(raw_type, list):
        return InputSchema(name, COMBO, required, tuple(raw_type), settings, raw_type)
    options: tuple[Any, ...] | None = None
    if raw_type == COMBO and isinstance(settings.get("options"), list):
        options = tuple(settings["options"])
    elif raw_type == DYNAMIC_COMBO:
        options = tuple(option.get("key") for option in settings.get("options", []) if isinstance(option, Mapping))
    return InputSchema(name, str(raw_type), required, options, settings, raw_type)


def node_inputs(info: Mapping[str, Any], given: Mapping[str, Any] | None = None) -> dict[str, InputSchema]:
    """Every input of a node of this class. Dynamic ones are expanded for the inputs `given` in a graph."""
    return dict(_inputs(info.get("input") or {}, given or {}, ""))


def given_inputs(info: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, InputSchema]:
    """Those inputs of a node of this class that are `given`: of the others nothing is looked at but the names."""
    return dict(_inputs(info.get("input") or {}, given, "", all_of_them=False))


def _inputs(
    groups: Mapping[str, Any], given: Mapping[str, Any], prefix: str, *, all_of_them: bool = True
) -> Iterator[tuple[str, InputSchema]]:
    for group, entries in groups.items():
        if group == "hidden" or not isinstance(entries, Mapping):
            continue
        for short, entry in entries.items():
            name = f"{prefix}{short}"
            if not (all_of_them or name in given or (_kind_of(entry) == AUTOGROW and _has_grown(name, given))):
                continue
            schema = parse_input(name, entry, group == "required")
            if schema.type == AUTOGROW:
                grown = _grown(schema, given)
                yield from grown if all_of_them else ((name, one) for name, one in grown if name in given)
                continue
            yield name, schema
            if schema.type == DYNAMIC_COMBO:
                for option in schema.settings.get("options", []):
                    if name in given and option.get("key") == given[name]:
                        inner = option.get("inputs") or {}
                        yield from _inputs(inner, given, f"{name}.", all_of_them=all_of_them)
            elif schema.type == DYNAMIC_SLOT and name in given:
                inner = schema.settings.get("inputs") or {}
                yield from _inputs(inner, given, f"{name}.", all_of_them=all_of_them)


def _has_grown(name: str, given: Mapping[str, Any]) -> bool:
    return any(one.startswith(f"{name}.") for one in given)


def _kind_of(entry: Any) -> Any:
    return entry[0] if isinstance(entry, (list, tuple)) and entry else entry


def _grown(schema: InputSchema, given: Mapping[str, Any]) -> Iterator[tuple[str, InputSchema]]:
    template = schema.settings.get("template") or {}
    minimum = int(template.get("min", 0))
    if not minimum and not _has_grown(schema.name, given):
        return
    names = template.get("names") or [f"{template.get('prefix', '')}{i}" for i in range(int(template.get("max", 0)))]
    for group, entries in (template.get("input") or {}).items():
        if not isinstance(entries, Mapping) or not entries:
            continue
        entry = next(iter(entries.values()))
        for position, short in enumerate(names):
            name = f"{schema.name}.{short}"
            required = group == "required" and position < minimum
            if required or name in given:
                yield name, parse_input(name, entry, required)
        return


def output_types(info: Mapping[str, Any]) -> list[Any]:
    outputs = info.get("output")
    return list(outputs) if isinstance(outputs, (list, tuple)) else []


def output_names(info: Mapping[str, Any]) -> list[str]:
    names = info.get("output_name")
    return [str(name) for name in names] if isinstance(names, (list, tuple)) else []


def load_object_info(path: Path) -> dict[str, Any]:
    """A recorded `/object_info` (the file of `--object-info`)."""
    try:
        data = parse_answer(read_text(path, named=True))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror or error}).") from error
    except ValueError as error:
        raise UsageError(f"{path}: this is not JSON ({error}).") from error
    if not isinstance(data, dict) or not all(isinstance(v, dict) and "input" in v for v in data.values()):
        raise UsageError(
            f"{path}: this is not a recorded /object_info.",
            advice="Record one with: curl http://127.0.0.1:8188/object_info -o object_info.json",
        )
    return well_formed(data)


RECORDED_SCHEMA = "object_info.json"
"""The schema recorded beside the bundled workflows, trimmed to the nodes they use."""


def recorded_object_info(folder: Path) -> dict[str, Any]:
    path = folder / RECORDED_SCHEMA
    return load_object_info(path) if path.is_file() else {}


def that_knows_all(object_info: ObjectInfo, graph: Mapping[str, Mapping[str, Any]]) -> ObjectInfo | None:
    """`object_info` where it describes every node of `graph`; else None, for a check by a part of it says nothing."""
    return object_info if all(node["class_type"] in object_info for node in graph.values()) else None


def trim_object_info(object_info: ObjectInfo, classes: Iterable[str]) -> dict[str, Any]:
    """The part of an `/object_info` worth recording: these classes, without what differs from server to server."""
    trimmed: dict[str, Any] = {}
    for name in sorted(set(classes)):
        if name not in object_info:
            raise WorkflowError(f"the server has no node {name}: its schema cannot be recorded.")
        entry = {key: object_info[name][key] for key in ("input", "output", "output_name") if key in object_info[name]}
        entry = json.loads(json.dumps(entry))
        for group in entry["input"].values():
            for short, value in group.items() if isinstance(group, dict) else ():
                schema = parse_input(short, value, True)
                if schema.is_upload or is_file_list(schema.options):
                    value[0] = COMBO
                    settings = {k: v for k, v in schema.settings.items() if k not in ("options", "default")}
                    value[1:] = [settings]
        entry["output_node"] = bool(object_info[name].get("output_node"))
        entry["display_name"] = object_info[name].get("display_name") or name
        entry["python_module"] = object_info[name].get("python_module", "")
        trimmed[name] = entry
    return trimmed


_NO_FILES = {"pixel_space", "none"}
"""What Load VAE, and our loaders that can do without, offer where there is no file at all."""


def is_file_list(options: tuple[Any, ...] | None) -> bool:
    """A choice whose options are the files found on that server (or none were found)."""
    return options is not None and (set(options) <= _NO_FILES or any(is_model_name(option) for option in options))
