"""What the commands that look for a product have in common: how it is said what is looked for, and what was found."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from runner.cli.named_batch import add_batch_arguments, add_picture_arguments, label_text
from runner.cli.parser import in_help, in_range, local_path
from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.sightings.collect import Collected

SAM3_FILE = "sam3.1_multiplex_fp16.safetensors"
_SHOWN = 10
"""Pictures told one by one: a screenful; the table has all."""
PRESETS = ("careful", "original")


def add_looking_arguments(parser: argparse.ArgumentParser, out: Path) -> None:
    """What is looked for, where, and how the batch is run."""
    add_picture_arguments(parser)
    parser.add_argument(
        "--product", default="", metavar='"hand bag, shoe"', help="what to look for; judged by --sam3, else a label"
    )
    parser.add_argument(
        "--reference",
        type=local_path,
        metavar="PHOTO",
        help="a photo of your own product, alone: only what looks like it counts",
    )
    parser.add_argument(
        "--sam3",
        nargs="?",
        const=SAM3_FILE,
        metavar="FILE",
        help=f"let SAM 3 find what --product names (default: {SAM3_FILE}; {in_help('models', 'download', 'sam-3.1')})",
    )
    parser.add_argument(
        "--rivals", default="", metavar='"empty table, hand"', help="with --sam3: what is easily taken for the product"
    )
    parser.add_argument(
        "--preset",
        choices=PRESETS,
        default=PRESETS[0],
        help="careful (default): found from 0.5, unsure from 0.25, or where the picture could not be cut out surely "
        "(then at any score), any size; original: the limits of the filter that this replaces (0.85, a quarter of the "
        "picture, the ten largest). 0.85 was CLIP's; here it is held against SAM 3's score or, without --sam3, against "
        "the likeness to --reference: another scale, on which fewer pictures reach it",
    )
    parser.add_argument("--min-score", type=in_range(0, 1), metavar="0..1", help="found from this score")
    parser.add_argument(
        "--min-area", type=in_range(0, 1), metavar="0..1", help="the product's least share of the picture"
    )
    add_batch_arguments(parser, out)


def looking_values(args: argparse.Namespace) -> dict[str, object]:
    """The inputs of the workflow that say what is looked for. Raises UsageError where nothing could be judged."""
    product = label_text(args.product)
    if args.sam3 is None and args.reference is None:
        raise UsageError(
            f"nothing says what {product or 'the product'} looks like: a name alone can be judged by SAM 3 only.",
            advice="Give a photo of your own product with --reference bag.jpg, or SAM 3 with --sam3, or both.",
        )
    if args.sam3 is not None and not product:
        raise UsageError("--sam3 finds what is named.", advice='Say what: --product "hand bag, shoe".')
    if args.reference is not None and not args.reference.is_file():
        raise UsageError(f"--reference {args.reference}: there is no such photo.")
    return {
        "product": product or None,
        "reference": args.reference,
        "sam3": args.sam3,
        "rivals": label_text(args.rivals) or None,
        "preset": None if args.preset == PRESETS[0] else args.preset,
        "min_score": args.min_score,
        "min_area": args.min_area,
    }


def tell(collected: Collected, after: str) -> None:
    """Why which picture is not found, and the counts in a line that ends with `after`."""
    from runner import console
    from runner.untrusted import told
    from runner.words import counted

    for place, why in list(collected.why.items())[:_SHOWN]:
        console.tell(console.clean_line(f"{place}: {why}"))
    hidden = len(collected.why) - _SHOWN
    if hidden > 0:
        console.tell(f"… and {hidden} more{f' (see {collected.table})' if collected.table else ''}.")
    if collected.unjudged:
        names = "; ".join(told(map(console.clean_line, collected.unjudged), _SHOWN))
        console.tell(f"No verdict on {counted(len(collected.unjudged), 'picture')} arrived (exit code 7): {names}")
    console.tell(f"{_counts(collected)}{after}")


def _counts(collected: Collected) -> str:
    unjudged = len(collected.unjudged)
    unknown = collected.counts[""] - unjudged
    rest = f", {unknown} failed or not finished" if unknown else ""
    rest += f", {unjudged} without a verdict" if unjudged else ""
    return ", ".join(f"{count} {verdict}" for verdict, count in collected.counts.items() if verdict) + rest
