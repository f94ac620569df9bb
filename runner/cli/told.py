"""How much a command says, and where: `--quiet`, `--verbose`, `--log FILE`, `--open`."""

from __future__ import annotations

import argparse
from pathlib import Path

from runner.cli.parser import in_help, local_path
from runner.events.level import Level


def add_told_arguments(parser: argparse.ArgumentParser, *, opens: str = "") -> None:
    """The options; `opens`: what `--open` shows, where there is anything to show."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--quiet", action="store_true", help="say nothing but results, warnings and failures")
    group.add_argument("--verbose", action="store_true", help="say every step, and where in the server a fault was")
    parser.add_argument(
        "--log", type=local_path, metavar="FILE", help="add everything of this run to a file, without secrets"
    )
    if opens:
        parser.add_argument("--open", action="store_true", help=f"show {opens} when it is there")


def add_smoke_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--smoke",
        action="store_true",
        help=f"try it without its models: made-up weights ({in_help('models', 'smoke')}) stand in for those that are "
        "missing, and paint noise; name, picture and .json of every result say so",
    )


def add_run_arguments(parser: argparse.ArgumentParser, *, opens: str) -> None:
    """What a command that makes pictures has last: how strictly and with what it runs, and how much of it is said."""
    add_smoke_argument(parser)
    parser.add_argument(
        "--strict", action="store_true", help="exit code 7 where a check did not pass, such as a rule of the shop"
    )
    add_told_arguments(parser, opens=opens)
    parser.add_argument("--json", action="store_true", help="JSON lines on standard output, one per event")


def level_of(args: argparse.Namespace) -> Level:
    if getattr(args, "quiet", False):
        return Level.QUIET
    return Level.VERBOSE if getattr(args, "verbose", False) else Level.NORMAL


def show(path: Path | str) -> None:
    """Open a file, a folder or an address as the desktop does; what goes wrong is said and fails nothing."""
    from runner import console
    from runner.explore.viewer import Viewer, viewer_command

    Viewer(viewer_command(None), console.tell).show(path)
