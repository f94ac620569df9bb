"""A server that describes its nodes without end: what the graph does not name is not looked at."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from runner.workflow.load import WORKFLOWS_DIR, load_workflow
from runner.workflow.patch import patch_workflow
from runner.workflow.schema import given_inputs, node_inputs, output_types, recorded_object_info, well_formed
from tests.canvas import drawn as canvas_file
from tests.support.work import calls_of

INFO = recorded_object_info(WORKFLOWS_DIR)


def _entries(kind: str) -> dict[str, Any]:
    entry: list[Any] = {
        "socket": ["IMAGE", {}],
        "choice": [[f"x{number}" for number in range(30)], {}],
        "growing": ["COMFY_AUTOGROW_V3", {"template": {"prefix": "p", "max": 1000, "input": {"a": {"b": ["IMAGE"]}}}}],
    }[kind]
    return {f"z{number}": entry for number in range(20_000)}


def _endless(kind: str) -> dict[str, Any]:
    graph = load_workflow("packshot").graph
    endless = {}
    for name in {str(node["class_type"]) for node in graph.values()}:
        inputs = INFO[name]["input"]
        optional = {**inputs.get("optional", {}), **_entries(kind)}
        outputs = INFO[name]["output"] + ["IMAGE"] * 20_000
        endless[name] = {**INFO[name], "input": {**inputs, "optional": optional}, "output": outputs}
    return endless


@pytest.mark.parametrize("kind", ["socket", "choice", "growing"])
def test_inputs_without_end_cost_nothing(kind: str) -> None:
    workflow, info = load_workflow("packshot"), well_formed(_endless(kind))
    assert calls_of(lambda: patch_workflow(workflow, {}, object_info=info), "parse_input") < 200
    assert patch_workflow(workflow, {}, object_info=info) == patch_workflow(workflow, {}, object_info=INFO)
    for node in workflow.graph.values():
        described = info[node["class_type"]]
        assert len(output_types(described)) <= 1000
        assert set(node["inputs"]) <= set(node_inputs(described, node["inputs"]))
        assert calls_of(partial(node_inputs, described, node["inputs"]), "parse_input") <= 2100


@pytest.mark.parametrize("name", canvas_file.names())
def test_the_inputs_that_are_given_are_those_of_all(name: str) -> None:
    for node in load_workflow(name).graph.values():
        info, given = INFO[node["class_type"]], node["inputs"]
        assert given_inputs(info, given) == {key: one for key, one in node_inputs(info, given).items() if key in given}
