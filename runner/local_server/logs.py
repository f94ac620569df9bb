"""The log of the server that was started here, as far as people want to read it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from runner import console
from runner.errors import EXIT_OK, UsageError
from runner.files.reading import open_file
from runner.invocation import spell
from runner.local_server.lifecycle import HERE, Home
from runner.local_server.log_end import MOST_READ, last_drawn, last_lines

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
        raise _unreadable(log, error) from error
    console.tell(f"{log}:")
    for line in shown:
        console.show(line)
    if follow:
        for text in _growing(log, size):
            console.show(text)
    return EXIT_OK


def _unreadable(log: Path, error: OSError) -> UsageError:
    if isinstance(error, FileNotFoundError):
        return UsageError(
            f"{log}: there is no log: no ComfyUI was started here yet.",
            advice=f"`{spell('serve')}` starts the installed one. Your own keeps its log elsewhere.",
        )
    return UsageError(
        f"{log}: cannot be read ({error.strerror or error}).",
        advice=f"Remove it; the next ComfyUI that `{spell('serve')}` starts begins a new log.",
    )


def _growing(log: Path, size: int) -> Iterator[str]:
    """What is added from `size` on, line by line; a new log in the place of the old one is read from its start."""
    rest = b""
    while True:
        try:
            now, data = _from(log, size)
        except FileNotFoundError:  # it is about to be begun anew
            now, data = 0, b""
        except OSError as error:
            raise _unreadable(log, error) from error
        if now < size:
            size, rest = 0, b""
        elif data:
            size += len(data)
            *whole, rest = (rest + data).split(b"\n")
            yield from (last_drawn(line.decode("utf-8", "replace")) for line in whole)
        else:
            time.sleep(_PAUSE_S)


def _from(log: Path, size: int) -> tuple[int, bytes]:
    """How long the log is, and what of it comes after its first `size` bytes."""
    with open_file(log) as stream:
        now = os.fstat(stream.fileno()).st_size
        stream.seek(min(size, now))
        return now, stream.read(MOST_READ)
