"""A drawing that nobody asked for takes no time: graphs and node descriptions that are too large are not drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.canvas.drawing import Drawing
from runner.workflow.graph import Workflow, is_link
from runner.workflow.load import WORKFLOWS_DIR, load_workflow
from runner.workflow.schema import recorded_object_info
from tests.canvas import drawn as canvas_file
from tests.support.work import calls_of

LINKS, SLOTS = 2400, 6000
A_SECOND = 1_000_000
"""Calls: some microsecond each."""
INFO = recorded_object_info(WORKFLOWS_DIR)


def _info(inputs: int, outputs: int = 1) -> dict[str, Any]:
    return {
        "input": {"required": {f"i{number}": ["IMAGE", {}] for number in range(inputs)}},
        "output": ["IMAGE"] * outputs,
        "output_name": ["o"] * outputs,
    }


def _row(nodes: int, links: int, outputs: int = 1) -> tuple[dict[str, Any], dict[str, Any]]:
    """Each node fed by the one before it, `links` times."""
    graph = {
        str(node + 1): {
            "class_type": "A",
            "inputs": {f"i{number}": [str(node), number % outputs] for number in range(links if node else 0)},
        }
        for node in range(nodes)
    }
    return graph, {"A": _info(links, outputs)}


def _halves(nodes: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Each of the second half fed by all of the first."""
    half = nodes // 2
    graph = {
        str(node + 1): {
            "class_type": "A",
            "inputs": {f"i{number}": [str(number + 1), 0] for number in range(half if node >= half else 0)},
        }
        for node in range(nodes)
    }
    return graph, {"A": _info(half)}


def _far(nodes: int, links: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Each fed by those long before it."""
    graph = {
        str(node + 1): {
            "class_type": "A",
            "inputs": {f"i{back}": [str(node - back), 0] for back in range(min(links, node))},
        }
        for node in range(nodes)
    }
    return graph, {"A": _info(links)}


def _fed(links: int) -> tuple[dict[str, Any], dict[str, Any]]:
    graph: dict[str, Any] = {"1": {"class_type": "A", "inputs": {}}}
    graph["2"] = {"class_type": "B", "inputs": {f"i{number}": ["1", 0] for number in range(links)}}
    return graph, {"A": _info(0), "B": _info(links)}


def _drawn(graph: dict[str, Any], info: dict[str, Any]) -> Drawing | None:
    return Drawing.of(Workflow("theirs", None, Path("theirs.json"), graph), info)


TOO_MUCH = {
    "nodes": _row(401, 1),
    "links": _row(48, 60),
    "wide": _row(400, 300),
    "outputs": _row(70, 40, 40),
    "halves": _halves(100),
    "one node": _fed(20_000),
    "inputs": ({"1": {"class_type": "A", "inputs": {}}}, {"A": _info(SLOTS + 1)}),
    "outputs of one": ({"1": {"class_type": "A", "inputs": {}}}, {"A": _info(1, SLOTS + 1)}),
    "inputs of many": ({str(node + 1): {"class_type": "A", "inputs": {}} for node in range(400)}, {"A": _info(1000)}),
    "far": _far(390, 8),
}


@pytest.mark.parametrize("kind", TOO_MUCH)
def test_too_much_is_not_drawn(kind: str) -> None:
    graph, info = TOO_MUCH[kind]
    assert calls_of(lambda: _drawn(graph, info)) < A_SECOND / 5
    assert _drawn(graph, info) is None


@pytest.mark.parametrize(("graph", "info"), [_row(60, 40), _far(260, 9), _fed(LINKS)])
def test_what_is_just_drawn_is_not_much_work(graph: dict[str, Any], info: dict[str, Any]) -> None:
    assert calls_of(lambda: _drawn(graph, info)) < A_SECOND


def test_a_job_that_grows_too_large_is_not_drawn() -> None:
    graph, info = _row(3, 5)
    info["A"] = _info(SLOTS // 3 - 10)
    drawing = _drawn(graph, info)
    assert drawing is not None
    grown = {**graph, "4": {"class_type": "A", "inputs": {f"i{number}": ["1", 0] for number in range(1000)}}}
    assert drawing.filled(grown) is None


@pytest.mark.parametrize("name", canvas_file.names())
def test_the_workflows_here_are_a_tenth_of_what_is_drawn(name: str) -> None:
    graph = load_workflow(name).graph
    infos = [INFO[node["class_type"]] for node in graph.values()]
    assert sum(is_link(value) for node in graph.values() for value in node["inputs"].values()) * 10 <= LINKS
    assert sum(len(info["output"]) + sum(map(len, info["input"].values())) for info in infos) * 10 <= SLOTS
