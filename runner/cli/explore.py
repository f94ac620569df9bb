"""`explore PROMPT [SHAPE] [CFG]`: many seeds of one prompt, in rounds or in conversation."""

from __future__ import annotations

import argparse
import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from runner.cli.gallery import add_common_arguments, make_run_spec, rounds
from runner.cli.parser import at_least_one
from runner.cli.told import level_of
from runner.errors import UsageError, WorkflowError
from runner.explore.shapes import CFG_RANGE, SHAPES, shape_and_cfg, size
from runner.gallery.folder import facts, prompt_folder
from runner.words import counted

if TYPE_CHECKING:
    from runner.cli.parser import Subparsers
    from runner.execution.plan import Plan
    from runner.explore.interactive import ShowingReporter
    from runner.explore.rounds import Rounds
    from runner.workflow.graph import Target

DEFAULT_OUT = Path("outputs/explore")
A_ROUND, A_CONVERSATION = 12, 3
"""Pictures a round: three rows of four on a screen; in a conversation what is seen in one look."""
_WORDS = {"prompt": "PROMPT", "cfg": "a number after the prompt", "width": "--size", "height": "--size"}
"""What is typed for the inputs that this command alone has a word for."""
_NAMED = ("cfg", "steps", "sampler", "width", "height")
"""Inputs that are recorded, and told in a name, also where nothing was typed."""


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    sizes = ", ".join(f"{name} {width}×{height}" for name, (width, height) in SHAPES.items())
    parser = subparsers.add_parser(
        "explore",
        help="many pictures of one prompt, each with another seed",
        description="Paint one prompt with many seeds. Pictures land in a folder per prompt (its prompt.txt says "
        "which); their names carry time, guidance scale, steps, sampler and seed.",
        allow_abbrev=False,
    )
    parser.add_argument("prompt", metavar="PROMPT", help="what to paint, in quotes")
    parser.add_argument(
        "more",
        nargs="*",
        metavar="SHAPE|CFG",
        help=f"the shape ({sizes}) and the guidance scale, {CFG_RANGE[0]:g} to {CFG_RANGE[1]:g} (default: square and "
        "6; with --workflow its own)",
    )
    parser.add_argument(
        "--number",
        type=at_least_one,
        metavar="N",
        help=f"pictures a round (default: {A_ROUND}, in --interactive {A_CONVERSATION})",
    )
    parser.add_argument(
        "--rounds", type=rounds, default=1, metavar="N", help="rounds, one after the other; 0 goes on until Ctrl-C (1)"
    )
    parser.add_argument(
        "--interactive",
        action="store_true",
        help="a few pictures at a time to DIR/scratch, each shown, then asks: the same prompt again, more words, or "
        "another prompt",
    )
    parser.add_argument(
        "--viewer",
        metavar="COMMAND",
        help="in --interactive: what opens a picture (default: $PRODGEN_VIEWER, then the desktop's own; `none` opens "
        "nothing)",
    )
    parser.add_argument("--size", type=size, metavar="WxH", help="another size, like 1024x1024 for an SDXL --model")
    parser.add_argument(
        "--workflow",
        default="explore",
        metavar="WORKFLOW",
        help="paint with another workflow, like series (explore); what is not typed is its own",
    )
    add_common_arguments(parser, steps=None, sampler=None, otherwise="default: the workflow's own", out=DEFAULT_OUT)
    return parser


def run(args: argparse.Namespace) -> int:
    """The `explore` command."""
    from runner.cli.signals import PICTURES_ARE_THERE, interruptible, told_when_interrupted
    from runner.events.reporter import make_reporter
    from runner.explore.interactive import ShowingReporter

    shape, cfg = shape_and_cfg(args.more)
    width, height = args.size or shape or (None, None)
    if not args.prompt.strip():
        raise UsageError("the prompt is empty.", advice="Say what to paint, in quotes.")
    if args.interactive and args.json:
        raise UsageError("--interactive asks questions, --json is for programs; give one of them.")
    number = args.number or (A_CONVERSATION if args.interactive else A_ROUND)
    values: dict[str, object] = {"cfg": cfg, "width": width, "height": height}
    with (
        interruptible(),
        ShowingReporter(lambda: make_reporter(json_lines=args.json, jobs=number, level=level_of(args))) as reporter,
        told_when_interrupted(PICTURES_ARE_THERE),
    ):
        return _run(args, values, number, reporter)


def _run(args: argparse.Namespace, values: dict[str, object], number: int, reporter: ShowingReporter) -> int:
    run_spec = make_run_spec(args, args.workflow, args.prompt, values, _WORDS)
    from runner.execution.session import Session
    from runner.explore.rounds import Rounds
    from runner.local_server.choice import resolve_server

    url = resolve_server(args.server, say=reporter.notice)
    with Session(url, args.out, reporter, workflow=run_spec.workflow.label) as session:
        rounds = Rounds(session, number, args.rest)
        plan = _with_own_values(run_spec.plan(session))
        figures = _figures(plan)
        if args.interactive:
            return _converse(args, plan, rounds, reporter, figures)
        folder = prompt_folder(args.out, args.prompt)
        reporter.notice(f"{counted(number, 'picture')} a round to {folder}, first seed {plan.seed}.")
        return rounds.run_all(named(plan, f"{folder.name}/{_template(figures)}"), args.rounds)


def _converse(args: argparse.Namespace, plan: Plan, rounds: Rounds, reporter: ShowingReporter, figures: str) -> int:
    from runner.explore.interactive import SCRATCH, Conversation
    from runner.explore.viewer import Viewer, viewer_command

    def paint(prompt: str) -> Plan:
        asked = replace(plan, values={**plan.values, "prompt": prompt})
        return named(asked, f"{SCRATCH}/{_template(figures)}")

    viewer = Viewer(viewer_command(args.viewer), reporter.notice)
    return Conversation(rounds, reporter, viewer, args.out, paint).run(args.prompt)


def _with_own_values(plan: Plan) -> Plan:
    """The plan, the workflow's own values of what is recorded among its own where nothing else sets them."""
    from runner.workflow.patch import resolve_name

    schema = plan.view.object_info
    taken: set[Target] = set()
    for name in plan.values:
        with contextlib.suppress(WorkflowError):  # an input that only another choice brings along
            taken.update(resolve_name(plan.workflow, name, schema))
    own = {
        spec.name: spec.default
        for spec in plan.workflow.inputs(schema)
        if spec.name.casefold() in _NAMED and spec.default is not None and taken.isdisjoint(spec.targets)
    }
    return replace(plan, values={**own, **plan.values})


def _figures(plan: Plan) -> str:
    """What the names of the pictures say of how they are made."""
    from runner.data import figure
    from runner.files.naming import safe_name

    known = {name.casefold(): value for name, value in plan.values.items()}
    steps, sampler = figure(known.get("steps")), known.get("sampler")
    return facts(
        scale=figure(known.get("cfg")),
        steps=None if steps is None else int(steps),
        sampler=None if sampler is None else safe_name(str(sampler).replace("{", "").replace("}", "")),
    )


def _template(figures: str) -> str:
    return "_".join(part for part in ("{date}", figures, "seed{seed}") if part)


def named(plan: Plan, template: str) -> Plan:
    """The plan, its results named by this template."""
    return replace(plan, template=template)
