"""Which bundled workflow another one is: itself, or it with its cut-out saved as well."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from runner.workflow.graph import Workflow, is_link, node_title
from runner.workflow.load import WORKFLOWS_DIR, load_workflow

CUTOUT = "cutout"
"""What that output is called."""
SAVES = "ProdgenSaveCutout"
"""The node that saves it, and paints nothing."""
_LONGER = f"_and_{CUTOUT}"


def longer_name(name: str) -> str:
    """What a workflow is called that saves its cut-out as well."""
    return f"{name}{_LONGER}"


def base_name(name: str) -> str:
    """The name of the workflow that it was before."""
    return name.removesuffix(_LONGER)


def bundled_as(workflow: Workflow) -> Workflow | None:
    """The bundled workflow that this one is, whatever its widgets are set to; None of any other.

    A longer one counts where each node of the bundled one is there as it was wired, and all that it has more is nodes
    that save a cut-out: what holds of the bundled one's pictures holds of its.
    """
    if workflow.path.resolve().parent == WORKFLOWS_DIR:
        return workflow
    name = base_name(workflow.name)
    path = WORKFLOWS_DIR / f"{name}.v{workflow.version}.json"
    if name == workflow.name or not path.is_file():
        return None
    bundled = _bundled(path)
    is_longer = all(_wired(workflow.graph.get(key)) == _wired(node) for key, node in bundled.graph.items())
    more = (node["class_type"] for key, node in workflow.graph.items() if key not in bundled.graph)
    return bundled if is_longer and all(kind == SAVES for kind in more) else None


@cache
def _bundled(path: Path) -> Workflow:
    """Asked for with every job of a batch."""
    return load_workflow(str(path))


def _wired(node: Mapping[str, Any] | None) -> tuple[Any, ...]:
    if node is None:
        return ()
    links = sorted((name, tuple(value)) for name, value in node["inputs"].items() if is_link(value))
    return node["class_type"], node_title(node), links
