"""Batches whose runner or server is killed, interrupted, doubled or out of room: nothing lost, nothing done twice.

What a server has really made lies in its output folder: one file per job there proves that no job ran twice.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner.batch.store import LEDGER_FILE
from runner.errors import NodeFailedError
from runner.files.verify import check_picture
from runner.local_server.process import Installation
from tests.runner.test_batch import batch, batch_arguments, folder_of_photos, results
from tests.runner.test_faults import OwnServer
from tests.support.comfy import ComfyServer
from tests.support.runs import Desk, Graph, command, inverting, node, pixels, start_command
from tests.support.speed import HANG_S, within


class Work:
    """A table of small jobs, every one a colour of its own, and what has become of them."""

    def __init__(self, desk: Desk, count: int, size: int = 128) -> None:
        self.desk, self.count, self.size = desk, count, size
        self.prefix = f"w{uuid.uuid4().hex[:10]}"
        self.first = int(self.prefix[1:6], 16)  # so that no test finds another's results in the server's cache
        self.table = desk.folder / "jobs.jsonl"
        lines = [json.dumps({"name": f"job{number:03}", "seeds": self.first + number}) for number in range(count)]
        self.table.write_text("\n".join(lines))
        self.workflow = desk.workflow(self._graph(size), "colours")

    def _graph(self, size: int) -> Graph:
        """A blur takes long enough for something to happen meanwhile."""
        return {
            "1": node("EmptyImage", "input: seed = color", width=size, height=size, batch_size=1, color=0),
            "2": node("ImageBlur", image=["1", 0], blur_radius=20, sigma=4.0),
            "3": node("SaveImage", "output: result", images=["2", 0], filename_prefix=self.prefix),
        }

    def arguments(self, *more: str) -> list[str]:
        return batch_arguments(self.desk, self.workflow, "--jobs", self.table, *more)

    def start(self, *more: str) -> subprocess.Popen[str]:
        return start_command(*self.arguments(*more))

    def wait_for(self, pictures: int) -> None:
        deadline = time.monotonic() + HANG_S
        while len(results(self.desk.out)) < pictures:
            assert time.monotonic() < deadline, "the batch does not get on"
            time.sleep(0.01)

    def assert_all_done_once(self, *servers: ComfyServer, unseen: int = 0) -> None:
        """`unseen`: how many jobs a server that went out of reach may have finished where nobody could see it."""
        assert results(self.desk.out) == [f"job{number:03}.png" for number in range(self.count)]
        for number in range(self.count):
            colour = self.first + number
            expected = [colour >> 16 & 255, colour >> 8 & 255, colour & 255]
            centre = pixels(self.desk.out / f"job{number:03}.png")[self.size // 2, self.size // 2]
            assert abs(centre.astype(int) - expected).max() <= 1
        saved = [path for server in servers for path in server.output_dir.glob(f"{self.prefix}_*.png")]
        made = [path.name for path in saved if is_whole(path)]
        assert self.count <= len(made) <= self.count + unseen, f"a job ran twice: {sorted(made)}"
        assert not list(self.desk.out.rglob("*.part"))
        with sqlite3.connect(self.desk.out / LEDGER_FILE) as db:
            assert dict(db.execute("SELECT state, COUNT(*) FROM jobs GROUP BY state")) == {"done": self.count}
            assert db.execute("SELECT COUNT(*) FROM changes WHERE state = 'done'").fetchone() == (self.count,)


def is_whole(path: Path) -> bool:
    """Whether the server had written it to its end: a job whose picture it was writing when it was killed is lost."""
    try:
        check_picture(path, path.suffix, path.name)
    except NodeFailedError:
        return False
    return True


def read_until(process: subprocess.Popen[str], text: str) -> str:
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if text in line:
            return said
    pytest.fail(f"it never said {text!r}, but: {said}")


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate(timeout=HANG_S)


def test_a_runner_killed_again_and_again_loses_nothing_and_repeats_nothing(
    comfy_server: ComfyServer, tmp_path: Path
) -> None:
    work = Work(Desk(tmp_path, comfy_server.url), 40)
    for pictures in (5, 14, 26):
        process = work.start("--resume")
        work.wait_for(pictures)
        kill(process)
    run = command(*work.arguments("--resume"), folder=work.desk.out)
    assert run.code == 0, run.err
    work.assert_all_done_once(comfy_server)


def test_two_runners_share_a_folder_and_ctrl_c_ends_one_of_them_cleanly(
    comfy_server: ComfyServer, tmp_path: Path
) -> None:
    work = Work(Desk(tmp_path, comfy_server.url), 40)
    first, second, third = work.start("--resume"), work.start("--resume"), work.start("--resume")
    work.wait_for(8)
    os.kill(third.pid, signal.SIGINT)
    began = time.monotonic()
    third.wait(timeout=HANG_S)
    assert within(3.0, began)
    assert third.returncode == 130
    for process in (first, second):
        _, said = process.communicate(timeout=HANG_S)
        assert process.returncode == 0, said
    third.communicate()
    assert results(work.desk.out) == [f"job{number:03}.png" for number in range(40)]
    assert not list(work.desk.out.rglob("*.part"))
    with sqlite3.connect(work.desk.out / LEDGER_FILE) as db:
        done = db.execute("SELECT owner, COUNT(*) FROM changes WHERE state = 'done' GROUP BY owner").fetchall()
    assert len(done) >= 2  # both worked
    assert sum(count for _, count in done) == 40  # and neither did what the other had done


def suspended_outside_of_a_transaction(process: subprocess.Popen[str], out: Path) -> bool:
    """In one, it would lock the ledger for all others."""
    os.kill(process.pid, signal.SIGSTOP)
    with contextlib.closing(sqlite3.connect(out / LEDGER_FILE, timeout=0.0, isolation_level=None)) as db:
        try:
            db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            os.kill(process.pid, signal.SIGCONT)
            return False
        db.execute("ROLLBACK")
    return True


def test_a_runner_that_waits_for_another_says_for_whom(comfy_server: ComfyServer, tmp_path: Path) -> None:
    """One that is suspended still has its jobs: they are not taken from it, and that is said."""
    work = Work(Desk(tmp_path, comfy_server.url), 40)
    first = work.start("--resume")
    work.wait_for(2)
    while not suspended_outside_of_a_transaction(first, work.desk.out):
        time.sleep(0.01)
    try:
        second = work.start("--resume")
        read_until(second, f"Waiting for another runner of this batch (process {first.pid} on ")
    finally:
        os.kill(first.pid, signal.SIGCONT)
    for process in (first, second):
        _, said = process.communicate(timeout=HANG_S)
        assert process.returncode == 0, said
    assert results(work.desk.out) == [f"job{number:03}.png" for number in range(40)]


def test_an_interrupted_batch_goes_on_where_it_was(comfy_server: ComfyServer, tmp_path: Path) -> None:
    work = Work(Desk(tmp_path, comfy_server.url), 16, size=256)
    process = work.start()
    work.wait_for(4)
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=HANG_S)
    assert process.returncode == 130, said
    assert "The same command goes on." in said
    assert "Traceback" not in said
    deadline = time.monotonic() + HANG_S  # a node that runs ends at its own next look
    while work.prefix in json.dumps(comfy_server.get("/queue")):
        assert time.monotonic() < deadline, "something of it is left on the server"
        time.sleep(0.05)
    assert not list(work.desk.out.rglob("*.part"))
    with sqlite3.connect(work.desk.out / LEDGER_FILE) as db:
        assert {state for (state,) in db.execute("SELECT state FROM jobs")} == {"done", "waiting"}
    run = command(*work.arguments("--resume"), folder=work.desk.out)
    assert run.code == 0, run.err
    work.assert_all_done_once(comfy_server)


@pytest.fixture(scope="module")
def own_server(comfy_installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    own = OwnServer(ComfyServer(comfy_installation, tmp_path_factory.mktemp("own")))
    yield own
    own.close()


@pytest.mark.slow
def test_server_and_runner_are_both_killed(own_server: OwnServer, tmp_path: Path) -> None:
    work = Work(Desk(tmp_path, own_server.url), 40)
    process = work.start()
    work.wait_for(8)
    own_server.kill()
    restart = own_server.start()  # the runner waits for it
    restart.result()
    work.wait_for(20)
    kill(process)
    queue = ["queue_running", "queue_pending"]
    while any(own_server.server.get("/queue")[part] for part in queue):
        time.sleep(0.05)
    with sqlite3.connect(work.desk.out / LEDGER_FILE) as db:  # made, seen by nobody, and about to be forgotten
        unseen = db.execute("SELECT COUNT(*) FROM jobs WHERE state NOT IN ('done', 'waiting')").fetchone()[0]
    assert unseen >= 1
    own_server.kill()
    own_server.start().result()
    run = command(*work.arguments("--resume"), folder=work.desk.out)
    assert run.code == 0, run.err
    assert "nothing is repeated" in run.err
    work.assert_all_done_once(own_server.server)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[tuple[Path, Callable[[str], None]]]:
    """A file system of 1 MB, and how to change its size."""
    place = tmp_path / "small"
    place.mkdir()
    mount = shutil.which("mount")
    made = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], check=False, capture_output=True
    )
    if not made or made.returncode != 0:
        pytest.skip("a full disk: only root may mount a small file system (run as root, or in a container)")
    try:
        yield place, lambda size: subprocess.run([mount, "-o", f"remount,size={size}", str(place)], check=True)
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_is_waited_for(
    comfy_server: ComfyServer, tmp_path: Path, small_disk: tuple[Path, Callable[[str], None]]
) -> None:
    place, resize = small_disk
    desk = Desk(tmp_path, comfy_server.url)
    desk.out = place / "out"
    photos = folder_of_photos(desk)
    photos.mkdir()
    for number in range(6):  # 370 kB each when it comes back: two fit
        desk.photo(f"in/{number}.png", size=(350, 350), seed=number)
    arguments = batch_arguments(desk, inverting(), "--images", photos, "--resume")
    process = start_command(*arguments)
    read_until(process, "disk is full")
    os.kill(process.pid, signal.SIGINT)  # on a full disk, too, it ends at once
    began = time.monotonic()
    _, ending = process.communicate(timeout=HANG_S)
    assert process.returncode == 130, ending
    assert within(5.0, began)
    assert "Traceback" not in ending
    assert not list(desk.out.rglob("*.part"))

    process = start_command(*arguments)
    said = read_until(process, "disk is full")
    whole = [pixels(desk.out / name).shape for name in results(desk.out)]  # every one that has its name is whole
    assert process.poll() is None
    assert len(whole) < 6
    resize("20m")
    said += process.communicate(timeout=HANG_S)[1]
    assert process.returncode == 0, said
    assert "room again" in said or "6 of 6" in said
    assert results(desk.out) == [f"{number}.png" for number in range(6)]
    for name in results(desk.out):
        assert (pixels(desk.out / name).astype(int) + pixels(photos / name) >= 254).all()
    assert not list(desk.out.rglob("*.part"))


@pytest.mark.slow
def test_two_hundred_jobs_on_two_servers_of_which_one_is_killed_twice(
    own_server: OwnServer, comfy_server: ComfyServer, tmp_path: Path
) -> None:
    work = Work(Desk(tmp_path, own_server.url), 200)
    process = work.start("--server", comfy_server.url)
    for pictures in (30, 90):
        work.wait_for(pictures)
        own_server.kill()
        own_server.start().result()
    _, said = process.communicate(timeout=HANG_S)
    assert process.returncode == 0, said
    assert results(work.desk.out) == [f"job{number:03}.png" for number in range(200)]
    with sqlite3.connect(work.desk.out / LEDGER_FILE) as db:
        done = db.execute("SELECT COUNT(*), COUNT(DISTINCT job) FROM changes WHERE state = 'done'").fetchone()
        servers = db.execute("SELECT COUNT(DISTINCT server) FROM jobs").fetchone()
    assert done == (200, 200)
    assert servers == (2,)


def test_without_a_server_nothing_is_begun(tmp_path: Path) -> None:
    """Without a server that answers, the exit code says so and nothing is left behind."""
    desk = Desk(tmp_path, "http://127.0.0.1:9")
    folder_of_photos(desk, "a.png")
    run = batch(desk, inverting(), "--images", tmp_path / "in")
    assert run.code == 3
    assert not desk.out.exists()
