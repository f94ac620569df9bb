"""Which process of this machine a runner is, told apart from a later one that has got its number."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from runner.processes import boot_and_start


def identity(pid: int) -> str:
    """`<boot> <pid namespace> <start>` of a living process on Linux; empty where the system does not tell."""
    if not sys.platform.startswith("linux") or (began := boot_and_start(pid)) is None:
        return ""
    boot, start = began
    with contextlib.suppress(OSError):
        return f"{boot} {Path('/proc/self/ns/pid').readlink()} {start}"
    return ""


def lives(pid: int, recorded: str) -> bool | None:
    """Whether the process `pid` of this host, `recorded` as what `identity` said when it began, is still there.

    None: that cannot be told from here (another container of this host, Windows).
    """
    if sys.platform == "win32":  # there, asking about a process could end it
        return None
    there, here = recorded.split(" ", 2), identity(os.getpid()).split(" ", 2)
    if len(there) == len(here) == 3:
        if there[1] != here[1]:
            return None
        return there[0] == here[0] and identity(pid) == recorded
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (TypeError, ValueError, OverflowError):  # no number of a process: what was noted is damaged
        return None
    except OSError:  # it is somebody else's
        pass
    return True
