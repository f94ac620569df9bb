"""`report DIR`: one HTML page about a batch."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from runner.cli.parser import DEFAULT_OUT, local_path
from runner.errors import EXIT_OK, UsageError
from runner.invocation import spell
from runner.words import counted

if TYPE_CHECKING:
    from runner.cli.parser import Subparsers

_EVERY_S = 0.2
"""Between two looks at how far it is."""


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "report",
        help="one HTML page about a batch: every input beside its output",
        description="Write one HTML page about the batch in DIR, which needs no server and no network: every photo "
        "beside its result, the worst first, what failed and why, the figures, and how each picture was made. Small "
        "copies of the pictures are in it; in full size it shows those in DIR. Its path goes to standard output.",
    )
    parser.add_argument("folder", type=local_path, nargs="?", metavar="DIR", help="the --out of a batch")
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

    if args.folder is None:
        raise UsageError("a report is about the folder of a batch (DIR).", advice=_where_batches_are())
    if not Ledger.exists(args.folder):
        raise UsageError(f"{args.folder} holds no batch.", advice=_where_batches_are())
    target = args.html or args.folder / "report.html"
    if args.html is not None or not target.is_symlink():  # a link in somebody's folder is taken away, not followed
        check_file(target, "--html", PAGE_BEGINS)
    with in_words(args.folder), contextlib.closing(Ledger(args.folder)) as ledger:
        try:
            with _progress() as told:
                write_page(target, args.folder, ledger, args.watts, told)
        except OSError as error:
            raise UsageError(
                f"{target}: the report cannot be written ({error.strerror or error}).",
                advice="Make room, or name another place with --html FILE.",
            ) from error
    console.result(str(target))
    return EXIT_OK


def _where_batches_are() -> str:
    """The folder of results that is looked for most likely: the newest one here."""
    from runner.batch.store import LEDGER_FILE

    beside = Path(DEFAULT_OUT.parent)
    ledgers = [*beside.glob(f"*/{LEDGER_FILE.as_posix()}"), *Path().glob(f"*/{LEDGER_FILE.as_posix()}")]
    if not ledgers:
        return "Name the folder that was --out of a batch."
    newest = max(ledgers, key=lambda path: path.stat().st_mtime)
    return f"The newest one here: {spell('report', str(newest.parent.parent))}"


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """On a terminal, one line that says how far the page is, for as long as the block lasts."""
    from runner import console
    from runner.events.reporter import is_terminal

    if not is_terminal(sys.stderr):
        yield lambda _done, _total: None
        return
    told = 0.0

    def tell(done: int, total: int) -> None:
        nonlocal told
        if time.monotonic() - told >= _EVERY_S:
            told = time.monotonic()
            console.redraw(f"{done} of {counted(total, 'product')} on the page")

    try:
        yield tell
    finally:
        console.redraw()
