"""What a run says may not be heard (a full disk, a reader that has gone, a closed stream): the work goes on."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.support.comfy import REPO
from tests.support.hostile import HostileComfy
from tests.support.runs import copying
from tests.support.speed import HANG_S

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="NOT RUN: no /dev/full, a disk that is always full")
CUTS = ["closed", "nobody reads", pytest.param("full", marks=needs_full)]
COLOURED = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 0},
          "_meta": {"title": "input: seed = color"}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "a"},
          "_meta": {"title": "output: result"}},
}  # fmt: skip


@contextlib.contextmanager
def _stream(cut: str) -> Iterator[int]:
    """A file descriptor that takes nothing."""
    if cut == "full":
        descriptor = os.open(FULL, os.O_WRONLY)
    else:
        reader, descriptor = os.pipe()
        os.close(reader)
    yield descriptor
    os.close(descriptor)


def _run(cut: str, streams: tuple[int, ...], *words: str) -> subprocess.CompletedProcess[bytes]:
    """The command with these of its streams (1: standard output, 2: standard error) cut off."""

    def close() -> None:
        for number in streams if cut == "closed" else ():
            os.close(number)

    with _stream(cut) as nowhere:
        out, err = (nowhere if number in streams and cut != "closed" else subprocess.PIPE for number in (1, 2))
        return subprocess.run(
            [sys.executable, "-m", "runner", *words],
            cwd=REPO, stdin=subprocess.DEVNULL, stdout=out, stderr=err, preexec_fn=close, timeout=HANG_S, check=False,
        )  # fmt: skip


@pytest.mark.each_once
@pytest.mark.parametrize("streams", [(1,), (2,), (1, 2)], ids=["output", "error", "both"])
@pytest.mark.parametrize("cut", CUTS)
def test_a_batch_goes_on_whoever_listens(cut: str, streams: tuple[int, ...], tmp_path: Path) -> None:
    (tmp_path / "w.json").write_text(json.dumps(COLOURED))
    (tmp_path / "jobs.jsonl").write_text('{"seeds": [1, 2, 3]}')
    table, out = str(tmp_path / "jobs.jsonl"), tmp_path / "out"
    with HostileComfy() as server:
        words = ["batch", str(tmp_path / "w.json"), "--jobs", table, "--server", server.url, "--out", str(out)]
        done = _run(cut, streams, *words)
    assert done.returncode == 0, done.stderr
    assert len(list(out.glob("*.png"))) == 3
    said = (done.stdout or b"") + (done.stderr or b"")
    assert b"Traceback" not in said
    assert b"Exception ignored" not in said
    if cut == "full" and streams == (1,):
        assert said.count(b"Standard output cannot be written") == 1


@pytest.mark.each_once
@pytest.mark.parametrize("arguments", [(), ("--json",)], ids=["lines", "json"])
@pytest.mark.parametrize("cut", CUTS)
def test_a_result_is_saved_whoever_listens(cut: str, arguments: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "w.json").write_text(json.dumps(COLOURED))
    with HostileComfy() as server:
        words = ["submit", str(tmp_path / "w.json"), "--server", server.url, "--out", str(tmp_path / "out")]
        done = _run(cut, (1,), *words, *arguments)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "out").glob("*.png"))) == 1
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("cut", CUTS)
def test_an_answer_that_nobody_could_get_is_told(cut: str, tmp_path: Path) -> None:
    """A reader that had enough (`| head`) is no fault; a disk that is full is one."""
    done = _run(cut, (1,), "inputs", "packshot")
    assert done.returncode == (2 if cut == "full" else 0)
    assert done.stderr.startswith(b"Standard output cannot be written") == (cut == "full")
    assert done.stderr.count(b"\n") == (1 if cut == "full" else 0)


@pytest.mark.parametrize("cut", CUTS)
def test_a_picture_that_standard_output_does_not_take_is_not_lost(cut: str, tmp_path: Path) -> None:
    (tmp_path / "w.json").write_text(json.dumps(COLOURED))
    with HostileComfy() as server:
        done = _run(cut, (1,), "submit", str(tmp_path / "w.json"), "--server", server.url, "--out", "-")
        posted = [path for method, path, _ in server.requests if method == "POST" and path.startswith("/prompt")]
    assert done.returncode == 2, done.stderr
    assert b"standard output" in done.stderr
    assert b"Traceback" not in done.stderr
    if cut == "closed":  # known before anything is made
        assert posted == []
        return
    kept = Path(done.stderr.decode().rpartition("It is kept: ")[2].strip())
    assert Image.open(kept).size == (8, 8)
    shutil.rmtree(kept.parent)


def test_a_file_never_takes_the_number_of_a_closed_stream(tmp_path: Path) -> None:
    """What is printed would land in it."""
    (tmp_path / "w.json").write_text(json.dumps(copying()))
    done = _run("closed", (1, 2), "validate", str(tmp_path / "w.json"), "--server", "http://127.0.0.1:9")
    assert done.returncode == 3
    assert json.loads((tmp_path / "w.json").read_text()) == copying()
