"""A batch as a person watches it: one bar with the time to go on a terminal, a line per finished job elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from runner import console, events
from runner.batch.metrics import clock
from runner.errors import EXIT_INTERRUPTED
from runner.events.readable import readable
from runner.events.reporter import JsonReporter, Reporter, is_terminal

if TYPE_CHECKING:
    from rich.progress import Progress


class BatchReporter(Reporter):
    """Counts ends and knows what the jobs are called. `begin` is called once, when the number of jobs is known."""

    def __init__(self) -> None:
        super().__init__()
        self.titles: dict[int, str] = {}
        self.servers: dict[int, str] = {}
        self._total = self._before = self._ended = 0
        self._began = time.monotonic()
        self._guard = threading.RLock()

    def __enter__(self) -> BatchReporter:
        return self

    def begin(self, total: int, ended: int) -> None:
        """`ended` of the `total` jobs were through before this run."""
        self._total, self._before, self._began = total, ended, time.monotonic()

    def named(self, job: int, title: str, server: str) -> None:
        self.titles[job], self.servers[job] = console.clean_line(title), console.clean_line(server)

    def event(self, event: events.Event) -> None:
        with self._guard:
            if isinstance(event, events.Output):
                self.saved(event.path)
                return
            event = readable(event)
            if isinstance(event, events.Failed) and event.exit_code == EXIT_INTERRUPTED:
                pass  # given back to the ledger, not failed
            elif event.ends_job:
                self._ended += 1
                self.ended(event)
            elif event.is_progress:
                self.moved(event)
            elif text := event.describe():
                self.say(f"{self.title(event.job)}: {text}")
            if event.ends_job:
                self.titles.pop(event.job, None)
                self.servers.pop(event.job, None)

    def notice(self, text: str) -> None:
        with self._guard:
            self.say(text)

    def saved(self, path: str) -> None:
        self.result(path)

    def ended(self, event: events.Event) -> None:
        """A job is through."""
        first, *more = event.describe().split("\n")
        through = f"[{self._before + self._ended}/{self._total}]"
        self.say("\n".join([f"{through} {self.title(event.job)}: {first}{self.after_an_end()}", *more]))

    def after_an_end(self) -> str:
        """What else to say in the line of a job's end."""
        return ""

    def title(self, job: int) -> str:
        """What people call a job."""
        return self.titles.get(job, f"job {job}")

    def moved(self, event: events.Event) -> None:
        pass

    def say(self, text: str) -> None:
        super().notice(text)

    def to_go(self) -> str:
        """The time to go, from the pace of this run; empty before the first end."""
        left = self._total - self._before - self._ended
        if self._ended == 0 or left <= 0:
            return ""
        return f"{clock((time.monotonic() - self._began) / self._ended * left)} to go"


class BatchLines(BatchReporter):
    """For logs and pipes: a line per finished job."""

    def after_an_end(self) -> str:
        ahead = self.to_go()
        return f" ({ahead})" if ahead else ""


class BatchJson(BatchReporter):
    """JSON lines on standard output, what people read on standard error."""

    def __init__(self) -> None:
        super().__init__()
        self._lines = JsonReporter()

    def event(self, event: events.Event) -> None:
        with self._guard:
            self._lines.event(event)


class BatchBar(BatchReporter):
    """One bar for the batch, a line per server with its node and step; failures and notices appear above."""

    def __init__(self) -> None:
        super().__init__()
        self._progress: Progress | None = None
        self._bar: Any = None
        self._rows: dict[str, Any] = {}

    def begin(self, total: int, ended: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        super().begin(total, ended)
        console = Console(file=self._err, highlight=False, soft_wrap=True)
        columns = (TextColumn("{task.fields[label]}", markup=False), BarColumn(bar_width=30))
        text = TextColumn("{task.fields[state]}", markup=False)
        self._progress = Progress(*columns, text, console=console, transient=True, refresh_per_second=3)
        self._progress.start()
        self._bar = self._progress.add_task("", total=total, completed=ended, label="batch", state=f"{ended}/{total}")

    def ended(self, event: events.Event) -> None:
        if not isinstance(event, events.Done) or event.warnings:
            super().ended(event)
        if self._progress is not None:
            through = self._before + self._ended
            state = f"{through}/{self._total}  {self.to_go()}"
            self._progress.update(self._bar, completed=through, state=state)

    def saved(self, path: str) -> None:
        if not self._out.isatty():
            self.result(path)

    def moved(self, event: events.Event) -> None:
        if self._progress is None or not isinstance(event, (events.NodeStarted, events.Progress)):
            return
        server, title = self.servers.get(event.job, ""), self.title(event.job)
        if server not in self._rows:
            self._rows[server] = self._progress.add_task("", total=1, label=f"  {server}", state="")
        if isinstance(event, events.NodeStarted):
            share, what = event.done / max(1, event.total), event.title
        else:
            share, what = event.value / max(1.0, event.max), f"{event.title} {event.value:g}/{event.max:g}"
        self._progress.update(self._rows[server], completed=share, state=f"{title}: {what}")

    def say(self, text: str) -> None:
        if self._progress is None:
            super().say(text)
        else:
            self._progress.console.print(console.clean(text), markup=False)

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def make_view(*, json_lines: bool) -> BatchReporter:
    """JSON lines where asked for, a bar on a terminal, plain lines elsewhere."""
    if json_lines:
        return BatchJson()
    return BatchBar() if is_terminal(sys.stderr) else BatchLines()
