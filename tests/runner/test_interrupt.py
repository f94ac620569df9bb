"""Ctrl-C and SIGTERM at any moment: our jobs are cancelled, nobody else's, and nothing half-written stays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.comfy import ComfyServer
from tests.support.proxy import Proxy
from tests.support.runs import Desk, inverting, slow
from tests.support.speed import HANG_S, within


def interrupt_when(process: subprocess.Popen[str], ready: Callable[[str], bool], number: int) -> tuple[float, str]:
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if ready(line):
            break
    os.kill(process.pid, number)
    began = time.monotonic()
    process.wait(timeout=HANG_S)
    return time.monotonic() - began, seen + process.stdout.read()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_cancels_its_own_jobs_and_ends_within_two_seconds(
    comfy_server: ComfyServer, tmp_path: Path, number: int
) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    process = desk.start(slow(80, seed=time.monotonic_ns() % 10**9), "--count", "4", "--json")
    foreign: list[str] = []

    def ready(line: str) -> bool:
        if json.loads(line)["event"] == "node" and not foreign:
            foreign.append(comfy_server.submit(slow(3, size=64, seed=time.monotonic_ns() % 10**9)))
            return True
        return False

    took, out = interrupt_when(process, ready, number)
    assert process.returncode == 130
    assert took < 2.0
    ours = {event["prompt_id"] for event in map(json.loads, out.splitlines())} - {None}
    assert comfy_server.history(foreign[0])["status"]["status_str"] == "success"  # a stranger's job still ran
    answer = comfy_server.get("/queue")
    assert not ours & {item[1] for item in [*answer["queue_running"], *answer["queue_pending"]]}
    for prompt_id in ours:
        status = comfy_server.get(f"/history/{prompt_id}").get(prompt_id, {}).get("status", {})
        assert status.get("status_str") != "success"
    assert [path for path in desk.folder.rglob("*") if path.suffix in (".part", ".png")] == []
    assert process.stderr is not None
    err = process.stderr.read()
    assert "cancelled" in err
    assert "Traceback" not in err


def test_interrupted_while_saving_leaves_nothing_half_written(comfy_server: ComfyServer, tmp_path: Path) -> None:
    with Proxy(comfy_server.port) as proxy:
        proxy.download_pause = 0.1
        desk = Desk(tmp_path, proxy.url)
        process = desk.start(inverting(), "--image", str(desk.photo(size=(900, 900))))  # 2.4 MB, so some 4 s
        deadline = time.monotonic() + HANG_S
        while not any(path.stat().st_size for path in desk.out.glob("*.part")):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGINT)
        began = time.monotonic()
        process.communicate(timeout=HANG_S)
        assert within(2.0, began)
    assert process.returncode == 130
    assert list(desk.out.iterdir()) == []
