"""Batches from folders and tables, on a real server: what runs, what it is called, what is refused and recorded."""

from __future__ import annotations

import csv
import json
import sqlite3
import subprocess
from pathlib import Path

import pytest

from runner.batch.ledger import Ledger
from runner.batch.metrics import fidelity
from runner.batch.plan import BatchJob
from runner.batch.rows import seed_list
from runner.batch.store import LEDGER_FILE
from tests.support.comfy import ComfyServer
from tests.support.runs import Desk, Graph, Run, command, inverting, node, pixels


def batch_arguments(desk: Desk, workflow: str | Graph, *more: str | Path) -> list[str]:
    spec = workflow if isinstance(workflow, str) else desk.workflow(workflow)
    return ["batch", spec, "--server", desk.url, "--out", str(desk.out), *map(str, more)]


def batch(desk: Desk, workflow: str | Graph, *more: str | Path) -> Run:
    return command(*batch_arguments(desk, workflow, *more), folder=desk.out)


def results(out: Path) -> list[str]:
    return sorted(path.relative_to(out).as_posix() for path in out.rglob("*.png"))


def folder_of_photos(desk: Desk, *names: str) -> Path:
    for number, name in enumerate(names):
        (desk.folder / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        desk.photo(f"in/{name}", seed=number)
    return desk.folder / "in"


def blurring() -> Graph:
    graph = inverting()
    graph["4"] = node("ImageBlur", "input: blur = sigma", image=["2", 0], blur_radius=3, sigma=1.0)
    graph["3"]["inputs"]["images"] = ["4", 0]
    return graph


def coloured() -> Graph:
    """No photo: a colour that counts as the seed, saved."""
    return {
        "1": node("EmptyImage", "input: seed = color", width=32, height=32, batch_size=1, color=5000),
        "2": node("SaveImage", "output: result", images=["1", 0], filename_prefix="coloured"),
    }


def test_a_folder_comes_out_as_the_same_tree_and_one_bad_photo_is_only_recorded(
    comfy_server: ComfyServer, tmp_path: Path
) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    photos = folder_of_photos(desk, "a.png", "shoes/b.png", "shoes/red/c.png")
    (photos / "shoes" / "bad.jpg").write_bytes(b"\xff\xd8\xff\xe0 not really")
    (photos / "notes.txt").write_text("no photo")
    metrics = tmp_path / "figures" / "m.csv"
    run = batch(desk, inverting(), "--images", photos, "--metrics", metrics)
    assert run.code == 2, run.err  # the bad photo's own code
    assert results(desk.out) == ["a.png", "shoes/b.png", "shoes/red/c.png"]
    for name in results(desk.out):
        assert (pixels(desk.out / name).astype(int) + pixels(photos / name) >= 254).all()
    assert sorted(run.out.split()) == sorted(str(desk.out / name) for name in results(desk.out))
    assert "bad.jpg: failed" in run.err
    assert "3 of 4 jobs done, 1 failed" in run.err
    assert "Wh" not in run.err, "of a handful of photos nobody asks for the energy"
    rows = list(csv.DictReader(metrics.open(encoding="utf-8")))
    assert sorted(row["state"] for row in rows) == ["done", "done", "done", "failed"]
    good = [row for row in rows if row["state"] == "done"]
    assert {row["file"] for row in good} == set(results(desk.out))
    for row in good:
        assert float(row["seconds"]) >= 0
        assert float(row["ram_mb"] or 1) > 0
        assert int(row["bytes"]) == (desk.out / row["file"]).stat().st_size
    assert "cut off" in next(row["reason"] for row in rows if row["state"] == "failed")
    sidecar = json.loads((desk.out / "shoes" / "b.json").read_text())
    assert sidecar["batch"]["input"] == "b.png"

    again = batch(desk, inverting(), "--images", photos, "--json")
    assert again.code == 2
    assert not again.of("done") and len(again.of("failed")) == 1, "the same command goes on"
    desk.photo("in/shoes/bad.jpg", seed=9)  # put right
    (desk.out / "a.png").unlink()  # deleted meanwhile
    third = batch(desk, inverting(), "--images", photos, "--resume", "--json")  # which need not be typed
    assert third.code == 0, third.err
    assert len(third.of("done")) == 2  # the failed one and the deleted one, no other
    # a.json is still there, so the new one is a_2: nothing is ever overwritten
    assert results(desk.out) == ["a_2.png", "shoes/b.png", "shoes/bad.png", "shoes/red/c.png"]


def test_sweeps_prompts_and_seeds_make_a_matrix_with_names_that_say_so(
    comfy_server: ComfyServer, tmp_path: Path
) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    photos = folder_of_photos(desk, "a.png", "b.png")
    dry = batch(desk, blurring(), "--images", photos, "--set", "blur=0.5,1.5,2.5", "--dry-run")
    assert dry.code == 0, dry.err
    assert "6 jobs would run" in dry.out
    assert not desk.out.exists()
    run = batch(desk, blurring(), "--images", f"{photos}/*.png", "--set", "blur=0.5,1.5,2.5")
    assert run.code == 0, run.err
    assert results(desk.out) == [f"{name}_blur{value}.png" for name in "ab" for value in ("0.5", "1.5", "2.5")]
    sharpness = [pixels(desk.out / f"a_blur{value}.png").astype(float).std() for value in ("0.5", "1.5", "2.5")]
    assert sharpness[0] > sharpness[1] > sharpness[2]
    refused = batch(
        desk, blurring(), "--images", photos, "--set", "blur=1,99999", "--resume"
    )  # the server knows limits
    assert refused.code == 2
    assert "too large" in refused.err
    inputs = json.loads((desk.out / "a_blur1.5.json").read_text())["inputs"]
    assert float(inputs["blur"]) == 1.5


def test_a_folder_of_which_no_photo_would_be_used_is_no_silence(comfy_server: ComfyServer, tmp_path: Path) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    photos = folder_of_photos(desk, "a.png", "b.png")
    table = tmp_path / "jobs.csv"
    table.write_text(f"image,name\n{photos / 'a.png'},one\n")
    refused = batch(desk, inverting(), "--images", photos, "--jobs", table, "--dry-run")
    assert refused.code == 2 and "no photo of it would be used" in refused.err
    table.write_text(f"image,name\n{photos / 'a.png'},one\n,rest\n")
    dry = batch(desk, inverting(), "--images", photos, "--jobs", table, "--dry-run")
    assert dry.code == 0 and "3 jobs would run" in dry.out, dry.err


@pytest.mark.parametrize("kind", ["csv", "yaml", "jsonl"])
def test_a_table_of_jobs_with_groups_and_seeds(comfy_server: ComfyServer, tmp_path: Path, kind: str) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    records = [
        {"name": "dusk", "group": "Bags", "category": "Red/Soft", "seeds": "3;5"},
        {"name": "noon", "group": "Bags", "count": "2"},
        {"name": "dawn", "category": "Solo"},
    ]
    path = tmp_path / f"jobs.{kind}"
    if kind == "csv":
        columns = ["name", "group", "category", "seeds", "count"]
        lines = [";".join(columns)] + [";".join(f'"{row.get(c, "")}"' for c in columns) for row in records]
        path.write_text("\n".join(lines), encoding="utf-8-sig")  # as a German Excel writes it
    elif kind == "yaml":
        path.write_text(json.dumps(records))  # JSON is YAML
    else:
        path.write_text("\n".join(map(json.dumps, records)))
    run = batch(desk, coloured(), "--jobs", path, "--seed", "40")
    assert run.code == 0, run.err
    expected = ["Bags/Red_Soft/dusk_seed3", "Bags/Red_Soft/dusk_seed5", "Bags/noon_seed40", "Bags/noon_seed41"]
    assert results(desk.out) == [f"{stem}.png" for stem in [*expected, "Solo/dawn"]]
    assert (pixels(desk.out / "Bags/noon_seed41.png") == [0, 0, 41]).all()


def test_every_mistake_is_told_at_once_and_nothing_is_submitted(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "http://127.0.0.1:9")  # no server is needed to find out
    path = tmp_path / "jobs.csv"
    path.write_text("image,colour,seeds,count\nmissing.png,red,x,\nphoto.png,,,0\n")
    desk.photo()
    run = batch(desk, inverting(), "--jobs", path)
    assert run.code == 2
    for expected in ("missing.png", "'colour'", "no list of seeds", "count: '0'", "line 2", "line 3"):
        assert expected in run.err
    assert not desk.out.exists()
    bad_value = batch(desk, blurring(), "--images", desk.folder, "--set", "blur=1,soft,sharp")
    assert bad_value.code == 2
    assert "'soft'" in bad_value.err
    assert "'sharp'" in bad_value.err
    nothing = batch(desk, inverting(), "--images", tmp_path / "none")
    assert nothing.code == 2
    assert not desk.out.exists()


def test_results_never_lie_among_the_photos(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "http://127.0.0.1:9")
    folder = folder_of_photos(desk, "a.png", "Sub/b.png")
    desk.out = folder
    for images in (folder, folder / "Sub", folder / "a.png", f"{folder}/**/*.png"):
        run = batch(desk, inverting(), "--images", images)
        assert run.code == 2
        assert f"--out {folder} is the folder of the photos itself" in run.err
        assert "another folder with --out" in run.err
    assert not (folder / LEDGER_FILE).exists()


def test_results_of_earlier_batches_are_no_photos(comfy_server: ComfyServer, tmp_path: Path) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    folder = folder_of_photos(desk, "Sub/a.png")
    desk.out = folder / "white"
    assert batch(desk, inverting(), "--images", folder).code == 0
    assert results(desk.out) == ["Sub/a.png"]
    desk.out = folder / "black"
    assert batch(desk, inverting(), "--images", folder).code == 0
    assert results(desk.out) == ["Sub/a.png"]
    desk.out = tmp_path / "again"
    assert batch(desk, inverting(), "--images", folder / "white").code == 0  # asked for by name
    assert results(desk.out) == ["Sub/a.png"]
    (folder / "Sub/a.png").unlink()
    nothing = batch(desk, inverting(), "--images", folder, "--resume")
    assert nothing.code == 2
    assert f"only results of earlier runs in it ({folder / 'black'}, {folder / 'white'})" in nothing.err


def test_the_ledger_has_a_job_before_the_server_and_every_change_after(
    comfy_server: ComfyServer, tmp_path: Path
) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    assert batch(desk, coloured(), "--jobs", write(tmp_path / "j.jsonl", '{"name": "x"}')).code == 0
    db = sqlite3.connect(desk.out / LEDGER_FILE)
    states = [state for (state,) in db.execute("SELECT state FROM changes ORDER BY rowid")]
    assert states[:2] == ["claimed", "submitted"]
    assert states[-2:] == ["saving", "done"]
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_batch_of_another_workflow_is_not_gone_on_with(comfy_server: ComfyServer, tmp_path: Path) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    jobs = write(tmp_path / "j.jsonl", '{"name": "x"}')
    assert batch(desk, coloured(), "--jobs", jobs).code == 0
    other = coloured()
    other["1"]["inputs"]["width"] = 64
    run = batch(desk, desk.workflow(other, "other"), "--jobs", jobs, "--resume")
    assert run.code == 2
    assert "another workflow" in run.err


def test_claims_of_a_runner_that_is_gone_are_free_again_and_those_of_a_living_one_are_not(tmp_path: Path) -> None:
    mine, other = Ledger(tmp_path), Ledger(tmp_path)
    mine.runners.beat()
    other.runners.beat()
    mine.add([BatchJob("", Path(f"{number}"), {"n": number}) for number in range(2)])
    first = other.claim()
    assert first is not None
    other.submitted(first.id, "an-id", (), "http://a")
    second = mine.claim()
    assert second is not None and second.id != first.id
    assert mine.claim() is None
    gone = subprocess.Popen(["true"])
    gone.wait()
    with sqlite3.connect(tmp_path / LEDGER_FILE) as db:
        db.execute("UPDATE runners SET pid = ? WHERE owner = ?", (gone.pid, other.runners.owner))
    taken = mine.claim()
    assert taken is not None
    assert (taken.id, taken.prompt_id, taken.server) == (first.id, "an-id", "http://a")


def test_seed_lists() -> None:
    assert seed_list("1;2, 3 10-12") == (1, 2, 3, 10, 11, 12)
    for wrong in ("", "a", "5-3", "-1", "1-9999999"):
        with pytest.raises(ValueError):
            seed_list(wrong)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_save_that_was_cut_short_is_finished_or_undone_never_repeated(
    comfy_server: ComfyServer, tmp_path: Path
) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    photos = folder_of_photos(desk, "a.png", "b.png", "c.png")
    assert batch(desk, inverting(), "--images", photos).code == 0
    before = {name: (desk.out / name).read_bytes() for name in results(desk.out)}
    with sqlite3.connect(desk.out / LEDGER_FILE) as db:  # killed before the ledger heard of the last step …
        db.execute("UPDATE jobs SET state = 'saving', owner = 'gone', files = '[]', sidecar = NULL")
    for name in ("b.json", "c.json", "c.png"):  # … and b between two renames, c before the first
        (desk.out / name).rename(desk.out / f"{name}.part")
    (desk.out / "a.png.part").write_bytes(b"half")  # of an attempt before it
    run = batch(desk, inverting(), "--images", photos, "--resume", "--json")
    assert run.code == 0, run.err
    assert run.of("queued") == []  # nothing was sent again
    assert len(run.of("done")) == 3
    assert {name: (desk.out / name).read_bytes() for name in results(desk.out)} == before
    assert not list(desk.out.rglob("*.part"))
    assert {path.name for path in desk.out.glob("*.json")} == {"a.json", "b.json", "c.json"}
    with sqlite3.connect(desk.out / LEDGER_FILE) as db:
        assert [json.loads(files) for (files,) in db.execute("SELECT files FROM jobs ORDER BY id")] == [
            ["a.png"], ["b.png"], ["c.png"],
        ]  # fmt: skip


def test_the_fidelity_report_is_found_among_the_others() -> None:
    reports = {"Hands": {"passed": True}, "Fidelity": [{"delta_e00_mean": 1.25, "delta_e00_p95": 3.5}]}
    assert fidelity(reports)["delta_e00_mean"] == 1.25
    assert fidelity({"note": "text", "other": [1, "x"]}) == {}
