"""Jobs made ready ahead of need: in order, not too far ahead, and never in the way of what the server says."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner import events
from runner.events.reporter import Reporter
from runner.execution.job import JobSpec
from runner.execution.prefetch import Prefetch
from runner.execution.session import Session
from runner.server.websocket import Inbox
from tests.support.comfy import ComfyServer
from tests.support.runs import slow
from tests.support.speed import HANG_S


def spec(index: int) -> JobSpec:
    return JobSpec(index, "w", {}, {}, Path("x"))


def taken(prefetch: Prefetch, timeout: float = 5.0) -> list[int]:
    found, deadline = [], time.monotonic() + timeout
    while not prefetch.exhausted:
        assert time.monotonic() < deadline
        item = prefetch.take()
        if item is None:
            time.sleep(0.005)
        else:
            found.append(item.index)
    return found


def test_in_order_and_all() -> None:
    prefetch = Prefetch(map(spec, range(20)), Inbox())
    prefetch.start()
    assert taken(prefetch) == list(range(20))
    assert prefetch.take() is None


def test_no_further_ahead_than_asked() -> None:
    made = []

    def specs() -> Iterator[JobSpec]:
        for index in range(10):
            made.append(index)
            yield spec(index)

    inbox: Inbox = queue.SimpleQueue()
    prefetch = Prefetch(specs(), inbox, ahead=2)
    prefetch.start()
    for count in (3, 4):  # two wait, the third is made and waits for room
        deadline = time.monotonic() + HANG_S
        while len(made) < count:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(0.3)
        assert len(made) == count
        if count == 3:
            assert prefetch.take() is not None
    prefetch.stop()
    prefetch.join(HANG_S)
    assert not prefetch.is_alive()
    assert len(made) <= 5


def test_what_goes_wrong_while_making_one_ready_is_raised_in_its_turn() -> None:
    def specs() -> Iterator[JobSpec]:
        yield spec(1)
        raise ValueError("no such photo")

    prefetch = Prefetch(specs(), Inbox())
    prefetch.start()
    with pytest.raises(ValueError, match="no such photo"):
        taken(prefetch)
    assert prefetch.exhausted


def test_progress_is_told_while_the_next_job_is_made_ready(comfy_server: ComfyServer, tmp_path: Path) -> None:
    """The second job's photo takes two seconds to prepare; the first one's progress must not wait for it."""
    seen: list[tuple[float, events.Event]] = []
    preparing: list[tuple[float, float]] = []

    class Recorder(Reporter):
        def event(self, event: events.Event) -> None:
            seen.append((time.monotonic(), event))

    seed = time.monotonic_ns() % 10**9

    def specs() -> Iterator[JobSpec]:
        yield JobSpec(1, "slow", slow(6, size=128, seed=seed), {}, Path("one"))
        began = time.monotonic()
        threading.Event().wait(2.0)
        preparing.append((began, time.monotonic()))
        yield JobSpec(2, "slow", slow(2, size=64, seed=seed + 1), {}, Path("two"))

    with Session(comfy_server.url, tmp_path, Recorder(), workflow="slow") as session:
        results = session.run(specs())
    assert all(result.saved for result in results)
    began, ended = preparing[0]
    told = [moment for moment, event in seen if isinstance(event, events.NodeStarted) and event.job == 1]
    assert len([moment for moment in told if began - 0.2 < moment < ended - 0.1]) >= 3
