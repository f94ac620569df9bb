"""What the commands that are batches by another name have in common: what is looked for, and how the batch is run."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from runner.cli.cutouts import label_text
from runner.cli.parser import add_server_argument, at_least_one, in_range, local_path, named, seconds
from runner.errors import RunnerError, UsageError

if TYPE_CHECKING:
    from runner.sightings.collect import Collected

SAM3_FILE = "sam3.1_multiplex_fp16.safetensors"
PRESETS = ("careful", "original")


def add_looking_arguments(parser: argparse.ArgumentParser, out: Path) -> None:
    """What is looked for, where, and how the batch is run."""
    parser.add_argument(
        "--images", type=named, required=True, metavar="DIR|GLOB", help="a folder (with all below it) or a glob"
    )
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
        help=f"let SAM 3 find what --product names (default: {SAM3_FILE}; `models download sam-3.1`)",
    )
    parser.add_argument(
        "--rivals", default="", metavar='"empty table, hand"', help="with --sam3: what is easily taken for the product"
    )
    parser.add_argument(
        "--preset",
        choices=PRESETS,
        default=PRESETS[0],
        help="careful (default): found from 0.5, unsure from 0.25, any size; original: the limits of the filter that "
        "this replaces (0.85, a quarter of the picture, the ten largest)",
    )
    parser.add_argument("--min-score", type=in_range(0, 1), metavar="0..1", help="found from this score")
    parser.add_argument(
        "--min-area", type=in_range(0, 1), metavar="0..1", help="the product's least share of the picture"
    )
    add_batch_arguments(parser, out)


def add_batch_arguments(parser: argparse.ArgumentParser, out: Path) -> None:
    """Where results go, and how a batch that is named by its purpose is run."""
    parser.add_argument("--out", type=local_path, default=out, metavar="DIR", help=f"default: {out}")
    parser.add_argument("--resume", action="store_true", help="go on with what is in --out; what failed is tried again")
    parser.add_argument("--dry-run", action="store_true", help="show what would run, and run nothing")
    parser.add_argument("--metrics", type=local_path, metavar="FILE.csv", help="write a line of figures per picture")
    parser.add_argument("--watts", type=in_range(0.001, 99_999), default=300.0, metavar="W", help="for the energy")
    add_server_argument(
        parser,
        "ComfyUI's address; repeat it, and all of them share the work (default: $COMFYUI_URL, then "
        "http://127.0.0.1:8188, then the installed ComfyUI, which is started when nothing answers)",
    )
    parser.add_argument("--servers", type=local_path, metavar="FILE.yaml", help="a list of servers, as for `batch`")
    parser.add_argument("--ray", nargs="?", const="", metavar="HOST:PORT", help="a Ray cluster, as for `batch`")
    parser.add_argument("--ray-workers", type=at_least_one, metavar="N", help="as for `batch`")
    parser.add_argument("--timeout", type=seconds, metavar="S", help="for the whole run; --resume goes on")
    parser.add_argument("--json", action="store_true", help="JSON lines on standard output, one per event")


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


def batch_of(
    args: argparse.Namespace, workflow: str, values: Mapping[str, object], name: str, seed: int | None = None
) -> argparse.Namespace:
    """The command line of the `batch` that this is. Values that are None are the workflow's own."""
    set_here = [f"{key}={value}" for key, value in values.items() if value is not None]
    run = {
        "command": "batch",
        "workflow": workflow,
        "jobs": None,
        "prompt": [],
        "set": [*set_here, *getattr(args, "set", [])],
        "seed": seed,
        "count": 1,
        "seeds": None,
        "name": name,
    }
    return argparse.Namespace(**{**vars(args), **run})


def run_and_collect(
    batch: argparse.Namespace, collect: Callable[[Path, Callable[[str], None]], Collected]
) -> tuple[int, Collected | None]:
    """Run the batch and then `collect`, also after an interruption: (exit code, what is there)."""
    from runner import console
    from runner.batch.ledger import Ledger
    from runner.cli.batch import run as run_batch

    def collected() -> Collected | None:
        return collect(batch.out, console.tell) if not batch.dry_run and Ledger.exists(batch.out) else None

    try:
        code = run_batch(batch)
    except UsageError:  # nothing was begun; what is in --out may be another's
        raise
    except (RunnerError, KeyboardInterrupt):
        with contextlib.suppress(RunnerError):
            collected()
        raise
    return code, collected()


def told(collected: Collected) -> str:
    """The counts in a line."""
    unknown = collected.counts[""]
    rest = f", {unknown} failed or not finished" if unknown else ""
    return ", ".join(f"{count} {verdict}" for verdict, count in collected.counts.items() if verdict) + rest
