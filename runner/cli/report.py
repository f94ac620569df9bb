"""`report DIR`: one HTML page about a batch."""

from __future__ import annotations

import argparse
import contextlib
from typing import TYPE_CHECKING

from runner.cli.parser import local_path
from runner.errors import EXIT_OK, UsageError

if TYPE_CHECKING:
    from runner.cli.parser import Subparsers


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "report",
        help="one HTML page about a batch: every input beside its output",
        description="Write one HTML page about the batch in DIR, which needs no server and no network: every photo "
        "beside its result, the worst first, what failed and why, the figures, and how each picture was made. Small "
        "copies of the pictures are in it; in full size it shows those in DIR. Its path goes to standard output.",
    )
    parser.add_argument("folder", type=local_path, metavar="DIR", help="the --out of a batch")
    parser.add_argument("--html", type=local_path, metavar="FILE", help="default: DIR/report.html")
    parser.add_argument("--watts", type=float, metavar="W", help="for the energy estimate")
    return parser


def run(args: argparse.Namespace) -> int:
    """The `report` command."""
    from runner import console
    from runner.batch.ledger import Ledger
    from runner.batch.store import in_words
    from runner.files.writable import check_file
    from runner.report.page import PAGE_BEGINS, write_page

    if not Ledger.exists(args.folder):
        raise UsageError(f"{args.folder} holds no batch.", advice="Name the folder that was --out of a batch.")
    target = args.html or args.folder / "report.html"
    if args.html is not None or not target.is_symlink():  # a link in somebody's folder is taken away, not followed
        check_file(target, "--html", PAGE_BEGINS)
    with in_words(args.folder), contextlib.closing(Ledger(args.folder)) as ledger:
        try:
            write_page(target, args.folder, ledger, args.watts)
        except OSError as error:
            raise UsageError(
                f"{target}: the report cannot be written ({error.strerror or error}).",
                advice="Make room, or name another place with --html FILE.",
            ) from error
    console.result(str(target))
    return EXIT_OK
