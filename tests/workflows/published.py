"""Published workflows as the tests use them: loaded by name, set by the titles that the contract promises."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image

from tests.support.comfy import REPO, ComfyServer

FOLDER = REPO / "workflows"
Graph = dict[str, dict[str, Any]]


def load(name: str) -> Graph:
    return dict(json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")))


@cache
def index() -> dict[str, Any]:
    """What the index says of them; only to be read."""
    text = (FOLDER / "index.yaml").read_text(encoding="utf-8")
    return dict(yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


def files() -> list[Path]:
    return sorted(FOLDER.glob("*.v*.json"))


def newest() -> list[Path]:
    """The version of each that its bare name stands for."""
    last: dict[str, Path] = {}
    for path in sorted(files(), key=lambda path: int(path.stem.rpartition(".v")[2])):
        last[path.stem.rpartition(".v")[0]] = path
    return sorted(last.values())


def inputs_of(graph: Graph) -> dict[str, tuple[str, str]]:
    """Input name → (node id, widget), from titles `input: name` and `input: name = widget`."""
    found: dict[str, tuple[str, str]] = {}
    for node_id, node in graph.items():
        title = node["_meta"]["title"]
        if title.startswith("input: "):
            name, _, widget = title.removeprefix("input: ").partition(" = ")
            free = [key for key, value in node["inputs"].items() if not isinstance(value, list)]
            found[name] = (node_id, widget or free[0])
    return found


def outputs_of(graph: Graph) -> dict[str, str]:
    return {
        node["_meta"]["title"].removeprefix("output: "): node_id
        for node_id, node in graph.items()
        if node["_meta"]["title"].startswith("output: ")
    }


def with_values(graph: Graph, **values: Any) -> Graph:
    """A copy with these inputs set, each on every node that bears its name."""
    graph = json.loads(json.dumps(graph))
    for node in graph.values():
        for name, (_, widget) in inputs_of({"": node}).items():
            if name in values:
                node["inputs"][widget] = values[name]
    missing = set(values) - set(inputs_of(graph))
    assert not missing, f"no such input: {missing}"
    return graph


@dataclass(frozen=True)
class Result:
    """What a run left: files by extension (bytes), and every node's report by class."""

    files: list[tuple[str, bytes]]
    reports: dict[str, dict[str, Any]]

    def data(self, ending: str) -> bytes:
        return next(data for name, data in self.files if name.endswith(ending))

    def picture(self, ending: str) -> Image.Image:
        opened = Image.open(io.BytesIO(self.data(ending)))
        opened.load()
        return opened

    def pixels(self, ending: str) -> NDArray[np.int64]:
        return np.asarray(self.picture(ending)).astype(np.int64)


def run(server: ComfyServer, graph: Graph, timeout: float = 300.0) -> Result:
    outputs = server.run(graph, timeout)
    final = next(iter(outputs_of(graph).values()))
    saved = [(file["filename"], server.fetch(file)) for file in outputs[final]["images"]]
    reports = {
        graph[node_id]["class_type"]: json.loads(output["text"][0])
        for node_id, output in outputs.items()
        if output.get("text")
    }
    return Result(saved, reports)
