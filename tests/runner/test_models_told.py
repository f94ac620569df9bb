"""What is said of missing models: each once, and one command for all of them."""

from __future__ import annotations

from runner.models.manifest import load_manifest
from runner.validation.missing import told_at_once
from runner.validation.problem import Problem
from runner.workflow.graph import describe_node
from runner.workflow.load import load_workflow


def lacking(model_id: str, node_id: str) -> Problem:
    named = describe_node(node_id, {"class_type": "Load", "_meta": {"title": "Load"}})
    message = f"{named}: the model '{model_id}.safetensors' is not on the server."
    return Problem("missing_model", message, f"Get it with: {model_id}", node_id, "Load", "Load", model_id=model_id)


def test_several_models_are_each_told_once_and_got_by_one_command() -> None:
    workflow = load_workflow("grip_sdxl")
    ids = [model.id for model in load_manifest().for_workflow(workflow.label, workflow.name, workflow.graph)]
    ids = [one for one in ids if load_manifest().get(one).is_offered]
    assert len(ids) > 2
    problems = [lacking(one, node) for node in ("4", "5") for one in ids]
    node = Problem("missing_node", "There is no node X.", "Install it.")
    *lines, last = told_at_once([*problems, node], workflow)
    for one in ids:
        assert sum(f"'{one}.safetensors'" in line for line in lines) == 1
    assert not any("Get it with" in line for line in lines)
    assert "There is no node X.\n  Install it." in lines
    assert last.startswith("Get them all (1")
    assert last.endswith(f"models download --for {workflow.label}")


def test_one_model_is_got_by_its_name() -> None:
    workflow = load_workflow("cutout_birefnet")
    lines = told_at_once([lacking("birefnet", "4"), lacking("birefnet", "4")], workflow)
    assert len(lines) == 1
    assert lines[0].endswith("Get it with: birefnet")
