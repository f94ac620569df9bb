"""`submit --best-of` against a real server: workflows in which the seed decides how much of the product is left."""

from __future__ import annotations

import csv
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.support.comfy import ComfyServer
from tests.support.runs import Desk, Graph, node, pixels
from tests.support.speed import HANG_S, within

SIZE = 96


def judged(tint: str, *, mask: str = "1.0 + 0 * a", save: tuple[str, int] = ("9", 0)) -> Graph:
    """A photo with orange laid over it; `tint` says how much (0 … 1) for the seed `a`; Product Fidelity judges."""
    return {
        "1": node("LoadImage", "input: image", image="none.png"),
        "2": node("PrimitiveInt", "input: seed", value=0),
        "3": expression(tint),
        "4": node("EmptyImage", width=SIZE, height=SIZE, batch_size=1, color=0xFF8000),
        "5": expression(mask),
        "6": node("SolidMask", value=0.0, width=SIZE, height=SIZE),
        "7": node("SolidMask", value=["5", 0], width=SIZE // 2, height=SIZE // 2),
        "8": node("MaskComposite", destination=["6", 0], source=["7", 0], x=24, y=24, operation="add"),
        "9": node("ImageBlend", image1=["1", 0], image2=["4", 0], blend_factor=["3", 0], blend_mode="normal"),
        "10": node("ProdgenFidelity", "Fidelity", image=["9", 0], product=["1", 0], mask=["8", 0],
                   check_floating=False),
        "11": node("SaveImage", "output: result", images=list(save), filename_prefix="best"),
    }  # fmt: skip


def expression(text: str) -> dict[str, Any]:
    return node("ComfyMathExpression", expression=text, **{"values.a": ["2", 0]})


def by_seed(values: dict[int, float], otherwise: float) -> str:
    text = str(otherwise)
    for seed, value in values.items():
        text = f"{value} if a == {seed} else ({text})"
    return text


def table(folder: Path) -> list[dict[str, str]]:
    found = list(folder.rglob("candidates.csv"))
    assert len(found) == 1
    with found[0].open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def settled(server: ComfyServer) -> None:
    """Wait until nothing runs: a node that was running when its job was cancelled stops at its next check."""
    deadline = time.monotonic() + HANG_S
    while (queue := server.get("/queue")) and (queue["queue_running"] or queue["queue_pending"]):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def status(server: ComfyServer, prompt_id: str) -> str | None:
    entry: dict[str, Any] = server.get(f"/history/{prompt_id}").get(prompt_id, {})
    found: str | None = entry.get("status", {}).get("status_str")
    return found


def results(desk: Desk) -> list[str]:
    return sorted(path.name for path in desk.out.iterdir() if path.is_file())


def test_the_best_of_those_that_pass_is_saved_and_every_candidate_kept(desk: Desk) -> None:
    photo = desk.photo(size=(SIZE, SIZE))
    graph = judged(by_seed({20: 0.5, 21: 0.055, 22: 0.045}, 0.7))
    run = desk.submit(graph, "--image", photo, "--seed", 20, "--best-of", 4, "--name", "bag", "--json")
    assert run.code == 0, run.err
    assert results(desk) == ["bag.json", "bag.png"]
    told = run.of("candidate")
    assert [(event["seed"], event["verdict"]) for event in told] == [
        (20, "failed"), (21, "passed"), (22, "passed"), (23, "failed"),
    ]  # fmt: skip
    assert told[2]["score"] > told[1]["score"] > 0 > told[0]["score"]
    assert "its colour changed" in told[0]["reasons"][0]
    assert [event["candidate"] for event in told] == [1, 2, 3, 4]
    folder = desk.out / "bag_candidates"
    rows = table(desk.out)
    assert [row["seed"] for row in rows] == ["20", "21", "22", "23"]
    assert [row["chosen"] for row in rows] == ["", "", "yes", ""]
    assert float(rows[2]["Fidelity.delta_e00_mean"]) < float(rows[1]["Fidelity.delta_e00_mean"]) < 3.0
    assert {row["prompt_id"] for row in rows} == {event["prompt_id"] for event in told}
    assert all((folder / row["file"]).is_file() for row in rows)
    assert (pixels(desk.out / "bag.png") == pixels(folder / rows[2]["file"])).all()
    record = json.loads((desk.out / "bag.json").read_text())
    assert record["seed"] == 22
    assert record["files"][0]["file"] == "bag.png"
    assert record["best_of"] | {"score": 0} == {
        "candidate": 3, "judged": 4, "of": 4, "verdict": "passed", "score": 0, "folder": "bag_candidates",
    }  # fmt: skip
    assert [event["path"] for event in run.of("output")] == [str(desk.out / "bag.png")]
    assert [event["files"] for event in run.of("done")] == [[str(desk.out / "bag.png")]]
    with Image.open(folder / "contact_sheet.jpg") as sheet:
        assert sheet.size[0] > 600
    assert not list(desk.out.rglob("*.part"))


def test_the_same_seeds_give_the_same_winner(desk: Desk) -> None:
    photo = desk.photo(size=(SIZE, SIZE))
    graph = judged("0.05 - 0.002 * (a % 4)")
    for name in ("one", "two"):
        run = desk.submit(graph, "--image", photo, "--seed", 40, "--best-of", 4, "--name", name)
        assert run.code == 0, run.err
        assert json.loads((desk.out / f"{name}.json").read_text())["seed"] == 43


def test_none_passes(desk: Desk) -> None:
    photo = desk.photo(size=(SIZE, SIZE))
    graph = judged(by_seed({6: 0.12}, 0.6))
    run = desk.submit(graph, "--image", photo, "--seed", 5, "--best-of", 3, "--name", "bag")
    assert run.code == 7
    assert run.out == ""
    assert results(desk) == []
    folder = desk.out / "bag_candidates"
    assert (folder / "best_failed_seed6.png").is_file()
    assert (folder / "contact_sheet.jpg").is_file()
    assert [row["verdict"] for row in table(desk.out)] == ["failed"] * 3
    assert "None of 3 candidates passed" in run.err
    assert "3 of 3: all over: its colour changed" in run.err
    assert "best one (seed 6) is kept aside" in run.err


def test_a_single_candidate_is_judged_as_well(desk: Desk) -> None:
    photo = desk.photo(size=(SIZE, SIZE))
    assert desk.submit(judged("0.6 + 0 * a"), "--image", photo, "--best-of", 1, "--name", "bad").code == 7
    assert desk.submit(judged("0.0 * a"), "--image", photo, "--best-of", 1, "--name", "good").code == 0
    assert results(desk) == ["good.json", "good.png"]


def test_a_seed_given_with_set_counts_up_from_there(desk: Desk) -> None:
    photo = desk.photo(size=(SIZE, SIZE))
    graph = judged(by_seed({71: 0.04}, 0.6))
    run = desk.submit(graph, "--image", photo, "--set", "2.value=70", "--best-of", 2, "--name", "bag")
    assert run.code == 0, run.err
    assert json.loads((desk.out / "bag.json").read_text())["seed"] == 71
    both = desk.submit(graph, "--image", photo, "--set", "seed=70", "--seed", 3, "--best-of", 2)
    assert both.code == 2
    assert "same input" in both.err


def test_none_passes_as_json(desk: Desk) -> None:
    run = desk.submit(
        judged("0.6 + 0 * a"), "--image", desk.photo(size=(SIZE, SIZE)), "--seed", 5, "--best-of", 2, "--json"
    )
    assert run.code == 7
    assert run.of("failed")[-1]["exit_code"] == 7
    assert "candidates passed" in run.of("failed")[-1]["message"]
    assert run.of("done") == run.of("output") == []


def test_a_black_picture_and_a_refusal_fail_their_candidate_and_not_the_run(desk: Desk) -> None:
    """Seed 30: a black picture; 31: no product in the mask, so that Product Fidelity refuses; 32: passes."""
    graph = judged("0.05 + 0 * a", mask=by_seed({31: 0.0}, 1.0), save=("13", 0))
    graph["12"] = expression(by_seed({30: 1.0}, 0.0))
    graph["14"] = node("EmptyImage", width=SIZE, height=SIZE, batch_size=1, color=0)
    graph["13"] = node("ImageBlend", image1=["9", 0], image2=["14", 0], blend_factor=["12", 0], blend_mode="normal")
    run = desk.submit(
        graph, "--image", desk.photo(size=(SIZE, SIZE)), "--seed", 30, "--best-of", 3, "--name", "bag", "--json"
    )
    assert run.code == 0, run.err
    told = sorted(run.of("candidate"), key=lambda event: event["candidate"])
    assert [event["verdict"] for event in told] == ["broken", "refused", "passed"]
    assert "black" in told[0]["reasons"][0]
    assert "product" in told[1]["reasons"][0]
    assert "Traceback" not in told[1]["reasons"][0]
    assert json.loads((desk.out / "bag.json").read_text())["seed"] == 32
    assert [row["file"] for row in table(desk.out)][:2] == ["", ""]
    assert run.of("failed") == []


def test_a_comfortable_candidate_ends_the_search_and_the_rest_is_cancelled(
    desk: Desk, comfy_server: ComfyServer
) -> None:
    graph = judged("0.0 * a")
    start = time.monotonic_ns() % 10**9
    graph["50"] = node("EmptyImage", width=512, height=512, batch_size=1, color=["51", 1])
    graph["51"] = expression("a % 16777216")
    for number in range(52, 72):  # some two seconds that differ with the seed
        graph[str(number)] = node("ImageBlur", image=[str(50 if number == 52 else number - 1), 0], blur_radius=31,
                                  sigma=5.0)  # fmt: skip
    graph["72"] = node("PreviewImage", images=["71", 0])
    run = desk.submit(
        graph, "--image", desk.photo(size=(SIZE, SIZE)), "--seed", start, "--best-of", 8, "--name", "bag", "--json"
    )
    assert run.code == 0, run.err
    told = run.of("candidate")
    assert told[0]["verdict"] == "passed"
    assert told[0]["score"] >= 60
    assert {event["verdict"] for event in told[1:]} == {"cancelled"}
    assert 2 <= len({event["prompt_id"] for event in run.of("queued")}) <= 3
    settled(comfy_server)
    for event in told[1:]:
        assert status(comfy_server, event["prompt_id"]) != "success"
    assert json.loads((desk.out / "bag.json").read_text())["seed"] == start
    assert [row["verdict"] for row in table(desk.out)] == [event["verdict"] for event in told]


def test_several_results_each_from_candidates_of_its_own(desk: Desk) -> None:
    graph = judged(by_seed({61: 0.04, 62: 0.05, 63: 0.04}, 0.6))
    photo = desk.photo(size=(SIZE, SIZE))
    run = desk.submit(
        graph, "--image", photo, "--seed", 60, "--best-of", 2, "--count", 3, "--name", "bag_{index}", "--json"
    )
    assert run.code == 7  # the third found none
    assert results(desk) == ["bag_1.json", "bag_1.png", "bag_2.json", "bag_2.png"]
    assert [json.loads((desk.out / f"bag_{i}.json").read_text())["seed"] for i in (1, 2)] == [61, 63]
    assert [event["seed"] for event in run.of("candidate")] == [60, 61, 62, 63, 64, 65]
    folders = sorted(path.name for path in desk.out.iterdir() if path.is_dir())
    assert folders == ["bag_1_candidates", "bag_2_candidates", "bag_3_candidates"]


def test_a_second_run_has_a_folder_of_its_own(desk: Desk) -> None:
    photo = desk.photo(size=(SIZE, SIZE))
    for _ in range(2):
        assert desk.submit(judged("0.0 * a"), "--image", photo, "--best-of", 2, "--name", "bag").code == 0
    assert results(desk) == ["bag.json", "bag.png", "bag_2.json", "bag_2.png"]
    assert sorted(path.name for path in desk.out.iterdir() if path.is_dir()) == ["bag_candidates", "bag_candidates_2"]


def test_without_a_seed_there_is_nothing_to_vary(desk: Desk) -> None:
    graph = judged("0.0 * a")
    graph["2"] = node("PrimitiveInt", "Some number", value=0)
    run = desk.submit(graph, "--image", desk.photo(size=(SIZE, SIZE)), "--best-of", 3)
    assert run.code == 2
    assert "--best-of needs a seed" in run.err
    assert not desk.out.exists()


def test_a_missing_node_ends_the_run_at_once(desk: Desk) -> None:
    graph = judged("0.0 * a")
    graph["10"]["class_type"] = "ProdgenNoSuchNode"
    run = desk.submit(graph, "--image", desk.photo(size=(SIZE, SIZE)), "--best-of", 3)
    assert run.code == 4
    assert not list(desk.folder.rglob("*_candidates"))


def test_a_failure_that_the_seed_cannot_change_ends_the_run_at_once(desk: Desk) -> None:
    """The mask is empty whatever the seed is: nothing is gained by trying seven more."""
    graph = judged("0.0 * a")
    graph["7"]["inputs"]["value"] = 0.0
    graph["10"]["inputs"]["image"] = ["1", 0]
    run = desk.submit(graph, "--image", desk.photo(size=(SIZE, SIZE)), "--best-of", 8, "--json")
    assert run.code == 5
    assert len({event["prompt_id"] for event in run.of("queued")}) <= 2
    assert "product" in run.of("failed")[-1]["message"]
    assert not list(desk.folder.rglob("*_candidates"))


def test_what_fails_twice_in_the_same_way_is_not_the_seeds_fault(desk: Desk) -> None:
    graph = judged("0.05 + 0 * a")
    graph["6"]["inputs"]["width"] = SIZE + 8  # the mask no longer fits the picture
    run = desk.submit(graph, "--image", desk.photo(size=(SIZE, SIZE)), "--best-of", 8, "--json")
    assert run.code == 5
    assert [event["verdict"] for event in run.of("candidate")][:2] == ["error", "error"]
    assert len({event["prompt_id"] for event in run.of("queued")}) <= 4


def test_without_a_gate_the_first_usable_one_is_taken_and_said(desk: Desk) -> None:
    graph = judged(by_seed({0: 0.3}, 0.6))
    del graph["10"]
    run = desk.submit(graph, "--image", desk.photo(size=(SIZE, SIZE)), "--best-of", 2, "--name", "bag")
    assert run.code == 0, run.err
    assert "No node of job judges its result" in run.err
    assert json.loads((desk.out / "bag.json").read_text())["seed"] == 0


@pytest.mark.slow
def test_out_of_time_keeps_what_passed(desk: Desk) -> None:
    photo = desk.photo(size=(SIZE, SIZE))
    run = desk.submit(
        judged("0.05 + 0 * a"), "--image", photo, "--best-of", 9999, "--name", "bag", "--timeout", 8
    )  # fmt: skip
    assert run.code == 6
    assert results(desk) == ["bag.json", "bag.png"]
    assert (desk.out / "bag_candidates" / "contact_sheet.jpg").is_file()


def test_interrupted_keeps_what_was_judged(desk: Desk, comfy_server: ComfyServer) -> None:
    graph = judged("0.6 + 0 * a")
    start = time.monotonic_ns() % 10**9
    graph["50"] = node("EmptyImage", width=512, height=512, batch_size=1, color=["51", 1])
    graph["51"] = expression("a % 16777216")
    for number in range(52, 62):
        graph[str(number)] = node("ImageBlur", image=[str(50 if number == 52 else number - 1), 0], blur_radius=31,
                                  sigma=5.0)  # fmt: skip
    graph["62"] = node("PreviewImage", images=["61", 0])
    process = desk.start(
        graph, "--image", desk.photo(size=(SIZE, SIZE)), "--seed", start, "--best-of", 30, "--name", "bag", "--json"
    )
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(json.loads(line))
        if seen[-1]["event"] == "candidate":
            break
    os.kill(process.pid, signal.SIGINT)
    began = time.monotonic()
    out, err = process.communicate(timeout=HANG_S)
    assert within(2.0, began)
    assert process.returncode == 130
    assert "Traceback" not in err
    rows = table(desk.out)
    assert rows[0]["verdict"] == "failed"
    assert (desk.out / "bag_candidates" / rows[0]["file"]).is_file()
    assert results(desk) == []
    assert not list(desk.out.rglob("*.part"))
    called_off = [e for e in map(json.loads, out.splitlines()) if e["event"] == "failed" and e["prompt_id"]]
    assert called_off
    assert {event["exit_code"] for event in called_off} == {130}
    settled(comfy_server)
    for event in called_off:
        assert status(comfy_server, event["prompt_id"]) != "success"
