"""Arguments that `explore` and `vary` have in common, and what they come to as a run of a workflow."""

from __future__ import annotations

import argparse
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from runner.cli.parser import add_server_argument, at_least_one, check_no_password, local_path
from runner.gallery.rest import Rest, rest

if TYPE_CHECKING:
    from runner.execution.plan import RunSpec

_SEEDS = 2**32
"""Seeds drawn by chance stay short enough to be read and typed."""


def add_common_arguments(parser: argparse.ArgumentParser, *, steps: int, out: Path) -> None:
    parser.add_argument("--steps", type=at_least_one, default=steps, metavar="N", help=f"sampling steps ({steps})")
    parser.add_argument("--sampler", default="euler", metavar="NAME", help="the sampler, as ComfyUI calls it (euler)")
    parser.add_argument(
        "--seed", type=seed, metavar="N", help="the first seed; they count up from there (default: a random one)"
    )
    parser.add_argument(
        "--model", metavar="FILE", help="the checkpoint, below models/checkpoints (default: the workflow's own)"
    )
    parser.add_argument("--negative", metavar="TEXT", help="what must not be in the picture (default: the workflow's)")
    parser.add_argument(
        "--rest",
        type=rest,
        default=Rest(),
        metavar="S[,S[,S]]",
        help="seconds to rest after every picture, every third and every ninth, like 2,10,30: keeps the graphics card "
        "cool (default: none)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any other input of the workflow, or any widget as NODE.widget=value; repeatable",
    )
    parser.add_argument("--out", type=local_path, default=out, metavar="DIR", help=f"default: {out}")
    add_server_argument(parser)
    parser.add_argument("--json", action="store_true", help="JSON lines on standard output, one per event")


def make_run_spec(
    args: argparse.Namespace, workflow: str, prompt: str, values: dict[str, object], images: list[str] | None = None
) -> RunSpec:
    """The run of `workflow` that these arguments and `values` make. Raises UsageError and its kinds."""
    from runner.execution.plan import prepare_run

    given: dict[str, object] = {**values, "steps": args.steps, "sampler": args.sampler}
    given |= {} if args.model is None else {"checkpoint": args.model}
    given |= {} if args.negative is None else {"negative": args.negative}
    check_no_password(args.server)
    run_spec = prepare_run(
        workflow,
        args.out,
        images=[Path(image) for image in images or []],
        values={"prompt": prompt},
        assignments=[*(f"{name}={value}" for name, value in given.items()), *args.set],
        seed=first_seed(args),
    )
    run_spec.values |= given  # checked as text, as the user would write it; recorded as what it is
    run_spec.assignments = list(args.set)
    return run_spec


def first_seed(args: argparse.Namespace) -> int:
    return secrets.randbelow(_SEEDS) if args.seed is None else int(args.seed)


def seed(text: str) -> int:
    number = int(text)
    if not 0 <= number < 2**64:
        raise argparse.ArgumentTypeError("must be 0 or more, and fit into 64 bits")
    return number


def rounds(text: str) -> int:
    """An argument that says how often; 0 is until Ctrl-C."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must be 0 (until Ctrl-C) or more")
    return number
