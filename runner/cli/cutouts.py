"""`cutouts --images DIR`: every object of every picture as a transparent PNG of its own, where it stands."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from runner.batch.order import BatchOrder
from runner.cli.named_batch import (
    add_batch_arguments,
    add_confidence_argument,
    add_picture_arguments,
    batch_of,
    label_text,
    run_and_collect,
)
from runner.cli.parser import in_help, in_range
from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.cli.parser import Subparsers

DEFAULT_OUT = Path("outputs/cutouts")
_OVERLAPS = ("keep", "split")


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "cutouts",
        help="cut out every object of every picture, in place",
        description="Cut every object of every picture out, each as a transparent PNG as large as the picture, the "
        "object where it stands: GROUP/CATEGORY/<picture>/<number>_<label>.png, in the folders of the pictures. Beside "
        "them: index.csv, coco.json (masks as RLE, boxes, areas, scores) and contact_sheet.jpg. A batch like any "
        "other: after a crash the same command goes on, a second runner of it shares the work, "
        f"{in_help('report', 'DIR')} makes a page.",
        allow_abbrev=False,
    )
    add_picture_arguments(parser)
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
        metavar="0.00001..0.5",
        help="the least area of an object as a share of the picture (default 0.001); what is smaller is a speck",
    )
    add_confidence_argument(parser, of="pictures")
    add_batch_arguments(parser, DEFAULT_OUT)
    return parser


def run(args: argparse.Namespace) -> int:
    """The `cutouts` command: a batch whose jobs have a folder each, and what is written beside them."""
    from runner import console
    from runner.cutouts.collect import collect

    code, written = run_and_collect(batch_order(args), collect)
    if written is not None:
        console.tell(f"Beside the objects in {args.out}: {', '.join(path.name for path in written)}.")
    return code


def batch_order(args: argparse.Namespace) -> BatchOrder:
    """The batch that this is. Raises UsageError where --sam3 is not told what to look for."""
    from runner.files.naming import OBJECTS

    labels = label_text(args.labels)
    if args.sam3 and not labels:
        raise UsageError("--sam3 finds what is named.", advice='Say what: --labels "bag, shoe".')
    values = {
        "labels": labels or None,
        "overlap": args.overlap,
        "crop": "true" if args.crop else None,
        "min_area": args.min_area,
        "cutout_confidence": args.min_confidence,
    }
    return batch_of(args, "cutouts_sam3" if args.sam3 else "cutouts", values, f"{{image}}/{OBJECTS}")
