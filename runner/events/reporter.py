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
from runner.events.readable import readable
from runner.events.wording import candidate_text, done_text, failed_text, job_label, preview_text, seed_text

if TYPE_CHECKING:
    from runner.events.bars import LiveBars

PROGRESS_EVERY_S = 5.0


class Reporter:
    """Shows events. `notice` is for people only. Use as a context manager: a live display must be taken down."""

    def __init__(self, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._err = err or sys.stderr
        self._said: set[str] = set()

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
        if text not in self._said:
            self._said.add(text)
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
        self._jobs = jobs
        self._last: dict[int, float] = {}
        self._previewed: set[str] = set()

    def event(self, event: events.Event) -> None:
        line = self._line(readable(event))
        if line:
            self.notice(f"{job_label(event.job, self._jobs)}{line}")
        if isinstance(event, events.Output):
            self.result(event.path)

    def _line(self, event: events.Event) -> str:
        line = ""
        if isinstance(event, events.Queued) and event.position:
            line = f"waiting, {event.position} before it in the queue"
        elif isinstance(event, events.Queued) and event.position is None:
            again = f", again instead of {event.retry_of}" if event.retry_of else ""
            line = f"queued {event.workflow or ''}{seed_text(event.seed)} as {event.prompt_id}{again}"
        elif isinstance(event, events.NodeStarted):
            line = f"[{event.done + 1}/{event.total}] {event.title}"
        elif isinstance(event, events.Progress):
            line = self._progress(event)
        elif isinstance(event, events.Preview):
            line = self._preview(event)
        elif isinstance(event, events.Done):
            line = done_text(event)
        elif isinstance(event, events.Candidate):
            line = candidate_text(event)
        elif isinstance(event, events.Failed):
            line = failed_text(event)
        return line

    def _preview(self, event: events.Preview) -> str:
        known, self._previewed = event.path in self._previewed, self._previewed | {event.path}
        return "" if known else preview_text(event)

    def _progress(self, event: events.Progress) -> str:
        now = time.monotonic()
        if now - self._last.get(event.job, now - PROGRESS_EVERY_S) < PROGRESS_EVERY_S and event.value < event.max:
            return ""
        self._last[event.job] = now
        return f"{event.title}: {event.value:g} of {event.max:g}" if event.max > 1 else ""


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
