"""Put a user's values into a copy of a workflow, each converted to the type its widget takes."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from runner.errors import WorkflowError
from runner.invocation import spell
from runner.models.aliases import same_model
from runner.suggest import did_you_mean
from runner.workflow.graph import (
    Graph,
    Target,
    Workflow,
    describe_node,
    guess_type,
    is_link,
    node_title,
    schema_of,
    schemas_of,
)
from runner.workflow.schema import COMBO, ObjectInfo, given_inputs
from runner.workflow.successors import with_successors
from runner.workflow.values import convert_value, listed


def patch_workflow(
    workflow: Workflow,
    values: Mapping[str, Any],
    images: Sequence[str] = (),
    object_info: ObjectInfo | None = None,
) -> Graph:
    """A deep copy of the workflow's graph with these values in it.

    `values` maps a name (`prompt`, or `NODE.widget` with a node's id or title) to text from the command line or to an
    already typed value from a job file. `images` are names the server gave to uploaded pictures; they fill `image`,
    `image_2`, … in order, or the only LoadImage. `object_info` makes the conversion exact (type, range, choices), and
    gives nodes and models the names that its server knows them by.
    Raises WorkflowError for a name that does not exist, a linked input or a value of the wrong type.
    """
    graph: Graph = copy.deepcopy(workflow.graph)
    # A choice can bring inputs of its own (`resize_type` brings `resize_type.width`): parents are set first.
    pending = _located(workflow, values, object_info)
    pending.sort(key=lambda item: item[2][0].widget.count("."))
    taken: dict[Target, str] = {}
    for name, value, targets in pending:
        for target in targets:
            if target in taken:
                raise WorkflowError(f"{taken[target]!r} and {name!r} set the same input; give one of them.")
            taken[target] = name
            _assign(graph, name, target, value, object_info)
    for target, server_name in _image_targets(workflow, images, object_info):
        if target in taken:
            raise WorkflowError(f"--image and {taken[target]!r} set the same input; give one of them.")
        graph[target.node_id]["inputs"][target.widget] = server_name
    graph = with_successors(graph, object_info)
    _name_files_as_listed(graph, object_info)
    return graph


def _name_files_as_listed(graph: Graph, object_info: ObjectInfo | None) -> None:
    """Models get the name that the server lists them by: the file may use another system's separators, or another name
    that the same model goes by."""
    for node in graph.values():
        info = object_info.get(str(node["class_type"])) if object_info else None
        for name, schema in given_inputs(info or {}, node["inputs"]).items():
            value = node["inputs"][name]
            if schema.type == COMBO and isinstance(value, str) and value not in (schema.options or (value,)):
                listed_name = listed(value, schema) or same_model(value, schema.options or ())
                node["inputs"][name] = value if listed_name is None else listed_name


def parse_assignment(workflow: Workflow, text: str, object_info: ObjectInfo | None = None) -> tuple[str, str]:
    """Split `NAME=VALUE`. A title may itself hold `=`: the first split whose name exists wins."""
    if "=" not in text:
        raise WorkflowError(f"--set {text}: this needs the form NAME=VALUE.", advice=_settable(workflow, object_info))
    for position in (index for index, character in enumerate(text) if character == "="):
        if _targets(workflow, text[:position].strip(), object_info):
            return text[:position].strip(), text[position + 1 :]
    name, _, value = text.partition("=")
    return name.strip(), value


def resolve_name(workflow: Workflow, name: str, object_info: ObjectInfo | None = None) -> tuple[Target, ...]:
    """The widgets a name sets; WorkflowError that lists what can be set when there are none."""
    targets = _targets(workflow, name, object_info)
    if targets:
        return targets
    for position in (index for index, character in enumerate(name) if character == "."):
        for node_id in _nodes_called(workflow.graph, name[:position].strip()):
            widgets = _settable_widgets(workflow, node_id, object_info)
            raise WorkflowError(
                f"{describe_node(node_id, workflow.graph[node_id])} has no {name[position + 1 :].strip()!r} to set."
                f"{did_you_mean(name[position + 1 :].strip(), widgets)}",
                advice=f"It has: {', '.join(widgets) or 'nothing that can be set'}.",
            )
    names = _all_names(workflow, object_info)
    raise WorkflowError(
        f"{workflow.label} has nothing called {name!r} to set.{did_you_mean(name, names)}",
        advice=_settable(workflow, object_info),
    )


def _located(
    workflow: Workflow, values: Mapping[str, Any], object_info: ObjectInfo | None
) -> list[tuple[str, Any, tuple[Target, ...]]]:
    return [(name, value, _resolve_with_parents(workflow, name, values, object_info)) for name, value in values.items()]


def _resolve_with_parents(
    workflow: Workflow, name: str, values: Mapping[str, Any], object_info: ObjectInfo | None
) -> tuple[Target, ...]:
    """Resolve a name; an input that only another given choice brings along counts as existing."""
    targets = _targets(workflow, name, object_info)
    if targets:
        return targets
    for parent in values:
        if parent != name and name.startswith(f"{parent}."):
            parents = _targets(workflow, parent, object_info)
            return tuple(Target(t.node_id, f"{t.widget}{name[len(parent) :]}") for t in parents)
    return resolve_name(workflow, name, object_info)


def _targets(workflow: Workflow, name: str, object_info: ObjectInfo | None) -> tuple[Target, ...]:
    if not name:
        return ()
    spec = workflow.input(name, object_info)
    if spec is None and name.casefold() == "image":
        images = workflow.image_inputs(object_info)
        spec = images[0] if len(images) == 1 else None
    if spec is not None:
        return spec.targets
    targets: list[Target] = []
    # Titles and widgets may both hold dots, so every place to split is tried.
    for position in (index for index, character in enumerate(name) if character == "."):
        node_name, widget = name[:position].strip(), name[position + 1 :].strip()
        targets += [
            Target(node_id, widget)
            for node_id in _nodes_called(workflow.graph, node_name)
            if widget in _widgets(workflow.graph, node_id, object_info)
        ]
    unique = tuple(dict.fromkeys(targets))
    if len(unique) > 1:
        listed = ", ".join(f"“{t.node_id}.{t.widget}”" for t in unique)
        raise WorkflowError(f"{name!r} fits several nodes.", advice=f"Name one by its id: {listed}.")
    return unique


def _nodes_called(graph: Graph, name: str) -> list[str]:
    if name in graph:
        return [name]
    for candidates in (
        [node_id for node_id, node in graph.items() if node_title(node) == name],
        [node_id for node_id, node in graph.items() if node_title(node).casefold() == name.casefold()],
        [node_id for node_id, node in graph.items() if node["class_type"] == name],
    ):
        if candidates:
            return candidates
    return []


def _widgets(graph: Graph, node_id: str, object_info: ObjectInfo | None) -> list[str]:
    """Every input that could be named, linked ones too: naming a linked one must get its own message."""
    node = graph[node_id]
    schemas = schemas_of(node, object_info) or {}
    return list(dict.fromkeys([*node["inputs"], *(name for name, schema in schemas.items() if schema.is_value)]))


def _settable_widgets(workflow: Workflow, node_id: str, object_info: ObjectInfo | None) -> list[str]:
    given = workflow.graph[node_id]["inputs"]
    return [name for name in _widgets(workflow.graph, node_id, object_info) if not is_link(given.get(name))]


def _all_names(workflow: Workflow, object_info: ObjectInfo | None) -> list[str]:
    names = [spec.name for spec in workflow.inputs(object_info)]
    for node_id, node in workflow.graph.items():
        for widget in _settable_widgets(workflow, node_id, object_info):
            names += [f"{node_id}.{widget}", f"{node_title(node)}.{widget}"]
    return names


def _settable(workflow: Workflow, object_info: ObjectInfo | None) -> str:
    named = [spec.name for spec in workflow.inputs(object_info)]
    if named:
        return (
            f"{workflow.label} has: {', '.join(named)}. Any other widget: --set NODE.widget=value, with a node's id or "
            f"title ({spell('inputs', workflow.label)})."
        )
    lines = []
    for node_id, node in workflow.graph.items():
        widgets = _settable_widgets(workflow, node_id, object_info)
        if widgets:
            lines.append(f"{describe_node(node_id, node)}: {', '.join(f'{node_id}.{w}' for w in widgets)}")
    return "What can be set:\n  " + "\n  ".join(lines) if lines else "Nothing in it can be set."


def _image_targets(
    workflow: Workflow, images: Sequence[str], object_info: ObjectInfo | None
) -> list[tuple[Target, str]]:
    if not images:
        return []
    specs = workflow.image_inputs(object_info)
    if not specs:
        loaders = [node_id for node_id, node in workflow.graph.items() if node["class_type"] == "LoadImage"]
        files = [
            spec.name
            for node_id in workflow.graph
            for widget in _settable_widgets(workflow, node_id, object_info)
            if (spec := workflow.widget(node_id, widget, object_info)).is_file
        ]
        listed = ", ".join(f"--set {name}=FILE" for name in files)
        raise WorkflowError(
            f"{workflow.label}: it is not clear where --image goes: it has "
            f"{len(loaders) if loaders else 'no'} LoadImage nodes and none is titled “input: image”.",
            advice=f"{'Title one “input: image”, or use' if loaders else 'Use'} {listed}." if listed else "",
        )
    if len(images) > len(specs):
        raise WorkflowError(
            f"{workflow.label} takes {len(specs)} picture{'s' if len(specs) > 1 else ''} "
            f"({', '.join(spec.name for spec in specs)}), but {len(images)} were given with --image."
        )
    return [(target, name) for spec, name in zip(specs, images, strict=False) for target in spec.targets]


def _assign(graph: Graph, name: str, target: Target, value: Any, object_info: ObjectInfo | None) -> None:
    node = graph[target.node_id]
    present = node["inputs"].get(target.widget)
    if is_link(present):
        source = describe_node(present[0], graph[present[0]]) if present[0] in graph else f"node {present[0]}"
        raise WorkflowError(
            f"{name!r}: this input of {describe_node(target.node_id, node)} is linked to {source}, "
            "so it cannot be set.",
            advice="Set it on the node it is linked to.",
        )
    schema = schema_of(graph, target.node_id, target.widget, object_info)
    kind = schema.type if schema else guess_type(node, target.widget, present)
    if present is None and schema is None and target.widget not in node["inputs"]:
        kind = "ANY"
    node["inputs"][target.widget] = convert_value(name, value, kind, schema)
