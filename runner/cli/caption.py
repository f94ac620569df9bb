"""`caption --images DIR`: a caption for every training photo, `tag, class, rest`, kept beside it."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from runner.cli.batch import order_of
from runner.cli.named_batch import add_batch_arguments, add_picture_arguments, batch_of
from runner.cli.parser import local_path, named
from runner.errors import EXIT_OK, EXIT_USAGE, RunnerError, UsageError, worst_code
from runner.files.paths import expanded
from runner.invocation import spell

if TYPE_CHECKING:
    from runner.batch.beside import Beside
    from runner.captions.collect import Captions, Wanted
    from runner.cli.parser import Subparsers

DEFAULT_OUT = Path("outputs/captions")
VLM_FILE = "qwen3vl_4b_fp8_scaled.safetensors"
_SHOWN = 10
"""Problems told one by one: a screenful; the table has all."""


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "caption",
        help="captions for training photos",
        description="Write a caption for every photo, `tag, class, rest`, as <photo>.txt beside a copy in --out or, "
        "with --in-place, beside the photo itself. The rest is said by a vision-language model in ComfyUI (--vlm), by "
        "the one behind $PRODGEN_LLM_URL, or measured: framing and backdrop. Captions that are there already are kept. "
        "Missing, identical and too long ones are told, and a tag that is a common word; captions.csv lists them all. "
        "--review writes a page to look them over and edit them; --apply takes what that page saved.",
        allow_abbrev=False,
    )
    add_picture_arguments(parser)
    parser.add_argument(
        "--tag", type=named, metavar="WORD", help="the rare word to learn the product under, without spaces: ohwx-bag"
    )
    parser.add_argument(
        "--class", type=named, dest="class_name", metavar="KIND", help="what kind of thing it is: handbag"
    )
    parser.add_argument(
        "--vlm",
        nargs="?",
        const=VLM_FILE,
        metavar="FILE",
        help=f"let a vision-language model in ComfyUI describe each photo (default: {VLM_FILE})",
    )
    parser.add_argument("--rules", action="store_true", help="ask no model, whatever $PRODGEN_LLM_URL says")
    parser.add_argument("--in-place", action="store_true", help="beside the photos themselves, without copies")
    parser.add_argument("--again", action="store_true", help="also for photos that have a caption already")
    parser.add_argument("--review", action="store_true", help="write review.html: photos and captions to edit")
    parser.add_argument(
        "--apply",
        type=local_path,
        metavar="FILE",
        help="write back what the page saved (captions.json) into --out or, with --in-place, beside the photos; table "
        "and page are written anew",
    )
    add_batch_arguments(parser, DEFAULT_OUT)
    return parser


def run(args: argparse.Namespace) -> int:
    """The `caption` command."""
    from runner import console
    from runner.training.captions import check_tag, is_common

    check_tag(args.tag, args.class_name)
    args.tag, args.class_name = args.tag or "", args.class_name or ""
    if args.apply is not None:
        return _apply(args)
    if args.images is None and not args.photos:
        raise UsageError("there is nothing to caption.", advice="Name a folder of photos.")
    if args.smoke and args.in_place:
        raise UsageError("--smoke makes captions up, and --in-place would put them beside your photos.")
    if is_common(args.tag):
        console.tell(_common(args.tag))
    from runner.batch.setup import photographed
    from runner.captions.collect import Wanted
    from runner.captions.dataset import caption_of

    if args.in_place and args.out is DEFAULT_OUT:
        args.out = _own_folder(args)
    photos = photographed(order_of(args, workflow="caption"), [])
    kept = [] if args.again else [pair for pair in photos if os.path.lexists(caption_of(pair[0]))]
    wanted = Wanted(args.out, args.in_place, args.again, args.tag, [photo for photo, _ in photos], kept)
    code = _caption(args, wanted) if len(kept) < len(photos) else EXIT_OK
    delivered = EXIT_OK if args.dry_run else _deliver(args, wanted)
    return worst_code(one for one in (code, delivered) if one != EXIT_OK)


def _own_folder(args: argparse.Namespace) -> Path:
    """Where the batch of captions that go beside their photos is kept: another for other photos or other options, so
    that none goes on with what was asked for elsewhere; with --again, a new one."""
    photos = [str(expanded(word).resolve()) for word in (*([args.images] if args.images else []), *args.photos)]
    asked = [*photos, args.tag, args.class_name, args.vlm, args.rules, *args.set]
    moment = time.time() if args.again else 0.0
    name = hashlib.sha256(repr((asked, moment)).encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return DEFAULT_OUT / f"in_place_{name}"


def _caption(args: argparse.Namespace, wanted: Wanted) -> int:
    """Run the batch that writes captions; what is there is delivered also after an interruption."""
    from runner.cli.batch import run_order

    values = {
        "tag": args.tag or None,
        "class": _plain(args.class_name) or None,
        "model": args.vlm,
        "description": "-" if args.rules and args.vlm is None else None,  # nothing that could be said
    }
    if not values["tag"] and not values["class"]:
        raise UsageError("nothing says what the photos show.", advice="Give --tag ohwx-bag --class handbag.")
    kept = {photo for photo, _ in wanted.kept}
    workflow = "caption" if args.vlm is None else "caption_vlm"
    order = batch_of(args, workflow, values, "{image}", leave_out=kept.__contains__)
    try:
        return run_order(order, goes_on=wanted.in_place and args.out.parent == DEFAULT_OUT)
    except UsageError:
        raise
    except (RunnerError, KeyboardInterrupt):
        if not args.dry_run:
            with contextlib.suppress(RunnerError):
                _deliver(args, wanted)
        raise


def _plain(text: str) -> str:
    """A word or two as one value of an input."""
    return " ".join(text.replace("|", " ").replace("{", " ").replace("}", " ").replace("%", " ").split())


def _deliver(args: argparse.Namespace, wanted: Wanted) -> int:
    """Put the captions where they belong; 2 where that, or reading one that was kept, could not be done."""
    from runner import console
    from runner.batch.beside import Beside
    from runner.captions.collect import collect
    from runner.captions.dataset import caption_of

    with Beside(wanted.out, console.tell, [*wanted.photos, *map(caption_of, wanted.photos)]) as beside:
        captions = collect(wanted, beside, console.tell)
        _tell(wanted, captions)
        page = _review(args, beside, captions) if args.review else None
    if page is not None:
        console.result(str(page))
    return EXIT_USAGE if beside.missed or any(pair.fault for pair in captions.pairs) else EXIT_OK


def _review(args: argparse.Namespace, beside: Beside, captions: Captions) -> Path | None:
    from runner.captions.review import write_review

    root = str(_root(args))
    where = [root, "--in-place"] if args.in_place else []
    where += [] if args.in_place and args.out == DEFAULT_OUT else ["--out", str(args.out)]
    how = spell("caption", *where, "--apply", "captions.json")
    return write_review(beside, _root(args), captions.pairs, captions.faults, tag=args.tag, how=how)


def _common(tag: str) -> str:
    return f"warning: the tag {tag!r} is a word that models know: take a rare one, like ohwx-bag."


def _tell(wanted: Wanted, captions: Captions) -> None:
    from runner import console
    from runner.training.captions import is_common

    _tell_faults(captions)
    pairs = captions.pairs
    if any(pair.common_tag for pair in pairs) and not is_common(wanted.tag):  # which was told at once
        console.tell(_common(wanted.tag))
    made = sum(bool(pair.text) for pair in pairs)
    console.tell(f"{made} of {len(pairs)} photos have a caption ({len(wanted.kept)} kept): {wanted.out}")


def _tell_faults(captions: Captions) -> None:
    from runner import console

    pairs, faults, table = captions
    failed = [pair.photo for pair in pairs if pair.fault]  # these first: they are the fewest and the worst
    for photo in [*failed, *(photo for photo in faults if photo not in failed)][: max(_SHOWN, len(failed))]:
        console.tell(f"{photo.name} {', '.join(faults.get(photo, ()))}.")
    hidden = len(faults) - max(_SHOWN, len(failed))
    if hidden > 0:
        console.tell(f"… and {hidden} more captions with problems{f' (see {table})' if table else ''}.")


def _root(args: argparse.Namespace) -> Path:
    """The folder that the captions lie below."""
    if not args.in_place:
        return Path(args.out)
    words = [*([args.images] if args.images else []), *args.photos]
    if len(words) != 1 or not expanded(words[0]).is_dir():
        raise UsageError("--in-place with --review or --apply needs a folder.", advice="Name the photos' folder.")
    return expanded(words[0])


def _apply(args: argparse.Namespace) -> int:
    from runner import console
    from runner.batch.beside import Beside
    from runner.captions.collect import captions_below, latest_about, write_table
    from runner.captions.review import PAGE, apply_review, tag_of

    root = _root(args)
    applied = apply_review(args.apply, root, console.tell)
    args.tag = args.tag or tag_of(args.apply)
    if args.in_place and args.out is DEFAULT_OUT:
        args.out = latest_about(root, DEFAULT_OUT.glob("in_place_*")) or args.out
    captions, missed = captions_below(root, args.out, args.tag), False
    if captions.table is not None:
        with Beside(args.out, console.tell) as beside:
            captions = write_table(captions, beside)
            if (args.out / PAGE).is_file():
                _review(args, beside, captions)
        missed = bool(beside.missed)
    _tell_faults(captions)
    console.tell(f"{applied.changed} captions changed in {root}")
    return EXIT_USAGE if applied.left_out or missed else EXIT_OK
