"""`check PHOTO PICTURE`: whether the product in anybody's picture still is the seller's."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from runner.cli.named_batch import add_batch_arguments, batch_of, run_and_collect
from runner.cli.parser import check_no_password, local_path, named
from runner.errors import EXIT_OK, EXIT_QUALITY, worst_code

if TYPE_CHECKING:
    from runner.batch.order import BatchOrder
    from runner.cli.parser import Subparsers
    from runner.execution.job import JobResult

DEFAULT_OUT = Path("outputs/check")
_NAME = "{image}_check"


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "check",
        help="is the product in anybody's picture still the seller's?",
        description="Find the product of PHOTO in each PICTURE, whatever tool made it, and compare them: colour, hue, "
        "structure, outline, missing and added parts, whatever the light. A picture passes where it is the very same "
        "product, whole; one in which it is not surely found does not pass. Beside the verdict, in words, a heat map "
        "and a .json are written; of several pictures check.csv, too. Exit code 7: a picture did not pass.",
        allow_abbrev=False,
    )
    parser.add_argument("photo", metavar="PHOTO", type=named, help="the seller's own photo of the product")
    parser.add_argument("photos", metavar="PICTURE", nargs="*", type=named, help="what to check: pictures, folders")
    parser.add_argument("--images", type=named, metavar="DIR|GLOB", help="a folder (with all below it) or a glob, too")
    parser.add_argument("--channel", metavar="SHOP", help="a shop whose rules for a main picture must be met, too")
    parser.add_argument(
        "--hint", type=local_path, metavar="FILE", help="a rough mask of the product in PHOTO, white on black"
    )
    add_batch_arguments(parser, DEFAULT_OUT)
    return parser


def run(args: argparse.Namespace) -> int:
    """The `check` command: one picture by itself, several as a batch."""
    from runner.batch.photo_folder import unusable
    from runner.cli import photo_words
    from runner.errors import UsageError
    from runner.invocation import spell
    from runner.suggest import Suggestions

    if not args.photos and not args.images:
        raise UsageError("nothing to check was named.", advice=f"Write: {spell('check', args.photo, 'PICTURE')}")
    if args.hint is not None and (why := unusable(args.hint, Suggestions())):
        raise UsageError(f"--hint: {why}")
    check_no_password(args.server)
    with photo_words.brought([args.photo], args.timeout) as (photo,):
        if why := unusable(Path(photo), Suggestions()):
            raise UsageError(why)
        values = {"photo": photo, "channel": args.channel, "hint": args.hint}
        if _is_alone(args):
            with photo_words.brought(args.photos, args.timeout) as (picture,):
                return _check_one(args, Path(picture), values)
        return _check_many(batch_of(args, "check", values, _NAME, alike=False, takes_results=True))


def _is_alone(args: argparse.Namespace) -> bool:
    """Whether it is one picture, and nothing was asked for that only a batch has."""
    from runner.cli.photo_words import is_folder

    batch = (args.images, args.resume, args.dry_run, args.metrics, args.servers, args.ray, args.ray_workers)
    return len(args.photos) == 1 and not is_folder(args.photos[0]) and not any(batch) and args.ray is None


def _check_one(args: argparse.Namespace, picture: Path, values: dict[str, object]) -> int:
    from runner.cli.submit import open_session, reported
    from runner.cli.told import show
    from runner.execution.plan import prepare_run
    from runner.sightings.checks import NO_VERDICT, found_in

    assignments = [*(f"{name}={value}" for name, value in values.items() if value is not None), *args.set]
    with reported(args, jobs=1) as reporter:
        spec = prepare_run(
            "check", args.out, images=[picture], assignments=assignments, template=_NAME, smoke=args.smoke
        )
        with open_session(args, spec.workflow.label, reporter) as session:
            (result,) = session.run(spec.plan(session).jobs())
        found = None
        if result.saved is not None:
            found = found_in(report.value for report in result.saved.reports)
            heat = next((file.path for file in result.saved.files), None)
            if found is not None:
                reporter.event(found.event(picture.name, heat))
            else:
                reporter.notice(f"NOT PASSED: {picture.name}: {NO_VERDICT} (exit code 7).")
            if args.open and heat is not None:
                show(heat)
    return _code(result, passed=found is not None and found.passed)


def _code(result: JobResult, *, passed: bool) -> int:
    if result.error is not None:
        return result.error.exit_code
    return EXIT_OK if passed else EXIT_QUALITY


def _check_many(order: BatchOrder) -> int:
    from runner import console
    from runner.sightings.checks import NO_VERDICT, collect_checks

    code, collected = run_and_collect(order, collect_checks)
    if collected is None:
        return code
    for one in collected.pictures:
        if one.error == NO_VERDICT:
            console.tell(f"NOT PASSED: {one.name}: {NO_VERDICT}.")
    checked = [one for one in collected.pictures if one.found is not None]
    for one in checked:
        event = one.found.event(one.name, one.heat)  # type: ignore[union-attr]  # those with a verdict
        if order.json:
            console.json_line(event.as_json())
        elif not event.passed:
            console.tell(event.describe())
    passed, total, look = collected.passed, len(collected.pictures), collected.to_be_looked_at
    doubt = f", of {look} of them it is not known whether the cut-out holds all of the product: look yourself" * (
        look > 0
    )
    console.tell(f"{passed} of {total} passed{doubt}: {collected.table or order.out}")
    return worst_code([*([code] if code else []), *([] if passed == total and total else [EXIT_QUALITY])] or [EXIT_OK])
