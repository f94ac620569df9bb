"""A file that was asked for beside the results and cannot be written: it is said, and the exit code knows."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.batch import accounts
from tests.support.hostile import HostileComfy
from tests.support.runs import Run, command, copying


def batch(tmp_path: Path, server: HostileComfy, *more: str) -> Run:
    photos, workflow = tmp_path / "photos", tmp_path / "w.json"
    photos.mkdir(exist_ok=True)
    (photos / "a.png").write_bytes(server.picture)
    workflow.write_text(json.dumps(copying()))
    words = ["batch", str(workflow), str(photos), "--out", str(tmp_path / "out"), "--server", server.url]
    return command(*words, "--timeout", "60", *more, folder=tmp_path / "out")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full: Linux has one")
def test_a_log_on_a_full_disk_is_told_and_ends_nothing(tmp_path: Path, obliging: HostileComfy) -> None:
    obliging.forget()
    run = batch(tmp_path, obliging, "--log", "/dev/full")
    assert run.code == 0 and len(list((tmp_path / "out").glob("*.png"))) == 1, run.err
    assert run.err.splitlines()[-1] == f"warning: --log /dev/full: it is not whole ({os.strerror(errno.ENOSPC)})."
    run = batch(tmp_path, obliging, "--log", str(tmp_path / "l.txt"))
    assert run.code == 0 and "--log" not in run.err and (tmp_path / "l.txt").stat().st_size, run.err


@contextlib.contextmanager
def no_room(*_: Any, **__: Any) -> Iterator[None]:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    yield


def test_a_table_of_figures_that_cannot_be_written_is_no_success(
    tmp_path: Path, obliging: HostileComfy, monkeypatch: pytest.MonkeyPatch
) -> None:
    obliging.forget()
    table = tmp_path / "figures.csv"
    monkeypatch.setattr(accounts, "written_whole", no_room)
    for said in ("done in", "nothing to make"):
        run = batch(tmp_path, obliging, "--metrics", str(table))
        assert run.code == 2 and said in run.err, run.err
        assert f"warning: {table} could not be written" in run.err and not table.exists()
    monkeypatch.undo()
    run = batch(tmp_path, obliging, "--metrics", str(table))
    assert run.code == 0 and table.exists(), run.err
