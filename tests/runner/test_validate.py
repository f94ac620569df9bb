"""`validate WORKFLOW` as it is called: against a server, against a recording, for people and for scripts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from runner.__main__ import main
from runner.errors import EXIT_NO_SERVER, EXIT_OK, EXIT_REJECTED, EXIT_USAGE
from runner.workflow.load import available_workflows
from tests.runner.broken_graphs import good_graph, model_graph
from tests.runner.test_patching import OBJECT_INFO
from tests.runner.test_workflow import node, write
from tests.support.comfy import ComfyServer
from tests.support.schemas import third_party

WITH_A_PACK_OF_OTHERS = ("grip_sdxl.v1", "grip_sdxl_original.v1", "grip_sdxl_original.v2")


def test_a_good_workflow_is_0_and_a_bad_one_4(
    comfy_server: ComfyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = write(tmp_path / "good.json", good_graph()), write(tmp_path / "bad.json", model_graph())
    assert main(["validate", str(good), "--server", comfy_server.url]) == EXIT_OK
    assert "no problems" in capsys.readouterr().out
    assert main(["validate", str(bad), "--server", comfy_server.url]) == EXIT_REJECTED
    text = capsys.readouterr().out
    assert "bad: 2 problems" in text
    assert "1. node 1 (CheckpointLoaderSimple): the model 'sd_xl_base_1.0.safetensors' is not on the server" in text


def test_json_is_one_line_a_problem_and_a_last_one(
    comfy_server: ComfyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = write(tmp_path / "bad.json", model_graph() | {"99": node("ProdgenNot")})
    assert main(["validate", str(bad), "--server", comfy_server.url, "--json"]) == EXIT_REJECTED
    captured = capsys.readouterr()
    *problems, last = [json.loads(line) for line in captured.out.splitlines()]
    assert [problem["kind"] for problem in problems] == ["missing_node", "missing_model", "missing_model"]
    assert last == {"event": "validated", "workflow": "bad", "server": comfy_server.url, "ok": False}


def test_warnings_alone_are_no_failure(
    comfy_server: ComfyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = good_graph()
    graph["2"]["inputs"]["width"] = 48.5
    assert main(["validate", str(write(tmp_path / "a.json", graph)), "--server", comfy_server.url]) == EXIT_OK
    assert "a: 1 warning" in capsys.readouterr().out


def test_a_recording_needs_no_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    info = write(tmp_path / "info.json", OBJECT_INFO | {"Save": {"input": {}, "output": [], "output_node": True}})
    graph = {"1": node("KSampler", steps=0), "2": node("Save")}
    path = write(tmp_path / "a.json", graph)
    assert main(["validate", str(path), "--object-info", str(info)]) == EXIT_OK  # nothing needs node 1
    graph["2"]["inputs"]["unlisted"] = ["77", 0]
    path = write(tmp_path / "a.json", graph)
    assert main(["validate", str(path), "--object-info", str(info)]) == EXIT_REJECTED
    assert "node 77, which is not in the workflow" in capsys.readouterr().out


@third_party
def test_a_list_of_another_packs_nodes_says_whose_the_missing_ones_are(
    tmp_path: Path, recorded: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    info = write(tmp_path / "info.json", recorded)
    assert main(["validate", "relight_iclight", "--object-info", str(info), "--json"]) == EXIT_REJECTED
    problems = [json.loads(line) for line in capsys.readouterr().out.splitlines()][:-1]
    missing = [problem for problem in problems if problem["kind"] == "missing_node"]
    assert {"LoadImage", "ProdgenPlaceProduct"} <= {problem["class_type"] for problem in missing}
    for problem in missing:
        ours = problem["class_type"].startswith("Prodgen")
        assert ("It belongs to prodgen" if ours else "this list of nodes is incomplete") in problem["advice"]


def test_no_server_and_no_workflow(tmp_path: Path) -> None:
    good = write(tmp_path / "good.json", good_graph())
    assert main(["validate", str(good), "--server", "http://127.0.0.1:9"]) == EXIT_NO_SERVER
    assert main(["validate", "no-such-workflow", "--server", "http://127.0.0.1:9"]) == EXIT_USAGE
    assert main(["validate", str(good), "--object-info", str(tmp_path / "none.json")]) == EXIT_USAGE


def test_every_bundled_workflow_can_run_on_a_server_with_the_pack_and_its_models(
    comfy_server: ComfyServer, capsys: pytest.CaptureFixture[str]
) -> None:
    ready = []
    for name, versions in available_workflows().items():
        for version in versions:
            workflow = f"{name}.v{version}"
            code = main(["validate", workflow, "--server", comfy_server.url])
            said = capsys.readouterr().out
            if code == EXIT_OK:
                ready.append(workflow)
                continue
            assert code == EXIT_REJECTED, workflow
            problems = re.findall(r"^\d+\. .*$", said, re.MULTILINE)
            assert problems, workflow
            for problem in problems:
                of_a_model = "is not on the server" in problem
                assert of_a_model or ("comfyui_controlnet_aux" in said and workflow in WITH_A_PACK_OF_OTHERS), problem
            assert f"models download --for {workflow}" in said or said.count("models download") == 1, workflow
    plain = {"caption": 1, "check": 1, "cutout": 3, "cutouts": 1, "filter": 1, "packshot": 6, "packshot_video": 2}
    plain["recolor"] = 1
    assert set(ready) == {f"{name}.v{version}" for name, newest in plain.items() for version in range(1, newest + 1)}
