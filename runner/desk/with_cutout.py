"""A workflow that also delivers the cut-out it works with: the same graph, and one node more that saves it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from runner.files.whole import written_whole
from runner.workflow.graph import Graph, Workflow
from runner.workflow.load import load_workflow
from runner.workflow.origin import CUTOUT, SAVES, longer_name

_CUTS = "ProdgenSegmentProduct"


def with_cutout(workflow: Workflow, folder: Path) -> Workflow:
    """The workflow as it is, where it saves its cut-out already or makes none, or several; otherwise the longer one,
    as a file in `folder` that bears both in its name: `packshot_and_cutout.v5.json`."""
    cuts = [node_id for node_id, node in workflow.graph.items() if node["class_type"] == _CUTS]
    if len(cuts) != 1 or any(node["class_type"] == SAVES for node in workflow.graph.values()):
        return workflow
    graph: Graph = dict(workflow.graph)
    number = str(1 + max((int(node_id) for node_id in graph if node_id.isdecimal()), default=0))
    inputs: dict[str, Any] = {"product": [cuts[0], 0], "mask": [cuts[0], 1], "filename_prefix": CUTOUT}
    graph[number] = {
        "inputs": {**inputs, "save_mask": False},
        "class_type": SAVES,
        "_meta": {"title": f"output: {CUTOUT}"},
    }
    version = "" if workflow.version is None else f".v{workflow.version}"
    path = folder / f"{longer_name(workflow.name)}{version}.json"
    text = json.dumps(graph, indent=2, ensure_ascii=False)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        with written_whole(path) as stream:
            stream.write(text)
    return load_workflow(str(path))
