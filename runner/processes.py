"""What tells a process of this machine from a later one that has got its number."""

from __future__ import annotations

import sys
from pathlib import Path


def boot_and_start(pid: int) -> tuple[str, str] | None:
    """When the machine booted (its id) and when in that boot the process began; None where it has ended.

    Linux only, and asked of Linux itself: psutil adds the clock's time of the boot, and with a clock that was set
    meanwhile our own process would count as a stranger.
    """
    try:
        # The name in parentheses may hold spaces; the fields after it are fixed: state is the 1st, start time the 20th.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None
    return None if len(fields) < 20 or fields[0] in "ZX" else (boot, fields[19])


def process_identity(pid: int) -> str | None:
    """The start of a living process, as text; None when there is none of this number."""
    if pid <= 0:
        return None
    if sys.platform.startswith("linux"):
        start = boot_and_start(pid)
        return None if start is None else ":".join(start)
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.NoSuchProcess:
        return None
