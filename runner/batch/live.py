"""A batch as a person watches it: one bar with the time to go on a terminal, a line per finished job elsewhere."""

from __future__ import annotations

import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner import console, events, log
from runner.batch.alone import without_commands
from runner.batch.pace import Pace
from runner.batch.photo_folder import PHOTO_SUFFIXES
from runner.errors import EXIT_INTERRUPTED
from runner.events.level import Level
from runner.events.readable import readable
from runner.events.reporter import JsonReporter, Reporter, is_terminal
from runner.invocation import spell
from runner.words import counted, duration, hanging

if TYPE_CHECKING:
    from rich.progress import Progress


class BatchReporter(Reporter):
    """Counts ends and knows what the jobs are called. `begin` is called once, when the number of jobs is known."""

    def __init__(self, level: Level = Level.NORMAL) -> None:
        super().__init__()
        self.level = level
        self.names: dict[int, str] = {}
        """What jobs are called, where that is more than their titles."""
        self.titles: dict[int, str] = {}
        self.servers: dict[int, str] = {}
        self._total = self._before = self._ended = 0
        self._pace = Pace()
        self._advised: set[str] = set()
        self._guard = threading.RLock()

    def __enter__(self) -> BatchReporter:
        return self

    def begin(self, total: int, ended: int) -> None:
        """`ended` of the `total` jobs were through before this run."""
        self._total, self._before, self._pace = total, ended, Pace()

    def expect(self, total: int, again: int = 0) -> None:
        """There are more jobs than there were when it began; `again` of those that had ended are made again."""
        self._total = total
        self._ended -= min(again, self._ended)

    def named(self, job: int, title: str, server: str) -> None:
        self.titles[job] = console.clean_line(self.names.get(job, title))
        self.servers[job] = console.clean_line(server)

    def event(self, event: events.Event) -> None:
        with self._guard:
            if isinstance(event, events.Output):
                if event.text:
                    self.say(f"{self.title(event.job)}: {hanging(console.clean(event.text))}")
                self.saved(event.path)
                return
            event = readable(event)
            if isinstance(event, events.Failed) and event.exit_code == EXIT_INTERRUPTED:
                pass  # given back to the ledger, not failed
            elif event.ends_job:
                self._ended += 1
                self._pace.ended(made=isinstance(event, events.Done))
                self.ended(event)
            elif event.is_progress:
                self.moved(event)
            elif self.level > Level.QUIET and (text := event.describe()):
                self.say(f"{self.title(event.job)}: {text}")
            if event.ends_job:
                self.titles.pop(event.job, None)
                self.servers.pop(event.job, None)

    def notice(self, text: str) -> None:
        with self._guard:
            if self.level > Level.QUIET or text.startswith(("warning", "failed")):
                self.say(hanging(text))

    def saved(self, path: str) -> None:
        self.result(path)

    def ended(self, event: events.Event) -> None:
        """A job is through."""
        if self.level == Level.QUIET and isinstance(event, events.Done) and not event.warnings:
            return
        first, *more = self._described(event).split("\n")
        through = f"[{self._before + self._ended}/{self._total}]"
        self.say("\n".join([f"{through} {self.title(event.job)}: {first}{self.after_an_end()}", *more]))

    def _described(self, event: events.Event) -> str:
        """What to say of an end: what to try is said once, where it is the same for many."""
        if not isinstance(event, events.Failed):
            return event.describe()
        advice, trace = event.advice or "", f"\n{event.trace}" if event.trace and self.level >= Level.VERBOSE else ""
        said = without_commands(advice)
        shown = replace(event, advice=None) if said in self._advised else event
        self._advised.add(said)
        return f"{shown.describe()}{trace}"

    def after_an_end(self) -> str:
        """What else to say in the line of a job's end."""
        return ""

    def was_done(self, event: events.Output | events.Done) -> None:
        """A result of an earlier run, told as this one's would be."""
        if isinstance(event, events.Output):
            self.saved(event.path)

    def nothing_to_make(self, done: int, total: int, out: Path, more: str = "") -> None:
        """The last line where no job was left to do."""
        self.notice(
            f"nothing to make: {done} of {total} were done before{more}; results in {out}. "
            "To make them anew, name another folder with --out."
        )

    def ends(self, made: int, total: int, failed: int, out: Path, seconds: float, more: str = "") -> None:
        """The last line: what was made, where, in how long; `more`: what else counts of what was made."""
        more += f", {failed} failed" if failed else ""
        left = f", {total - made - failed} not finished" if total > made + failed else ""
        page = f"; a page about them: {spell('report', str(out))}" if total > 1 else ""
        what = f"{made} of {counted(total, 'job')}{more}{left}"
        self.notice(f"done in {duration(seconds)}: {what}; results in {out}{page}")

    def title(self, job: int) -> str:
        """What people call a job."""
        return self.titles.get(job, f"job {job}")

    def moved(self, event: events.Event) -> None:
        pass

    def say(self, text: str) -> None:
        super().notice(text)

    def to_go(self) -> str:
        """The time to go, from the pace of this run; empty before the first end."""
        seconds = self._pace.to_go(self._total - self._before - self._ended)
        return "" if seconds is None else f"{duration(seconds)} to go"


class BatchLines(BatchReporter):
    """For logs and pipes: a line per finished job."""

    def after_an_end(self) -> str:
        ahead = self.to_go()
        return f" ({ahead})" if ahead else ""

    def moved(self, event: events.Event) -> None:
        if self.level >= Level.VERBOSE and (text := event.describe()):
            self.say(f"{self.title(event.job)}: {text}")


class BatchJson(BatchReporter):
    """JSON lines on standard output, what people read on standard error."""

    def __init__(self, level: Level = Level.NORMAL) -> None:
        super().__init__(level)
        self._lines = JsonReporter()

    def event(self, event: events.Event) -> None:
        with self._guard:
            title = self.titles.get(event.job, "")
            if isinstance(event, events.Failed) and Path(title).suffix.lower() in PHOTO_SUFFIXES:
                event = replace(event, photos=event.photos or (title,))
            self._lines.event(event)

    def was_done(self, event: events.Output | events.Done) -> None:
        self._lines.event(event)


class BatchBar(BatchReporter):
    """One bar for the batch, a line per server with the photo it is at; failures and notices appear above."""

    def __init__(self, level: Level = Level.NORMAL) -> None:
        super().__init__(level)
        self._progress: Progress | None = None
        self._bar: Any = None
        self._rows: dict[str, Any] = {}
        self._at: dict[str, int] = {}

    def begin(self, total: int, ended: int) -> None:
        from rich.progress import Progress

        from runner.events.layout import LiveConsole, columns

        super().begin(total, ended)
        console = LiveConsole(file=self._err, highlight=False, soft_wrap=True)
        shown = columns(console.width)
        self._progress = Progress(*shown, console=console, transient=True, refresh_per_second=3, expand=True)
        self._progress.start()
        label = counted(total, "job")
        self._bar = self._progress.add_task("", total=total, completed=ended, label=label, state=f"{ended}/{total}")

    def expect(self, total: int, again: int = 0) -> None:
        super().expect(total, again)
        if self._progress is not None:
            through = self._before + self._ended
            label, state = counted(total, "job"), f"{through}/{total}"
            self._progress.update(self._bar, total=total, completed=through, label=label, state=state)

    def ended(self, event: events.Event) -> None:
        if not isinstance(event, events.Done) or event.warnings:
            super().ended(event)
        if self._progress is not None:
            through = self._before + self._ended
            state = "  ".join(filter(None, [f"{through}/{self._total}", self.to_go()]))
            self._progress.update(self._bar, completed=through, state=state)

    def saved(self, path: str) -> None:
        if not self._out.isatty():
            self.result(path)

    def moved(self, event: events.Event) -> None:
        if self._progress is None or not isinstance(event, (events.NodeStarted, events.Progress)):
            return
        server, title = self.servers.get(event.job, ""), self.title(event.job)
        if server not in self._rows:
            self._rows[server] = self._progress.add_task("", total=1, label=title, state="")
        row = self._rows[server]
        if self._at.get(server) != event.job:  # its time begins anew
            self._at[server] = event.job
            self._progress.reset(row, total=1, label=title, state="")
        what = event.doing or event.title
        where = f" on {server}" if len(self._rows) > 1 else ""
        if isinstance(event, events.NodeStarted):
            self._progress.update(row, completed=event.done / max(1, event.total), state=f"{what}{where}")
        else:
            steps = f" {event.value:g}/{event.max:g}" if event.max > 1 else ""
            self._progress.update(row, state=f"{what}{steps}{where}")

    def say(self, text: str) -> None:
        if self._progress is None:
            super().say(text)
        else:
            log.record(console.clean(text))
            shown = console.wrapped(console.clean(text), self._progress.console.width)
            self._progress.console.print(shown, markup=False)

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def make_view(*, json_lines: bool, level: Level = Level.NORMAL) -> BatchReporter:
    """JSON lines where asked for, a bar on a terminal, plain lines elsewhere and where all or nothing is to be said."""
    if json_lines:
        return BatchJson(level)
    return BatchBar(level) if level == Level.NORMAL and is_terminal(sys.stderr) else BatchLines(level)
