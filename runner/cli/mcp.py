"""`mcp`: prodgen as a tool of agents, by the Model Context Protocol on standard input and output."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from runner.cli.named_batch import folder_of_many
from runner.cli.parser import SERVER_HELP, add_server_argument, local_path
from runner.cli.told import add_smoke_argument
from runner.errors import EXIT_OK, UsageError

if TYPE_CHECKING:
    from runner.agents.tools import Tools
    from runner.cli.parser import Subparsers

DEFAULT_OUT = Path("outputs/agents")
_END_S = 2.0
"""Seconds that the last answer is given at the end."""


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "mcp",
        help="let agents use it, by the Model Context Protocol",
        description="A server of the Model Context Protocol on standard input and output, for agents that start it "
        "themselves: workflows, inputs, submit, status, result. Photos are read from the folders of --root alone; "
        "results go to --out, as batches with a ledger. Needs the extra `mcp`: pip install -e '.[mcp]'.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--root",
        type=local_path,
        action="append",
        default=[],
        metavar="DIR",
        help="a folder that photos may be read from; repeatable (default: the current one)",
    )
    parser.add_argument(
        "--out", type=folder_of_many, default=DEFAULT_OUT, metavar="DIR", help=f"default: {DEFAULT_OUT}"
    )
    add_server_argument(parser, SERVER_HELP)
    add_smoke_argument(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    """The `mcp` command."""
    import importlib.util

    if importlib.util.find_spec("mcp") is None:
        raise UsageError(
            "The Model Context Protocol needs its official SDK, which is not installed.",
            advice="In prodgen's folder: .venv/bin/python -m pip install -e '.[mcp]' (Windows: .venv\\Scripts\\python)",
        )
    from runner import console
    from runner.agents.tools import Tools
    from runner.batch.order import BatchOrder
    from runner.cli.batch import run_order
    from runner.cli.signals import interruptible
    from runner.desk.desk import Desk
    from runner.errors import InterruptedRunError
    from runner.files.writable import check_folder

    check_folder(args.out)
    roots = args.root or [Path()]
    for root in roots:
        if not root.is_dir():
            raise UsageError(f"--root {root} is no folder.")
    order = BatchOrder("", args.out, server=args.server, ca_file=args.ca_file, insecure=args.insecure, smoke=args.smoke)
    desk = Desk(args.out, order, lambda one, view: run_order(one, reporter=view), console.tell)
    with interruptible(), _spoken_to(Tools(desk, roots)) as speaking:
        try:
            desk.work()
        except (KeyboardInterrupt, InterruptedRunError):
            console.tell("What was not done goes on the next time.")
    if speaking.is_alive():  # it waits for a line that may never come, and a process waits for its threads
        sys.stderr.flush()
        os._exit(EXIT_OK)
    return EXIT_OK


@contextlib.contextmanager
def _spoken_to(tools: Tools) -> Iterator[threading.Thread]:
    """An agent is answered for as long as the block lasts; the block is interrupted when it has hung up."""
    from runner.agents.server import serve

    ending = threading.Event()

    def speak() -> None:
        try:
            serve(tools)
        finally:
            if not ending.is_set():
                _interrupt_main_thread()

    thread = threading.Thread(target=speak, name="agent", daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        ending.set()
        thread.join(_END_S)


def _interrupt_main_thread() -> None:
    """As a request to terminate does, which nobody who starts a program in the background has it ignore."""
    if sys.platform == "win32":
        signal.raise_signal(signal.SIGTERM)
    else:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
