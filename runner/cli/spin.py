"""`spin PHOTOS…`: the photos of a turntable as numbered pictures of one scale and light, a GIF, a film and a page."""

from __future__ import annotations

import argparse
import re
import time
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.cli.parser import (
    PHOTOS_HELP,
    add_out_argument,
    add_server_argument,
    at_least_one,
    check_no_password,
    in_range,
    named,
    seconds,
)
from runner.cli.told import add_told_arguments, level_of, show
from runner.errors import EXIT_OK, PhotoError, UsageError, WorkflowRejectedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runner.cli.parser import Subparsers
    from runner.events.reporter import Reporter
    from runner.execution.outputs import NodeReport
    from runner.spin.graph import Look

_LEAST, _MOST = 2, 120
"""Photos of a turn: two are a front and a back, a hundred and twenty one each three degrees."""
_SOURCE = "humanEdits"
"""Nothing of a turn is generated (`runner/files/xmp.py`)."""
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "spin",
        help="the photos of a turntable as one turn: pictures, GIF, film, page",
        description="Cut out the photos of a turntable, in the order of their names, bring them to one scale and "
        "baseline, one light and white on a plain ground, and write them as <name>_spin_01.png … with a GIF, an MP4 "
        "and a page to turn the product on (<name>_spin.html: drag, or arrow keys; it needs no network). Pixels are "
        "moved and lit, never painted.",
        allow_abbrev=False,
    )
    parser.add_argument("photos", metavar="PHOTO", nargs="*", type=named, help=f"{PHOTOS_HELP}, at least two")
    parser.add_argument("--size", type=at_least_one, default=1200, metavar="N", help="pixels of each side (1200)")
    parser.add_argument("--fill", type=in_range(0.05, 1), default=0.8, metavar="F", help="share of the frame (0.8)")
    parser.add_argument("--background", default="#ffffff", metavar="#RRGGBB", help="colour of the ground (white)")
    parser.add_argument("--shadow", type=in_range(0, 1), default=0.5, metavar="F", help="of the contact; 0: none (0.5)")
    parser.add_argument("--fps", type=in_range(1, 60), default=12.0, metavar="F", help="pictures a second (12)")
    parser.add_argument(
        "--cutout-confidence", type=in_range(0, 1), default=0.5, metavar="F", help="below it a photo is refused (0.5)"
    )
    parser.add_argument("--name", type=named, metavar="NAME", help="what it is called (default: what the photos are)")
    add_out_argument(parser)
    add_server_argument(parser)
    parser.add_argument("--timeout", type=seconds, metavar="S", help="for the whole run, once a server answers")
    add_told_arguments(parser, opens="the page")
    parser.add_argument("--json", action="store_true", help="JSON lines on standard output, one per event")
    return parser


def run(args: argparse.Namespace) -> int:
    """The `spin` command."""
    from runner.cli.signals import interruptible, told_when_interrupted
    from runner.events.reporter import make_reporter
    from runner.spin.graph import Look
    from runner.workflow.values import like_a_colour, named_colour

    args.background = named_colour(args.background) or args.background
    if not _COLOUR.fullmatch(args.background):
        said = f"--background {args.background}: this is no colour.{like_a_colour(args.background)}"
        raise UsageError(said, advice='Write it as "#f4f1ec".')
    if not 64 <= args.size <= 4096:
        raise UsageError(f"--size {args.size}: from 64 to 4096 pixels.")
    check_no_password(args.server)
    photos = _in_order(args)
    look = Look(args.size, args.fill, args.background, args.shadow, args.fps, args.cutout_confidence)
    with (
        interruptible(),
        make_reporter(json_lines=args.json, jobs=1, level=level_of(args)) as reporter,
        told_when_interrupted(),
    ):
        return _run(args, photos, look, reporter)


def _run(args: argparse.Namespace, photos: list[Path], look: Look, reporter: Reporter) -> int:
    from runner.execution.attachments import Attachment
    from runner.execution.job import JobSpec, Upload
    from runner.execution.session import Session
    from runner.files.naming import safe_name
    from runner.files.writable import check_folder
    from runner.local_server.choice import resolve_server
    from runner.server.view import server_view
    from runner.spin.graph import FILM, FRAMES, turn
    from runner.validation.check import check_graph
    from runner.validation.problem import listed

    check_folder(args.out)
    sources = [Attachment(path, is_picture=True, is_mask=False) for path in photos]
    prepared = [source.prepare() for source in sources]
    url = resolve_server(args.server, say=reporter.notice)
    deadline = None if args.timeout is None else time.monotonic() + args.timeout
    with Session(url, args.out, reporter, workflow="spin", deadline=deadline) as session:
        names = [session.client.upload_image(photo.data, photo.upload_name) for photo in prepared]
        graph = turn(names, look)
        view = server_view(session.client, graph)
        errors = [p.told for p in check_graph(graph, view.object_info, uploaded=names) if p.is_fatal]
        if errors:
            raise WorkflowRejectedError("\n".join([f"{session.client.url} cannot turn this:", *listed(errors)]))
        record = {
            "inputs": {"size": look.size, "fill": look.fill, "background": look.background, "shadow": look.shadow},
            "images": [{"file": p.name, "sha256": one.sha256} for p, one in zip(photos, prepared, strict=True)],
            "listing": {"digital_source_type": _SOURCE},
        }
        stem = Path(safe_name(args.name or f"{_called(photos)}_spin"))
        uploads = tuple(Upload(source, name) for source, name in zip(sources, names, strict=True))
        outputs = {"save": FRAMES, "save_film": FILM}
        (result,) = session.run([JobSpec(1, "spin", graph, outputs, stem, None, record, uploads)])
    if result.saved is None:
        return EXIT_OK if result.error is None else result.error.exit_code
    for note in _notes(result.saved.reports):
        reporter.notice(f"note: {note}")
    frames = [file.path for file in result.saved.files if file.output == FRAMES]
    page = _beside(frames, result.saved.sidecar, look, reporter)
    if args.open:
        show(page)
    return EXIT_OK


def _notes(reports: Iterable[NodeReport]) -> list[str]:
    """What was done to the turn that whoever looks at it should know."""
    from runner.console import clean_line
    from runner.spin.graph import TURN
    from runner.untrusted import mapping, texts

    report = next((mapping(one.value) for one in reports if one.node_id == TURN), {})
    return [clean_line(note) for note in texts(report.get("notes"))]


def _beside(frames: list[Path], sidecar: Path, look: Look, reporter: Reporter) -> Path:
    """The GIF and the page, called as the turn is; where the page is."""
    from runner.files.xmp import add_xmp, packet
    from runner.spin.beside import write_gif, write_page

    moving, page = sidecar.with_suffix(".gif"), sidecar.with_suffix(".html")
    write_gif(frames, moving, look.fps)
    add_xmp(moving, packet(source=_SOURCE))
    write_page(frames, page, sidecar.stem)
    for path in (moving, page):
        reporter.result(str(path))
    return page


def _in_order(args: argparse.Namespace) -> list[Path]:
    """The photos of the turn: those of a folder by the numbers in their names, those that were named as they stand."""
    from runner.batch.photo_folder import photos
    from runner.files.paths import expanded

    taken: list[Path] = []
    for word in args.photos:
        path = expanded(word)
        found = [path] if path.is_file() else [one for one, _ in photos(word, args.out)[0]]
        taken += sorted(found, key=_natural)
    if not _LEAST <= len(taken) <= _MOST:
        raise PhotoError(
            f"a turn is made of {_LEAST} to {_MOST} photos, and {len(taken)} were named.",
            advice="Name the photos of one turntable in their order, or their folder.",
        )
    return taken


def _natural(path: Path) -> list[Any]:
    """`bag_2` before `bag_10`."""
    return [
        (0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", str(path).casefold())
    ]


def _called(photos: list[Path]) -> str:
    """What their names have in common."""
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*(path.stem for path in photos), strict=False))
    common = "".join(letters[0] for letters in alike).rstrip(" _-.0123456789")
    return common or photos[0].resolve().parent.name or "product"
