"""A batch cannot fool anybody: what it takes for a photo, what a dry run finds, what it says of time and energy."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from runner.batch.beside import Beside
from runner.batch.energy import machine_watts
from runner.batch.entries import Entry, JobState
from runner.batch.ledger import Ledger
from runner.batch.metrics import totals
from runner.batch.names import names_of
from runner.batch.pace import Pace
from runner.batch.photo_folder import photos
from runner.batch.plan import BatchJob
from runner.batch.setup import Setup, describe
from runner.batch.store import LEDGER_FILE
from runner.batch.verdict import Verdict, certainty
from runner.events import Done
from runner.execution.job import JobResult, JobSpec
from runner.execution.save import SavedJob
from runner.execution.translate import saved
from runner.server.records import JobRecord, JobStatus
from runner.workflow.load import load_workflow
from tests.runner.test_batch import batch, blurring, folder_of_photos, results
from tests.support.comfy import ComfyServer
from tests.support.runs import Desk, inverting, node


def entry(number: int, state: JobState = JobState.DONE, *, seconds: float = 100.0, device: str = "cpu") -> Entry:
    job = BatchJob("", Path(f"p{number}"), {}, {"image": f"p{number}.png"})
    begun, failed = 1000.0 + number * seconds, state == JobState.FAILED
    return Entry(
        number, "k", job, state, f"p{number}.png", None, (), None, 5 if failed else None, "why" if failed else None,
        None, ("a.jpg", "a.png") if not failed else (), (), begun, begun + seconds,
        {"seconds": seconds, "device": device},
    )  # fmt: skip


def test_results_are_no_photos_and_it_is_said(desk: Desk) -> None:
    photos = folder_of_photos(desk, "a.png", "shoes/b.png")
    made = desk.submit(inverting(), "--image", photos / "a.png", out=photos)  # beside the photo
    assert made.code == 0, made.err
    (photos / "outputs").mkdir()
    shutil.copy(photos / "a.png", photos / "outputs" / "old.png")
    out = photos / "shop"
    first = batch(desk, inverting(), "--images", photos, "--out", out)
    assert first.code == 0, first.err
    assert results(out) == ["a.png", "shoes/b.png"]
    assert "Left out: 1 picture in " in first.err and "outputs: results of an earlier run." in first.err
    assert "Left out: 1 picture made here before" in first.err and "a_job.png" in first.err
    again = batch(desk, inverting(), "--images", photos, "--out", out, "--resume")
    assert again.code == 0 and results(out) == ["a.png", "shoes/b.png"]
    assert "Left out: 2 pictures in the folder of the results." in again.err
    alone = batch(desk, inverting(), "--images", photos / "a_job.png", "--out", desk.folder / "two", "--dry-run")
    assert alone.code == 0 and "1 job would run" in alone.out, "what was named by itself is meant"


def test_only_results_are_no_photos_at_all(desk: Desk) -> None:
    folder = desk.folder / "made"
    for seed in (1, 2):
        assert desk.submit(inverting(), "--image", desk.photo(f"{seed}.png", seed=seed), out=folder).code == 0
    run = batch(desk, inverting(), "--images", folder)
    assert run.code == 2 and "were made here" in run.err


def test_of_results_that_are_named_each_is_taken_once(desk: Desk) -> None:
    folder = folder_of_photos(desk, "a.png", "b.png").rename(desk.folder / "outputs")
    for name in ("a.jpg", "c.jpg", "own.jpg", "own.png"):
        shutil.copy(folder / "b.png", folder / name)
    for name, files in {"a": ["a.jpg", "a.png"], "c": ["c.jpg"]}.items():
        (folder / f"{name}.json").write_text(json.dumps({"files": [{"file": file} for file in files]}))
    kept, left_out = photos(str(folder), desk.folder / "new")
    assert [path.name for path, _ in kept] == ["a.png", "b.png", "c.jpg", "own.jpg", "own.png"]
    assert left_out.told() == [
        f"{folder} holds results of an earlier run: each is taken once, as PNG where there is one (1 picture left out)."
    ]


def test_of_a_folder_of_results_sheets_masks_and_crops_are_no_photos(tmp_path: Path) -> None:
    out = tmp_path / "photos" / "cut"
    (out / "a").mkdir(parents=True)
    files = ["01_bag.png", "01_bag_crop.png", "objects_sheet.jpg", "product.png"]
    for name in files:
        Image.new("RGB", (8, 8)).save(out / "a" / name)
    listed = [{"file": name, "output": "masks" if name == "product.png" else "objects"} for name in files]
    (out / "a" / "01.json").write_text("{}")
    for stem in ("01_bag", "objects", "product"):
        (out / "a" / f"{stem}.json").write_text(json.dumps({"files": listed}))
    with Beside(out, print) as beside:
        for name in ("contact_sheet.jpg", "contact_sheet_page_2.jpg", "buckets.jpg", "samples.jpg", "best_2.jpg"):
            assert beside.write(name, b"sheet")
        assert beside.write("best.jpg", b"a photo") and beside.write("best.txt", b"ohwx, bag")
        assert beside.write("best_bag.jpg", b"a photo")
    kept, left_out = photos(str(out), tmp_path / "new")
    assert [path.name for path, _ in kept] == ["01_bag.png", "best.jpg", "best_bag.jpg"]
    assert len(left_out.helpers) == 8 and "masks, crops, maps or sheets" in left_out.told()[0]
    (one,) = photos(str(out / "contact_sheet.jpg"), tmp_path / "new")[0]
    assert one[0].name == "contact_sheet.jpg", "what is named by itself is meant"
    Image.new("RGB", (8, 8)).save(tmp_path / "photos" / "own.jpg")
    kept, left_out = photos(str(tmp_path / "photos"), tmp_path / "new")
    assert [path.name for path, _ in kept] == ["own.jpg"] and len(left_out.of_others[str(out)]) == 11


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n cut"])
def test_a_dry_run_reads_every_photo(desk: Desk, content: bytes) -> None:
    photos = folder_of_photos(desk, "a.png")
    (photos / "bad.png").write_bytes(content)
    dry = batch(desk, inverting(), "--images", photos, "--dry-run")
    assert dry.code == 2 and "1 of 2 photos cannot be used" in dry.err and "bad.png" in dry.err
    assert not desk.out.exists()


def test_a_dry_run_asks_the_servers(desk: Desk) -> None:
    photos = folder_of_photos(desk, "a.png")
    missing = batch(desk, "cutout_birefnet", "--images", photos, "--dry-run")
    assert missing.code == 4 and "birefnet.safetensors" in missing.err and "--smoke" in missing.err
    wrong = batch(desk, blurring(), "--images", photos, "--set", "blur=1,99999", "--dry-run")
    assert wrong.code == 2 and "too large" in wrong.err
    farm = desk.folder / "farm.yaml"
    farm.write_text("- {name: no address}\n")
    desk_file = ("--servers", farm)
    assert batch(desk, inverting(), "--images", photos, "--dry-run", *desk_file).code == 2
    away = Desk(desk.folder, "http://127.0.0.1:9")
    assert batch(away, inverting(), "--images", photos, "--dry-run").code == 3


def test_strict_gates_a_batch_and_the_last_line_says_what_was_made(desk: Desk) -> None:
    graph = inverting()
    graph["8"] = node("PrimitiveString", value='{"passed": false, "reasons": ["too grey"]}')
    graph["9"] = node("PreviewAny", "Fidelity", source=["8", 0])
    photos = folder_of_photos(desk, "a.png", "b.png")
    run = batch(desk, graph, "--images", photos, "--strict")
    assert run.code == 7, run.err
    why, last = run.err.splitlines()[-2:]
    assert why == "warning: 2 of 2 products do not meet the rules (exit code 7, for --strict was asked): a.png, b.png"
    against = "2 of 2 jobs, 2 of them against the rules"
    assert last.startswith("done in ") and f": {against}; results in {desk.out}; a page" in last
    assert last.endswith(f"report {desk.out}")
    again = batch(desk, graph, "--images", photos, "--resume", "--strict", "--quiet")
    assert again.code == 7 and again.err == f"{why}\n", again.err


def test_what_was_done_before_is_told_with_its_results_and_without_a_server(desk: Desk) -> None:
    photos = folder_of_photos(desk, "a.png", "deep/a.png")
    graph = inverting()
    first = batch(desk, graph, "--images", photos)
    assert "deep/a.png: done in" in first.err, first.err
    away = Desk(desk.folder, "http://127.0.0.1:9")
    again = batch(away, graph, "--images", photos, "--resume")
    assert again.code == 0 and sorted(again.out.splitlines()) == sorted(first.out.splitlines())
    assert again.err == (
        f"nothing to make: 2 of 2 were done before; results in {desk.out}. "
        "To make them anew, name another folder with --out.\n"
    )
    lines = batch(away, graph, "--images", photos, "--resume", "--json").of("done")
    assert sorted(file for line in lines for file in line["files"]) == sorted(first.out.splitlines())
    (desk.out / "a.png").unlink()
    assert batch(desk, graph, "--images", photos, "--resume").code == 0
    assert len(list(desk.out.glob("a*.png"))) == 1, "what was deleted is made again"


def test_a_photo_took_as_long_as_it_was_worked_on() -> None:
    record = JobRecord("id", JobStatus.COMPLETED, started_ms=30_000.0, ended_ms=44_200.0)
    spec = JobSpec(1, "w", {}, {}, Path("x"))
    waited = JobResult(spec, "id", SavedJob((), Path("x.json")), seconds=37.6, record=record)
    assert [done.seconds for done in saved(waited) if isinstance(done, Done)] == [14.2]
    unknown = JobResult(spec, "id", SavedJob((), Path("x.json")), seconds=37.6)
    assert [done.seconds for done in saved(unknown) if isinstance(done, Done)] == [37.6]


def test_photos_of_one_name_are_told_apart() -> None:
    def of(number: int, photo: str, stem: str) -> Entry:
        job = BatchJob("", Path(stem), {}, {"image": photo})
        return replace(entry(number), job=job, title=Path(photo).name)

    jobs = [of(1, "/s/a/draw.png", "draw"), of(2, "/s/b/draw.png", "draw_2"), of(3, "/s/c/x.png", "deep/x")]
    assert names_of([*jobs, of(4, "/s/a/y.png", "y")]) == {
        1: "a/draw.png",
        2: "b/draw.png",
        3: "deep/x.png",
        4: "y.png",
    }
    assert names_of([of(1, "/s/a.png", "a_seed1"), of(2, "/s/a.png", "a_seed2")]) == {1: "a.png", 2: "a.png"}


def test_the_end_names_what_to_look_at() -> None:
    unmet, unsure = tuple(f"{number}.jpg" for number in range(7)), ("a.jpg",)
    rules, look = Verdict(9, unmet, unsure).lines(strict=False)
    assert rules.endswith("7 of 9 products do not meet the rules: 0.jpg, 1.jpg, 2.jpg, 3.jpg, 4.jpg and 2 more")
    assert look.endswith("1 of 9 products was cut out with a certainty below 75%; look at it: a.jpg")
    assert Verdict(9, (), ()).lines(strict=True) == []
    assert certainty({"reports": {"cut": [{"confidence": 0.7}, {"confidence": 0.9}], "x": "?"}}) == 0.7


def test_one_advice_for_many_failures_is_said_once(desk: Desk) -> None:
    folder = desk.folder / "in"
    folder.mkdir()
    for name in "abc":
        Image.new("RGB", (64, 64), (128, 128, 128)).save(folder / f"{name}.png")
    run = batch(desk, "cutout", "--images", folder)
    assert run.code == 5 and run.err.count("--set hint=FILE") == 1, run.err
    assert all(f"{name}.png: failed: The product could not be cut out" in run.err for name in "abc")


def test_a_dry_run_calls_results_as_they_will_be_called() -> None:
    jobs = [BatchJob("", Path("a", "objects"), {}, {"image": f"/in/a.{kind}"}) for kind in ("jpg", "png")]
    shown = describe(Setup(load_workflow("cutouts"), jobs, 0), set()).splitlines()
    assert [line.split()[0] for line in shown[:2]] == ["a/objects", "a/objects_2"]


def test_what_is_said_of_pace_and_energy() -> None:
    many = totals([entry(number) for number in range(36)], None).lines()
    assert many[0] == "36 of 36 jobs done: 72 files, 0.0 MB."
    assert many[1] == "36 products an hour over 1 h."
    assert totals([entry(number) for number in range(9)], None).lines(few=True) == [
        "9 of 9 jobs done: 18 files, 0.0 MB."
    ]
    assert "65.0 Wh, estimated at 65 W, 1 h at work" in many[2]
    paused = [*(entry(number) for number in range(18)), *(entry(number) for number in range(27, 45))]
    assert totals(paused, None).lines()[1] == many[1], "a pause of a quarter of an hour is no work"
    short = totals([entry(1, seconds=2.0), entry(2, JobState.FAILED, seconds=2.0)], None).lines()
    assert short[0] == "1 of 2 jobs done, 1 failed: 2 files, 0.0 MB."
    assert not any("an hour" in line for line in short)
    assert (
        "at 400 W" in totals([entry(1)], 400.0).lines()[-1] and "estimated" not in totals([entry(1)], 400.0).lines()[-1]
    )
    assert totals([entry(1, JobState.FAILED)], None).lines() == ["0 of 1 job done, 1 failed: 0 files, 0.0 MB."]


@pytest.mark.parametrize(
    ("device", "watts"),
    [
        ("cpu", 65), ("mps", 60), ("cuda:0 NVIDIA GeForce RTX 4090 : cudaMallocAsync", 450), ("", 300),
        ("cuda:0 NVIDIA H100 80GB HBM3 : native", 700), ("cuda:0 NVIDIA GeForce RTX 4070 Ti SUPER", 285),
        ("xpu:0", 300),
    ],
)  # fmt: skip
def test_energy_is_of_what_the_machine_is(device: str, watts: float) -> None:
    assert machine_watts(device) == watts


@given(st.text())
def test_any_machine_draws_something(device: str) -> None:
    assert 0 < machine_watts(device) < 2000


def test_the_time_to_go_is_from_what_was_made() -> None:
    pace = Pace()
    assert pace.to_go(5) is None
    for _ in range(100):
        pace.ended(made=False)
    assert pace.to_go(5) is None, "what fails at once says nothing of what is made"
    pace.ended(made=True)
    assert pace.to_go(5) is not None and pace.to_go(0) is None


def test_after_our_own_ctrl_c_nothing_is_lost(comfy_server: ComfyServer, tmp_path: Path) -> None:
    """What an earlier runner took back goes on; the server has lost nothing."""
    desk = Desk(tmp_path, comfy_server.url)
    photos = folder_of_photos(desk, "a.png")
    arguments = (inverting(), "--images", photos)
    done = batch(desk, *arguments)
    assert done.code == 0, done.err
    (desk.out / "a.png").unlink()
    ledger = Ledger(desk.out)
    (made,) = ledger.entries()
    ledger.make_again([made.id], "its files were gone")
    ledger.close()
    with contextlib.closing(sqlite3.connect(desk.out / LEDGER_FILE)) as store, store:
        store.execute("UPDATE jobs SET prompt_id = ?, server = ?", ("0" * 8, desk.url))
    run = batch(desk, *arguments, "--resume")
    assert run.code == 0, run.err
    assert "1 interrupted job goes on." in run.err and "has lost" not in run.err
