"""`serve [--stop]`: start the installed ComfyUI and leave it running, or stop it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.cli.parser import Subparsers


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "serve",
        help="start or stop the installed ComfyUI",
        description="Start the ComfyUI that install.py set up, unless one answers already, and print its address. "
        "It stays for the next runs until `serve --stop`. Where $COMFYUI_URL names a server, its address is "
        "printed and nothing is started.",
        allow_abbrev=False,
    )
    parser.add_argument("--stop", action="store_true", help="stop the one that was started here; no other is touched")
    return parser


def run(args: argparse.Namespace) -> int:
    """The `serve` command."""
    from runner.local_server.choice import serve_command

    return serve_command(stop=args.stop)
