"""A full disk by itself: told once, waited for, and told once more when there is room. No server needed."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.batch.full_disk import FullDisk
from runner.errors import RunnerError
from runner.execution.outputs import JobOutputs, OutputFile
from runner.execution.save import Abort, NotSavedError, save_job
from runner.server.client import ComfyClient
from runner.server.records import ServerFile
from tests.support.fake import FakeServer
from tests.support.hostile import endless


def failed(number: int) -> RunnerError:
    """A save that the system refused."""
    error = RunnerError("The result could not be written.")
    error.__cause__ = OSError(number, "no")
    return error


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_waited_for(number: int) -> None:
    told: list[str] = []
    disk = FullDisk(told.append)
    assert disk.may_try and not disk.is_full
    for _ in range(2):
        assert disk.save_ended(failed(number)) is not None
        assert disk.is_full and not disk.may_try
    assert len(told) == 1 and "Make room" in told[0]
    assert disk.save_ended(None) is None
    assert disk.may_try and not disk.is_full
    assert len(told) == 2 and "room again" in told[1]


@pytest.mark.parametrize("error", [None, RunnerError("black picture"), failed(errno.EACCES)])
def test_any_other_end_goes_its_usual_way(error: RunnerError | None) -> None:
    told: list[str] = []
    disk = FullDisk(told.append)
    assert disk.save_ended(error) is None
    assert disk.may_try and not told


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a full disk: only root may mount a small file system (run as root, or in a container)")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=False)


@pytest.mark.parametrize("taken_by_others", [0, 3 << 20])
def test_a_result_that_fills_a_disk_by_itself_fails_and_holds_up_nobody(small_disk: Path, taken_by_others: int) -> None:
    """It was fetched again and again, and every other job waited: with it gone, there is room for them."""
    (small_disk / "others").write_bytes(b"x" * taken_by_others)
    outputs = JobOutputs((OutputFile("picture", "1", ServerFile("a.png")),), ())
    disk = FullDisk(lambda _: None)
    with FakeServer(raw=endless(b"HTTP/1.1 200 OK\r\n\r\n")) as server, pytest.raises(NotSavedError) as caught:
        save_job(
            ComfyClient(server.url), outputs, small_disk / "r", graph={}, sidecar={}, abort=Abort(),
            room_for_others=2 << 20,
        )  # fmt: skip
    assert [path.name for path in small_disk.iterdir()] == ["others"]
    waits = disk.save_ended(caught.value) is not None
    assert waits == bool(taken_by_others)
    assert ("has no room on the disk" in caught.value.message) == (not taken_by_others)
