"""`vary IMAGE TRANSFORM ["extra words"]`: a picture painted over, in one pass or a chain of passes, colours held."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from runner.cli.gallery import add_common_arguments, make_run_spec, rounds
from runner.cli.parser import ListedHelp, in_range
from runner.cli.told import level_of
from runner.errors import UsageError
from runner.gallery.folder import prompt_folder
from runner.vary.colour import FOLLOW, LIGHTNESS_PER_PASS
from runner.vary.transforms import TRANSFORMS, Transform, find_transform

if TYPE_CHECKING:
    from runner.cli.parser import Subparsers
    from runner.events.reporter import Reporter
    from runner.vary.chain import Choices

DEFAULT_OUT = Path("outputs/vary")
_STEPS = 20
"""Of the sampler, for every pass."""
_WORDS = {
    "prompt": "--prompt",
    "cfg": "another TRANSFORM: each has its own guidance scale",
    "denoise": "another TRANSFORM: each has its own strength",
    "max_megapixels": "--megapixels",
}
"""What is typed for the inputs that this command alone has a word for."""


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "vary",
        help="paint a picture over, in one pass or a chain of passes",
        description="Paint a picture over by image-to-image. Every pass is colour-corrected, so that a chain neither "
        "turns magenta nor dark. Pictures land in a folder per prompt; their names carry time, transform, guidance "
        "scale, strength, steps, sampler and seed.",
        epilog="transforms, as guidance scale/strength of each pass:\n" + "\n".join(map(_line, TRANSFORMS.values())),
        formatter_class=ListedHelp,
        allow_abbrev=False,
    )
    parser.add_argument("image", metavar="IMAGE", help="the picture")
    parser.add_argument("transform", metavar="TRANSFORM", help="what to do with it (see below)")
    parser.add_argument("extra", nargs="?", default="", metavar="WORDS", help="words to add to its prompt, in quotes")
    parser.add_argument(
        "--prompt",
        metavar="TEXT",
        help="the picture's prompt (default: from the .json beside it, from inside the file, or from prompt.txt)",
    )
    parser.add_argument(
        "--loops",
        type=rounds,
        metavar="N",
        help="go through the transform N times, 0 until Ctrl-C (default: 1, video 8); a chain goes on where it ended",
    )
    parser.add_argument(
        "--chain", action="store_true", help="feed every result into the next pass, with any transform, loop after loop"
    )
    parser.add_argument(
        "--follow",
        type=in_range(0, 1),
        default=FOLLOW,
        metavar="0..1",
        help="how far the colours of a chain may follow the picture before instead of the first one "
        f"(default {FOLLOW:g}; 0 holds the first picture's)",
    )
    parser.add_argument(
        "--lightness",
        type=in_range(0, 3),
        default=LIGHTNESS_PER_PASS,
        metavar="L",
        help=f"L* given back per pass of strength 0.35, more for stronger ones (default {LIGHTNESS_PER_PASS:g})",
    )
    parser.add_argument(
        "--megapixels",
        type=in_range(0.01, 64),
        metavar="M",
        help="larger pictures are reduced to this many, in units of 1024² pixels (default 0.6, for SD 1.5; 1.1 suits "
        "an SDXL --model)",
    )
    add_common_arguments(parser, steps=_STEPS, sampler="euler", otherwise="{}", out=DEFAULT_OUT)
    return parser


def run(args: argparse.Namespace) -> int:
    """The `vary` command."""
    from runner.cli.signals import PICTURES_ARE_THERE, interruptible, told_when_interrupted
    from runner.events.reporter import make_reporter

    transform = find_transform(args.transform)
    with (
        interruptible(),
        make_reporter(json_lines=args.json, jobs=transform.pictures, level=level_of(args)) as reporter,
        told_when_interrupted(PICTURES_ARE_THERE),
    ):
        return _run(args, transform, reporter)


def _run(args: argparse.Namespace, transform: Transform, reporter: Reporter) -> int:
    image = Path(args.image)
    prompt = full_prompt(args, image)
    first = transform.passes[0]
    values: dict[str, object] = {"cfg": first.scale, "denoise": first.strength}
    values |= {} if args.megapixels is None else {"max_megapixels": args.megapixels}
    run_spec = make_run_spec(args, "vary", prompt, values, _WORDS, [args.image, args.image])
    from runner.execution.session import Session
    from runner.local_server.choice import resolve_server
    from runner.vary.chain import Passes

    choices = _choices(args, transform)
    url = resolve_server(args.server, say=reporter.notice)
    with Session(url, args.out, reporter, workflow=run_spec.workflow.label) as session:
        plan = run_spec.plan(session)
        folder = prompt_folder(args.out, prompt)
        reporter.notice(f"{transform.name}: {_plan_text(transform, choices)} to {folder}, first seed {plan.seed}.")
        return Passes(plan, session, choices, folder.name, image).run()


def full_prompt(args: argparse.Namespace, image: Path) -> str:
    """The picture's prompt and the extra words. Raises UsageError where there are neither."""
    from runner.vary.prompt import find_prompt

    prompt = args.prompt if args.prompt is not None else find_prompt(image)
    words = [text.strip(" ,\n") for text in (prompt or "", args.extra) if text.strip(" ,\n")]
    if not words:
        if not image.is_file():
            from runner.photos.prepare import prepare_photo

            prepare_photo(image)  # says what is wrong with the picture
        raise UsageError(
            f"{image}: nothing says which prompt it was made with (no .json beside it, no graph in it, no prompt.txt).",
            advice="Say what is in the picture with --prompt TEXT.",
        )
    return ", ".join(words)


def _choices(args: argparse.Namespace, transform: Transform) -> Choices:
    from runner.vary.chain import Choices

    return Choices(
        transform=transform,
        loops=transform.loops if args.loops is None else args.loops,
        chained=transform.chained or args.chain,
        steps=args.steps,
        sampler=args.sampler,
        follow=args.follow,
        lightness=args.lightness,
        rest=args.rest,
        extra_words=args.extra,
    )


def _plan_text(transform: Transform, choices: Choices) -> str:
    each = "each feeding the next" if choices.chained else "each from the picture itself"
    loops = "until Ctrl-C" if choices.loops == 0 else f"{choices.loops} times" if choices.loops > 1 else "once"
    return f"{transform.pictures} pictures, {each}, {loops},"


def _line(transform: Transform) -> str:
    passes = " ".join(f"{one.scale:g}/{one.strength:g}" for one in transform.passes)
    each = f" ×{transform.each}" if transform.each > 1 else ""
    chained = " (a chain)" if transform.chained else ""
    return f"  {transform.name:9} {passes}{each}\n            {transform.help}{chained}"
