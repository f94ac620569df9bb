"""Which models a graph names that an installation lacks, found on the disk: where no server can be asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from runner.models.manifest import Manifest, Model
from runner.models.names import is_model_name
from runner.models.store import ModelStore
from runner.untrusted import mapping
from runner.validation.missing import folder_for
from runner.workflow.graph import Graph, Workflow, node_title, parse_title, schema_of
from runner.workflow.load import WORKFLOWS_DIR
from runner.workflow.schema import recorded_object_info


@dataclass(frozen=True)
class Lack:
    """A model that is not there. `cost`: what it costs to go without it, where that can be done."""

    told: str
    model: Model | None = None
    cost: str = ""


def lacking(workflow: Workflow, graph: Graph, store: ModelStore, manifest: Manifest) -> Iterator[Lack]:
    """The models that a job's `graph` names and `store` lacks, and those that the nodes of `workflow` take unnamed.

    Where the workflow runs on smoke models, one that is there stands in.
    """
    for node_id, node in graph.items():
        for widget, value in node["inputs"].items():
            if is_model_name(value):
                yield from _lack(graph, node_id, widget, workflow, store, manifest)
    named = manifest.for_workflow("", "", workflow.graph)  # as it is set now is what counts
    for model in manifest.for_workflow(workflow.label, workflow.name, {}):
        if model not in named and store.find(store.in_place_of(model, manifest)) is None:
            yield Lack(_told(model.relative_path.name, model), model)


def _lack(
    graph: Graph, node_id: str, widget: str, workflow: Workflow, store: ModelStore, manifest: Manifest
) -> Iterator[Lack]:
    node = graph[node_id]
    name, class_type = str(node["inputs"][widget]), str(node["class_type"])
    model, folder = manifest.find_file(name), folder_for(class_type, widget)
    if model is not None:
        is_there = store.find(store.in_place_of(model, manifest)) is not None
        is_there = is_there or (workflow.smoke and bool(model.smoke) and store.has(str(model.smoke), model.folder))
    else:
        is_there = store.has(name, folder)
    if is_there:
        return
    cost = str(_costs(graph, node_id, widget).get(name, ""))
    if cost:
        yield Lack(f"the optional model {name!r} is not there: {cost}.", model, cost)
    elif model is not None:
        yield Lack(_told(name, model), model)
    else:
        mark = parse_title(node_title(node))
        called = mark.name if mark is not None and mark.kind == "input" and mark.widget in (None, widget) else widget
        place = f"models/{folder}/" if folder else "its folder under models/"
        advice = f"Put the file into {place} of ComfyUI, or set {called} to one that is there."
        yield Lack(f"The model {name!r} is not there. {advice}")


def _told(name: str, model: Model) -> str:
    return f"The model {name!r} is not there ({model.size_text})."


def _costs(graph: Graph, node_id: str, widget: str) -> Mapping[str, object]:
    """File → what it costs to go without it, for an input that may be set to a model that is missing."""
    schema = schema_of(graph, node_id, widget, recorded_object_info(WORKFLOWS_DIR))
    return {} if schema is None else mapping(schema.settings.get("missing"))
