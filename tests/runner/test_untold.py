"""A run that was ended says what is true of the jobs it had queued: cancelled, or not to be reached."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from runner.execution.cancel import ended, interrupted, note_untold
from tests.support.hostile import HostileComfy, Said
from tests.support.runs import Desk, flat, start_command
from tests.support.speed import HANG_S


def test_what_is_said_last_is_said_once() -> None:
    note_untold("http://gpu:8188", [])
    assert "was cancelled" in interrupted()
    note_untold("http://gpu:8188", ["one"])
    said = interrupted()
    assert "http://gpu:8188 could not be told to cancel 1 job (one)" in said
    assert "cancel one --server http://gpu:8188`" in said and "was cancelled" not in said
    note_untold("http://gpu:8188", [f"id{number}" for number in range(9)])
    said = ended("Out of time (--timeout)")
    assert "9 jobs (id0, id1, id2, id3, id4, … and 4 more)" in said
    assert "cancel --server http://gpu:8188`" in said
    assert "was cancelled" in interrupted()


def running(server: HostileComfy) -> None:
    server.lies["GET /api/jobs/"] = lambda: Said({"id": server.prompt_id, "status": "in_progress"})


@pytest.mark.each_once
@pytest.mark.parametrize("answer", ["cancels", "hangs up", "is not ready"])
@pytest.mark.parametrize("how", ["Ctrl-C", "--timeout"])
def test_the_end_of_a_run_says_whether_its_job_was_cancelled(tmp_path: Path, answer: str, how: str) -> None:
    """It was always "cancelled", also where nobody had answered."""
    with HostileComfy() as server:
        running(server)
        if answer == "cancels":
            server.lies["POST /api/jobs/"] = Said({"cancelled": True})
        else:
            server.lies["POST /api/jobs/"] = Said(raw=b"") if answer == "hangs up" else Said(b"", 503)
        words = Desk(tmp_path, server.url).arguments(flat(1))
        process = start_command(*words, *(["--timeout", "3"] if how == "--timeout" else []))
        if how == "Ctrl-C":
            deadline = time.monotonic() + HANG_S
            while not server.seen("GET", "/api/jobs/"):
                assert time.monotonic() < deadline
                time.sleep(0.02)
            os.kill(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=HANG_S)
    assert process.returncode == (130 if how == "Ctrl-C" else 6), err
    if answer == "cancels":
        assert "queued was cancelled" in err and "could not" not in err
    else:
        assert f"{server.url} could not be told to cancel 1 job ({server.prompt_id})" in err
        assert f"cancel {server.prompt_id} --server {server.url}`" in err
        assert "queued was cancelled" not in err


@pytest.mark.first(1)
@pytest.mark.parametrize("pause", [0.0, 0.05, 0.1, 0.2, 0.4])
def test_a_second_request_to_end_changes_nothing(tmp_path: Path, pause: float) -> None:
    """It ended with 143, killed while the first one was being heeded."""
    with HostileComfy() as server:
        running(server)
        server.lies["POST /api/jobs/"] = Said({"cancelled": True})
        process = start_command(*Desk(tmp_path, server.url).arguments(flat(1)))
        deadline = time.monotonic() + HANG_S
        while not server.seen("GET", "/api/jobs/"):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGTERM)
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(pause or 0.001)
            if process.poll() is None:
                os.kill(process.pid, signal.SIGTERM)
        _, err = process.communicate(timeout=HANG_S)
    assert process.returncode == 130, err
    assert "Interrupted" in err
