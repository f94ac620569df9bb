"""Networks and proxies that lose, break, delay, refuse or double what goes through them, in the middle of a batch.

What the real server made lies in its output folder: one file per job there proves that no job ran twice.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.batch.store import LEDGER_FILE
from tests.runner.test_batch import batch, folder_of_photos, results
from tests.runner.test_batch_crashes import Work, small_disk  # noqa: F401 - a fixture
from tests.support.comfy import ComfyServer
from tests.support.proxy import LOSE, PASS, Fault, Proxy, refusal, slowly
from tests.support.runs import Desk, command, inverting
from tests.support.speed import HANG_S, within

NOT_FOUND = (
    b'HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 26\r\n\r\n{"error": "Job not found"}'
)


def every(number: int, method: str, path: str, answer: bytes | None) -> Fault:
    """Every `number`-th request of this kind gets this answer."""
    seen = Counter[str]()

    def fault(asked: str, where: str) -> bytes | None:
        if asked != method or not where.startswith(path):
            return PASS
        seen[path] += 1
        return answer if seen[path] % number == 0 else PASS

    return fault


def first_for_each(method: str, path: str, answer: bytes) -> Fault:
    """The first request for each address below `path` gets this answer."""
    seen: set[str] = set()

    def fault(asked: str, where: str) -> bytes | None:
        if asked != method or not where.startswith(path) or where in seen:
            return PASS
        seen.add(where)
        return answer

    return fault


FAULTS = {
    "the answer to a submission is lost": lambda: every(3, "POST", "/prompt", LOSE),
    "a submission gets a 500": lambda: every(3, "POST", "/prompt", refusal(500)),
    "a submission gets a 502": lambda: every(4, "POST", "/prompt", refusal(502)),
    "records get a 500": lambda: every(2, "GET", "/api/jobs/", refusal(500)),
    "records are not there yet": lambda: first_for_each("GET", "/api/jobs/", NOT_FOUND),
    "downloads get a 500": lambda: every(2, "GET", "/view", refusal(500)),
    "the answer to a download is lost": lambda: every(3, "GET", "/view", LOSE),
    "statistics get a 500": lambda: every(2, "GET", "/system_stats", refusal(500)),
}


LONGER = {"a submission gets a 502", "records get a 500", "downloads get a 500", "statistics get a 500"}


@pytest.mark.parametrize(
    "what", [pytest.param(what, marks=pytest.mark.slow) if what in LONGER else what for what in FAULTS]
)
def test_nothing_is_lost_or_done_twice_when(comfy_server: ComfyServer, tmp_path: Path, what: str) -> None:
    with Proxy(comfy_server.port) as proxy:
        work = Work(Desk(tmp_path, proxy.url), 8, size=64)
        kept: Callable[[], Fault] = FAULTS[what]
        proxy.fault = kept()
        run = command(*work.arguments("--resume"), folder=work.desk.out)
        assert run.code == 0, run.err
    work.assert_all_done_once(comfy_server)


@pytest.mark.slow
def test_nothing_is_lost_or_done_twice_when_sockets_drop_and_then_go_silent(
    comfy_server: ComfyServer, tmp_path: Path
) -> None:
    with Proxy(comfy_server.port) as proxy:
        work = Work(Desk(tmp_path, proxy.url), 24)
        process = work.start()
        for pictures in (3, 6, 9):
            work.wait_for(pictures)
            proxy.drop_websockets()
        work.wait_for(14)
        proxy.freeze_websockets()
        _, said = process.communicate(timeout=HANG_S)
        assert process.returncode == 0, said
        assert proxy.websockets_seen >= 3
        assert len(set(proxy.client_ids)) == proxy.websockets_seen
    work.assert_all_done_once(comfy_server)


@pytest.mark.slow
def test_nothing_is_lost_or_done_twice_when_the_line_is_cut_for_a_while(
    comfy_server: ComfyServer, tmp_path: Path
) -> None:
    with Proxy(comfy_server.port) as proxy:
        work = Work(Desk(tmp_path, proxy.url), 16)
        process = work.start()
        for pictures in (3, 8):
            work.wait_for(pictures)
            proxy.outage(2.0)
        _, said = process.communicate(timeout=HANG_S)
        assert process.returncode == 0, said
        assert "answers again" in said
    work.assert_all_done_once(comfy_server)


def test_a_submission_that_a_proxy_sends_twice_counts_once(comfy_server: ComfyServer, tmp_path: Path) -> None:
    with Proxy(comfy_server.port) as proxy:
        proxy.doubled = ("POST", "/prompt")
        work = Work(Desk(tmp_path, proxy.url), 6, size=64)
        run = command(*work.arguments("--json"), folder=work.desk.out)
        assert run.code == 0, run.err
    assert len(run.of("done")) == 6
    assert results(work.desk.out) == [f"job{number:03}.png" for number in range(6)]
    with sqlite3.connect(work.desk.out / LEDGER_FILE) as db:
        assert db.execute("SELECT COUNT(*) FROM changes WHERE state = 'done'").fetchone() == (6,)


def test_a_proxy_that_takes_no_large_photo_stops_that_photo_only(comfy_server: ComfyServer, tmp_path: Path) -> None:
    with Proxy(comfy_server.port) as proxy:
        proxy.largest = 30_000
        desk = Desk(tmp_path, proxy.url)
        photos = folder_of_photos(desk, "a.png", "c.png")
        desk.photo("in/b.png", size=(200, 200))
        run = batch(desk, inverting(), "--images", photos, "--json")
    assert run.code == 2
    assert results(desk.out) == ["a.png", "c.png"]
    (failed,) = run.of("failed")
    assert "HTTP 413" in failed["message"]
    assert "b.png" in failed["message"]


def test_a_server_that_trickles_is_slow_and_loses_nothing(comfy_server: ComfyServer, tmp_path: Path) -> None:
    with Proxy(comfy_server.port) as proxy:
        work = Work(Desk(tmp_path, proxy.url), 2, size=64)
        proxy.trickle = 0.002
        run = command(*work.arguments(), folder=work.desk.out)
        assert run.code == 0, run.err
    work.assert_all_done_once(comfy_server)


def test_a_submission_that_always_gets_a_500_fails_with_what_the_server_said(
    comfy_server: ComfyServer, tmp_path: Path
) -> None:
    with Proxy(comfy_server.port) as proxy:
        work = Work(Desk(tmp_path, proxy.url), 2, size=64)
        proxy.fault = every(1, "POST", "/prompt", refusal(500, b"the roof is on fire"))
        run = command(*work.arguments("--json"), folder=work.desk.out)
        assert proxy.count("POST", "/prompt") == 6  # three times each
    assert run.code == 4
    assert [event["exit_code"] for event in run.of("failed")] == [4, 4]
    assert all("the roof is on fire" in event["message"] for event in run.of("failed"))


def test_out_of_time_gives_everything_back(comfy_server: ComfyServer, tmp_path: Path) -> None:
    with Proxy(comfy_server.port) as proxy:
        proxy.fault = slowly(0.2)
        work = Work(Desk(tmp_path, proxy.url), 30)
        began = time.monotonic()
        run = command(*work.arguments("--timeout", "2"), folder=work.desk.out)
        assert within(15, began)
        assert run.code == 6, run.err
        assert "failed" not in run.err.replace("0 failed", "")
        assert not list(work.desk.out.rglob("*.part"))
        deadline = time.monotonic() + HANG_S
        while work.prefix in json.dumps(comfy_server.get("/queue")):
            assert time.monotonic() < deadline, "something of it is left on the server"
            time.sleep(0.05)
        run = command(*work.arguments("--resume"), folder=work.desk.out)
        assert run.code == 0, run.err
    work.assert_all_done_once(comfy_server)


def test_names_from_a_template(comfy_server: ComfyServer, tmp_path: Path) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    photos = folder_of_photos(desk, "a.png", "shoes/b.png", "shoes/c.png")
    run = batch(desk, inverting(), "--images", photos, "--name", "shop/{index:>03}-{image}")
    assert run.code == 0, run.err
    assert results(desk.out) == ["shoes/shop/002-b.png", "shoes/shop/003-c.png", "shop/001-a.png"]
    alike = batch(desk, inverting(), "--images", photos, "--name", "same", "--out", tmp_path / "alike")
    assert alike.code == 0, alike.err
    assert results(tmp_path / "alike") == ["same.png", "shoes/same.png", "shoes/same_2.png"]
    wrong = batch(desk, inverting(), "--images", photos, "--name", "{picture}", "--out", tmp_path / "wrong")
    assert wrong.code == 2
    assert "{picture}" in wrong.err


def test_a_full_disk_ends_a_submit_with_what_to_do(
    comfy_server: ComfyServer,
    tmp_path: Path,
    small_disk: tuple[Path, Callable[[str], None]],  # noqa: F811
) -> None:
    place, _ = small_disk
    desk = Desk(tmp_path, comfy_server.url)
    desk.out = place / "out"
    run = desk.submit(inverting(), "--image", desk.photo(size=(800, 800)))
    assert run.code == 2
    for word in ("No space left", "Make room", "The server still has"):
        assert word in run.err
    assert [path for path in place.rglob("*") if path.is_file()] == []


@pytest.mark.slow
def test_ctrl_c_on_two_servers_takes_back_what_is_on_both(comfy_server: ComfyServer, tmp_path: Path) -> None:
    with Proxy(comfy_server.port) as one, Proxy(comfy_server.port) as two:
        one.fault = two.fault = slowly(0.1)
        work = Work(Desk(tmp_path, one.url), 60)
        process = work.start("--server", two.url)
        work.wait_for(6)
        os.kill(process.pid, signal.SIGINT)
        began = time.monotonic()
        _, said = process.communicate(timeout=HANG_S)
        assert process.returncode == 130, said
        assert within(4.0, began)
        assert "Traceback" not in said
        assert not list(work.desk.out.rglob("*.part"))
        deadline = time.monotonic() + HANG_S
        while work.prefix in json.dumps(comfy_server.get("/queue")):
            assert time.monotonic() < deadline, "something of it is left on the server"
            time.sleep(0.05)
        with sqlite3.connect(work.desk.out / LEDGER_FILE) as db:
            assert {state for (state,) in db.execute("SELECT state FROM jobs")} == {"done", "waiting"}
        run = command(*work.arguments("--server", two.url, "--resume"), folder=work.desk.out)
        assert run.code == 0, run.err
    work.assert_all_done_once(comfy_server)


def test_a_server_that_is_not_there_yet_joins_and_one_that_goes_is_not_waited_for(
    comfy_server: ComfyServer, tmp_path: Path
) -> None:
    with Proxy(comfy_server.port) as late, Proxy(comfy_server.port) as early:
        late.outage(120.0)
        early.fault = slowly(0.4)
        work = Work(Desk(tmp_path, early.url), 50)
        process = work.start("--server", late.url)
        work.wait_for(2)
        late.outage(0.0)
        while not late.count("POST", "/prompt"):
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        early.outage(120.0)
        _, said = process.communicate(timeout=HANG_S)
        assert process.returncode == 0, said
        assert "not there yet" in said
        assert f"{early.url} is gone: its jobs go to the others" in said
    work.assert_all_done_once(comfy_server, unseen=2)  # its window


@pytest.mark.slow
def test_a_server_that_never_completes_an_answer_is_left_to_itself(comfy_server: ComfyServer, tmp_path: Path) -> None:
    """A byte a second: no single wait is long, and no answer ever comes."""
    with Proxy(comfy_server.port) as loris:
        work = Work(Desk(tmp_path, comfy_server.url), 40)
        process = work.start("--server", loris.url)
        work.wait_for(5)
        loris.trickle = 1.0
        _, said = process.communicate(timeout=HANG_S)
        assert process.returncode == 0, said
    work.assert_all_done_once(comfy_server, unseen=2)  # its window


@pytest.mark.slow
def test_two_hundred_jobs_through_two_bad_lines(comfy_server: ComfyServer, tmp_path: Path) -> None:
    with Proxy(comfy_server.port) as one, Proxy(comfy_server.port) as two:
        work = Work(Desk(tmp_path, one.url), 200, size=64)
        faults = [
            every(11, "POST", "/prompt", LOSE),
            every(13, "POST", "/prompt", refusal(500)),
            every(17, "POST", "/prompt", refusal(502)),
            every(7, "GET", "/api/jobs/", refusal(500)),
            every(9, "GET", "/api/jobs/", NOT_FOUND),
            every(5, "GET", "/view", refusal(500)),
            every(8, "GET", "/view", LOSE),
        ]
        guard = threading.Lock()

        def any_of_them(method: str, path: str) -> bytes | None:
            with guard:
                return next((answer for fault in faults if (answer := fault(method, path)) is not PASS), PASS)

        one.fault = two.fault = any_of_them
        process = work.start("--server", two.url, "--resume")
        for pictures in (30, 60, 90, 120):
            work.wait_for(pictures)
            one.drop_websockets()
            two.outage(3.0)
        _, said = process.communicate(timeout=HANG_S)
        assert process.returncode == 0, said
    work.assert_all_done_once(comfy_server, unseen=8)  # two at each outage
