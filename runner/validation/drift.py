"""Schema drift: where a server's nodes are no longer those that a workflow was made for.

A server ignores inputs that a node does not have (any more) and takes links by their number. A newer ComfyUI can so run
an older graph without a word and make something else of it. Compared is what `workflows/object_info.json` recorded with
the ComfyUI that the bundled workflows were made on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from runner.validation.problem import Problem
from runner.workflow.graph import Consumers, Graph, consumers_of, describe_node, node_title
from runner.workflow.schema import ObjectInfo, node_inputs, output_names, output_types
from runner.workflow.successors import renamed

KIND = "schema_drift"
_MADE_FOR = "ComfyUI 0.30, which this workflow was made for"
_ADVICE = (
    "The server's nodes are newer (or older) than the workflow: open it there, put the node right and export it again, "
    "or use a ComfyUI with the nodes as they were."
)


def with_drift(graph: Graph, problems: list[Problem], object_info: ObjectInfo, recorded: ObjectInfo) -> list[Problem]:
    """The problems of a check, those that drift explains said so, and what the server would ignore besides."""
    changes = [*_renames(graph), *schema_drift(graph, object_info, recorded)]
    errors = {(problem.node_id, problem.input) for problem in problems if problem.severity == "error"}
    because = {(change.node_id, change.input): change.message for change in changes if change.input is not None}
    return [_explained(problem, recorded, graph, because) for problem in problems] + [
        change for change in changes if (change.node_id, change.input) not in errors
    ]


def _renames(graph: Graph) -> Iterator[Problem]:
    for node_id, node in graph.items():
        if renaming := renamed(node):
            message = f"{describe_node(node_id, node)}: {renaming}"
            yield Problem(KIND, message, "", node_id, str(node["class_type"]), node_title(node), severity="warning")


def schema_drift(graph: Graph, object_info: ObjectInfo, recorded: ObjectInfo) -> list[Problem]:
    """What of the graph's nodes has changed between the recorded schema and a server's, as far as the graph uses it."""
    consumers = consumers_of(graph)
    return [
        Problem(KIND, message, _ADVICE, node_id, str(node["class_type"]), node_title(node), name, severity="warning")
        for node_id, node in graph.items()
        if (before := recorded.get(str(node["class_type"]))) and (now := object_info.get(str(node["class_type"])))
        for name, message in _changes(graph, consumers, node_id, before, now)
    ]


def _changes(
    graph: Graph, consumers: Consumers, node_id: str, before: Mapping[str, Any], now: Mapping[str, Any]
) -> Iterator[tuple[str | None, str]]:
    """(input or None, what has changed) of one node."""
    node = graph[node_id]
    where = describe_node(node_id, node)
    old, new = node_inputs(before, node["inputs"]), node_inputs(now, node["inputs"])
    for name in node["inputs"]:
        if name not in old:
            continue
        if name not in new:
            fresh = [other for other, schema in new.items() if other not in old and schema.type == old[name].type]
            renamed = f" Perhaps it is called {fresh[0]!r} now." if len(fresh) == 1 else ""
            yield name, f"{where}: it has no input {name!r} any more ({_MADE_FOR}, had it): it does nothing.{renamed}"
        elif new[name].type != old[name].type:
            was, is_now = old[name].type, new[name].type
            yield name, f"{where}: its input {name!r} takes {is_now} now, not {was} as in {_MADE_FOR}."
    types, had = output_types(now), output_types(before)
    linked = {graph[consumer]["inputs"][name][1] for consumer, name in consumers.get(node_id, ())}
    for slot in sorted(linked & set(range(len(had)))):
        if (slot >= len(types) or types[slot] != had[slot]) and not _are_choices(had, types, slot):
            gives = f"gives {types[slot]}" if slot < len(types) else "is gone"
            yield None, f"{where}: its output {slot} {gives}; it gave {had[slot]} in {_MADE_FOR}."
        elif (named := _another(before, now, slot)) is not None:
            was = output_names(before)[slot]
            yield None, f"{where}: its output {slot} is {named!r} now; in {_MADE_FOR}, it was {was!r}."


def _another(before: Mapping[str, Any], now: Mapping[str, Any], slot: int) -> str | None:
    """The name of an output that has changed places with others of its type, None where it is still the same.

    A new name in an old place is a mere renaming unless the old one is elsewhere now, or the new one was; outputs that
    share a name cannot be told apart.
    """
    old, new = output_names(before), output_names(now)
    if slot >= len(old) or slot >= len(new) or old[slot] == new[slot] or old.count(old[slot]) > 1:
        return None
    return new[slot] if old[slot] in new or new[slot] in old else None


def _are_choices(had: list[Any], types: list[Any], slot: int) -> bool:
    """Lists of choices differ from server to server: the files and samplers that it has."""
    return slot < len(types) and isinstance(had[slot], list) and isinstance(types[slot], (list, str))


def _explained(
    problem: Problem, recorded: ObjectInfo, graph: Graph, because: Mapping[tuple[str | None, str], str]
) -> Problem:
    """What comes of a change is drift and no mistake: a new required input, a choice that is gone, another type."""
    before = recorded.get(problem.class_type or "")
    if before is None or problem.node_id is None or problem.input is None:
        return problem
    if problem.severity == "error" and (change := because.get((problem.node_id, problem.input))):
        return replace(problem, kind=KIND, message=f"{problem.message} {change}")
    given = graph[problem.node_id]["inputs"]
    old = node_inputs(before, given)
    if problem.kind == "missing_input" and problem.input not in old:
        message = f"{problem.message} It is new: {_MADE_FOR}, did not have it."
        return replace(problem, kind=KIND, message=message, advice=f"{problem.advice} {_ADVICE}".strip())
    schema = old.get(problem.input)
    if problem.kind == "bad_value" and schema is not None and given.get(problem.input) in (schema.options or ()):
        return replace(problem, kind=KIND, message=f"{problem.message} It was there in {_MADE_FOR}.")
    return problem
