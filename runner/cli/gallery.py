"""Arguments that `explore` and `vary` have in common, and what they come to as a run of a workflow."""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Container, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from runner.cli.parser import add_server_argument, at_least_one, check_no_password, local_path
from runner.cli.told import add_smoke_argument, add_told_arguments
from runner.errors import UsageError
from runner.gallery.rest import Rest, rest

if TYPE_CHECKING:
    from runner.execution.plan import RunSpec

_SEEDS = 2**32
"""Seeds drawn by chance stay short enough to be read and typed."""
_WORDS = {
    "steps": "--steps",
    "sampler": "--sampler",
    "seed": "--seed",
    "checkpoint": "--model",
    "negative": "--negative",
}
"""What is typed for an input that both commands have a word of their own for."""
_OTHERWISE = frozenset({"checkpoint", "negative"})
"""Of these, what `--set` may say as well: nothing but its value depends on it."""


def add_common_arguments(
    parser: argparse.ArgumentParser, *, steps: int | None, sampler: str | None, otherwise: str, out: Path
) -> None:
    """The options; `steps` and `sampler` hold where none are typed, and `otherwise` says in the help what does."""
    parser.add_argument(
        "--steps", type=at_least_one, default=steps, metavar="N", help=f"sampling steps ({otherwise.format(steps)})"
    )
    parser.add_argument(
        "--sampler",
        default=sampler,
        metavar="NAME",
        help=f"the sampler, as ComfyUI calls it ({otherwise.format(sampler)})",
    )
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
    add_smoke_argument(parser)
    add_told_arguments(parser)
    parser.add_argument("--json", action="store_true", help="JSON lines on standard output, one per event")


def make_run_spec(
    args: argparse.Namespace,
    workflow: str,
    prompt: str,
    values: dict[str, object],
    words: Mapping[str, str],
    images: list[str] | None = None,
) -> RunSpec:
    """The run of `workflow` that these arguments and `values` make; what is None is the workflow's own.

    Args:
        words: what is typed for the inputs that this command alone has a word for, by their names.

    Raises UsageError and its kinds.
    """
    from runner.execution.plan import prepare_run

    named = {"steps": args.steps, "sampler": args.sampler, "checkpoint": args.model, "negative": args.negative}
    given = {name: value for name, value in {**values, **named}.items() if value is not None}
    _check_set(args, {**_WORDS, **words}, given)
    check_no_password(args.server)
    run_spec = prepare_run(
        workflow,
        args.out,
        images=[Path(image) for image in images or []],
        values={"prompt": prompt},
        assignments=[*(f"{name}={value}" for name, value in given.items()), *args.set],
        seed=first_seed(args),
        smoke=args.smoke,
    )
    run_spec.values |= given  # checked as text, as the user would write it; recorded as what it is
    run_spec.assignments = list(args.set)
    return run_spec


def _check_set(args: argparse.Namespace, words: Mapping[str, str], given: Container[str]) -> None:
    """Raises UsageError for `--set` of an input that the command has a word of its own for."""
    for text in args.set:
        name = text.partition("=")[0].strip().casefold()
        if name in words and (name in given or name not in _OTHERWISE):
            raise UsageError(f"--set {name}: `{args.command}` has its own word for that.", advice=f"Use {words[name]}.")


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
