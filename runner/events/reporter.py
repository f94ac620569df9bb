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
from runner.events.level import Level
from runner.events.lines import Lines
from runner.events.readable import readable
from runner.words import hanging

if TYPE_CHECKING:
    from runner.events.bars import LiveBars

PROGRESS_EVERY_S = 5.0
"""Steps of a job in a log without a terminal: often enough to see that it goes on, seldom enough to be read."""
SIGN_OF_LIFE_S = 30.0
"""Without a terminal, and unless every step is asked for: how often a job says what it is at."""


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
        console.line(hanging(text), self._err)

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

    def __init__(
        self,
        jobs: int | None = None,
        out: TextIO | None = None,
        err: TextIO | None = None,
        level: Level = Level.NORMAL,
        *,
        is_piped: bool = False,
    ) -> None:
        super().__init__(out, err)
        self._lines, self._level = Lines(jobs, level, is_piped=is_piped), level
        self._last: dict[int, float] = {}
        self._closed = False

    def event(self, event: events.Event) -> None:
        path, event = getattr(event, "path", ""), readable(event)
        if not self._is_too_much(event) and (line := self._lines.line(event)):
            super().notice(line)
        if isinstance(event, events.Output):
            self.result(path)

    def notice(self, text: str) -> None:
        if self._level > Level.QUIET or text.startswith(("warning", "error")):
            super().notice(text)

    def once(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            super().notice(text)

    def close(self) -> None:
        if not self._closed and self._level > Level.QUIET and (last := self._lines.last()):
            super().notice(last)
        self._closed = True

    def _is_too_much(self, event: events.Event) -> bool:
        if isinstance(event, events.Queued) and self._level == Level.NORMAL:
            return event.position is not None and self._is_soon(event.job, SIGN_OF_LIFE_S)
        if not event.is_progress:
            return self._level == Level.QUIET and not isinstance(event, events.Failed | events.Output | events.Done)
        if self._level < Level.VERBOSE:
            return self._level == Level.QUIET or self._is_soon(event.job, SIGN_OF_LIFE_S, at_first=True)
        is_last = isinstance(event, events.Progress) and event.value >= event.max
        return isinstance(event, events.Progress) and self._is_soon(event.job, PROGRESS_EVERY_S) and not is_last

    def _is_soon(self, job: int, seconds: float, *, at_first: bool = False) -> bool:
        """Whether the job has said something just before. `at_first`: the first time counts as just before, too."""
        now = time.monotonic()
        if job in self._last and now - self._last[job] < seconds:
            return True
        is_first = job not in self._last
        self._last[job] = now
        return is_first and at_first


class TerminalReporter(Reporter):
    """A live bar per job. rich is imported when the first event is shown: by then the job is on its way."""

    def __init__(self, jobs: int | None = None, level: Level = Level.NORMAL, *, is_piped: bool = False) -> None:
        super().__init__()
        self._lines = Lines(jobs, level, is_piped=is_piped)
        self._bars: LiveBars | None = None

    def event(self, event: events.Event) -> None:
        if self._bars is None:
            from runner.events.bars import LiveBars

            self._bars = LiveBars(self._err, self._lines)
        self._bars.event(readable(event))
        if isinstance(event, events.Output) and not self._out.isatty():
            self.result(event.path)

    def notice(self, text: str) -> None:
        if self._bars is None:
            super().notice(text)
        else:
            self._bars.notice(hanging(console.clean(text)))

    def close(self) -> None:
        if self._bars is not None:
            self._bars.close()
            self._bars = None
            if last := self._lines.last():
                self.notice(last)


def make_reporter(
    *, json_lines: bool, jobs: int | None = None, level: Level = Level.NORMAL, is_piped: bool = False
) -> Reporter:
    """JSON lines where asked for, bars on a terminal, plain lines elsewhere, and where all or nothing is to be said.

    `is_piped`: the result itself goes to standard output, and its files are gone at the end.
    """
    if json_lines:
        return JsonReporter()
    if level == Level.NORMAL and is_terminal(sys.stderr):
        return TerminalReporter(jobs, level, is_piped=is_piped)
    return PlainReporter(jobs, level=level, is_piped=is_piped)


def is_terminal(stream: Any) -> bool:
    return bool(stream.isatty()) and os.environ.get("TERM", "") != "dumb"
