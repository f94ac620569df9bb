"""Bad luck around a batch on a real server: photos and results that vanish, names that are no text, pushed pictures."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner.batch.store import LEDGER_FILE
from runner.local_server.process import Installation
from tests.runner.test_batch import batch, folder_of_photos, results
from tests.runner.test_uploads import a_mask, masked
from tests.support.comfy import ComfyServer
from tests.support.proxy import PASS, Proxy
from tests.support.runs import Desk, inverting, node, pixels
from tests.support.speed import HANG_S


@pytest.fixture(scope="module")
def own_server(comfy_installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComfyServer]:
    """A server whose folders a test may empty, with the node that ships beside ComfyUI's own."""
    server = ComfyServer(comfy_installation, tmp_path_factory.mktemp("comfy_lost"))
    pushing = comfy_installation.comfyui / "custom_nodes" / "websocket_image_save.py"
    shutil.copy2(pushing, server.base_dir / "custom_nodes")
    server.arguments = ["--whitelist-custom-nodes", "prodgen_nodes", pushing.name]
    server.start()
    yield server
    server.kill()


@pytest.fixture
def desk(own_server: ComfyServer, tmp_path: Path) -> Desk:
    return Desk(tmp_path, own_server.url)


def when(condition: Callable[[], bool], act: Callable[[], None]) -> threading.Thread:
    """Do something on a thread of its own as soon as a condition holds."""

    def wait() -> None:
        while not condition():
            time.sleep(0.005)
        act()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def empty(folder: Path) -> None:
    for path in folder.glob("*_*.png"):
        path.unlink()


def test_photos_that_vanish_from_the_server_are_uploaded_again(own_server: ComfyServer, desk: Desk) -> None:
    """An emptied input folder failed half of the jobs: `Invalid image file`."""
    photos = folder_of_photos(desk, *(f"{number:02}.png" for number in range(12)))
    graph = inverting()
    graph["2"] = node("ImageBlur", image=["1", 0], blur_radius=8, sigma=2.0)
    stop = threading.Event()

    def keep_emptying() -> None:
        while not stop.wait(0.05):
            for path in own_server.input_dir.glob("*_*.png"):
                path.unlink(missing_ok=True)
                stop.wait(0.3)

    thread = threading.Thread(target=keep_emptying)
    thread.start()
    when(lambda: len(results(desk.out)) >= 6, stop.set)
    run = batch(desk, graph, "--images", photos, "--set", "3.filename_prefix=a|b")
    stop.set()
    thread.join()
    assert run.code == 0, run.err
    assert len(results(desk.out)) == 24


def test_submit_gives_its_photo_again(own_server: ComfyServer, desk: Desk) -> None:
    photo = desk.photo()
    graph = inverting(seeded=node("PrimitiveInt", "input: seed", value=1))
    graph["3"]["inputs"]["filename_prefix"] = "again"
    first = desk.out / "one.png"
    thread = when(first.exists, lambda: empty(own_server.input_dir))
    run = desk.submit(graph, "--image", photo, "--name", "one", "--count", "4")
    thread.join(HANG_S)
    assert run.code == 0, run.err
    assert len(run.pictures) == 4


@pytest.mark.parametrize("in_batch", [False, True])
@pytest.mark.parametrize(
    ("request_for", "times", "code"), [("POST /prompt", 3, 0), ("POST /prompt", 99, 4), ("GET /view", 3, 0)]
)
def test_what_vanishes_again_and_again_is_made_good_as_often_and_not_for_ever(
    own_server: ComfyServer, desk: Desk, request_for: str, times: int, code: int, in_batch: bool
) -> None:
    """The second loss of the same photo, or of the same result, failed the job."""
    lost = []

    def fault(method: str, path: str) -> bytes | None:
        folder = own_server.input_dir if method == "POST" else own_server.output_dir
        if f"{method} {path}" == request_for and len(lost) < times:
            lost.append(path)
            for file in folder.glob("*_*.png"):
                file.unlink()
        return PASS

    photos = folder_of_photos(desk, "a.png")
    graph = inverting()
    graph["3"]["inputs"]["filename_prefix"] = f"vanishing_{in_batch}_{times}"
    with Proxy(own_server.port) as proxy:
        proxy.fault = fault
        desk.url = proxy.url
        run = batch(desk, graph, "--images", photos) if in_batch else desk.submit(graph, "--image", photos / "a.png")
    assert run.code == code, run.err
    assert len(lost) == min(times, 9)
    assert len(list(desk.out.glob("*.png"))) == (0 if code else 1)


NAMES = ("one", "two", "three", "four", "five", "six", "seven", "eight")


@pytest.mark.parametrize("from_table", [False, True])
def test_a_mask_that_vanishes_is_given_again_as_a_mask(own_server: ComfyServer, desk: Desk, from_table: bool) -> None:
    photo, mask = desk.photo(), a_mask(desk.folder)
    first = desk.out / "one.png"
    thread = when(first.exists, lambda: empty(own_server.input_dir))
    if from_table:
        table = desk.folder / "jobs.jsonl"
        rows = [{"name": name, "1.image": str(photo), "mask": str(mask)} for name in NAMES]
        table.write_text("\n".join(map(json.dumps, rows)))
        run = batch(desk, masked("input: mask"), "--jobs", table)
    else:
        run = desk.submit(masked(), "--image", photo, "--set", f"2.image={mask}", "--name", "one", "--count", "8")
    thread.join(HANG_S)
    assert run.code == 0, run.err
    assert "gets it again" in run.err
    pictures = [pixels(path) for path in sorted(desk.out.glob("*.png"))]
    assert len(pictures) == 8
    assert all((picture == pictures[0]).all() for picture in pictures)


def test_file_names_that_are_no_utf_8_are_photos_like_others(desk: Desk) -> None:
    """One such name ended the whole batch."""
    photos = folder_of_photos(desk, "good.png", "bad.png")
    (photos / "bad.png").rename(photos / os.fsdecode(b"caf\xe9.png"))
    run = batch(desk, inverting(), "--images", photos, "--json", "--metrics", str(desk.folder / "m.csv"))
    assert run.code == 0, run.err
    assert len(results(desk.out)) == 2
    again = batch(desk, inverting(), "--images", photos, "--json", "--resume")
    assert again.code == 0, again.err
    assert again.of("queued") == []
    from tests.support.runs import command

    assert command("report", str(desk.out), folder=desk.out).code == 0
    assert batch(desk, inverting(), "--images", photos, "--dry-run").code == 0


def test_rows_that_differ_only_in_their_name_are_jobs_of_their_own(desk: Desk) -> None:
    photo = desk.photo()
    table = desk.folder / "jobs.csv"
    table.write_text(f"image,name\n{photo.name},front\n{photo.name},back\n{photo.name},back\n")
    run = batch(desk, inverting(), "--jobs", table)
    assert run.code == 0, run.err
    assert results(desk.out) == ["back.png", "front.png"]


@pytest.mark.parametrize("keeps_ledger", [True, False])
def test_an_output_folder_that_vanishes_meanwhile_is_said(desk: Desk, keeps_ledger: bool) -> None:
    """`10 of 10`, and 6 files were there."""
    photos = folder_of_photos(desk, *(f"{number}.png" for number in range(8)))

    def remove() -> None:
        if not keeps_ledger:
            shutil.rmtree(desk.out, ignore_errors=True)
        for path in results(desk.out):
            (desk.out / path).unlink(missing_ok=True)

    thread = when(lambda: len(results(desk.out)) >= 3, remove)
    run = batch(desk, inverting(), "--images", photos)
    thread.join(HANG_S)
    assert run.code == 2, run.err
    assert "while the batch ran" in run.err
    again = batch(desk, inverting(), "--images", photos, "--resume")
    assert again.code == 0, again.err
    assert len(results(desk.out)) == 8


def test_what_is_done_is_known_without_its_ledger(desk: Desk) -> None:
    photos = folder_of_photos(desk, "a.png", "sub/b.png", "c.png")
    assert batch(desk, inverting(), "--images", photos).code == 0
    for name in ("c.png", "c.json"):
        (desk.out / name).unlink()
    with sqlite3.connect(desk.out / LEDGER_FILE) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (desk.out / LEDGER_FILE).write_bytes(b"not a database" * 100)
    refused = batch(desk, inverting(), "--images", photos, "--resume")
    assert refused.code == 2
    assert "delete it" in refused.err
    for path in (desk.out / LEDGER_FILE).parent.glob("ledger.sqlite*"):
        path.unlink()
    run = batch(desk, inverting(), "--images", photos, "--resume", "--json")
    assert run.code == 0, run.err
    assert len(run.of("queued")) == 1
    with sqlite3.connect(desk.out / LEDGER_FILE) as db:
        assert [json.loads(files) for (files,) in db.execute("SELECT files FROM jobs ORDER BY id")] == [
            ["a.png"],
            ["c.png"],
            ["sub/b.png"],
        ]
    assert pixels(desk.out / "sub" / "b.png").shape == (32, 48, 3)


@pytest.mark.parametrize("titled", [False, True])
def test_pictures_that_a_workflow_pushes_are_saved(own_server: ComfyServer, desk: Desk, titled: bool) -> None:
    """Save Image (Websocket) keeps nothing: its pictures were lost, or a preview was delivered in their place."""
    photo = desk.photo()
    graph = inverting()
    graph["3"] = node("SaveImageWebsocket", "output: result" if titled else None, images=["2", 0])
    graph["4"] = node("PreviewImage", images=["1", 0])
    run = desk.submit(graph, "--image", photo, "--json")
    assert run.code == 0, run.err
    (picture,) = run.pictures
    assert abs(pixels(picture).astype(int) - (255 - pixels(photo))).max() <= 1
    graph["5"] = node("RepeatImageBatch", image=["2", 0], amount=3)
    graph["3"]["inputs"]["images"] = ["5", 0]
    assert len(desk.submit(graph, "--image", photo, out=desk.folder / "three").pictures) == 3
