"""A file that was there before is somebody's own: nothing that a batch or a report writes takes its place."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from runner.batch.recover import tidy
from runner.batch.store import LEDGER_FILE
from tests.runner.test_streams import COLOURED
from tests.support.hostile import HostileComfy
from tests.support.runs import Run, command


@pytest.fixture(scope="module")
def batch_folder(tmp_path_factory: pytest.TempPathFactory, obliging: HostileComfy) -> Path:
    """A folder with a finished batch `out`, its `jobs.jsonl` and `w.json`."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "w.json").write_text(json.dumps(COLOURED))
    (folder / "jobs.jsonl").write_text('{"seeds": [1, 2]}')
    made = _batch(folder, obliging.url, "--metrics", str(folder / "out" / "figures.csv"))
    assert made.code == 0, made.err
    return folder


def _batch(folder: Path, url: str, *more: str) -> Run:
    words = ["batch", str(folder / "w.json"), "--jobs", str(folder / "jobs.jsonl"), "--server", url, "--resume"]
    return command(*words, "--out", str(folder / "out"), *more, folder=folder / "out")


def _own(kind: str, folder: Path) -> Path:
    """Something that a name may lead to, and that nobody wants to lose."""
    if kind == "device":
        path = folder / "null"
        if not path.exists():
            try:
                os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
            except PermissionError:
                pytest.skip("NOT RUN: making a device needs root")
        return path
    if kind == "pipe":
        path = folder / "pipe"
        if not path.exists():
            os.mkfifo(path)
        return path
    if kind == "link":
        path, target = folder / "link.csv", folder / "target.csv"
        target.write_text("mine\n")
        if not path.exists():
            path.symlink_to(target)
        return path
    if kind == "the ledger":
        return folder / "out" / LEDGER_FILE
    if kind == "a result":
        return next((folder / "out").glob("*.png"))
    if kind == "the job table":
        return folder / "jobs.jsonl"
    path = folder / "table.csv"
    path.write_text("sku,price\n1,2\n")
    return path


OWN = ["device", "pipe", "link", "the ledger", "a result", "the job table", "another table"]


@pytest.mark.parametrize("kind", OWN)
@pytest.mark.parametrize("option", ["--metrics", "--html"])
def test_it_is_refused_and_stays(batch_folder: Path, obliging: HostileComfy, option: str, kind: str) -> None:
    path = _own(kind, batch_folder)
    before = os.lstat(path)
    content = path.read_bytes() if stat.S_ISREG(before.st_mode) and kind != "the ledger" else b""
    if option == "--metrics":
        run = _batch(batch_folder, obliging.url, option, str(path))
    else:
        run = command("report", str(batch_folder / "out"), option, str(path), folder=batch_folder / "out")
    assert run.code == 2, run.err
    assert str(path) in run.err
    after = os.lstat(path)
    assert (after.st_mode, after.st_ino, after.st_rdev) == (before.st_mode, before.st_ino, before.st_rdev)
    assert content == b"" or path.read_bytes() == content


def test_what_was_written_here_before_is_written_again(batch_folder: Path, obliging: HostileComfy) -> None:
    table, page = batch_folder / "out" / "figures.csv", batch_folder / "page.html"
    first = table.stat().st_ino
    assert _batch(batch_folder, obliging.url, "--metrics", str(table)).code == 0
    assert table.stat().st_ino != first
    for _ in range(2):
        run = command("report", str(batch_folder / "out"), "--html", str(page), folder=batch_folder / "out")
        assert run.code == 0, run.err


@pytest.mark.parametrize("name", ["bag.zip.part", "bag.tar.gz.part", "bag.part", "bag.psd.part", "other.png.part"])
def test_a_part_that_no_runner_leaves_is_not_tidied_away(tmp_path: Path, name: str) -> None:
    """`bag` is a result that was being saved when its runner was killed."""
    theirs, ours = tmp_path / name, [tmp_path / "bag.png.part", tmp_path / "bag.json.part"]
    for path in [theirs, *ours]:
        path.write_text("half")
    assert tidy(tmp_path / "bag", "some-id") is None
    assert theirs.read_text() == "half"
    assert not any(path.exists() for path in ours)
