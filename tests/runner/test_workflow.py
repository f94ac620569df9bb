"""Workflow files: found by name or path, read, and their faults told apart; titles that name inputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import EXIT_USAGE, WorkflowError
from runner.workflow.graph import Mark, Target, parse_title
from runner.workflow.load import WORKFLOWS_DIR, available_workflows, load_workflow


def node(kind: str, title: str | None = None, /, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs} | ({"_meta": {"title": title}} if title else {})


def write(path: Path, graph: Any) -> Path:
    path.write_text(graph if isinstance(graph, str) else json.dumps(graph), encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for version in (1, 2, 10):
        write(tmp_path / f"packshot.v{version}.json", {"1": node("SaveImage", filename_prefix=f"v{version}")})
    write(tmp_path / "cut.out.v1.json", {"1": node("SaveImage")})
    write(tmp_path / "notes.json", {"1": node("SaveImage")})
    return tmp_path


def test_a_bare_name_is_the_newest_version_by_number(folder: Path) -> None:
    workflow = load_workflow("packshot", folder)
    assert (workflow.name, workflow.version, workflow.label) == ("packshot", 10, "packshot.v10")
    assert workflow.path == folder / "packshot.v10.json"


def test_a_version_can_be_named_and_a_name_may_hold_dots(folder: Path) -> None:
    assert load_workflow("packshot.v2", folder).version == 2
    assert load_workflow("cut.out", folder).label == "cut.out.v1"
    assert available_workflows(folder) == {"cut.out": [1], "packshot": [1, 2, 10]}


def test_a_path_is_read_as_it_stands(folder: Path) -> None:
    workflow = load_workflow(str(folder / "notes.json"), folder)
    assert (workflow.name, workflow.version) == ("notes", None)
    assert load_workflow(str(folder / "packshot.v1.json")).label == "packshot.v1"


def test_an_unknown_name_lists_what_exists(folder: Path) -> None:
    with pytest.raises(WorkflowError) as caught:
        load_workflow("pakshot", folder)
    assert caught.value.exit_code == EXIT_USAGE
    assert "Did you mean 'packshot'?" in str(caught.value)
    assert "cut.out (v1), packshot (v1, v2, v10)" in caught.value.advice


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("packshot.v3", "has v1, v2, v10"),
        ("", "no workflow was named"),
        ("./packshot.v3.json", "has v1, v2, v10"),
        ("workflows/nothing.v3.json", "no such workflow file"),
        ("nowhere/x", "no such workflow file"),
    ],
)
def test_other_names_that_lead_nowhere(folder: Path, spec: str, words: str) -> None:
    with pytest.raises(WorkflowError, match=words):
        load_workflow(spec, folder)


def test_a_folder_is_no_workflow(folder: Path) -> None:
    with pytest.raises(WorkflowError, match="folder"):
        load_workflow(str(folder))


def test_broken_json_is_placed_by_line_and_column(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", '{\n  "1": {"class_type": "SaveImage",\n   "inputs": {,}}\n}')
    with pytest.raises(WorkflowError, match=r"a\.json:3:15: .*line 3, column 15"):
        load_workflow(str(path))


def test_a_canvas_file_is_recognised_and_explained(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", {"nodes": [{"id": 1, "type": "SaveImage"}], "links": [], "version": 0.4})
    with pytest.raises(WorkflowError, match="canvas file") as caught:
        load_workflow(str(path))
    assert "Export (API)" in caught.value.advice


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "empty"),
        ("  \n", "empty"),
        ("[]", "this is a list"),
        ("3", "this is a number"),
        ('"x"', "this is a text"),
        ("null", "this is a null"),
        ("{}", "no nodes"),
        ('{"1": 3}', "'1' is no node"),
        ('{"1": {"inputs": {}}}', "no class_type"),
        ('{"1": {"class_type": ""}}', "no class_type"),
        ('{"1": {"class_type": "A", "inputs": []}}', "inputs are a list"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_json_that_is_no_workflow(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(WorkflowError, match=words):
        load_workflow(str(write(tmp_path / "a.json", content)))


def test_a_binary_file_is_no_workflow(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    with pytest.raises(WorkflowError, match="not a text file"):
        load_workflow(str(tmp_path / "a.json"))


def test_a_byte_order_mark_and_a_saved_request_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"prompt": {"7": node("SaveImage")}}), encoding="utf-8-sig")
    assert list(load_workflow(str(tmp_path / "a.json")).graph) == ["7"]


# -- titles --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "mark"),
    [
        ("input: image", Mark("input", "image")),
        ("Input : steps = steps", Mark("input", "steps", "steps")),
        ("input:cfg=cfg", Mark("input", "cfg", "cfg")),
        ("  output: packshot  ", Mark("output", "packshot")),
        ("output: a = b", Mark("output", "a = b")),
        ("input: my size = resize_type.width", Mark("input", "my size", "resize_type.width")),
        ("inputs: image", None),
        ("input:", None),
        ("input: = steps", None),
        ("input: steps =", None),
        ("output:", None),
        ("the input: image", None),
        ("", None),
    ],
)
def test_titles(title: str, mark: Mark | None) -> None:
    assert parse_title(title) == mark


NAMES = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="="), min_size=1, max_size=20)


@given(NAMES, st.none() | NAMES, st.sampled_from(["", " ", "  "]))
def test_a_title_written_is_a_title_read(name: str, widget: str | None, space: str) -> None:
    title = f"input:{space}{name}" + (f"{space}={space}{widget}" if widget else "")
    assert parse_title(title) == Mark("input", name, widget)


@given(st.text(max_size=60))
def test_no_title_is_too_strange(title: str) -> None:
    mark = parse_title(title)
    assert mark is None or (mark.kind in ("input", "output") and mark.name == mark.name.strip() != "")


def loaded(tmp_path: Path, graph: dict[str, Any]) -> Any:
    return load_workflow(str(write(tmp_path / "test.v1.json", graph)))


def test_inputs_and_outputs_are_those_titled(tmp_path: Path) -> None:
    workflow = loaded(
        tmp_path,
        {
            "1": node("LoadImage", "input: image", image="bag.jpg", upload="image"),
            "2": node("PrimitiveInt", "input: seed", value=7, control_after_generate="fixed"),
            "3": node("KSampler", "input: steps = steps", steps=20, cfg=6.5, seed=["2", 0]),
            "4": node("CLIPTextEncode", "input: prompt", text="a bag", clip=["9", 0]),
            "5": node("PrimitiveBoolean", "input: shadow", value=True),
            "6": node("SaveImage", "output: packshot", images=["1", 0], filename_prefix="x"),
            "7": node("SaveImage", "Save", images=["1", 0], filename_prefix="y"),
        },
    )
    found = {spec.name: (spec.type, spec.default, spec.node_id, spec.widget) for spec in workflow.inputs()}
    assert found == {
        "image": ("IMAGE", "bag.jpg", "1", "image"),
        "seed": ("INT", 7, "2", "value"),
        "steps": ("INT", 20, "3", "steps"),
        "prompt": ("STRING", "a bag", "4", "text"),
        "shadow": ("BOOLEAN", True, "5", "value"),
    }
    assert [(out.name, out.node_id, out.class_type) for out in workflow.outputs()] == [("packshot", "6", "SaveImage")]
    assert workflow.input("SEED").name == "seed"
    assert workflow.input("nothing") is None


def test_one_name_on_two_nodes_sets_both(tmp_path: Path) -> None:
    workflow = loaded(
        tmp_path, {"1": node("A", "input: seed", seed=1), "2": node("B", "input: seed = noise_seed", noise_seed=2, x=1)}
    )
    assert workflow.input("seed").targets == (Target("1", "seed"), Target("2", "noise_seed"))


@pytest.mark.parametrize(
    ("graph", "words"),
    [
        ({"1": node("A", "input: a = missing", alpha=1, beta=2)}, "'missing'"),
        ({"1": node("A", "input: a = alhpa", alpha=1, beta=2)}, "Did you mean 'alpha'"),
        ({"1": node("A", "input: a", alpha=1, beta=2)}, "does not say which widget"),
        ({"1": node("A", "input: a = alpha", alpha=["2", 0]), "2": node("B")}, "linked to another node"),
        ({"1": node("A", "input: a")}, "does not say which widget"),
    ],
)
def test_titles_that_cannot_be_followed_are_named(tmp_path: Path, graph: dict[str, Any], words: str) -> None:
    with pytest.raises(WorkflowError, match=words) as caught:
        loaded(tmp_path, graph).inputs()
    assert "node 1" in str(caught.value)


def test_pictures_are_ordered_by_number_and_the_only_loader_counts(tmp_path: Path) -> None:
    workflow = loaded(
        tmp_path,
        {
            "1": node("LoadImage", "input: image_10", image="c.png"),
            "2": node("LoadImage", "input: image_2", image="b.png"),
            "3": node("LoadImage", "input: image", image="a.png"),
        },
    )
    assert [spec.name for spec in workflow.image_inputs()] == ["image", "image_2", "image_10"]
    alone = loaded(tmp_path, {"5": node("LoadImage", image="a.png")})
    assert [spec.targets for spec in alone.image_inputs()] == [(Target("5", "image"),)]
    assert loaded(tmp_path, {"5": node("LoadImage", image="a"), "6": node("LoadImage", image="b")}).image_inputs() == []


def test_every_bundled_workflow_can_be_read() -> None:
    for name, versions in available_workflows(WORKFLOWS_DIR).items():
        for version in versions:
            workflow = load_workflow(f"{name}.v{version}")
            assert workflow.outputs(), workflow.label
            assert workflow.image_inputs() or workflow.input("prompt") is not None, workflow.label
