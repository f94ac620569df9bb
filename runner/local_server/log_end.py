"""The end of a log that may be very long, or something else by the name of one."""

from __future__ import annotations

import os
from pathlib import Path

from runner.files.reading import open_file

MOST_READ = 1 << 20
"""Bytes of a log that are looked at in one go; a line of a progress bar may be long."""


def last_lines(log: Path, count: int) -> list[str]:
    """The last lines that say something. Raises OSError where it cannot be read or is no file."""
    with open_file(log) as stream:
        stream.seek(max(0, os.fstat(stream.fileno()).st_size - MOST_READ))
        text = stream.read(MOST_READ).decode("utf-8", "replace")
    return [last_drawn(line) for line in text.split("\n") if line.strip()][-count:]


def last_drawn(line: str) -> str:
    """Of a line that was drawn over (a progress bar) its last state."""
    return next((part for part in reversed(line.split("\r")) if part.strip()), "")
