"""What a display says in lines, the same above live bars and in plain lines."""

from __future__ import annotations

import time
from pathlib import Path

from runner.errors import EXIT_INTERRUPTED
from runner.events import Done, Event, Failed
from runner.events.level import Level
from runner.words import counted, duration, set_in

_LISTED = 3
"""Names in the last line: the files of one job, on a line or two."""


class Lines:
    """The line of each event, of `jobs` jobs (None: nobody knows how many). What is renewed is said once.

    `is_piped`: the result goes to standard output, and where its files lie meanwhile is nobody's business.
    """

    def __init__(self, jobs: int | None, level: Level = Level.NORMAL, *, is_piped: bool = False) -> None:
        self._jobs, self._level, self.is_piped = jobs, level, is_piped
        self._told: set[str] = set()
        self._began = time.monotonic()
        self._made: list[Path] = []
        self._failed = 0

    def line(self, event: Event) -> str:
        """What to say now, beginning with the job it is about; "" for nothing."""
        text = event.describe()
        if isinstance(event, Failed):
            if event.exit_code == EXIT_INTERRUPTED:
                return ""  # which is said once, of the whole run
            self._failed += 1
            if self._level >= Level.VERBOSE and event.trace:
                text = f"{text}\n{set_in(event.trace)}"
        elif isinstance(event, Done):
            self._made += map(Path, event.files)
            if self._jobs == 1 or self._level == Level.QUIET:  # the last line says when, where it is the only one
                text = text.partition("\n")[2]
        if event.is_renewed:
            if text in self._told:
                return ""
            self._told.add(text)
        return f"{self.label(event.job)}{text}" if text else ""

    def label(self, job: int) -> str:
        """`2/8 ` where there is more than one job to tell apart."""
        if self._jobs == 1 or job == 0:
            return ""
        return f"{job}/{self._jobs} " if self._jobs else f"#{job} "

    def last(self) -> str:
        """What was made, where, and in how long; "" where nothing was."""
        if not self._made:
            return ""
        if self.is_piped:
            return f"done in {duration(time.monotonic() - self._began)}; written to standard output"
        folders = list(dict.fromkeys(path.parent for path in self._made))
        names = [path.name for path in self._made[:_LISTED]]
        more = f" and {len(self._made) - _LISTED} more" if len(self._made) > _LISTED else ""
        where = str(folders[0]) if len(folders) == 1 else counted(len(folders), "folder")
        failed = f", {self._failed} failed" if self._failed else ""
        made = f"{counted(len(self._made), 'file')} in {where}: {', '.join(names)}{more}"
        return f"done in {duration(time.monotonic() - self._began)}{failed}; {made}"
