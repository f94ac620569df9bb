"""What a result carries for the canvas: its workflow's drawing, with the values of the job that made it."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.canvas.drawing import Drawing
from runner.workflow.graph import Workflow, is_link
from runner.workflow.load import WORKFLOWS_DIR, load_workflow
from runner.workflow.schema import VALUE_TYPES, node_inputs, recorded_object_info
from tests.canvas import drawn as canvas_file

INFO = recorded_object_info(WORKFLOWS_DIR)
ANOTHER: dict[str, Any] = {"INT": 3, "FLOAT": 0.5, "STRING": "of this run\n“two lines”", "BOOLEAN": True}


def _workflow(graph: dict[str, Any]) -> Workflow:
    return Workflow("theirs", None, Path("theirs.json"), graph)


def _run_of(graph: dict[str, Any]) -> dict[str, Any]:
    """The graph with another value in every widget that takes any."""
    changed = copy.deepcopy(graph)
    for node in changed.values():
        known = node_inputs(INFO[node["class_type"]], node["inputs"])
        for name, value in node["inputs"].items():
            if not is_link(value) and known[name].type in ANOTHER and not known[name].is_upload:
                node["inputs"][name] = ANOTHER[known[name].type]
    return changed


def _values(graph: dict[str, Any], like: dict[str, Any]) -> dict[str, Any]:
    """The inputs that `like` gives, in `graph`."""
    return {key: {name: graph[key]["inputs"].get(name) for name in node["inputs"]} for key, node in like.items()}


@pytest.mark.parametrize("name", canvas_file.names())
def test_the_drawing_of_a_job_is_its_graph_where_the_published_one_stands(name: str) -> None:
    workflow = load_workflow(name)
    drawing = Drawing.of(workflow, INFO)
    assert drawing is not None
    graph = _run_of(workflow.graph)
    drawn = drawing.filled(graph)
    assert drawn is not None
    assert _values(canvas_file.graph_of(dict(drawn)), graph) == _values(graph, graph)
    published = canvas_file.load(name)
    assert [node["pos"] for node in drawn["nodes"]] == [node["pos"] for node in published["nodes"]]
    assert drawing.filled(workflow.graph) == published  # nothing of the first job is left in the next


def test_a_value_in_a_link_s_place_is_drawn_without_the_link() -> None:
    workflow = load_workflow("packshot")
    drawing = Drawing.of(workflow, INFO)
    graph = copy.deepcopy(workflow.graph)
    key, name, value = next(
        (key, name, schema.default)
        for key, node in graph.items()
        for name, schema in node_inputs(INFO[node["class_type"]], node["inputs"]).items()
        if schema.type in VALUE_TYPES and is_link(node["inputs"].get(name)) and schema.default is not None
    )
    graph[key]["inputs"][name] = value
    assert drawing is not None
    drawn = drawing.filled(graph)
    assert drawn is not None
    assert _values(canvas_file.graph_of(dict(drawn)), graph) == _values(graph, graph)


def test_a_server_whose_node_has_one_input_more_gets_a_drawing_that_fits_it() -> None:
    workflow = load_workflow("packshot")
    info = copy.deepcopy(dict(INFO))
    required = info["ProdgenPlaceProduct"]["input"]["required"]
    info["ProdgenPlaceProduct"]["input"]["required"] = {"brand_new": ["INT", {"default": 9}], **required}
    drawing = Drawing.of(workflow, info)
    assert drawing is not None
    drawn = drawing.filled(workflow.graph)
    assert drawn is not None
    graph = canvas_file.graph_of(dict(drawn))
    assert _values(graph, workflow.graph) == _values(workflow.graph, workflow.graph)
    assert [node["inputs"]["brand_new"] for node in graph.values() if node["class_type"] == "ProdgenPlaceProduct"] == [
        9
    ]


def test_a_workflow_of_somebody_else_is_laid_out_too() -> None:
    graph = load_workflow("cutout").graph
    drawing = Drawing.of(_workflow(graph), INFO)
    assert drawing is not None
    drawn = drawing.filled(graph)
    assert drawn is not None
    assert _values(canvas_file.graph_of(dict(drawn)), graph) == _values(graph, graph)
    assert {"What you set", "Results"} <= {group["title"].partition(" · ")[2] for group in drawn["groups"]}


BLEND = {"class_type": "ImageBlend", "inputs": {"blend_factor": 0.5, "blend_mode": "normal"}}
STRANGE = {
    "nobody has this node": {"1": {"class_type": "NobodyHasThis", "inputs": {}}},
    "an id of a subgraph": {"12:5": BLEND},
    "a loop": {"1": {**BLEND, "inputs": {**BLEND["inputs"], "image1": ["1", 0], "image2": ["1", 0]}}},  # type: ignore[dict-item]
    "a link to nowhere": {"1": {**BLEND, "inputs": {"image1": ["7", 0]}}},
    "an output that is not there": {"1": BLEND, "2": {**BLEND, "inputs": {"image1": ["1", 9]}}},
    "an input that is not there": {"1": BLEND, "2": {**BLEND, "inputs": {"nothing": ["1", 0]}}},
    "more than a canvas holds": {str(number): BLEND for number in range(1000)},
    "everything feeds everything after it": {
        str(number): {**BLEND, "inputs": {"image1": [str(number - 1), 0], "image2": [str(number // 2), 0]}}
        if number
        else BLEND
        for number in range(400)
    },
}


@pytest.mark.parametrize("graph", STRANGE.values(), ids=STRANGE.keys())
def test_what_cannot_be_drawn_has_no_drawing(graph: dict[str, Any]) -> None:
    assert Drawing.of(_workflow(graph), INFO) is None


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.just("COMFY_DYNAMICCOMBO_V3"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
SCHEMA_KEYS = st.sampled_from(["input", "output", "output_name", "required", "optional", "options", "template"])
SCHEMA = st.dictionaries(SCHEMA_KEYS, ANYTHING | st.dictionaries(SCHEMA_KEYS, ANYTHING, max_size=3), max_size=4)


@given(SCHEMA, st.dictionaries(st.text(max_size=6), ANYTHING, max_size=3))
@settings(max_examples=60, deadline=None)
def test_no_schema_and_no_value_ends_a_job(schema: dict[str, Any], inputs: dict[str, Any]) -> None:
    graph = {"1": {"class_type": "Theirs", "inputs": {}}}
    drawing = Drawing.of(_workflow(graph), {"Theirs": schema})
    if drawing is not None:
        drawn = drawing.filled({"1": {"class_type": "Theirs", "inputs": inputs}})
        assert drawn is None or drawn["nodes"]


def test_a_bundled_name_on_another_file_is_not_taken_for_the_bundled_one(tmp_path: Path) -> None:
    bundled = load_workflow("cutout.v1")
    graph = load_workflow("packshot").graph
    other = dataclasses.replace(bundled, path=tmp_path / "cutout.v1.json", graph=graph)
    drawing = Drawing.of(other, INFO)
    assert drawing is not None
    drawn = drawing.filled(graph)
    assert drawn is not None
    assert set(canvas_file.graph_of(dict(drawn))) == set(graph)
