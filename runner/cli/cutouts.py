"""`cutouts --images DIR`: every object of every picture as a transparent PNG of its own, where it stands."""

from __future__ import annotations

import argparse
import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from runner.cli.parser import (
    PHOTOS_HELP,
    SHARING_SERVER_HELP,
    add_server_argument,
    at_least_one,
    in_help,
    in_range,
    local_path,
    named,
    seconds,
)
from runner.cli.told import add_told_arguments
from runner.errors import RunnerError, UsageError

if TYPE_CHECKING:
    from runner.cli.parser import Subparsers

DEFAULT_OUT = Path("outputs/cutouts")
_OVERLAPS = ("keep", "split")
_WILDCARDS = re.compile(r"[{}|%\s]+")
"""What would be read as several values, or as a text to be filled in."""


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "cutouts",
        help="cut out every object of every picture, in place",
        description="Cut every object of every picture out, each as a transparent PNG as large as the picture, the "
        "object where it stands: GROUP/CATEGORY/<picture>/<number>_<label>.png, in the folders of the pictures. Beside "
        "them: index.csv, coco.json (masks as RLE, boxes, areas, scores) and contact_sheet.jpg. A batch like any "
        "other: after a crash --resume goes on, a second runner with --resume shares the work, `report` makes a page.",
        allow_abbrev=False,
    )
    parser.add_argument("photos", metavar="PICTURE", nargs="*", type=named, help=PHOTOS_HELP)
    parser.add_argument("--images", type=named, metavar="DIR|GLOB", help="a folder (with all below it) or a glob, too")
    parser.add_argument(
        "--labels",
        default="",
        metavar='"bag, shoe"',
        help="with --sam3: what to look for. Without: every object is found, and a single label is what all are called",
    )
    parser.add_argument(
        "--sam3",
        action="store_true",
        help=f"let SAM 3 find the labels ({in_help('models', 'list', '--for', 'cutouts_sam3')})",
    )
    parser.add_argument("--out", type=local_path, default=DEFAULT_OUT, metavar="DIR", help=f"default: {DEFAULT_OUT}")
    parser.add_argument(
        "--overlap",
        choices=_OVERLAPS,
        default="keep",
        help="pixels that two objects claim: both keep them (default), or the one that covers them more has them",
    )
    parser.add_argument("--crop", action="store_true", help="also save each object cropped to itself")
    parser.add_argument(
        "--min-area",
        type=in_range(0.00001, 0.5),
        metavar="0..0.5",
        help="the least area of an object as a share of the picture (default 0.001); what is smaller is a speck",
    )
    parser.add_argument(
        "--min-confidence",
        type=in_range(0, 1),
        metavar="0..1",
        help="pictures below this confidence fail, with the reason (default 0.5; 0 = take every guess)",
    )
    parser.add_argument("--resume", action="store_true", help="go on with what is in --out; what failed is tried again")
    parser.add_argument("--dry-run", action="store_true", help="show what would run, and run nothing")
    parser.add_argument("--metrics", type=local_path, metavar="FILE.csv", help="write a line of figures per picture")
    parser.add_argument("--watts", type=in_range(0.001, 99_999), metavar="W", help="for the energy")
    add_server_argument(
        parser,
        SHARING_SERVER_HELP,
    )
    parser.add_argument("--servers", type=local_path, metavar="FILE.yaml", help="a list of servers, as of `batch`")
    parser.add_argument("--ray", nargs="?", const="", metavar="HOST:PORT", help="let a Ray cluster work, as of `batch`")
    parser.add_argument("--ray-workers", type=at_least_one, metavar="N", help="only N of its actors")
    parser.add_argument("--timeout", type=seconds, metavar="S", help="for the whole run; --resume goes on")
    parser.add_argument("--strict", action="store_true", help="exit code 7 where a check did not pass")
    add_told_arguments(parser, opens="the folder of the results")
    parser.add_argument("--json", action="store_true", help="JSON lines on standard output, one per event")
    return parser


def run(args: argparse.Namespace) -> int:
    """The `cutouts` command: a batch whose jobs have a folder each, and what is written beside them."""
    from runner.cli import batch

    try:
        code = batch.run(batch_arguments(args))
    except UsageError:  # nothing was begun; what is in --out may be another's
        raise
    except (RunnerError, KeyboardInterrupt):
        with contextlib.suppress(RunnerError):
            _write_beside(args)
        raise
    _write_beside(args)
    return code


def _write_beside(args: argparse.Namespace) -> None:
    from runner import console
    from runner.batch.ledger import Ledger
    from runner.cutouts.collect import collect

    if not args.dry_run and Ledger.exists(args.out):
        written = collect(args.out, console.tell)
        console.tell(f"Beside the objects in {args.out}: {', '.join(path.name for path in written)}.")


def batch_arguments(args: argparse.Namespace) -> argparse.Namespace:
    """The command line of the `batch` that this is. Raises UsageError where --sam3 is not told what to look for."""
    from runner.files.naming import OBJECTS

    labels = label_text(args.labels)
    if args.sam3 and not labels:
        raise UsageError("--sam3 finds what is named.", advice='Say what: --labels "bag, shoe".')
    given = {
        "labels": labels or None,
        "overlap": args.overlap,
        "crop": "true" if args.crop else None,
        "min_area": args.min_area,
        "cutout_confidence": args.min_confidence,
    }
    return argparse.Namespace(
        **{**vars(args), "command": "batch"},
        workflow="cutouts_sam3" if args.sam3 else "cutouts",
        jobs=None,
        prompt=[],
        set=[f"{name}={value}" for name, value in given.items() if value is not None],
        seed=None,
        count=1,
        seeds=None,
        name=f"{{image}}/{OBJECTS}",
    )


def label_text(text: str) -> str:
    """Labels as one value of the workflow's input: separated by commas, without what it would take for wildcards."""
    labels = (" ".join(_WILDCARDS.sub(" ", label).split()) for label in text.replace(";", ",").split(","))
    return ", ".join(dict.fromkeys(label for label in labels if label))
