"""A batch on a local Ray cluster of two actors, each with a real ComfyUI: nothing lost, nothing done twice."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from runner.batch.store import LEDGER_FILE
from runner.errors import EXIT_USAGE
from runner.local_server.process import Installation
from tests.runner.test_batch import results
from tests.support.comfy import REPO, ComfyServer
from tests.support.fake import FakeServer
from tests.support.runs import Desk, Graph, command, node, pixels, start_command
from tests.support.speed import HANG_S, within

pytest.importorskip("ray", reason="Ray is not installed (python install.py --dev)")

JOBS = 24
NODES = '''
"""A node that takes a moment and notes every picture it was given."""
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent

class Slow:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"image": ("IMAGE",), "seconds": ("FLOAT", {"default": 0.0}), "number": ("INT", {})}}
    RETURN_TYPES, FUNCTION, CATEGORY = ("IMAGE",), "run", "test"

    def run(self, image, seconds, number):
        time.sleep(seconds)
        with (HERE / "ran.txt").open("a") as log:
            log.write(f"{number}\\n")
        return (image,)

NODE_CLASS_MAPPINGS = {"TestSlow": Slow}
'''


def inverting(seconds: float) -> Graph:
    return {
        "1": node("LoadImage", "input: image", image="none.png"),
        "2": node("ImageInvert", image=["1", 0]),
        "3": node("TestSlow", "input: seed = number", image=["2", 0], seconds=seconds, number=0),
        "4": node("SaveImage", "output: result", images=["3", 0], filename_prefix="inverted"),
    }


class Batch:
    """Photos to invert on two actors; what happened to them."""

    def __init__(self, folder: Path, ran: Path, seconds: float = 0.15) -> None:
        self.desk, self.ran = Desk(folder, ""), ran
        self.cluster: list[str] = []
        self.workflow = self.desk.workflow(inverting(seconds), "inverting")
        photos = folder / "in"
        photos.mkdir()
        lines = []
        for number in range(JOBS):
            self.desk.photo(f"in/photo{number:02}.png", seed=number)
            photo = str(photos / f"photo{number:02}.png")
            lines.append(json.dumps({"name": f"job{number:02}", "image": photo, "seeds": number}))
        self.table = folder / "jobs.jsonl"
        self.table.write_text("\n".join(lines))

    def arguments(self, *more: str, workers: int = 2) -> list[str]:
        work = ["batch", self.workflow, "--jobs", str(self.table), "--out", str(self.desk.out)]
        return [*work, *(self.cluster or ["--ray", "local", "--ray-workers", str(workers)]), *more]

    def wait_for(self, done: Callable[[], bool], process: subprocess.Popen[str]) -> None:
        deadline = time.monotonic() + HANG_S
        while not done():
            assert time.monotonic() < deadline, "the batch does not get on"
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.02)

    @property
    def done(self) -> int:
        return len(results(self.desk.out))

    def share(self) -> dict[str, int]:
        with sqlite3.connect(self.desk.out / LEDGER_FILE) as db:
            return dict(db.execute("SELECT server, COUNT(*) FROM jobs WHERE state = 'done' GROUP BY server"))

    def assert_all_done_once(self) -> None:
        assert results(self.desk.out) == [f"job{number:02}.png" for number in range(JOBS)]
        for number in range(JOBS):
            inverted = 255 - pixels(self.desk.folder / "in" / f"photo{number:02}.png").astype(int)
            assert np.abs(pixels(self.desk.out / f"job{number:02}.png") - inverted).max() <= 1
            record = json.loads((self.desk.out / f"job{number:02}.json").read_text())
            assert record["images"][0]["file"] == f"photo{number:02}.png"
            assert record["server"].startswith("ray-")
        assert not list(self.desk.out.rglob("*.part"))
        with sqlite3.connect(self.desk.out / LEDGER_FILE) as db:
            assert dict(db.execute("SELECT state, COUNT(*) FROM jobs GROUP BY state")) == {"done": JOBS}
            done = db.execute("SELECT COUNT(*), COUNT(DISTINCT job) FROM changes WHERE state = 'done'").fetchone()
            assert done == (JOBS, JOBS)
            unannounced = db.execute(
                "SELECT COUNT(*) FROM changes AS one WHERE state = 'running' AND NOT EXISTS (SELECT 1 FROM changes AS"
                " other WHERE other.prompt_id = one.prompt_id AND other.state = 'submitted' AND other.at <= one.at)"
            ).fetchone()
            assert unannounced == (0,)

    def times_run(self) -> Counter[int]:
        return Counter(int(line) for line in self.ran.read_text().split())


def processes(marker: str) -> list[psutil.Process]:
    """Processes with this in their command line or their name."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if marker in " ".join(process.cmdline()):
                found.append(process)
    return found


def comfyuis(base: Path) -> list[psutil.Process]:
    return [process for process in processes(str(base)) if "main.py" in process.cmdline()]


def actor_of(comfyui: psutil.Process) -> psutil.Process:
    parent = comfyui.parent()
    assert parent is not None and parent.cmdline()[0].startswith("ray::")
    return parent


@pytest.fixture(scope="module")
def base(comfy_installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What the node's ComfyUIs are started with, as whoever keeps a node would set it."""
    folder = tmp_path_factory.mktemp("node")
    ComfyServer(comfy_installation, folder, link_pack=False)
    nodes = folder / "custom_nodes" / "test_nodes"
    nodes.mkdir()
    (nodes / "__init__.py").write_text(NODES)
    arguments = f"--base-directory {folder} --disable-api-nodes --disable-all-custom-nodes"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PRODGEN_COMFYUI", str(comfy_installation.comfyui))
        environment.setenv("PRODGEN_COMFYUI_PYTHON", str(comfy_installation.python))
        environment.setenv("PRODGEN_COMFYUI_ARGS", f"{arguments} --whitelist-custom-nodes test_nodes")
        yield folder


@pytest.fixture
def ran(base: Path) -> Path:
    log = base / "custom_nodes" / "test_nodes" / "ran.txt"
    log.write_text("")
    return log


def test_two_actors_one_killed_and_one_comfyui_killed(base: Path, ran: Path, tmp_path: Path) -> None:
    batch = Batch(tmp_path, ran, seconds=0.4)
    process = start_command(*batch.arguments("--json"))
    batch.wait_for(lambda: batch.done >= 4 and len(comfyuis(base)) == 2, process)
    first, second = sorted(comfyuis(base), key=lambda one: one.pid)
    actor = actor_of(second)  # while both are surely there: a slow machine may be done with all jobs too soon
    first.kill()  # the actor starts it again
    batch.wait_for(lambda: batch.done >= 8, process)
    actor.kill()  # Ray starts it again, elsewhere if need be
    out, said = process.communicate(timeout=HANG_S)
    assert process.returncode == 0, said
    assert not second.is_running()  # it does not outlive its actor
    batch.assert_all_done_once()
    again = batch.times_run()
    assert set(again) == set(range(JOBS))
    assert sum(again.values()) - JOBS <= 4  # only what was running where something was killed
    events = [json.loads(line) for line in out.splitlines()]
    assert Counter(event["event"] for event in events)["done"] == JOBS
    assert {"queued", "started", "node", "output"} <= {event["event"] for event in events}
    assert "is started again" in said
    assert not comfyuis(base)


@pytest.mark.parametrize(
    "goes_on", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["ended", "ended, and gone on with"]
)
def test_ctrl_c_ends_everything_and_a_bad_photo_is_told_by_its_own_name(
    base: Path, ran: Path, tmp_path: Path, goes_on: bool
) -> None:
    batch = Batch(tmp_path, ran, seconds=0.3)
    bad = batch.desk.folder / "in" / "photo02.png"
    bad.write_bytes(bad.read_bytes()[:100])
    process = start_command(*batch.arguments(workers=1))
    batch.wait_for(lambda: batch.done >= 6, process)
    began = time.monotonic()
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=HANG_S)
    assert within(8.0, began)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert f"{bad}: the picture is damaged" in said
    assert not comfyuis(base)
    assert not list(batch.desk.out.rglob("*.part"))
    there = batch.done
    with sqlite3.connect(batch.desk.out / LEDGER_FILE) as db:
        states = dict(db.execute("SELECT state, COUNT(*) FROM jobs GROUP BY state"))
    assert states.pop("failed") == 1
    assert there - 1 <= states["done"] <= there  # one may have been saved whole and not yet told
    assert sum(states.values()) == JOBS - 1
    if not goes_on:
        return
    saved = results(batch.desk.out)
    again = start_command(*batch.arguments("--resume", workers=1))  # Ray starts once in a process
    _, said = again.communicate(timeout=HANG_S)
    assert again.returncode == EXIT_USAGE, said  # for the bad photo
    assert len(results(batch.desk.out)) == JOBS - 1
    runs = batch.times_run()
    assert all(runs[int(name[3:5])] == 1 for name in saved)  # nothing that was there is made again


@pytest.fixture
def cluster(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A cluster of its own standing, on loopback, with a token, which says that it has two GPUs."""
    ray = Path(sys.executable).with_name("ray")
    short = tempfile.mkdtemp(prefix="ray")  # a socket's path must not be long
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
    command = [str(ray), "start", "--head", "--block", f"--port={port}", "--num-cpus=1", "--num-gpus=2"]
    command += ["--include-dashboard=false", "--disable-usage-stats", f"--temp-dir={short}"]
    log = (tmp_path / "head.log").open("w")
    head = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + HANG_S
        while "runtime started" not in (tmp_path / "head.log").read_text():
            assert time.monotonic() < deadline and head.poll() is None, (tmp_path / "head.log").read_text()
            time.sleep(0.2)
        yield f"127.0.0.1:{port}"
        assert head.poll() is None, "the cluster was ended by somebody else"
    finally:
        head.terminate()
        head.wait(HANG_S)
        log.close()
        shutil.rmtree(short, ignore_errors=True)


@pytest.mark.slow
def test_an_actor_per_gpu_of_a_cluster_and_a_runner_that_is_killed(
    base: Path, ran: Path, cluster: str, tmp_path: Path
) -> None:
    batch = Batch(tmp_path, ran, seconds=0.4)
    batch.cluster = ["--ray", cluster]
    process = start_command(*batch.arguments())
    batch.wait_for(lambda: batch.done >= 4 and len(comfyuis(base)) == 2, process)
    assert {one.environ()["CUDA_VISIBLE_DEVICES"] for one in comfyuis(base)} == {"0", "1"}
    process.kill()
    process.communicate()
    deadline = time.monotonic() + HANG_S
    while comfyuis(base):
        assert time.monotonic() < deadline, "the actors outlive their runner"
        time.sleep(0.2)
    run = start_command(*batch.arguments("--resume"))
    _, said = run.communicate(timeout=HANG_S)
    assert run.returncode == 0, said
    batch.assert_all_done_once()
    assert len(batch.share()) == 2  # both worked
    assert sum(batch.times_run().values()) - JOBS <= 4
    assert not comfyuis(base)
    broken = inverting(0.0)
    broken["2"]["class_type"] = "NoSuchNode"
    run = start_command(*batch_of_one(batch, broken), *batch.cluster)
    _, said = run.communicate(timeout=HANG_S)
    assert run.returncode == 4, said
    assert "NoSuchNode" in said


def batch_of_one(batch: Batch, graph: Graph) -> list[str]:
    images = str(batch.desk.folder / "in" / "photo00.png")
    return ["batch", batch.desk.workflow(graph, "one"), "--images", images, "--out", str(batch.desk.folder / "other")]


# before anything starts


def asked(tmp_path: Path, *more: str) -> tuple[int, str]:
    desk = Desk(tmp_path, "")
    desk.photo("in.png")
    arguments = ["batch", desk.workflow(inverting(0.0)), "--images", str(tmp_path / "*.png"), "--out", str(desk.out)]
    run = command(*arguments, *more, folder=desk.out)
    assert not desk.out.exists()
    return run.code, run.err


def test_an_address_without_a_cluster_is_told_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with FakeServer(lambda _: (200, b"{}")) as other:
        for address, why in (
            (f"127.0.0.1:{port}", "No Ray cluster answers at"),
            (other.url.removeprefix("http://"), "is no Ray cluster"),
            ("not an address", "is no address"),
        ):
            began = time.monotonic()
            code, said = asked(tmp_path, "--ray", address)
            assert code == 3
            assert why in said and "--ray HOST:PORT" in said
            assert within(10, began)


def test_servers_and_a_cluster_exclude_each_other(tmp_path: Path) -> None:
    assert asked(tmp_path, "--ray", "--server", "http://127.0.0.1:8188")[0] == 2
    assert asked(tmp_path, "--ray-workers", "2")[0] == 2


def test_without_ray_it_says_how_to_install_it(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "")
    desk.photo("in.png")
    arguments = ["batch", desk.workflow(inverting(0.0)), "--images", str(tmp_path / "*.png"), "--ray", "local"]
    start = "import sys; sys.modules['ray'] = None; from runner.__main__ import main; sys.exit(main(sys.argv[1:]))"
    run = subprocess.run(
        [sys.executable, "-c", start, *arguments], cwd=REPO, capture_output=True, text=True, check=False, timeout=HANG_S
    )
    assert run.returncode == 2
    assert 'pip install "prodgen[ray]"' in run.stderr
