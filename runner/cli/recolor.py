"""`recolor PHOTO --to COLOUR`: one product in the colours of its range, from one photo."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from runner.cli.named_batch import (
    add_batch_arguments,
    add_confidence_argument,
    add_picture_arguments,
    batch_of,
    run_and_collect,
)
from runner.cli.parser import in_range, local_path

if TYPE_CHECKING:
    from runner.batch.order import BatchOrder
    from runner.cli.parser import Subparsers

DEFAULT_OUT = Path("outputs/recolor")
_MATERIALS = 8
"""The most that the node tells apart."""


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "recolor",
        help="one product in the colours of its range, from one photo",
        description="Give one material of the product another colour; its shading, texture and highlights stay, metal, "
        "stitching and all else keep their very bits. Each photo is made in each colour: <photo>_<colour>_picture.png, "
        "the photo with the product in it, and <photo>_<colour>_cutout.png on transparency, which packshot takes. What "
        "was recoloured, what was left alone and where a colour cannot be believed is said in words, and in "
        "recolor.csv. The same folder takes more colours later; what is there is not made again.",
        allow_abbrev=False,
    )
    add_picture_arguments(parser)
    parser.add_argument(
        "--to",
        action="append",
        default=[],
        metavar="COLOUR|FILE",
        help='a colour: "#7a1f2b" (in quotes), "lab(40, 20, 10)", a name (navy), or a photo of a swatch; repeat it',
    )
    parser.add_argument(
        "--part",
        metavar="FILE|COLOUR|N",
        help="what to recolour: a mask, white on black; or the colour that the material has; or its number (default 1, "
        "the largest material)",
    )
    parser.add_argument("--strength", type=in_range(0, 1), metavar="0..1", help="how far it goes (default 1)")
    parser.add_argument("--hint", type=local_path, metavar="FILE", help="a rough mask of the product, white on black")
    add_confidence_argument(parser, of="photos whose cut-out is")
    add_batch_arguments(parser, DEFAULT_OUT)
    return parser


def run(args: argparse.Namespace) -> int:
    """The `recolor` command: a batch whose lines are the colours."""
    from runner import console
    from runner.recolors.collect import collect_recolored

    began = time.time()
    order = batch_order(args)
    code, collected = run_and_collect(order, collect_recolored)
    if collected is None:
        return code
    for one in collected.results:
        if not one.report or (one.entry.ended_at or 0) < began:
            continue
        event = one.event(order.out)
        if order.json:
            console.json_line(event.as_json())
        else:
            console.tell(event.describe())
    console.tell(f"What became of each photo in each colour: {collected.table or order.out}")
    return code


def batch_order(args: argparse.Namespace) -> BatchOrder:
    """The batch that this is. Raises UsageError, PhotoError for what is no colour."""
    from runner.batch.photo_folder import unusable
    from runner.batch.rows import Row
    from runner.errors import UsageError
    from runner.invocation import spell
    from runner.recolors.colours import HOW, colour_of, distinct
    from runner.suggest import Suggestions

    if not args.to:
        photo = args.photos[0] if args.photos else "PHOTO"
        raise UsageError("no colour was named.", advice=f"Write: {spell('recolor', photo, '--to', '#7a1f2b')}. {HOW}")
    if args.hint is not None and (why := unusable(args.hint, Suggestions())):
        raise UsageError(f"--hint: {why}")
    colours = distinct([colour_of(word, "--to") for word in args.to])
    values = {
        **_part(args.part),
        "strength": args.strength,
        "hint": args.hint,
        "cutout_confidence": args.min_confidence,
    }
    order = batch_of(args, "recolor", values, "{image}", alike=False)
    order.rows = tuple(
        Row(f"--to {colour.label}", {"color": colour.text}, {}, colour.label)
        if colour.swatch is None
        else Row(f"--to {colour.swatch}", {}, {"swatch": colour.swatch}, colour.label)
        for colour in colours
    )
    return order


def _part(word: str | None) -> dict[str, object]:
    """What of the product is recoloured, as the workflow's inputs say it."""
    from runner.recolors.colours import PART, colour_of

    if word is None:
        return {}
    if word.strip() in map(str, range(1, _MATERIALS + 1)):
        return {"material": word.strip()}
    part = colour_of(word, PART)
    return {"part_color": part.text} if part.swatch is None else {"part": part.swatch}
