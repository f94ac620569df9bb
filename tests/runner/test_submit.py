"""`submit` against a real server: what it saves, under which names, and what it says."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.comfy import ComfyServer
from tests.support.runs import Desk, flat, inverting, node, pixels


@pytest.fixture
def desk(comfy_server: ComfyServer, tmp_path: Path) -> Desk:
    return Desk(tmp_path, comfy_server.url)


def test_a_photo_becomes_a_finished_file_with_its_record_beside_it(desk: Desk) -> None:
    photo = desk.photo()
    run = desk.submit(inverting(), "--image", photo)
    assert run.code == 0, run.err
    picture, record = run.pictures[0], run.sidecars[0]
    assert picture.name == "photo_job.png"
    assert run.out == f"{picture}\n"  # standard output is the result and nothing else
    assert np.abs(pixels(picture).astype(int) - (255 - pixels(photo).astype(int))).max() <= 1
    graph = json.loads(Image.open(picture).text["prompt"])  # type: ignore[attr-defined]  # a PNG has it
    assert graph["2"]["class_type"] == "ImageInvert"
    assert record["workflow"] == "job"
    assert record["comfyui"] == "0.30.0"
    assert record["server"] == desk.url
    assert record["images"][0]["file"] == photo.name
    assert record["timings"]["execution_s"] >= 0
    assert record["files"] == [{"file": picture.name, "output": "result", "node": "3", "bytes": picture.stat().st_size}]
    assert not list(run.folder.rglob("*.part"))


def test_events_as_json_lines_and_nothing_else_on_standard_output(desk: Desk) -> None:
    run = desk.submit(inverting(), "--image", desk.photo(), "--json")
    assert run.code == 0, run.err
    kinds = [event["event"] for event in run.events]
    assert kinds[0] == "queued"
    assert kinds[-1] == "done"
    assert [kinds.index(kind) for kind in ("queued", "started", "node", "output", "done")] == sorted(
        kinds.index(kind) for kind in ("queued", "started", "node", "output", "done")
    )
    assert {event["prompt_id"] for event in run.events} == {str(uuid.UUID(run.events[0]["prompt_id"]))}
    nodes = run.of("node")
    assert nodes[-1] | {"prompt_id": ""} == {
        "event": "node", "prompt_id": "", "job": 1, "node": "3", "title": "output: result", "doing": "saving",
        "done": 2, "total": 3,
    }  # fmt: skip
    assert run.of("output")[0]["path"] == str(run.pictures[0])
    done = run.of("done")[0]
    assert done["files"] == [str(run.pictures[0])]
    assert Path(done["sidecar"]).is_file()


def test_progress_inside_a_node_is_told(desk: Desk) -> None:
    graph = {
        "1": node("EmptyImage", width=64, height=64, batch_size=6, color=0x808080),
        "2": node("EmptyImage", width=64, height=64, batch_size=1, color=0xC08040),
        "3": node("ColorTransfer", "input: strength = strength", image_target=["1", 0], image_ref=["2", 0],
                  method="reinhard_lab", source_stats="per_frame", strength=1.0),
        "4": node("SaveImage", "output: result", images=["3", 0], filename_prefix="t"),
    }  # fmt: skip
    run = desk.submit(graph, "--set", "strength=0.9", "--json")
    assert run.code == 0, run.err
    assert len([path for path in run.pictures if path.suffix == ".png"]) == 6
    steps = [(event["node"], event["value"], event["max"]) for event in run.of("progress")]
    assert steps[-1] == ("3", 6, 6)
    assert [value for _, value, _ in steps] == sorted(value for _, value, _ in steps)


def test_running_again_gives_the_files_again(desk: Desk) -> None:
    photo = desk.photo()
    first = desk.submit(inverting(), "--image", photo, "--name", "one")
    second = desk.submit(inverting(), "--image", photo, "--name", "two", "--json")
    assert (first.code, second.code) == (0, 0), second.err
    assert second.of("cached")[0]["nodes"] == ["1", "2"]
    assert (pixels(desk.out / "one.png") == pixels(desk.out / "two.png")).all()


def test_a_cached_file_that_is_gone_from_the_server_is_made_again(desk: Desk, comfy_server: ComfyServer) -> None:
    """PreviewImage has no filename prefix: ComfyUI answers from its cache and lists a file that was deleted."""
    graph = inverting()
    graph["3"] = node("PreviewImage", images=["2", 0])
    photo = desk.photo(seed=7)
    first = desk.submit(graph, "--image", photo)
    assert first.code == 0, first.err
    temporary = list((comfy_server.base_dir / "temp").glob("*.png"))
    assert temporary
    for path in temporary:
        path.unlink()
    second = desk.submit(graph, "--image", photo, "--name", "again", "--json")
    assert second.code == 0, second.err
    assert len({event["prompt_id"] for event in second.of("queued")}) == 2
    assert second.of("queued")[-1]["retry_of"] == second.of("queued")[0]["prompt_id"]
    assert (pixels(desk.out / "again.png") == pixels(first.pictures[0])).all()
    record = json.loads((desk.out / "again.json").read_text())
    assert record["replaces"] == [second.of("queued")[0]["prompt_id"]]


def test_several_runs_with_the_seed_counting_up_two_at_a_time(desk: Desk) -> None:
    graph = {
        "5": node("PrimitiveInt", "input: seed", value=7),
        "6": node("PreviewAny", source=["5", 0]),
        "7": node("PreviewAny", "output: text", source=["5", 0]),
        **flat(0x336699),
    }
    run = desk.submit(graph, "--seed", "40", "--count", "4", "--json")
    assert run.code == 0, run.err
    assert [event["seed"] for event in run.of("queued") if "position" not in event] == [40, 41, 42, 43]
    assert sorted(record["inputs"]["seed"] for record in run.sidecars) == [40, 41, 42, 43]
    names = sorted(path.name for path in run.pictures if path.suffix == ".png")
    assert [name.rpartition("_")[2] for name in names] == [f"seed{seed}.png" for seed in range(40, 44)]
    texts = sorted(path for path in run.pictures if path.suffix == ".txt")
    assert [path.read_text().strip() for path in texts] == ["40", "41", "42", "43"]
    order = [event["event"] for event in run.events if event["event"] in ("queued", "done") and "position" not in event]
    assert order[:2] == ["queued", "queued"]  # the second waits on the server while the first runs


def test_without_titles_every_output_counts_and_previews_only_alone(desk: Desk) -> None:
    graph = inverting()
    graph["3"] = node("SaveImage", images=["2", 0], filename_prefix="a")
    graph["4"] = node("PreviewImage", images=["2", 0])
    run = desk.submit(graph, "--image", desk.photo(), "--name", "r")
    assert [path.name for path in run.files] == ["r.json", "r.png"]
    del graph["3"]
    run = desk.submit(graph, "--image", desk.photo(), "--name", "p")
    assert run.code == 0, run.err
    assert (desk.out / "p.png").is_file()


def test_every_kind_of_output_from_every_subfolder(desk: Desk) -> None:
    graph = {
        "1": node("EmptyImage", width=64, height=64, batch_size=4, color=0x2080C0),
        "2": node("SaveImage", "output: still", images=["1", 0], filename_prefix="deep/er/still"),
        "3": node("SaveAnimatedWEBP", "output: moving", images=["1", 0], filename_prefix="m", fps=6.0, lossless=True,
                  quality=80, method="default"),
        "4": node("EmptyAudio", duration=1.0, sample_rate=44100, channels=2),
        "5": node("SaveAudio", "output: sound", audio=["4", 0], filename_prefix="audio/sound"),
        "6": node("CreateVideo", images=["1", 0], fps=8.0),
        "7": node("SaveVideo", "output: film", video=["6", 0], filename_prefix="video/film", format="auto",
                  codec="auto"),
        "8": node("SaveText", "output: words", text="a word", filename_prefix="words", format="txt"),
    }  # fmt: skip
    run = desk.submit(graph, "--name", "all")
    assert run.code == 0, run.err
    names = {path.name for path in run.files}
    assert names == {
        "all_01.png", "all_02.png", "all_03.png", "all_04.png", "all.webp", "all.flac", "all.mp4",
        "all.txt", "all.json",
    }  # fmt: skip
    assert (desk.out / "all.txt").read_text().strip() == "a word"
    assert pixels(desk.out / "all_04.png")[0, 0].tolist() == [0x20, 0x80, 0xC0]
    assert all(path.stat().st_size > 0 for path in run.files)


def test_two_outputs_of_one_kind_carry_their_names(desk: Desk) -> None:
    graph = inverting(
        **{"4": node("SaveImage", "output: original", images=["1", 0], filename_prefix="o")},
    )
    run = desk.submit(graph, "--image", desk.photo(), "--name", "p")
    assert [path.name for path in run.files] == ["p.json", "p_original.png", "p_result.png"]
    assert (pixels(desk.out / "p_original.png").astype(int) + pixels(desk.out / "p_result.png") >= 254).all()


def test_nothing_is_ever_overwritten(desk: Desk) -> None:
    desk.out.mkdir()
    (desk.out / "mine.png").write_bytes(b"precious")
    (desk.out / "mine_2.json").write_text("precious too")
    for _ in range(2):
        assert desk.submit(inverting(), "--image", desk.photo(), "--name", "mine").code == 0
    assert (desk.out / "mine.png").read_bytes() == b"precious"
    assert (desk.out / "mine_2.json").read_text() == "precious too"
    assert sorted(path.name for path in desk.out.iterdir()) == [
        "mine.png", "mine_2.json", "mine_3.json", "mine_3.png", "mine_4.json", "mine_4.png",
    ]  # fmt: skip


def test_names_from_a_template(desk: Desk) -> None:
    run = desk.submit(inverting(), "--image", desk.photo("blue bag.png"), "--name", "shop/{image}-{index}.png")
    assert run.code == 0, run.err
    assert (desk.out / "shop" / "blue bag-1.png").is_file()


def test_reports_of_nodes_reach_the_record(desk: Desk) -> None:
    graph = {
        "1": node("PrimitiveString", value='{"passed": false, "reasons": ["too grey"]}'),
        "2": node("PreviewAny", "Fidelity", source=["1", 0]),
        **{f"1{key}": value for key, value in flat(0x777777).items()},
    }
    graph["12"]["inputs"]["images"] = ["11", 0]
    run = desk.submit(graph)
    assert run.code == 0, run.err
    assert run.sidecars[0]["reports"] == {"Fidelity": {"passed": False, "reasons": ["too grey"]}}
    assert "not passed: Fidelity: too grey" in run.err


def test_an_upload_under_a_taken_name_is_still_our_photo(desk: Desk, comfy_server: ComfyServer) -> None:
    """The server stores different bytes under a name that exists as `name (1).png`; what it answers counts."""
    photo = desk.photo(seed=3)
    from runner.photos.prepare import prepare_photo

    name = prepare_photo(photo).upload_name
    Image.new("RGB", (9, 9), "red").save(comfy_server.input_dir / name)
    run = desk.submit(inverting(), "--image", photo)
    assert run.code == 0, run.err
    assert (pixels(run.pictures[0]).astype(int) + pixels(photo) >= 254).all()


def test_status_and_cancel_on_an_idle_server(desk: Desk) -> None:
    from tests.support.runs import command

    status = command("status", "--server", desk.url, "--json", folder=desk.out)
    state = json.loads(status.out)
    assert (status.code, state["comfyui"], state["jobs"]) == (0, "0.30.0", [])
    nothing = command("cancel", "--server", desk.url, folder=desk.out)
    assert (nothing.code, nothing.out) == (0, "")
    assert "no job" in nothing.err
    assert "still running" not in nothing.err
    unknown = command("cancel", str(uuid.uuid4()), "--server", desk.url, folder=desk.out)
    assert (unknown.code, unknown.out) == (0, "")
    assert command("cancel", "not-an-id", "--server", desk.url, folder=desk.out).code == 2
