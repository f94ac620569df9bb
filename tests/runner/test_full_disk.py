"""A full disk by itself: told once, waited for, and told once more when there is room. No server needed."""

from __future__ import annotations

import errno

import pytest

from runner.batch.full_disk import FullDisk
from runner.errors import RunnerError


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
