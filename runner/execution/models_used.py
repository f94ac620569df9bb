"""Which model files a job took: those that its graph names, and those that its nodes chose by themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runner.errors import ManifestError
from runner.execution.outputs import NodeReport
from runner.models.names import is_model_name
from runner.untrusted import mapping, text

if TYPE_CHECKING:
    from runner.models.manifest import Model


def models_of(graph: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every model file the graph names; `sha256` and `licence` where the manifest knows it, null otherwise."""
    models = []
    for node_id, node in graph.items():
        for name, value in (node.get("inputs") or {}).items():
            if is_model_name(value):
                models.append(_model(value, node_id, str(node.get("class_type")), name))
    return models


def models_used(
    named: Sequence[Mapping[str, Any]], reports: Sequence[NodeReport], graph: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Those that the graph names, and those that nodes chose by themselves and say so (`model` of a report): the
    network that cut the product out."""
    models = [dict(model) for model in named]
    known = {str(model["file"]) for model in models}
    for report in reports:
        for said in report.value if isinstance(report.value, list) else [report.value]:
            file = mapping(said).get("model")
            if is_model_name(file) and str(file) not in known:
                known.add(str(file))
                node = mapping(graph.get(report.node_id))
                models.append(_model(str(file), report.node_id, text(node.get("class_type")), None))
    return models


def _model(file: str, node_id: str, kind: str, name: str | None) -> dict[str, Any]:
    model = _in_manifest(file)
    facts = {"sha256": model.sha256, "licence": model.licence} if model else {"sha256": None, "licence": None}
    return {"file": file, "node": node_id, "class": kind, "input": name, **facts}


def _in_manifest(file_name: str) -> Model | None:
    from runner.models.manifest import load_manifest

    try:
        return load_manifest().find_file(file_name)
    except ManifestError:
        return None
