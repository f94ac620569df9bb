"""`submit WORKFLOW`: one workflow, one photo (or as many as it takes), one or more seeds, finished files."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from runner import console
from runner.cli.looks import add_look_arguments
from runner.cli.parser import (
    PHOTO_HELP,
    add_out_argument,
    add_server_argument,
    any_seed,
    at_least_one,
    check_no_password,
    in_help,
    named,
    seconds,
)
from runner.cli.told import add_run_arguments, level_of, show
from runner.errors import EXIT_QUALITY, worst_code

if TYPE_CHECKING:
    from runner.cli.parser import Subparsers
    from runner.events.reporter import Reporter
    from runner.execution.plan import RunSpec
    from runner.execution.session import Session


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "submit",
        help="run a workflow on a photo and save what it makes",
        description="Run a workflow and save its result. The paths of the saved files go to standard output, "
        "everything else to standard error.",
        allow_abbrev=False,
    )
    parser.add_argument("workflow", metavar="WORKFLOW", help="a bundled workflow's name, or a path")
    parser.add_argument("photos", metavar="PHOTO", nargs="*", type=named, help=PHOTO_HELP)
    parser.add_argument(
        "--image",
        action="append",
        type=named,
        default=[],
        metavar="FILE",
        help="a photo, too; repeat it for workflows that take more",
    )
    parser.add_argument("--prompt", metavar="TEXT", help="the workflow's input `prompt`")
    parser.add_argument(
        "--seed", type=any_seed, metavar="N", help="the workflow's input `seed` (default: the file's own)"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any other input, or any widget as NODE.widget=value "
        f"({in_help('inputs', 'WORKFLOW')} lists them); repeatable",
    )
    add_look_arguments(parser)
    parser.add_argument("--dry-run", action="store_true", help="show what would run, and run nothing")
    parser.add_argument(
        "--count", type=at_least_one, default=1, metavar="N", help="run it N times, the seed counting up"
    )
    add_out_argument(parser, help_more="; - writes the result to standard output")
    parser.add_argument(
        "--name",
        metavar="TEMPLATE",
        help="file name without extension; may hold {image} {workflow} {channel} {seed} {index} {time} {date} and "
        "folders (default: photo, workflow, the shop where one was chosen, the seed where there is one; without a "
        "photo the time comes first); nothing is overwritten, _2, _3 … is added to what is made again",
    )
    parser.add_argument(
        "--best-of",
        type=at_least_one,
        metavar="N",
        help="make up to N candidates, the seed counting up; the workflow's own checks (Product Fidelity, Hand Check, "
        "…) judge each, the best that passes is saved, and a candidate that passes comfortably ends the search. All of "
        "them, their figures (candidates.csv) and a contact sheet are kept in <out>/<name>_candidates/. None passes: "
        "exit code 7, and the best one is kept aside there. With --count K: K results, each from N candidates of its "
        "own",
    )
    parser.add_argument(
        "--preview",
        action="store_true",
        help="save the picture so far while it is sampled, as <name>_preview.jpg beside the result",
    )
    add_server_argument(parser)
    parser.add_argument(
        "--timeout",
        type=seconds,
        metavar="S",
        help="for the whole run, once a server answers; then it is cancelled. A photo from an address must come within "
        "as long",
    )
    add_run_arguments(parser, opens="the result")
    return parser


def run(args: argparse.Namespace) -> int:
    """The `submit` command; photos that its workflow takes one by one are a batch."""
    from runner.cli import photo_words

    if args.photos and photo_words.are_many(args):
        from runner.cli import batch

        return batch.run(photo_words.as_batch(args))
    with photo_words.brought([*args.image, *args.photos], args.timeout) as args.image:
        if args.out == Path(photo_words.PIPE):
            return photo_words.to_standard_output(args, partial(_submit, is_piped=True))
        code = _submit(args)
        if photo_words.PIPE in args.photos and not args.json and not sys.stdout.isatty():
            console.tell("What went to standard output is where the result lies; --out - writes its bytes there.")
        return code


def _submit(args: argparse.Namespace, *, is_piped: bool = False) -> int:
    with reported(args, jobs=args.count * (args.best_of or 1), is_piped=is_piped) as reporter:
        return _run(args, reporter)


@contextlib.contextmanager
def reported(args: argparse.Namespace, *, jobs: int, is_piped: bool = False) -> Iterator[Reporter]:
    """What shows a run of these arguments, which Ctrl-C ends in words."""
    from runner.cli.signals import interruptible, told_when_interrupted
    from runner.events.reporter import make_reporter

    with (
        interruptible(),
        make_reporter(json_lines=args.json, jobs=jobs, level=level_of(args), is_piped=is_piped) as reporter,
        told_when_interrupted(),
    ):
        yield reporter


def _run(args: argparse.Namespace, reporter: Reporter) -> int:
    from runner.execution.missing_verdicts import is_missing

    run_spec = run_spec_of(args)
    with open_session(args, run_spec.workflow.label, reporter, previews=args.preview) as session:
        plan = run_spec.plan(session)
        if run_spec.best_of is not None:
            from runner.best_of.search import find_best

            return find_best(plan, session, reporter, args.out)
        results = session.run(plan.jobs())
    saved = [result.saved for result in results if result.saved is not None]
    if args.open and saved:
        files = [file.path for job in saved for file in job.files]
        show(files[0] if len(saved) == 1 else files[0].parent)
    warnings = [warning for job in saved for warning in job.warnings]
    failed = bool(warnings) and args.strict
    if failed:
        what = "the verdict of a check did not arrive" if all(map(is_missing, warnings)) else "a check did not pass"
        reporter.notice(f"warning: {what} (exit code 7, for --strict was asked).")
    codes = [result.error.exit_code for result in results if result.error is not None]
    return worst_code([*codes, *([EXIT_QUALITY] if failed else [])])


@contextlib.contextmanager
def open_session(
    args: argparse.Namespace, workflow: str, reporter: Reporter, *, previews: bool = False
) -> Iterator[Session]:
    """A session with the server of these arguments, started where none answers."""
    from runner.execution.session import Session
    from runner.local_server.choice import resolve_server

    url = resolve_server(args.server, say=reporter.notice)
    if len(args.server) > 1:
        reporter.notice(f"Several servers were named; this command uses one: {url}.")
    deadline = None if args.timeout is None else time.monotonic() + args.timeout
    with Session(url, args.out, reporter, workflow=workflow, deadline=deadline, previews=previews) as session:
        yield session


def run_spec_of(args: argparse.Namespace) -> RunSpec:
    """The run that these arguments make. Raises UsageError and its kinds."""
    from runner.execution.plan import prepare_run

    check_no_password(args.server)
    return prepare_run(
        args.workflow,
        args.out,
        images=[Path(image) for image in args.image],
        values={} if args.prompt is None else {"prompt": args.prompt},
        assignments=args.set,
        seed=args.seed,
        count=args.count,
        template=args.name,
        best_of=args.best_of,
        smoke=args.smoke,
        channels=args.channels,
    )
