"""A server whose nodes have changed since the workflows were made: what it would do in silence is named."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import EXIT_OK, EXIT_REJECTED
from runner.validation.drift import schema_drift
from runner.workflow.load import WORKFLOWS_DIR, load_workflow
from runner.workflow.schema import recorded_object_info
from tests.support.runs import command

RECORDED = recorded_object_info(WORKFLOWS_DIR)


def changed(**nodes: Any) -> dict[str, Any]:
    """The recorded schema, with a change to some of its nodes."""
    info = copy.deepcopy(RECORDED)
    for name, change in nodes.items():
        change(info[name])
    return info


def gone(node: dict[str, Any]) -> None:
    del node["input"]["required"]["scheduler"]


def renamed(node: dict[str, Any]) -> None:
    node["input"]["required"]["schedule"] = node["input"]["required"].pop("scheduler")


def newly_required(node: dict[str, Any]) -> None:
    node["input"]["required"]["guidance"] = ["FLOAT", {"default": 3.5}]


def of_another_type(node: dict[str, Any]) -> None:
    node["input"]["required"]["seed"] = ["NOISE"]


def without_a_choice(node: dict[str, Any]) -> None:
    kind, *rest = node["input"]["required"]["scheduler"]
    settings = rest[0] if rest else {}
    if isinstance(kind, list):
        node["input"]["required"]["scheduler"] = [["simple"], settings]
    else:
        node["input"]["required"]["scheduler"] = [kind, {**settings, "options": ["simple"]}]


def with_another_output(node: dict[str, Any]) -> None:
    node["output"] = ["NOISE", *node["output"]]


def validated(tmp_path: Path, info: dict[str, Any], name: str = "vary.v1") -> tuple[int, list[dict[str, Any]]]:
    file = tmp_path / "object_info.json"
    file.write_text(json.dumps(info), encoding="utf-8")
    run = command("validate", name, "--object-info", str(file), "--json", folder=tmp_path)
    return run.code, [problem for problem in run.of("problem") if problem["kind"] == "schema_drift"]


@pytest.mark.parametrize(
    ("change", "severity", "words"),
    [
        (gone, "warning", "no input 'scheduler' any more"),
        (renamed, "warning", "Perhaps it is called 'schedule' now"),
        (newly_required, "error", "'guidance' is not set. It is new"),
        (of_another_type, "error", "'seed' takes NOISE now, not INT"),
        (without_a_choice, "error", "It was there in ComfyUI 0.30"),
        (with_another_output, "warning", "output 0 gives NOISE; it gave LATENT"),
    ],
)
def test_validate_names_what_has_changed(change: Any, severity: str, words: str, tmp_path: Path) -> None:
    _, problems = validated(tmp_path, changed(KSampler=change))
    found = [problem for problem in problems if words in problem["message"]]
    assert [problem["severity"] for problem in found] == [severity]
    assert found[0]["class_type"] == "KSampler"
    assert found[0]["advice"]


def test_nothing_has_changed_where_nothing_has(tmp_path: Path) -> None:
    for path in sorted(WORKFLOWS_DIR.glob("*.v*.json")):
        assert validated(tmp_path, RECORDED, path.stem)[1] == []


@given(st.data())
def test_any_input_that_is_gone_is_named(data: st.DataObject) -> None:
    """Of any node of any workflow, any one that the graph sets."""
    name = data.draw(st.sampled_from(sorted(path.stem for path in WORKFLOWS_DIR.glob("*.v*.json"))))
    graph = load_workflow(name).graph
    node_id = data.draw(st.sampled_from(sorted(graph)))
    node = graph[node_id]
    plain = [key for key in sorted(node["inputs"]) if "." not in key]
    if not plain:
        return
    lost = data.draw(st.sampled_from(plain))

    def lose(info: dict[str, Any]) -> None:
        for group in info["input"].values():
            group.pop(lost, None)

    found = schema_drift(graph, changed(**{node["class_type"]: lose}), RECORDED)
    assert (node_id, lost) in {(problem.node_id, problem.input) for problem in found}


def test_a_newer_server_that_adds_options_is_no_drift(tmp_path: Path) -> None:
    def optional(node: dict[str, Any]) -> None:
        node["input"].setdefault("optional", {})["extra"] = ["FLOAT", {"default": 1.0}]

    code, problems = validated(tmp_path, changed(KSampler=optional))
    assert problems == []
    assert code in (EXIT_OK, EXIT_REJECTED)


SAMPLING = {
    "1": {"class_type": "SamplerCustomAdvanced", "inputs": {}},
    "2": {"class_type": "VAEDecode", "inputs": {"samples": ["1", 0]}},
}
"""The first of two outputs of one type is used."""


@pytest.mark.parametrize(
    ("names", "is_now"),
    [
        (["denoised_output", "output"], "denoised_output"),
        (["preview", "output", "denoised_output"], "preview"),
        (["denoised_output", "noisy_output"], "denoised_output"),
        (["samples", "denoised_output"], None),
        (["samples", "denoised"], None),
        (["output", "preview", "denoised_output"], None),
        ([], None),
    ],
)
def test_outputs_of_one_type_that_changed_places_are_named(names: list[str], is_now: str | None) -> None:
    def named(node: dict[str, Any]) -> None:
        node.update(output=["LATENT"] * max(2, len(names)), output_name=names)

    found = [problem.message for problem in schema_drift(SAMPLING, changed(SamplerCustomAdvanced=named), RECORDED)]
    if is_now is None:
        assert found == []
    else:
        assert len(found) == 1
        assert f"its output 0 is '{is_now}' now; in ComfyUI 0.30" in found[0]
        assert found[0].endswith("it was 'output'.")


@given(st.data())
def test_any_two_outputs_of_one_type_that_are_swapped_are_named(data: st.DataObject) -> None:
    """Of any node, whichever of the two is used."""
    twins = {
        name: pairs
        for name, info in RECORDED.items()
        if (pairs := _twins(info["output"], info["output_name"])) and isinstance(info["output"][0], str)
    }
    name = data.draw(st.sampled_from(sorted(twins)))
    one, other = data.draw(st.sampled_from(twins[name]))
    graph = {
        "1": {"class_type": name, "inputs": {}},
        "2": {"class_type": "Any", "inputs": {"value": ["1", data.draw(st.sampled_from([one, other]))]}},
    }

    def swapped(info: dict[str, Any]) -> None:
        names = info["output_name"]
        names[one], names[other] = names[other], names[one]

    assert len(schema_drift(graph, changed(**{name: swapped}), RECORDED)) == 1
    assert not schema_drift(graph, RECORDED, RECORDED)


def _twins(types: list[Any], names: list[str]) -> list[tuple[int, int]]:
    return [
        (one, other)
        for one in range(len(types))
        for other in range(one + 1, len(types))
        if types[one] == types[other] and names[one] != names[other] and names.count(names[one]) == 1
    ]


@given(st.integers(-(2**70), 2**70) | st.integers(-4, 4), st.sampled_from(["1", "2"]))
def test_any_number_of_an_output_is_answered(slot: int, source: str) -> None:
    """A link may name an output that no node ever had, before the first too."""
    blend = {"blend_factor": 0.5, "blend_mode": "normal"}
    graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
        "2": {"class_type": "ImageBlend", "inputs": {"image1": ["1", 0], "image2": [source, slot], **blend}},
    }
    info = changed(LoadImage=with_another_output)
    named = [str(problem) for problem in schema_drift(graph, info, RECORDED)]
    changed_ones = {0} | ({slot} & {1} if source == "1" else set())  # two it had, both of which moved on
    assert len(named) == len(changed_ones)
    assert all(any(f"its output {number} gives" in line for line in named) for number in changed_ones)
