"""`filter --images DIR`: which pictures hold the product, where, and the pictures sorted by that."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from runner.cli.looking import add_looking_arguments, looking_values, tell
from runner.cli.named_batch import batch_of, run_and_collect
from runner.cli.parser import in_help
from runner.errors import EXIT_QUALITY, worst_code

if TYPE_CHECKING:
    from runner.cli.parser import Subparsers

DEFAULT_OUT = Path("outputs/filter")


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "filter",
        help="sort pictures by whether they hold the product",
        description="Say of every picture whether it holds the product, where (box, mask, score), and copy it into "
        "found/, unsure/ or not_found/ of --out, byte for byte, in its own sub-folder. filter.csv has a line per find. "
        "What is looked for is said by --reference (a photo of your own product), by --sam3 (its name), or by both. "
        "Exit code 7: no picture holds it, or there is no verdict on one. A batch like any other: after a crash the "
        f"same command goes on, a second runner of it shares the work, {in_help('report', 'DIR')} makes a page.",
        allow_abbrev=False,
    )
    add_looking_arguments(parser, DEFAULT_OUT)
    return parser


def run(args: argparse.Namespace) -> int:
    """The `filter` command."""
    from runner.execution.outputs import FOUND
    from runner.sightings.collect import sort_pictures

    order = batch_of(args, "filter", looking_values(args), "{image}/product", takes_results=True)
    code, collected = run_and_collect(order, sort_pictures)
    if collected is None:
        return code
    tell(collected, f": {collected.table or args.out}")
    if collected.counts[FOUND] and not collected.unjudged:
        return code
    return worst_code([*([code] if code else []), EXIT_QUALITY])
