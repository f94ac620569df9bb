"""`batch --watch`: photos are made as they land, once each, whatever happens to the folder meanwhile."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.batch.entries import JobState
from runner.batch.landing import Landing
from runner.batch.ledger import Ledger
from runner.errors import UsageError
from tests.support.comfy import ComfyServer
from tests.support.runs import Desk, command, inverting, start_command

SETTLE = "0.2"
PATIENCE_S = 60.0
"""How long a test waits for what must come; on a fast machine it comes in a second."""


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_photo_is_ready_once_it_has_stood_still_and_once_only(tmp_path: Path) -> None:
    clock, photo = Clock(), tmp_path / "in" / "a.jpg"
    photo.parent.mkdir()
    landing = Landing(photo.parent, tmp_path / "in" / "out", 2.0, clock)
    photo.write_bytes(b"1")
    assert landing.look() == []
    clock.now += 1.5
    photo.write_bytes(b"12")  # it grows: the time begins anew
    assert landing.look() == []
    clock.now += 1.5
    assert landing.look() == []
    clock.now += 0.5
    assert landing.look() == [photo]
    landing.take([photo])
    clock.now += 10
    assert landing.look() == []
    photo.write_bytes(b"123")  # it had not been whole, after all
    landing.look()
    clock.now += 2
    assert landing.look() == [photo]


def test_results_hidden_files_and_empty_ones_are_never_ready_and_a_folder_that_goes_is_said(tmp_path: Path) -> None:
    clock, folder = Clock(), tmp_path / "in"
    for name in ("out/r.jpg", ".part/h.jpg", "empty.jpg", "notes.txt", "sub/b.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"" if name == "empty.jpg" else b"x")
    landing = Landing(folder, folder / "out", 1.0, clock)
    landing.look()
    clock.now += 1
    assert landing.look() == [folder / "sub" / "b.png"]
    assert (landing.empty(1.0), landing.empty(1.1)) == ([folder / "empty.jpg"], [])
    folder.rename(tmp_path / "gone")
    with pytest.raises(UsageError, match="is not there"):
        landing.look()
    (tmp_path / "gone").rename(folder)
    landing.look()
    clock.now += 1
    assert landing.look() == [folder / "sub" / "b.png"]


@pytest.fixture
def desk(comfy_server: ComfyServer, tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path, comfy_server.url)
    (tmp_path / "in").mkdir()
    desk.out = tmp_path / "in" / "made"
    yield desk


def arguments(desk: Desk, *more: str) -> list[str]:
    watched = ["--watch", str(desk.folder / "in"), "--settle", SETTLE, "--out", str(desk.out)]
    return ["batch", desk.workflow(inverting()), "--server", desk.url, *watched, *more]


def wait_for(*paths: Path) -> None:
    end = time.monotonic() + PATIENCE_S
    while not all(path.is_file() for path in paths):
        assert time.monotonic() < end, f"none of {paths} came"
        time.sleep(0.05)


def test_photos_land_one_by_one_also_after_the_folder_was_away_and_ctrl_c_leaves_a_ledger_that_goes_on(
    desk: Desk,
) -> None:
    folder, apart = desk.folder / "in", desk.folder / "apart"
    apart.mkdir()
    whole = desk.photo("apart/b.png", seed=2).read_bytes()
    desk.photo("in/a.png", seed=1)
    process = start_command(*arguments(desk))
    try:
        wait_for(desk.out / "a.json")
        (folder / "shoes").mkdir()
        (folder / "shoes" / "b.png").write_bytes(whole[: len(whole) // 2])  # a copy that stops half-way
        end = time.monotonic() + PATIENCE_S
        while not _of_state(desk, JobState.FAILED):
            assert time.monotonic() < end
            time.sleep(0.05)
        (folder / "shoes" / "b.png").write_bytes(whole)
        wait_for(desk.out / "shoes" / "b.json")
        shutil.move(folder, desk.folder / "away")
        time.sleep(1.5)  # longer than between two looks
        shutil.move(desk.folder / "away", folder)
        desk.photo("in/c.png", seed=3)
        wait_for(desk.out / "c.json")
    finally:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, said
    assert "is not there. It is looked for again and again." in said
    assert "The same command goes on." in said

    desk.photo("in/d.png", seed=4)
    (folder / "nothing.jpg").touch()
    threading.Thread(target=lambda: (wait_for(desk.out / "d.json"), os.utime(folder / "a.png")), daemon=True).start()
    again = command(*arguments(desk, "--timeout", "6"), folder=desk.out)
    assert again.code == 0, again.err
    assert len(again.sidecars) == 4, "once each: nothing was made twice, no result was taken for a photo"
    assert sorted(path.name for path in again.pictures if path.suffix == ".png") == ["a.png", "b.png", "c.png", "d.png"]
    assert "[4/4] d.png: done" in again.err
    assert "nothing.jpg: 1 photo stayed empty (0 bytes) to the end" in again.err


def _of_state(desk: Desk, state: JobState) -> int:
    ledger = Ledger(desk.out)
    try:
        return len(ledger.entries(state))
    finally:
        ledger.close()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--images", "x"), "leave out the others"),
        (("--ray", "local"), "do not go together"),
        (("--set", "5.x=1"), "nothing called '5.x'"),
    ],
)
def test_what_cannot_be_watched_is_said_before_anything_begins(desk: Desk, more: tuple[str, ...], words: str) -> None:
    run = command(*arguments(desk, *more), folder=desk.out)
    assert run.code == 2
    assert words in run.err
    assert not desk.out.exists()


def test_a_folder_must_be_there_and_be_no_folder_of_results(desk: Desk) -> None:
    lost = command("batch", "packshot", "--watch", str(desk.folder / "nowhere"), "--out", "o", folder=desk.out)
    assert (lost.code, "there is no such folder" in lost.err) == (2, True)
    desk.out = desk.folder / "in"
    own = command(*arguments(desk), folder=desk.out)
    assert (own.code, "results would lie among the photos" in own.err) == (2, True)
