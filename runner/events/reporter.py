"""Three ways to show a run: a live bar per job on a terminal, plain lines elsewhere, JSON lines for `--json`.

What people read goes to standard error; standard output carries results only (paths, or JSON lines).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TextIO

from runner import console, events
from runner.events.lines import Lines
from runner.events.readable import readable

if TYPE_CHECKING:
    from runner.events.bars import LiveBars

PROGRESS_EVERY_S = 5.0
"""Steps of a job in a log without a terminal: often enough to see that it goes on, seldom enough to be read."""


class Reporter:
    """Shows events. `notice` is for people only. Use as a context manager: a live display must be taken down."""

    def __init__(self, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._err = err or sys.stderr
        self._told: set[str] = set()

    def __enter__(self) -> Reporter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        pass

    def event(self, event: events.Event) -> None:
        raise NotImplementedError

    def notice(self, text: str) -> None:
        console.line(text, self._err)

    def once(self, text: str) -> None:
        """A notice that is the same for many jobs, said a single time."""
        if text not in self._told:
            self._told.add(text)
            self.notice(text)

    def result(self, path: str) -> None:
        console.result(path, self._out)


class Relay(Reporter):
    """Hands on what a session reports to somebody who does more with it than show it."""

    def __init__(
        self,
        event: Callable[[events.Event], None],
        notice: Callable[[str], None],
        once: Callable[[str], None] | None = None,
    ) -> None:
        """`once`: told of what is to be said a single time, where others say the same; None: that is seen to here."""
        super().__init__()
        self._event, self._notice, self._once = event, notice, once

    def event(self, event: events.Event) -> None:
        self._event(event)

    def notice(self, text: str) -> None:
        self._notice(text)

    def once(self, text: str) -> None:
        if self._once is None:
            super().once(text)
        else:
            self._once(text)


class JsonReporter(Reporter):
    """One JSON object per line on standard output, as it happens."""

    def event(self, event: events.Event) -> None:
        console.json_line(event.as_json(), self._out)

    def result(self, path: str) -> None:
        pass  # the `output` event has said it


class PlainReporter(Reporter):
    """A line per thing worth knowing, without escape codes: for logs and pipes."""

    def __init__(self, jobs: int | None = None, out: TextIO | None = None, err: TextIO | None = None) -> None:
        super().__init__(out, err)
        self._lines = Lines(jobs)
        self._last: dict[int, float] = {}

    def event(self, event: events.Event) -> None:
        event = readable(event)
        if not (isinstance(event, events.Progress) and self._is_soon(event)) and (line := self._lines.line(event)):
            self.notice(line)
        if isinstance(event, events.Output):
            self.result(event.path)

    def _is_soon(self, event: events.Progress) -> bool:
        """Whether the job's last step was told just before; the last of a node is always told."""
        now = time.monotonic()
        if now - self._last.get(event.job, now - PROGRESS_EVERY_S) < PROGRESS_EVERY_S and event.value < event.max:
            return True
        self._last[event.job] = now
        return False


class TerminalReporter(Reporter):
    """A live bar per job. rich is imported when the first event is shown: by then the job is on its way."""

    def __init__(self, jobs: int | None = None) -> None:
        super().__init__()
        self._jobs = jobs
        self._bars: LiveBars | None = None

    def event(self, event: events.Event) -> None:
        if self._bars is None:
            from runner.events.bars import LiveBars

            self._bars = LiveBars(self._err, self._jobs)
        self._bars.event(readable(event))
        if isinstance(event, events.Output) and not self._out.isatty():
            self.result(event.path)

    def notice(self, text: str) -> None:
        if self._bars is None:
            super().notice(text)
        else:
            self._bars.notice(console.clean(text))

    def close(self) -> None:
        if self._bars is not None:
            self._bars.close()


def make_reporter(*, json_lines: bool, jobs: int | None = None) -> Reporter:
    """JSON lines where asked for, bars on a terminal, plain lines elsewhere."""
    if json_lines:
        return JsonReporter()
    return TerminalReporter(jobs) if is_terminal(sys.stderr) else PlainReporter(jobs)


def is_terminal(stream: Any) -> bool:
    return bool(stream.isatty()) and os.environ.get("TERM", "") != "dumb"
