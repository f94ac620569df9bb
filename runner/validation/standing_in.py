"""Smoke models in the place of missing ones: what paints then is made up, and its result says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runner.invocation import spell
from runner.models.manifest import Manifest, load_manifest
from runner.validation.problem import Problem
from runner.workflow.graph import Graph, schema_of
from runner.workflow.schema import ObjectInfo

NAME = "smoke-weights"
"""What the name of a result has at its end that was made with any of them."""


def missing_models(problems: Sequence[Problem]) -> list[Problem]:
    return [problem for problem in problems if problem.kind == "missing_model"]


def named_file(graph: Graph, problem: Problem) -> str:
    """The model file that a problem is about."""
    return str(graph[problem.node_id or ""]["inputs"][problem.input or ""])


def stand_in(
    graph: Graph, problems: Sequence[Problem], object_info: ObjectInfo, manifest: Manifest | None = None
) -> dict[str, str]:
    """Put the smoke models that the server has in the place of missing ones; returns which for which.

    Args:
        graph: is changed.
        problems: what a check of it found.
    """
    names = {}
    for problem in missing_models(problems):
        if problem.node_id is None or problem.input is None:
            continue
        file = named_file(graph, problem)
        model = (manifest or load_manifest()).find_file(file)
        schema = schema_of(graph, problem.node_id, problem.input, object_info)
        offered = schema.options if schema is not None and schema.options else ()
        smoke = None if model is None else model.smoke
        name = next((str(each) for each in offered if smoke and str(each).replace("\\", "/").endswith(smoke)), None)
        if name is not None:
            graph[problem.node_id]["inputs"][problem.input] = name
            names[file] = name
    return names


def can_be_tried(problems: Sequence[Problem]) -> bool:
    """Whether all that keeps a graph from running are models with a stand-in."""
    manifest = load_manifest()
    fatal = [problem for problem in problems if problem.is_fatal]
    ids = [problem.model_id for problem in missing_models(fatal) if problem.model_id is not None]
    return bool(fatal) and len(ids) == len(fatal) and all(manifest.get(name).smoke for name in ids)


def trial_advice(problems: Sequence[Problem], *, smoke: bool) -> str:
    """How to try a workflow whose models are missing; "" where that is not what it lacks."""
    if not can_be_tried(problems):
        return ""
    make = spell("models", "smoke")
    if smoke:
        return f"The smoke models are not on that server: {make} makes them, in seconds; then start it anew."
    return (
        f"To try it without the models: the same command with --smoke (first: {make}). It takes made-up weights, so "
        "everything runs, and what is painted is noise."
    )


def record_of_stand_ins(names: Mapping[str, str]) -> dict[str, object]:
    """What the sidecar says of it; empty where nothing stands in."""
    return {"smoke": True, "smoke_weights": dict(names)} if names else {}
