"""What a run's models forbid: pictures that must not be sold are said so before anybody sells them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from runner.errors import ManifestError
from runner.models.names import is_model_name, texts_in

if TYPE_CHECKING:
    from runner.models.manifest import Model


def models_in(graph: Mapping[str, Any]) -> list[Model]:
    """The manifest's models that a graph names, each once, in the graph's order; it is read only if one is named."""
    names = [value for value in texts_in(graph) if is_model_name(value)]
    if not names:
        return []
    from runner.models.manifest import load_manifest  # it takes 0.1 s, and most graphs name no model

    try:
        manifest = load_manifest()
    except ManifestError:
        return []
    named = (manifest.find_file(name) for name in names)
    return list({model.id: model for model in named if model is not None}.values())


def licence_lines(graph: Mapping[str, Any]) -> list[str]:
    """One line for each model of the graph whose licence forbids commercial use, and what may be used instead."""
    return [_line(model) for model in models_in(graph) if model.commercial is False]


def _line(model: Model) -> str:
    from runner.models.manifest import load_manifest

    others = [load_manifest().get(other) for other in model.alternatives]
    free = [other.file for other in others if other.commercial]
    instead = f" Free for that: {', '.join(free)}." if free else ""
    return f"not for sale: {model.file} ({model.licence}) must not be used for commercial pictures.{instead}"
