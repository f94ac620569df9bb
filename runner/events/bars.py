"""The live display: one bar per job with its node, step, speed, time to go and place in the queue."""

from __future__ import annotations

import time
from typing import TextIO

from rich.progress import Progress, TaskID

from runner import console, events, log
from runner.events.layout import LiveConsole, columns
from runner.events.lines import Lines

_LONGEST_S = 1e6
"""A pass that would take longer, some eleven days, has no time left to be told."""
_TICKS = 3  # a drawing costs some 3 ms: the clock and the spinner need no more, and news is drawn when it comes


class LiveBars:
    """Bars for the jobs under way; a finished job becomes a line above them."""

    def __init__(self, stream: TextIO, lines: Lines) -> None:
        self._lines = lines
        self._console = LiveConsole(file=stream, highlight=False, soft_wrap=True)
        self._tasks: dict[int, TaskID] = {}
        self._speeds: dict[int, Speed] = {}
        self._nodes: dict[int, events.NodeStarted] = {}
        self._progress = Progress(
            *columns(self._console.width),
            console=self._console,
            expand=True,
            transient=True,
            refresh_per_second=_TICKS,
        )
        self._progress.start()
        self._drawn = 0.0

    def event(self, event: events.Event) -> None:
        if isinstance(event, events.Queued):
            self._queued(event)
        elif event.is_progress:
            if event.job in self._tasks:
                self._moved(event)
        elif isinstance(event, events.Output):
            self.notice("\n".join(filter(None, [event.text, "" if self._lines.is_piped else event.path])))
        else:
            if event.ends_job:
                self._drop(event.job)
            if line := self._lines.line(event):
                self.notice(line)
        self._show()

    def notice(self, text: str) -> None:
        log.record(text)
        self._console.print(console.wrapped(text, self._console.width), markup=False)

    def close(self) -> None:
        self._progress.stop()

    def _show(self) -> None:
        """Draw what is new at once, unless something was drawn just before: then the next tick does."""
        now = time.monotonic()
        if now - self._drawn >= 1 / _TICKS:
            self._drawn = now
            self._progress.refresh()

    def _queued(self, event: events.Queued) -> None:
        task = self._tasks.get(event.job)
        if task is not None and event.position:
            self._progress.update(task, state=f"waiting, {event.position} before it")
            return
        self._drop(event.job)
        label = f"{self._lines.label(event.job)}{event.workflow or 'job'}{events.seed_text(event.seed)}"
        self._tasks[event.job] = self._progress.add_task("", total=None, label=label, state="queued")

    def _moved(self, event: events.Event) -> None:
        task = self._tasks[event.job]
        if isinstance(event, events.NodeStarted):
            self._nodes[event.job] = event
            self._speeds.pop(event.job, None)
            self._progress.update(task, total=event.total, completed=event.done, state=event.doing or event.title)
        elif isinstance(event, events.Progress) and event.max > 0:
            node = self._nodes.get(event.job)
            done = (node.done if node else 0) + event.value / event.max
            speed = self._speeds.setdefault(event.job, Speed())
            speed.tick(event.value)
            steps = f" {event.value:g}/{event.max:g}" if event.max > 1 else ""
            state = f"{event.doing or event.title}{steps}{speed.text(event.max - event.value)}"
            self._progress.update(task, completed=done, state=state)
        elif isinstance(event, events.Started):
            self._progress.update(task, state="started")

    def _drop(self, job: int) -> None:
        task = self._tasks.pop(job, None)
        self._nodes.pop(job, None)
        self._speeds.pop(job, None)
        if task is not None:
            self._progress.remove_task(task)


class Speed:
    """Steps a second since the first step of a node, and the time to go from that.

    Rich measures a bar, which is the whole graph here, and has columns for bytes a second only.
    """

    def __init__(self) -> None:
        self._first: tuple[float, float] | None = None
        self._rate = 0.0

    def tick(self, value: float) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first = (now, value)
        elif now > self._first[0]:
            self._rate = (value - self._first[1]) / (now - self._first[0])

    def text(self, left: float) -> str:
        if self._rate <= 0:
            return ""
        pace = f"{self._rate:.1f} it/s" if self._rate >= 1 else f"{1 / self._rate:.1f} s/it"
        if left > self._rate * _LONGEST_S:
            return ""
        seconds = round(left / self._rate)
        return f", {pace}, {seconds // 60}:{seconds % 60:02d} to go"
