"""What `submit` says, and with which exit code, when something is wrong: in the command, the graph or a node."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.support.comfy import ComfyServer
from tests.support.runs import Desk, command, flat, inverting, node, pixels, slow
from tests.support.speed import HANG_S, within


def queue_of(server: ComfyServer) -> list[str]:
    answer = server.get("/queue")
    return [item[1] for item in [*answer["queue_running"], *answer["queue_pending"]]]


def wait_until_idle(server: ComfyServer, seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while queue_of(server) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert queue_of(server) == []


# exit code 2: nothing is submitted


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--image", "none.png"], "no such file"),
        (["--set", "strenght=3"], "strenght"),
        (["--set", "nothing"], "NAME=VALUE"),
        (["--seed", "5"], "seed"),
        (["--name", "../escape"], "leads out of --out"),
        (["--name", "/etc/passwd"], "leads out of --out"),
        (["--name", "C:\\windows\\x"], "leads out of --out"),
        (["--name", 'x:y*?"<>|'], 'a file name cannot hold " * : < > ? |'),
        (["--name", "a\tb"], r"a file name cannot hold \t"),
        (["--name", "{nope}"], "there is no {nope}"),
        (["--name", "{"], "--name"),
        (["--name", ""], "--name is empty"),
        (["--count", "0"], "at least 1"),
        (["--timeout", "0"], "more than 0"),
        (["--timeout", "nan"], "more than 0"),
        (["--bogus"], "--bogus"),
        (["--best-of", "3"], "--best-of"),
        (["--server", "http://me:secret@127.0.0.1:8188"], "password"),
    ],
)
def test_a_wrong_command_line(desk: Desk, arguments: list[str], says: str) -> None:
    run = desk.submit(inverting(), *arguments)
    assert run.code == 2
    assert says in run.err
    assert "secret" not in run.err + run.out
    assert "Traceback" not in run.err
    assert run.out == ""
    assert not desk.out.exists()


def test_a_colour_that_is_none_is_refused_before_anything_is_submitted(
    comfy_server: ComfyServer, tmp_path: Path
) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    graph = flat(0x808080)
    graph["5"] = node("PrimitiveString", "input: background", value="")
    graph["6"] = node("ProdgenChannel", channel="master", width=0, height=0, fill=0.0, background=["5", 0], shadow=-1.0)
    graph["7"] = node("PreviewAny", source=["6", 0])
    run = desk.submit(graph, "--set", "background=pinkish", "--json")
    assert run.code == 2
    assert "background: 'pinkish' is no colour" in run.err
    assert run.of("queued") == []
    assert desk.submit(graph, "--set", "background=#ffccdd").code == 0


def test_a_folder_that_cannot_take_results(desk: Desk) -> None:
    file = desk.folder / "file"
    file.write_text("x")
    run = desk.submit(inverting(), "--image", desk.photo(), out=file / "below")
    assert run.code == 2
    assert "not a folder" in run.err


def test_no_command_and_help() -> None:
    assert command(folder=Path()).code == 2
    shown = command("--help", folder=Path())
    assert shown.code == 0
    for name in ("submit", "inputs", "validate", "models", "serve", "status", "cancel"):
        assert f"    {name} " in shown.out
    assert "--best-of N" in command("submit", "--help", folder=Path()).out


# exit code 3: nobody answers


def test_a_wrong_address_fails_fast(desk: Desk) -> None:
    began = time.monotonic()
    desk.url = "http://127.0.0.1:9"
    run = desk.submit(inverting(), "--image", desk.photo(), "--json")
    assert run.code == 3
    assert within(3, began)
    assert "http://127.0.0.1:9" in run.err
    failed = run.of("failed")
    assert [(event["prompt_id"], event["exit_code"]) for event in failed] == [(None, 3)]


def test_the_first_server_that_answers_is_used(desk: Desk) -> None:
    run = desk.submit(inverting(), "--image", desk.photo(), "--server", "http://127.0.0.1:9")
    assert run.code == 0, run.err
    assert f"this command uses one: {desk.url}" in run.err


# exit code 4: the workflow cannot run there


def test_everything_that_is_missing_is_named_before_anything_is_submitted(
    desk: Desk, comfy_server: ComfyServer
) -> None:
    graph = inverting(
        **{
            "7": node("CheckpointLoaderSimple", ckpt_name="not_there.safetensors"),
            "8": node("NoSuchNodeAnywhere", "Magic", x=1),
            "9": node("PreviewAny", source=["8", 0]),
            "10": node("PreviewAny", source=["7", 0]),
        }
    )
    before = set(comfy_server.get("/history"))
    run = desk.submit(graph, "--image", desk.photo(), "--json")
    assert run.code == 4
    assert "NoSuchNodeAnywhere" in run.err
    assert "not_there.safetensors" in run.err
    assert set(comfy_server.get("/history")) == before
    assert run.of("queued") == []
    assert run.of("failed")[0]["exit_code"] == 4


def test_a_graph_that_would_run_only_in_part_is_a_failure(
    desk: Desk, comfy_server: ComfyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check before submitting finds these; here it is left out to see what the server's own answer leads to."""
    monkeypatch.setattr("runner.execution.plan.check_graph", lambda *_, **__: [])
    graph = slow(6)
    graph["200"] = node("PreviewImage", "broken half")
    run = desk.submit(graph, "--json")
    assert run.code == 4
    assert "broken half" in run.err
    assert "images" in run.err
    assert [(event["job"], event["exit_code"]) for event in run.of("failed")] == [(1, 4)]
    assert not run.of("done")
    wait_until_idle(comfy_server)  # the half that could run was cancelled


def test_a_refusal_by_the_server_is_readable(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.execution.plan.check_graph", lambda *_, **__: [])
    graph = flat(0x808080)
    graph["1"]["inputs"]["width"] = -5
    graph["2"]["_meta"]["title"] = "output: poster"
    run = desk.submit(graph)
    assert run.code == 4
    assert "EmptyImage (node 1)" in run.err
    assert "width" in run.err
    graph["2"]["class_type"] = "SaveNothing"
    assert "SaveNothing" in desk.submit(graph).err


# exit code 5: a node failed, or delivered no picture


def test_a_failing_node_is_named_with_its_message(desk: Desk, comfy_server: ComfyServer) -> None:
    (comfy_server.input_dir / "broken.png").write_bytes(b"this is not a picture")
    graph = inverting()
    graph["1"] = node("LoadImage", "The photo", image="broken.png")
    run = desk.submit(graph, "--json")
    assert run.code == 5
    failed = run.of("failed")[0]
    assert failed["node"] == "1"
    assert failed["message"].startswith("The photo failed: cannot identify image file")
    assert failed["code"] == "node_failed"
    assert 'File "' in failed["trace"] and 'File "' not in failed["message"]
    plain = desk.submit(graph)
    assert "cannot identify image file" in plain.err and 'File "' not in plain.err
    assert 'File "' in desk.submit(graph, "--verbose").err
    assert plain.out == ""
    assert plain.files == []


def test_one_failed_job_does_not_stop_the_others(desk: Desk) -> None:
    graph = {
        "0": node("PrimitiveInt", "input: seed", value=0),
        "1": node("EmptyImage", width=16, height=16, batch_size=1, color=["0", 0]),
        "2": node("SaveImage", "output: result", images=["1", 0], filename_prefix="x"),
    }
    run = desk.submit(graph, "--seed", "0", "--count", "4", "--json")  # the seed is the colour: 0 and 1 are black
    assert run.code == 5
    assert [event["job"] for event in run.of("failed")] == [1, 2]
    assert [event["job"] for event in run.of("done")] == [3, 4]
    assert len(run.pictures) == 2


def test_a_black_picture_is_a_failure_although_the_server_says_success(desk: Desk) -> None:
    run = desk.submit(flat(0x000000))
    assert run.code == 5
    assert "black" in run.err
    assert "Save Image" in run.err
    assert run.files == []


def test_nan_is_a_failure(desk: Desk) -> None:
    graph = {
        "1": node("EmptyImage", width=32, height=32, batch_size=1, color=0x808080),
        "2": node("ComfyMathExpression", expression="1e308 * a", **{"values.a": 1.0}),
        "3": node("ImageBlend", image1=["1", 0], image2=["1", 0], blend_factor=["2", 0], blend_mode="normal"),
        "4": node("SaveImage", "output: result", images=["3", 0], filename_prefix="nan"),
    }
    run = desk.submit(graph)
    assert run.code == 5, run.err
    assert "NaN" in run.err
    assert run.files == []


@pytest.mark.parametrize("colour", [0xFFFFFF, 0x020202, 0x808080])
def test_white_dark_and_flat_pictures_are_pictures(desk: Desk, colour: int) -> None:
    run = desk.submit(flat(colour))
    assert run.code == 0, run.err
    assert set(pixels(run.pictures[0]).flatten().tolist()) == {colour & 0xFF}


def test_a_wholly_transparent_cutout_is_a_failure_and_a_black_product_is_not(desk: Desk) -> None:
    def cutout(transparency: float) -> dict[str, dict[str, object]]:
        return {
            "1": node("EmptyImage", width=32, height=32, batch_size=1, color=0),
            "2": node("SolidMask", value=1.0, width=32, height=32),
            "3": node("SolidMask", value=transparency, width=16, height=16),
            "4": node("MaskComposite", destination=["2", 0], source=["3", 0], x=4, y=4, operation="and"),
            "5": node("JoinImageWithAlpha", image=["1", 0], alpha=["4", 0]),
            "6": node("SaveImage", "output: cutout", images=["5", 0], filename_prefix="cut"),
        }

    empty = desk.submit(cutout(1.0))
    assert empty.code == 5
    assert "wholly transparent" in empty.err
    black_product = desk.submit(cutout(0.0))
    assert black_product.code == 0, black_product.err
    alpha = pixels(black_product.pictures[0], "RGBA")[..., 3]
    assert alpha[8, 8] == 255
    assert alpha[0, 0] == 0


def test_out_of_memory_is_freed_and_tried_once_more(desk: Desk) -> None:
    graph = flat(0x808080)
    graph["1"]["inputs"].update(width=16384, height=16384, batch_size=4096)  # 13 TB
    run = desk.submit(graph, "--json")
    assert run.code == 5
    assert "trying once more" in run.err
    queued = run.of("queued")
    assert queued[1]["retry_of"] == queued[0]["prompt_id"]
    assert len(run.of("failed")) == 1
    assert desk.submit(flat(0x818181)).code == 0  # and the next job runs


def test_a_workflow_without_any_result_is_a_failure(desk: Desk) -> None:
    graph = flat(0x909090)
    graph["2"].pop("_meta")
    graph["3"] = node("ImageInvert", "output: nothing", image=["1", 0])
    run = desk.submit(graph)
    assert run.code == 5
    assert "without any file" in run.err


# exit code 6: out of time


def test_out_of_time_cancels_the_job_on_the_server(desk: Desk, comfy_server: ComfyServer) -> None:
    began = time.monotonic()
    run = desk.submit(slow(60, seed=int(time.time())), "--count", "3", "--timeout", "1.5", "--json")
    took = time.monotonic() - began
    assert run.code == 6
    assert took < 6
    assert {event["exit_code"] for event in run.of("failed")} == {6}
    wait_until_idle(comfy_server)
    assert not list(desk.folder.rglob("*.part"))


def test_out_of_time_is_said_once(desk: Desk) -> None:
    graph = slow(60, seed=int(time.time()) + 2)
    run = desk.submit(graph, "--timeout", "0.5", "--json")
    assert run.code == 6
    (failed,) = run.of("failed")
    assert (failed["job"], failed["exit_code"]) == (1, 6)
    assert failed["prompt_id"] == run.of("queued")[0]["prompt_id"]
    assert "Give it longer" in failed["advice"]
    plain = desk.submit(graph, "--timeout", "0.5")
    assert plain.code == 6
    assert plain.err.count("Out of time") == plain.err.count("Give it longer") == 1
    assert plain.out == ""


def test_a_job_cancelled_by_somebody_else_ends_the_run(desk: Desk, comfy_server: ComfyServer) -> None:
    wait_until_idle(comfy_server, 20)  # what an earlier test left there is ours, too
    process = desk.start(slow(80, seed=int(time.time()) + 1), "--json", "--count", "2")
    assert process.stdout is not None
    ids = [json.loads(process.stdout.readline())["prompt_id"] for _ in range(2)]
    while comfy_server.get("/queue")["queue_running"] == []:
        time.sleep(0.05)
    everything = command("cancel", "--server", desk.url, folder=desk.out)
    assert everything.out.split() == [ids[1], ids[0]]  # the waiting one first: it does not start meanwhile
    assert "still running sends its next jobs: stop it with Ctrl-C" in everything.err
    assert everything.err.count("\n") == 1
    out, err = process.communicate(timeout=HANG_S)
    assert process.returncode == 130, err
    failed = [event for event in map(json.loads, out.splitlines()) if event["event"] == "failed"]
    assert {event["prompt_id"] for event in failed} == set(ids)
    assert "submitting it again" not in err


def test_one_waiting_job_is_cancelled_by_its_id(desk: Desk) -> None:
    process = desk.start(slow(80, seed=int(time.time()) + 3), "--json", "--count", "2")
    assert process.stdout is not None
    ids = [json.loads(process.stdout.readline())["prompt_id"] for _ in range(2)]
    waiting = command("cancel", ids[1], "--server", desk.url, folder=desk.out)
    os.kill(process.pid, signal.SIGINT)
    assert (waiting.code, waiting.out.split(), waiting.err) == (0, [ids[1]], "")
    process.communicate(timeout=HANG_S)
    assert process.returncode == 130
