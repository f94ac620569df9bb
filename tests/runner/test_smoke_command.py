"""`smoke`: one line per workflow, stand-ins where models are missing, and an exit code that can be relied on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from runner.errors import EXIT_NO_SERVER, EXIT_NODE_FAILED, EXIT_OK, EXIT_REJECTED, EXIT_USAGE
from tests.support.comfy import ComfyServer
from tests.support.runs import Desk, Graph, Run, command, flat, inverting, node
from tests.support.smoke import smoke_file, smoke_models

REAL = "juggernaut_reborn.safetensors"


@pytest.fixture(scope="module")
def smoke_server(comfy_server: ComfyServer) -> Iterator[ComfyServer]:
    with smoke_models(comfy_server, "sd15") as server:
        yield server


@pytest.fixture
def desk(smoke_server: ComfyServer, tmp_path: Path) -> Desk:
    return Desk(tmp_path, smoke_server.url)


def painting(checkpoint: str) -> Graph:
    """From noise to a picture, in more steps than a trial wants to wait for."""
    return {
        "1": node("CheckpointLoaderSimple", "input: checkpoint", ckpt_name=checkpoint),
        "2": node("CLIPTextEncode", "input: prompt", clip=["1", 1], text="a bag on a table"),
        "3": node("EmptyLatentImage", "input: width = width", width=1024, height=256, batch_size=1),
        "4": node(
            "KSampler",
            "input: steps = steps",
            model=["1", 0],
            positive=["2", 0],
            negative=["2", 0],
            latent_image=["3", 0],
            seed=7,
            steps=900,
            cfg=1.0,
            sampler_name="euler",
            scheduler="normal",
            denoise=1.0,
        ),
        "5": node("VAEDecode", samples=["4", 0], vae=["1", 2]),
        "6": node("SaveImage", "output: picture", images=["5", 0], filename_prefix="trial"),
    }


def smoke(desk: Desk, *arguments: str) -> Run:
    return command("smoke", *arguments, "--server", desk.url, "--out", str(desk.out), folder=desk.out)


def only_row(run: Run) -> dict[str, Any]:
    (line,) = run.out.splitlines()
    row: dict[str, Any] = json.loads(line)
    return row


def test_a_bundled_workflow_runs_on_the_example(desk: Desk) -> None:
    run = smoke(desk, "cutout")
    assert run.code == EXIT_OK, run.err
    line = next(line for line in run.out.splitlines() if line.startswith("cutout.v3"))
    assert line.split()[-1] == "ok"
    assert "1 of 1 workflows ran to the end" in run.out and "smoke weights (" not in run.out
    assert "peak: the most memory in use" in run.out
    assert [path.name for path in run.pictures] == ["cutout.v3.png", "cutout.v3_mask.png"]


def test_a_missing_model_is_stood_in_for_and_everything_says_so(desk: Desk) -> None:
    run = smoke(desk, desk.workflow(painting(REAL), "painting.v3"), "--json")
    assert run.code == EXIT_OK, run.err
    row = only_row(run)
    assert row["verdict"] == "ok (smoke weights)" and row["smoke_weights"] and row["ran"]
    assert row["models"] == {REAL: smoke_file("sd15")}
    assert row["nodes"] == 6 and row["seconds"] > 0 and row["peak_bytes_in_use"] > 1e8
    (picture,) = run.pictures
    assert row["files"] == [str(picture)] and picture.name == "painting.v3_smoke-weights.png"
    assert Image.open(picture).size == (256, 256)
    (sidecar,) = run.sidecars
    assert sidecar["smoke_weights"] == {REAL: smoke_file("sd15")}
    assert [model["file"] for model in sidecar["models"]] == [smoke_file("sd15")]


def test_a_model_that_is_there_is_used_and_the_line_does_not_speak_of_stand_ins(desk: Desk) -> None:
    run = smoke(desk, desk.workflow(painting(smoke_file("sd15"))), "--json")
    row = only_row(run)
    assert (run.code, row["verdict"], row["models"]) == (EXIT_OK, "ok", {smoke_file("sd15"): "present"})


def test_full_takes_no_stand_in(desk: Desk) -> None:
    run = smoke(desk, desk.workflow(painting(REAL)), "--full", "--json")
    row = only_row(run)
    assert run.code == EXIT_REJECTED and not row["ran"] and not run.files
    assert row["verdict"] == f"models missing: {REAL} (validated, not run)"


def test_a_model_without_a_stand_in_is_validated_and_never_counted_as_passed(desk: Desk) -> None:
    file = "nobody_has_this.safetensors"
    run = smoke(desk, desk.workflow(painting(file)))
    assert run.code == EXIT_OK and not run.files
    assert f"models missing: {file} (validated, not run)" in run.out
    assert "0 of 1 workflows ran to the end; 1 did not run" in run.out
    broken = painting(file)
    broken["4"]["inputs"]["model"] = ["2", 0]
    run = smoke(desk, desk.workflow(broken))
    assert run.code == EXIT_REJECTED and "failed: " in run.out, "it is validated, not waved through"


def test_a_missing_node_is_named(desk: Desk) -> None:
    run = smoke(desk, desk.workflow(inverting(**{"9": node("NodeOfNobody", image=["2", 0])})), "--json")
    assert run.code == EXIT_REJECTED
    assert only_row(run)["verdict"] == "nodes missing: NodeOfNobody (not run)"


def test_a_workflow_that_fails_does_not_keep_the_others_from_running(desk: Desk) -> None:
    failing = flat(0xFFFFFF, size=64)
    failing["3"] = node("ProdgenSegmentProduct", image=["1", 0], method="plain_backdrop")
    failing["2"]["inputs"]["images"] = ["3", 0]
    run = smoke(desk, desk.workflow(failing, "failing"), desk.workflow(inverting(), "good"), "--json")
    assert run.code == EXIT_NODE_FAILED
    first, second = (json.loads(line) for line in run.out.splitlines())
    assert first["verdict"].startswith("failed: ") and "could not be cut out" in first["verdict"] and first["ran"]
    assert second["verdict"] == "ok"


def test_faults_that_are_not_a_workflows(desk: Desk, tmp_path: Path) -> None:
    away = command("smoke", "cutout", "--server", "http://127.0.0.1:9", folder=tmp_path)
    assert away.code == EXIT_NO_SERVER
    assert smoke(desk, "no_such_workflow").code == EXIT_USAGE
    assert smoke(desk, "cutout", "--image", str(tmp_path / "absent.jpg")).code == EXIT_USAGE
