"""How a run shows itself: bars on a terminal, plain lines in a pipe, JSON lines on request."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from runner import events
from runner.batch.live import BatchBar, BatchLines
from runner.events.bars import LiveBars, Speed
from runner.events.level import Level
from runner.events.lines import Lines
from runner.events.reporter import JsonReporter, PlainReporter
from tests.support.comfy import REPO, ComfyServer
from tests.support.runs import Desk, inverting, slow
from tests.support.speed import HANG_S, within


def story() -> list[events.Event]:
    return [
        events.Queued(1, "id", workflow="packshot.v1", seed=7),
        events.Queued(1, "id", workflow="packshot.v1", seed=7, position=2),
        events.Started(1, "id"),
        events.Cached(1, "id", nodes=("1",)),
        events.NodeStarted(1, "id", node="2", title="Sampler", done=1, total=4),
        events.Progress(1, "id", node="2", title="Sampler", value=1, max=20),
        events.Progress(1, "id", node="2", title="Sampler", value=2, max=20),
        events.Progress(1, "id", node="2", title="Sampler", value=20, max=20),
        events.Output(1, "id", path="out/a.png", output="result"),
        events.Done(1, "id", files=("out/a.png",), sidecar="out/a.json", seconds=1.25),
        events.Failed(2, "id2", message="it broke", exit_code=5, advice="mend it", node="3"),
    ]


def test_json_lines_hold_exactly_what_happened() -> None:
    out, err = io.StringIO(), io.StringIO()
    reporter = JsonReporter(out, err)
    for event in story():
        reporter.event(event)
    reporter.notice("for people")
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["event"] for line in lines] == [
        "queued", "queued", "started", "cached", "node", "progress", "progress", "progress", "output", "done", "failed",
    ]  # fmt: skip
    assert all("prompt_id" in line for line in lines)
    assert lines[0] == {"event": "queued", "prompt_id": "id", "job": 1, "workflow": "packshot.v1", "seed": 7}
    assert lines[1]["position"] == 2
    assert lines[3]["nodes"] == ["1"]
    assert lines[-1] == {
        "event": "failed", "prompt_id": "id2", "job": 2, "message": "it broke", "exit_code": 5, "advice": "mend it",
        "node": "3",
    }  # fmt: skip
    assert err.getvalue() == "for people\n"


def test_plain_lines_say_each_thing_once() -> None:
    out, err = io.StringIO(), io.StringIO()
    reporter = PlainReporter(2, out, err, Level.VERBOSE)
    for event in story():
        reporter.event(event)
    assert out.getvalue() == "out/a.png\n"
    assert err.getvalue().splitlines() == [
        "1/2 queued packshot.v1, seed 7",
        "1/2 waiting, 2 before it in the queue",
        "1/2 [2/4] Sampler",
        "1/2 Sampler 1/20",
        "1/2 Sampler 20/20",
        "1/2 done in 1.2 s",
        "2/2 failed: it broke",
        "  mend it",
    ]


@dataclass(frozen=True)
class Paused(events.Event):
    """An event that no display has heard of."""

    kind: ClassVar[str] = "paused"

    def describe(self) -> str:
        return "paused: the lamp is warm"


def test_an_event_that_is_new_is_shown_by_every_display(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only its class and where it comes from have to be written."""
    event = Paused(1, "id")
    lines, json_lines, bars = (io.StringIO() for _ in range(3))
    live = LiveBars(bars, Lines(1))
    for display in (PlainReporter(1, io.StringIO(), lines), JsonReporter(json_lines, io.StringIO()), live):
        display.event(event)
    live.close()
    assert lines.getvalue() == "paused: the lamp is warm\n"
    assert "paused: the lamp is warm" in bars.getvalue()
    assert json.loads(json_lines.getvalue())["event"] == "paused"
    for batch in (BatchLines, BatchBar):
        err = io.StringIO()
        monkeypatch.setattr(sys, "stderr", err)
        with batch() as view:
            view.begin(2, 0)
            view.named(1, "bag.jpg", "here")
            view.event(event)
        assert "bag.jpg: paused: the lamp is warm" in err.getvalue()


def test_bars_survive_any_order_of_events() -> None:
    for shift in range(len(story())):
        stream = io.StringIO()
        bars = LiveBars(stream, Lines(None))
        for event in story()[shift:] + story()[:shift]:
            bars.event(event)
        bars.close()
        assert "out/a.png" in stream.getvalue()
        assert "mend it" in stream.getvalue()


def test_an_interruption_is_said_once_and_by_the_run() -> None:
    err = io.StringIO()
    PlainReporter(1, io.StringIO(), err).event(events.Failed(1, "id", message="interrupted", exit_code=130))
    assert err.getvalue() == ""


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_bar_leaves_room_for_what_the_terminal_shows_of_ctrl_c(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """At the edge it would begin a line of its own, and the bar above could not be taken away."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    err = io.StringIO()
    monkeypatch.setattr(sys, "stderr", err)
    with BatchBar() as view:
        view.begin(2, 0)
        view.named(1, "a photo with a long name.jpg", "here")
        for event in story()[:8]:
            view.event(event)
        view.event(events.Done(1, "id", seconds=1.0))
    drawn = re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", err.getvalue()))
    assert any("jobs" in row for row in drawn), drawn
    assert max(map(len, drawn)) <= columns - 2


def test_speed_and_time_to_go(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 2.0, 4.0])
    monkeypatch.setattr("runner.events.bars.time.monotonic", lambda: next(clock))
    speed = Speed()
    speed.tick(1)
    assert speed.text(10) == ""
    speed.tick(2)
    assert speed.text(40) == ", 2.0 s/it, 1:20 to go"
    speed.tick(13)
    assert speed.text(30) == ", 3.0 it/s, 0:10 to go"


class Terminal:
    """A command on a pseudo terminal, and everything that appeared there."""

    def __init__(self, *arguments: str) -> None:
        primary, secondary = pty.openpty()
        environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"}
        start = (
            "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
            "from runner.__main__ import main; sys.exit(main())"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", start, *arguments],
            cwd=REPO,
            env=environment,
            stdin=secondary,
            stdout=secondary,
            stderr=secondary,
        )
        os.close(secondary)
        self._seen = bytearray()
        self._thread = threading.Thread(target=self._read, args=(primary,), daemon=True)
        self._thread.start()

    def _read(self, primary: int) -> None:
        with contextlib.suppress(OSError):  # how a pseudo terminal says that nobody is left on it
            while data := os.read(primary, 65536):
                self._seen += data

    @property
    def text(self) -> str:
        return self._seen.decode(errors="replace")

    def wait_for(self, word: str, seconds: float = HANG_S) -> None:
        deadline = time.monotonic() + seconds
        while word not in self.text:
            assert time.monotonic() < deadline, self.text
            assert self.process.poll() is None, self.text
            time.sleep(0.02)

    def end(self) -> int:
        code = self.process.wait(timeout=HANG_S)
        self._thread.join(HANG_S)
        return code


def test_a_terminal_gets_a_bar_and_the_path(comfy_server: ComfyServer, tmp_path: Path) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    terminal = Terminal(*desk.arguments(inverting(), "--image", desk.photo(), "--name", "result"))
    assert terminal.end() == 0, terminal.text
    assert "\x1b[" in terminal.text
    assert "done in" in terminal.text
    assert str(desk.out / "result.png") in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r?\n", "", terminal.text)


def test_ctrl_c_on_a_terminal_gives_the_cursor_back(comfy_server: ComfyServer, tmp_path: Path) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    terminal = Terminal(*desk.arguments(slow(60, seed=time.monotonic_ns() % 10**9), "--count", "2"))
    terminal.wait_for("Image Blur")
    began = time.monotonic()
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    assert within(2.0, began)
    assert terminal.text.rindex("\x1b[?25h") > terminal.text.rindex("\x1b[?25l")
    assert "Traceback" not in terminal.text
    assert terminal.text.lower().count("interrupted") == 1


def test_a_pipe_gets_no_escape_codes(comfy_server: ComfyServer, tmp_path: Path) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    process = desk.start(inverting(), "--image", desk.photo())
    out, err = process.communicate(timeout=HANG_S)
    assert process.returncode == 0, err
    assert "\x1b" not in out + err
    assert Path(out.strip()).is_file()
