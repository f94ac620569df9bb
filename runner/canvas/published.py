"""The drawings that lie beside the bundled workflows, and the words in them."""

from __future__ import annotations

from functools import cache
from typing import Any

from runner.data import parse_json, parse_yaml
from runner.workflow.graph import Workflow
from runner.workflow.load import WORKFLOWS_DIR

DRAWN_DIR = WORKFLOWS_DIR / "canvas"


@cache
def index() -> dict[str, Any]:
    """`workflows/index.yaml`; only to be read."""
    return dict(parse_yaml((WORKFLOWS_DIR / "index.yaml").read_text(encoding="utf-8"), own=True))


def is_published(workflow: Workflow) -> bool:
    """Whether it is a bundled one, or comes from one: of its name, with the same nodes."""
    drawn = _read(workflow.label)
    nodes = {str(node["id"]): node["type"] for node in drawn["nodes"]} if drawn is not None else {}
    return drawn is not None and all(nodes.get(key) == node["class_type"] for key, node in workflow.graph.items())


def published_drawing(workflow: Workflow) -> dict[str, Any] | None:
    """The canvas file of a bundled workflow; None of any other."""
    is_as_drawn = workflow.path.resolve().parent == WORKFLOWS_DIR and not workflow.channels
    return _read(workflow.label) if is_as_drawn else None


def _read(label: str) -> dict[str, Any] | None:
    path = DRAWN_DIR / f"{label}.json"
    return dict(parse_json(path.read_text(encoding="utf-8"))) if path.is_file() else None
