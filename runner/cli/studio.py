"""`studio`: a page on this machine: drop photos, watch what is made of them, mend, download."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from runner.cli.named_batch import folder_of_many
from runner.cli.parser import SERVER_HELP, add_server_argument, seconds
from runner.cli.serve import port_number
from runner.cli.told import add_smoke_argument, add_told_arguments
from runner.errors import EXIT_OK

if TYPE_CHECKING:
    from runner.cli.parser import Subparsers

DEFAULT_OUT = Path("outputs/studio")


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "studio",
        help="a page to drop photos on and to fetch the results from",
        description="A page on this machine: drop photos, choose a shop or a scene, see cut-out, result and the shop's "
        "rules as they are done, paint over a product that was not found, download one picture or all. Everything lies "
        "in --out, as batches with a ledger: what was not done when it ended is done the next time. Only this machine "
        "can open the page, unless --phone says otherwise. Ctrl-C ends it.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--out", type=folder_of_many, default=DEFAULT_OUT, metavar="DIR", help=f"default: {DEFAULT_OUT}"
    )
    parser.add_argument("--port", type=port_number, metavar="N", help="default: 8199, or a free one")
    parser.add_argument(
        "--phone",
        action="store_true",
        help="let a phone (or any computer) of this network open it, too, by an address with a key in it",
    )
    add_server_argument(parser, SERVER_HELP)
    parser.add_argument("--timeout", type=seconds, metavar="S", help=argparse.SUPPRESS)
    add_smoke_argument(parser)
    add_told_arguments(parser, opens="the page")
    return parser


def run(args: argparse.Namespace) -> int:
    """The `studio` command."""
    from runner import console
    from runner.batch.order import BatchOrder
    from runner.cli.batch import run_order
    from runner.cli.signals import interruptible
    from runner.cli.told import level_of, show
    from runner.desk.desk import Desk
    from runner.errors import InterruptedRunError
    from runner.events.level import Level
    from runner.files.writable import check_folder
    from runner.studio.serving import listen, served

    check_folder(args.out)
    level = level_of(args)
    order = BatchOrder("", args.out, server=args.server, ca_file=args.ca_file, insecure=args.insecure, smoke=args.smoke)
    desk = Desk(
        args.out,
        order,
        lambda one, view: run_order(one, reporter=view),
        console.tell if level > Level.QUIET else lambda _: None,
    )
    with interruptible(), served(desk, address := listen(args.port, phone=args.phone)):
        console.show(address.url)
        if args.phone:
            console.tell(
                "Anybody in this network who has this whole address can use the studio. Without --phone nobody."
            )
        console.tell(f"The studio is open; results go to {args.out}. Ctrl-C ends it.")
        if args.open:
            show(address.url)
        try:
            desk.work()
        except (KeyboardInterrupt, InterruptedRunError):
            console.tell("The studio is closed. What was not done goes on the next time.")
    return EXIT_OK
