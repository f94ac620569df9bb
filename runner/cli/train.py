"""`train NAME --images DIR`: a LoRA of one's own product, from the check of its photos to the best checkpoint."""

from __future__ import annotations

import argparse
import errno
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from runner import console
from runner.cli.parser import add_server_argument, check_no_password, local_path, named, seconds
from runner.errors import EXIT_OK, EXIT_QUALITY, EXIT_USAGE, InterruptedRunError, UsageError
from runner.invocation import spell
from runner.words import counted

if TYPE_CHECKING:
    from runner.cli.parser import Subparsers
    from runner.events.reporter import Reporter
    from runner.execution.session import Session
    from runner.training.checks import Check
    from runner.training.dataset import Sample
    from runner.training.flow import Saved
    from runner.training.graphs import Training
    from runner.training.measure import Yardstick
    from runner.training.pictures import Ready
    from runner.training.recipes import Recipe

DEFAULT_OUT = Path("outputs/training")
BASES = ("sd15", "sdxl", "klein", "qwen")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")
_REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""What the system says of a disk that takes no more. On these no file is named, for it is a write that fails."""
_LARGEST_SEED = 2**32 - 1
"""Of numpy, which the other trainers seed, too."""
TABLE, SHEET, MASKS = "dataset.csv", "buckets.jpg", "masks"


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "train",
        help="train a LoRA of your product",
        description="Train a LoRA of a product from photos of it. First the photos are checked, in seconds and without "
        "a server: duplicates, blur, size, the product's share of the frame, captions (<photo>.txt), buckets, steps. "
        "Only the product is learnt, not its backdrop: what is product in a photo is cut out, and the rest weighs "
        "nothing. A training that was broken off goes on where it was.",
        allow_abbrev=False,
    )
    parser.add_argument("name", metavar="NAME", help="what the LoRA is called: letters, digits, - and _")
    parser.add_argument("--images", type=named, required=True, metavar="DIR|GLOB", help="photos of the product")
    parser.add_argument("--tag", type=named, required=True, help="a made-up word that will mean the product: ohwx-bag")
    parser.add_argument("--class", type=named, required=True, dest="kind", help='what it is: "hand bag"')
    parser.add_argument("--base", choices=BASES, help="the model it is for (default: the recipe's, or klein)")
    parser.add_argument("--recipe", metavar="NAME", help="how it is trained (default: product_<base>)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="change a figure of the recipe: epochs=5, resolution=512, rank=8 …; repeatable",
    )
    parser.add_argument(
        "--masks", type=local_path, metavar="DIR", help="<photo>.png each: white is product (default: cut out here)"
    )
    parser.add_argument("--check", action="store_true", help="check the photos and stop; needs no server")
    parser.add_argument(
        "--unmasked", action="store_true", help="train photos whole where nobody knows what is product in them"
    )
    parser.add_argument(
        "--best",
        action="store_true",
        help="then paint with every save, from two prompts at two strengths, measure each, and name the best save",
    )
    parser.add_argument(
        "--clip-vision",
        type=named,
        metavar="FILE",
        help="measure --best by this file of models/clip_vision (default: the one that is installed; none: by colours)",
    )
    parser.add_argument(
        "--export",
        choices=("kohya", "musubi", "ai-toolkit"),
        help="write <out>/<trainer>: a folder that is ready to start in that trainer, with these settings",
    )
    parser.add_argument("--model", type=named, metavar="FILE", help="the checkpoint or diffusion model trained on")
    parser.add_argument("--text-encoder", type=named, metavar="FILE", help="for klein: its text encoder")
    parser.add_argument("--vae", type=named, metavar="FILE", help="for klein: its VAE")
    parser.add_argument("--precision", choices=("bf16", "fp32"), default="bf16", help="of the maths (default: bf16)")
    parser.add_argument("--prompt", default="", metavar="TEXT", help="what the samples show (default: a studio photo)")
    parser.add_argument("--seed", type=_seed, default=0, metavar="N", help="of the training (default: 0)")
    parser.add_argument("--out", type=local_path, metavar="DIR", help=f"default: {DEFAULT_OUT}/NAME")
    add_server_argument(parser)
    parser.add_argument("--timeout", type=seconds, metavar="S", help="for the whole run; run it again to go on")
    parser.add_argument("--json", action="store_true", help="JSON lines on standard output, one per event")
    return parser


def _seed(text: str) -> int:
    """An argument that is a seed, as every trainer takes it."""
    number = int(text)
    if not 0 <= number <= _LARGEST_SEED:
        raise argparse.ArgumentTypeError(f"must be from 0 to {_LARGEST_SEED}")
    return number


def run(args: argparse.Namespace) -> int:
    """The `train` command. 2 where the photos cannot be trained on."""
    from runner.training.captions import check_tag
    from runner.training.own_folders import check_own_folders
    from runner.training.recipes import recipe_for

    if not _NAME.fullmatch(args.name):
        raise UsageError(
            f"{args.name!r} cannot be the name of a LoRA.", advice="Letters, digits, - and _: up to 60 of them."
        )
    check_no_password(args.server)
    check_tag(args.tag, args.kind)
    chosen, recipe = recipe_for(args.base, args.recipe, args.set)
    args.out = args.out or DEFAULT_OUT / args.name
    check_own_folders(args.out)
    samples = _samples(args)
    if args.export:
        from runner.training.export import check_trainer

        check_trainer(args.export, recipe)
    checked = _checked(args, chosen, recipe, samples)
    if args.check:
        return EXIT_OK if checked.passed else EXIT_USAGE
    _refuse(args, checked)
    from runner.cli.signals import interruptible
    from runner.events.reporter import make_reporter

    with interruptible(), make_reporter(json_lines=args.json, jobs=1) as reporter:
        try:
            return _run(args, chosen, recipe, checked, reporter)
        except OSError as error:
            if error.errno not in _REFUSED:
                raise
            raise UsageError(
                f"--out {args.out} cannot be written to ({error.strerror or error}).",
                advice="Make room there, or name another --out; the same command goes on.",
            ) from error
        except KeyboardInterrupt:
            raise InterruptedRunError("Interrupted: type the same command again, and it goes on.") from None


def _run(args: argparse.Namespace, chosen: str, recipe: Recipe, checked: Check, reporter: Reporter) -> int:
    checked = _masked(args, chosen, recipe, checked, reporter)
    if args.export:
        return _exported(args, chosen, recipe, checked, reporter)
    return _trained(args, chosen, recipe, checked, reporter)


def _trained(args: argparse.Namespace, chosen: str, recipe: Recipe, checked: Check, reporter: Reporter) -> int:
    from runner.execution.session import Session
    from runner.local_server.choice import resolve_server
    from runner.training import flow
    from runner.training.checks import in_buckets
    from runner.training.graphs import Training
    from runner.training.pictures import ready

    deadline = None if args.timeout is None else time.monotonic() + args.timeout
    url = resolve_server(args.server, say=reporter.notice)
    with Session(url, args.out, reporter, workflow=f"train {args.name}", deadline=deadline) as session:
        pictures = list(ready(checked.looks, args.tag, args.kind))
        folder = flow.uploaded(session.client, args.name, pictures)
        files = {"model": args.model or "", "clip": args.text_encoder or "", "vae": args.vae or ""}
        training = Training(
            args.name, args.tag, args.kind, chosen, recipe, in_buckets(checked.looks), folder, args.seed, args.prompt,
            files, args.precision,
        )  # fmt: skip
        reporter.notice(
            f"{counted(training.steps, 'step')}, saved every {training.save_every}; a sample is painted at each save."
        )
        if recipe.train_text or recipe.optimizer != "AdamW" or recipe.dropout:
            reporter.notice(
                "In ComfyUI the text encoder is not trained, there is no dropout, and the optimizer is AdamW; --export "
                "hands the whole recipe to another trainer."
            )
        yardstick = _yardstick(args, session) if args.best else None
        saves = flow.trained(training, session, args.out)
        found = True
        if yardstick is not None:
            found = _best(training, saves, pictures, session, reporter, args.out, yardstick)
    for one in saves:
        reporter.result(str(one.lora))
    reporter.notice(
        f"The samples: {args.out / flow.GRID}. On the server the last LoRA is {saves[-1].lora_name} already."
    )
    return EXIT_OK if found else EXIT_QUALITY


def _masked(args: argparse.Namespace, chosen: str, recipe: Recipe, checked: Check, reporter: Reporter) -> Check:
    """The check, the product cut out of every photo where nobody has said what is product."""
    unknown = [look.sample for look in checked.looks if look.share is None]
    if not unknown or args.unmasked:
        return checked
    from runner.local_server.choice import resolve_server
    from runner.training import masks

    reporter.notice(f"The product is cut out of {counted(len(unknown), 'photo')} first.")
    url = resolve_server(args.server, say=reporter.notice)
    left = masks.cut_out(unknown, args.out / MASKS, url, reporter)
    again = _checked(args, chosen, recipe, _samples(args), before=checked)
    _refuse(args, again)
    if left:
        raise UsageError(
            f"{counted(len(left), 'photo is', 'photos are')} without a mask: {', '.join(sorted(left))}.",
            advice="Give masks (--masks DIR: white is product) or take the photos out. To train them whole:\n    "
            f"{spell(*args.typed, '--unmasked')}",
        )
    return again


def _yardstick(args: argparse.Namespace, session: Session) -> Yardstick:
    """What --best measures by; said before anything is trained."""
    from runner.training import measure, vision

    file = vision.chosen(args.clip_vision, session)
    if file is None:
        return measure.Colours()
    session.notice(f"The saves will be measured by the CLIP vision model {file}.")
    return vision.Vision(file, session, args.out)


def _best(
    training: Training, saves: list[Saved], pictures: list[Ready], session: Session, reporter: Reporter, out: Path,
    yardstick: Yardstick,
) -> bool:  # fmt: skip
    """Measure every save and say which is the best; False where nothing could be measured."""
    from runner.training import best

    if all(one.mask is None for one in pictures):
        reporter.notice("warning: without a mask of any photo no save can be measured.")
        return False
    photos = best.photos_of(pictures, yardstick)
    trials = best.tried(training, saves, photos, session, out, yardstick)
    best.write_table(trials, out)
    failed = [one for one in trials if one.problem]
    where = f"{out / best.TABLE}, {out / best.GRID}"
    if len(failed) == len(trials):
        reporter.notice(f"warning: none of the {len(trials)} pictures could be measured, so no save is named the best.")
        reporter.notice(f"The first: {failed[0].problem}. All of them: {where}.")
        return False
    if failed:
        reporter.notice(
            f"warning: {len(failed)} of {len(trials)} pictures could not be measured and do not count; the table says "
            "why."
        )
    (winner, score), *_ = best.ranked(trials)
    strength = best.best_strength(trials, winner)
    reporter.notice(f"The best save is that of step {winner.step} (score {score:.3f}), at strength {strength:g}:")
    reporter.notice(f"{winner.lora_name}. {yardstick.said} {where}.")
    return True


def _refuse(args: argparse.Namespace, checked: Check) -> None:
    from runner.training.checks import ERROR

    wrong = [f"{', '.join(one.photos)}: {one.text}" for one in checked.findings if one.grade == ERROR]
    if wrong:
        raise UsageError(
            "these photos cannot be trained on:\n" + "\n".join(wrong), advice=f"Of each: {_checking(args)}"
        )


def _checking(args: argparse.Namespace) -> str:
    """The same command, that trains nothing and says what is wrong with each photo."""
    return spell(*args.typed, *([] if args.check else ["--check"]))


def _exported(args: argparse.Namespace, chosen: str, recipe: Recipe, checked: Check, reporter: Reporter) -> int:
    from runner.training.checks import in_buckets
    from runner.training.export import export
    from runner.training.export_settings import Order
    from runner.training.pictures import ready

    order = Order(args.name, args.tag, args.kind, chosen, recipe, args.seed, in_buckets(checked.looks))
    for path in export(args.export, ready(checked.looks, args.tag, args.kind), order, args.out / args.export):
        reporter.result(str(path))
    reporter.notice(f"Ready to start: {args.out / args.export / 'README.txt'} says how.")
    return EXIT_OK


def _samples(args: argparse.Namespace) -> list[Sample]:
    """The photos, with the masks that were given and those that were cut out here before."""
    from runner.training.dataset import read_samples, with_masks

    samples = read_samples(args.images, args.out, [] if args.masks is None else [args.masks], console.tell)
    return with_masks(samples, args.out / MASKS)


def _checked(
    args: argparse.Namespace, chosen: str, recipe: Recipe, samples: list[Sample], before: Check | None = None
) -> Check:
    """Check the photos, say what was found, and write the table and the sheet of it.

    `before`: a check of the same photos, after which the product was cut out of them; what it found is not said again.
    """
    from runner.batch.beside import Beside
    from runner.files.writable import check_folder
    from runner.training import tables
    from runner.training.checks import check
    from runner.training.sheet import jpeg

    check_folder(args.out)
    checked = check(samples, recipe, args.tag, args.kind)
    known = [] if before is None else before.findings
    new = [one for one in checked.findings if one not in known]
    for one in new if args.json else ():
        console.json_line(tables.as_dict(one))
    say = console.tell if args.json or before is not None else console.show
    if before is None:
        say(f"{args.name}: recipe {chosen} for {recipe.base} ({recipe.source})")
        for line in tables.lines(checked, recipe):
            say(line)
    else:
        for one in new:
            say(tables.line(one))
    with Beside(args.out, console.tell) as beside:
        beside.write(TABLE, tables.table(checked, args.tag, args.kind).encode())
        beside.write(SHEET, jpeg(tables.bucket_sheet(checked.looks), quality=85))
    if len(beside.written) == 2:
        say("Of each photo: {}; as they are cropped: {}.".format(*beside.written))
    return checked
