"""Commands that are a batch by another name: the options they share, the order of it, and what is written beside it."""

from __future__ import annotations

import argparse
import contextlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from runner.batch.order import BatchOrder
from runner.cli.parser import (
    PHOTOS_HELP,
    RESUME_HELP,
    SHARING_SERVER_HELP,
    add_server_argument,
    at_least_one,
    in_range,
    local_path,
    named,
    seconds,
)
from runner.cli.told import add_smoke_argument, add_told_arguments
from runner.errors import EXIT_OK, EXIT_USAGE, RunnerError, UsageError, worst_code

if TYPE_CHECKING:
    from runner.batch.beside import Beside

T = TypeVar("T")
_WILDCARDS = re.compile(r"[{}|%\s]+")
"""What would be read as several values, or as a text to be filled in."""


def add_picture_arguments(parser: argparse.ArgumentParser) -> None:
    """The pictures that a batch works on."""
    parser.add_argument("photos", metavar="PICTURE", nargs="*", type=named, help=PHOTOS_HELP)
    parser.add_argument("--images", type=named, metavar="DIR|GLOB", help="a folder (with all below it) or a glob, too")


def add_batch_arguments(parser: argparse.ArgumentParser, out: Path) -> None:
    """Where results go, and how the batch is run."""
    parser.add_argument("--out", type=folder_of_many, default=out, metavar="DIR", help=f"default: {out}")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="any other input of the workflow"
    )
    parser.add_argument("--resume", action="store_true", help=RESUME_HELP)
    parser.add_argument("--dry-run", action="store_true", help="show what would run, and run nothing")
    parser.add_argument("--metrics", type=local_path, metavar="FILE.csv", help="write a line of figures per picture")
    parser.add_argument("--watts", type=in_range(0.001, 99_999), metavar="W", help="for the energy")
    add_server_argument(parser, SHARING_SERVER_HELP)
    parser.add_argument("--servers", type=local_path, metavar="FILE.yaml", help="a list of servers, as of `batch`")
    parser.add_argument("--ray", nargs="?", const="", metavar="HOST:PORT", help="let a Ray cluster work, as of `batch`")
    parser.add_argument("--ray-workers", type=at_least_one, metavar="N", help="only N of its actors")
    parser.add_argument("--timeout", type=seconds, metavar="S", help="for the whole run; the same command goes on")
    add_smoke_argument(parser)
    parser.add_argument("--strict", action="store_true", help="exit code 7 where a check did not pass")
    add_told_arguments(parser, opens="the folder of the results")
    parser.add_argument("--json", action="store_true", help="JSON lines on standard output, one per event")


def add_confidence_argument(parser: argparse.ArgumentParser, *, of: str) -> None:
    """How sure a cut-out must be; `of`: what fails otherwise."""
    parser.add_argument(
        "--min-confidence",
        type=in_range(0, 1),
        metavar="0..1",
        help=f"{of} below this confidence fail, with the reason (default 0.5; 0 = take every guess)",
    )


def folder_of_many(text: str) -> Path:
    """An argument that names the folder of many results, which is more than standard output takes."""
    if text == "-":
        raise argparse.ArgumentTypeError("- is for one picture of `submit`; name a folder (one called - is ./-)")
    return local_path(text)


def batch_of(
    args: argparse.Namespace,
    workflow: str,
    values: Mapping[str, object],
    name: str,
    *,
    seed: int | None = None,
    leave_out: Callable[[Path], bool] | None = None,
    alike: bool = True,
    takes_results: bool = False,
) -> BatchOrder:
    """The batch that such a command is. Values that are None are the workflow's own; for `alike` and `takes_results`
    see `BatchOrder`."""
    from runner.cli.batch import order_of

    values_here = [f"{key}={value}" for key, value in values.items() if value is not None]
    order = order_of(args, workflow=workflow, name=name, seed=seed, leave_out=leave_out)
    order.set, order.alike, order.takes_results = [*values_here, *order.set], alike, takes_results
    return order


def run_and_collect(order: BatchOrder, collect: Callable[[Beside], T]) -> tuple[int, T | None]:
    """Run the batch and then `collect`, also after an interruption: (exit code, what is there)."""
    from runner import console
    from runner.batch.beside import Beside
    from runner.batch.ledger import Ledger
    from runner.batch.setup import photographed
    from runner.cli.batch import run_order

    def collected() -> tuple[int, T | None]:
        if order.dry_run or not Ledger.exists(order.out):
            return EXIT_OK, None
        photos: list[Path] = []
        with contextlib.suppress(UsageError):  # they went while it ran; what was copied of them stays
            photos = [photo for photo, _ in photographed(order, [])]
        with Beside(order.out, console.tell, photos) as beside:
            there = collect(beside)
        return EXIT_USAGE if beside.missed else EXIT_OK, there

    try:
        code = run_order(order)
    except UsageError:  # nothing was begun; what is in --out may be another's
        raise
    except (RunnerError, KeyboardInterrupt):
        with contextlib.suppress(RunnerError):
            collected()
        raise
    not_written, there = collected()
    return worst_code(one for one in (code, not_written) if one != EXIT_OK), there


def label_text(text: str) -> str:
    """Labels as one value of a workflow's input: separated by commas, without what it would take for wildcards."""
    labels = (" ".join(_WILDCARDS.sub(" ", label).split()) for label in text.replace(";", ",").split(","))
    return ", ".join(dict.fromkeys(label for label in labels if label))
