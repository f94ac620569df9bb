"""`enhance --images DIR`: the product of each picture repainted finely; all else, and all other pictures, untouched."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from runner.cli.looking import add_looking_arguments, looking_values, tell
from runner.cli.named_batch import batch_of, run_and_collect
from runner.cli.parser import any_seed, in_help, in_range
from runner.errors import EXIT_QUALITY, worst_code

if TYPE_CHECKING:
    from runner.cli.parser import Subparsers

DEFAULT_OUT = Path("outputs/enhance")
WORKFLOWS = {"tile": "enhance", "canny": "enhance_canny", "depth": "enhance_depth"}
_DENOISE, _ORIGINAL_DENOISE = 0.3, 0.75
"""How much of the product is new: enough for texture; and as the recipe had it that this replaces."""


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "enhance",
        help="repaint the product alone, and only where it is",
        description="Repaint the product of each picture with finer detail, its form held by a ControlNet; all around "
        "it stays bit for bit as it was. A picture where the product is not found, or not surely, is passed on "
        "untouched, byte for byte. enhance.csv says which. What is looked for is said as for `filter`. A batch like "
        f"any other: the same command goes on, a second runner shares the work, {in_help('report', 'DIR')} makes a "
        "page.",
        allow_abbrev=False,
    )
    add_looking_arguments(parser, DEFAULT_OUT)
    parser.add_argument(
        "--control",
        choices=list(WORKFLOWS),
        help="what holds the product's form (default: tile; with --preset original: depth)",
    )
    parser.add_argument(
        "--denoise",
        type=in_range(0, 1),
        metavar="0..1",
        help=f"how much of the product is new (default {_DENOISE:g}, 0.25 to 0.4 keeps it yours; with --preset "
        f"original {_ORIGINAL_DENOISE:g})",
    )
    parser.add_argument("--prompt", metavar="TEXT", help="what the product is, in words")
    parser.add_argument("--checkpoint", metavar="FILE", help="any SD 1.5 model on the server")
    parser.add_argument("--lora", metavar="FILE", help="a LoRA of your product on the server")
    parser.add_argument("--lora-strength", type=in_range(-10, 10), metavar="S", help="default 1")
    parser.add_argument("--controlnet", metavar="FILE", help="another ControlNet of the chosen kind")
    parser.add_argument("--control-strength", type=in_range(0, 10), metavar="S", help="default 1")
    parser.add_argument("--steps", type=int, metavar="N", help="default 20")
    parser.add_argument("--cfg", type=in_range(0, 100), metavar="S", help="default 7")
    parser.add_argument("--size", type=int, metavar="PIXELS", help="side of the crop that is painted (default 512)")
    parser.add_argument("--padding", type=int, metavar="PIXELS", help="around the product, seen (default 32)")
    parser.add_argument("--mask-blur", type=in_range(0, 256), metavar="PIXELS", help="default 4")
    parser.add_argument("--seed", type=any_seed, metavar="N", help="default 0")
    return parser


def run(args: argparse.Namespace) -> int:
    """The `enhance` command."""
    from runner.sightings.collect import pass_on

    original = args.preset == "original"
    denoise = _ORIGINAL_DENOISE if original else None
    values = {
        **looking_values(args),
        "denoise": denoise if args.denoise is None else args.denoise,
        **{
            name: getattr(args, name)
            for name in ("prompt", "checkpoint", "lora", "lora_strength", "controlnet", "control_strength", "steps")
        },
        **{name: getattr(args, name) for name in ("cfg", "size", "padding", "mask_blur")},
    }
    workflow = WORKFLOWS[args.control or ("depth" if original else "tile")]
    batch = batch_of(args, workflow, values, "{image}", seed=args.seed, takes_results=True)
    code, collected = run_and_collect(batch, pass_on)
    if collected is not None:
        tell(collected, f" (what was not found is passed on untouched): {collected.table or args.out}")
        if collected.unjudged:
            return worst_code([*([code] if code else []), EXIT_QUALITY])
    return code
