"""`serve [--stop]`: start the installed ComfyUI and leave it running, or stop it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from runner.cli.logs import LINES
from runner.cli.parser import in_help
from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.cli.parser import Subparsers


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "serve",
        help="start or stop the installed ComfyUI",
        description="Start the ComfyUI that install.py set up, unless one answers already, and print its address. "
        f"It listens on this machine only and stays for the next runs until {in_help('serve', '--stop')}. One "
        f"installation runs one server: {in_help('status')} shows where, and while it runs no other is started, on no "
        "other port. Where $COMFYUI_URL names a server and no --port is given, its address is printed and nothing is "
        "started.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--port",
        type=port_number,
        metavar="N",
        help="listen there, and nowhere else (default: 8188, or a free one); where it runs already on another port, "
        f"end it first with {in_help('serve', '--stop')}",
    )
    parser.add_argument(
        "--logs", action="store_true", help=f"show the last lines of its log, as {in_help('logs')} does"
    )
    parser.add_argument("--stop", action="store_true", help="stop the one that was started here; no other is touched")
    return parser


def run(args: argparse.Namespace) -> int:
    """The `serve` command."""
    if args.stop and (args.port or args.logs):
        raise UsageError("--stop stands alone.", advice="It ends the one that was started here, wherever it listens.")
    if args.logs:
        from runner.local_server.logs import show_log

        return show_log(LINES)
    from runner.local_server.choice import serve_command

    return serve_command(stop=args.stop, port=args.port)


def port_number(text: str) -> int:
    """An argument that is a port."""
    number = int(text)
    if not 1 <= number <= 65535:
        raise argparse.ArgumentTypeError("a port is a number from 1 to 65535")
    return number
