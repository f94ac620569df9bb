"""`logs`: the end of what the ComfyUI that was started here has written."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from runner.cli.parser import whole

if TYPE_CHECKING:
    from runner.cli.parser import Subparsers

_ALL = 1 << 20
"""As many as bytes are looked at: the end of a log has no more lines."""
LINES = 40
"""What a usual window shows at once."""


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "logs",
        help="the last lines of the installed ComfyUI's log",
        description="The last lines that the ComfyUI which was started here has written, also after it has ended.",
        allow_abbrev=False,
    )
    parser.add_argument("--lines", "-n", type=whole(1, _ALL), default=LINES, metavar="N", help=f"how many ({LINES})")
    parser.add_argument("--follow", "-f", action="store_true", help="go on with what it writes, until Ctrl-C")
    return parser


def run(args: argparse.Namespace) -> int:
    """The `logs` command."""
    from runner.local_server.logs import show_log

    return show_log(args.lines, follow=args.follow)
