"""The log of the server that was started here, as far as people want to read it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from runner import console
from runner.errors import EXIT_OK, UsageError
from runner.invocation import spell
from runner.local_server.lifecycle import HERE, Home

_MOST_READ = 1 << 20
"""Bytes of the end of a log that are looked at; a line of a progress bar may be long."""
_PAUSE_S = 0.3
"""Between two looks at a log that is followed: soon enough for an eye, and no work for the machine."""


def show_log(lines: int, *, follow: bool = False, home: Home | None = None) -> int:
    """Print the log's last lines, without anything that would move a terminal's cursor; returns the exit code.

    Raises UsageError where nothing was ever started here.
    """
    log = (home or HERE).state / "server.log"
    try:
        size = log.stat().st_size
        shown = last_lines(log, lines)
    except OSError as error:
        raise UsageError(
            f"{log}: there is no log: no ComfyUI was started here yet."
            if isinstance(error, FileNotFoundError)
            else f"{log}: cannot be read ({error.strerror or error}).",
            advice=f"`{spell('serve')}` starts the installed one. What is elsewhere keeps its log there.",
        ) from error
    console.tell(f"{log}:")
    for line in shown:
        console.show(line)
    if follow:
        for text in _growing(log, size):
            console.show(text)
    return EXIT_OK


def last_lines(log: Path, count: int) -> list[str]:
    """The last lines of a file that may be very long; of one that was drawn over (a progress bar), its last state."""
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - _MOST_READ))
        text = stream.read(_MOST_READ).decode("utf-8", "replace")
    return [_last_drawn(line) for line in text.split("\n") if line.strip()][-count:]


def _last_drawn(line: str) -> str:
    return next((part for part in reversed(line.split("\r")) if part.strip()), "")


def _growing(log: Path, size: int) -> Iterator[str]:
    """What is added from `size` on, line by line; a new log in the place of the old one is read from its start."""
    rest = b""
    while True:
        now = log.stat().st_size if log.exists() else 0
        size, rest = (0, b"") if now < size else (size, rest)
        if now > size:
            with log.open("rb") as stream:
                stream.seek(size, os.SEEK_SET)
                data = stream.read(_MOST_READ)
            size += len(data)
            *whole, rest = (rest + data).split(b"\n")
            yield from (_last_drawn(line.decode("utf-8", "replace")) for line in whole)
        else:
            time.sleep(_PAUSE_S)
