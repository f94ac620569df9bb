"""Published workflows on smoke models: small, quick, and with every node's pictures at hand."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runner.models.manifest import load_manifest
from tests.support.comfy import ComfyServer
from tests.workflows.published import Graph, with_values

Pixels = NDArray[np.float64]


def on_smoke_models(graph: Graph, people: int = 2) -> Graph:
    """A copy in which every model file is the smoke model that stands in for it, and so many people are looked at.

    The detector with made-up weights sees as many people as it may, and of each a pose model with made-up weights sees
    the points of noise, in a pass at its own size: 21 seconds of a core apiece. In the mirrored picture, where only
    what was found before is looked for again, it is one.
    """
    manifest = load_manifest()
    copy: Graph = json.loads(json.dumps(graph))
    for node in copy.values():
        if node["class_type"] == "RTDETR_detect":
            node["inputs"]["max_detections"] = 1 if "mirrored" in node["_meta"]["title"] else people
        for name, value in node["inputs"].items():
            model = manifest.find_file(value) if isinstance(value, str) else None
            if model is not None and model.smoke:
                node["inputs"][name] = model.smoke
    return copy


def nodes_of(graph: Graph, class_type: str) -> list[str]:
    return [node_id for node_id, node in graph.items() if node["class_type"] == class_type]


@dataclass(frozen=True)
class Look:
    """What a run left: pictures of the outputs that were looked at (sRGB 0..1), and every node's reports by class."""

    pictures: dict[str, Pixels]
    reports: dict[str, list[dict[str, Any]]]

    def report(self, class_type: str) -> dict[str, Any]:
        (report,) = self.reports[class_type]
        return report


@cache
def _outputs(server: ComfyServer) -> dict[str, list[str]]:
    """What each node hands on, by its class: asked for once, for the answer is long."""
    return {name: node["output"] for name, node in server.object_info().items()}


def run(
    server: ComfyServer,
    graph: Graph,
    looks: dict[str, tuple[str, int]],
    *,
    timeout: float = 3000.0,
    people: int = 2,
    **values: Any,
) -> Look:
    """Run a graph with these inputs set. `looks`: name → (node, output) of a picture or mask to look at."""
    graph = on_smoke_models(with_values(graph, **values), people)
    kinds = _outputs(server)
    saved = {}
    for name, (node_id, slot) in looks.items():
        source: list[Any] = [node_id, slot]
        if kinds[graph[node_id]["class_type"]][slot] == "MASK":
            graph[f"picture_of_{name}"] = {
                "class_type": "MaskToImage",
                "inputs": {"mask": source},
                "_meta": {"title": ""},
            }
            source = [f"picture_of_{name}", 0]
        graph[f"look_{name}"] = {
            "class_type": "SaveImage",
            "inputs": {"images": source, "filename_prefix": f"look_{name}"},
            "_meta": {"title": ""},
        }
        saved[f"look_{name}"] = name
    outputs = server.run(graph, timeout)
    reports: dict[str, list[dict[str, Any]]] = {}
    for node_id, found in outputs.items():
        for text in found.get("text") or ():
            reports.setdefault(graph[node_id]["class_type"], []).append(json.loads(text))
    pictures = {
        name: np.asarray(server.picture(outputs[node_id]["images"][0]).convert("RGB")) / 255
        for node_id, name in saved.items()
    }
    return Look(pictures, reports)
