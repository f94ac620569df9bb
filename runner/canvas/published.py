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
    return dict(parse_yaml((WORKFLOWS_DIR / "index.yaml").read_text(encoding="utf-8")))


def is_bundled(workflow: Workflow) -> bool:
    return workflow.path.resolve().parent == WORKFLOWS_DIR


def published_drawing(workflow: Workflow) -> dict[str, Any] | None:
    """The canvas file of a bundled workflow; None of any other."""
    path = DRAWN_DIR / f"{workflow.label}.json"
    return dict(parse_json(path.read_text(encoding="utf-8"))) if is_bundled(workflow) and path.is_file() else None
