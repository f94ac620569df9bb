"""`smoke`: every workflow once, small and fast, on any ComfyUI: does all of it still run?"""

from __future__ import annotations

import argparse
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from runner import console
from runner.cli.parser import add_server_argument, local_path
from runner.errors import EXIT_NO_SERVER, EXIT_NODE_FAILED, EXIT_OK, UsageError
from runner.invocation import spell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.cli.parser import Subparsers
    from runner.smoke.trial import Row, Trial
    from runner.workflow.graph import Workflow

DEFAULT_OUT = Path("outputs/smoke")
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "handbag.jpg"
_WIDTH = 250
"""Of a line where there is no terminal."""
_NARROW = 100
"""Columns of a terminal; on fewer, a verdict would have no room beside all figures."""
_GRAVEST_FIRST = (EXIT_NO_SERVER, EXIT_NODE_FAILED)


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "smoke",
        help="run every workflow once, small and fast, and say what works",
        description="Run every bundled workflow once at few steps and small sizes and print a line for each. A model "
        "that is missing is replaced by the smoke model that stands in for it, where the server has that "
        f"(`{spell('models', 'smoke')}` makes them); the line then says so. What such a run paints proves that "
        "everything is connected, not how pictures look.",
        allow_abbrev=False,
    )
    parser.add_argument("workflows", metavar="WORKFLOW", nargs="*", help="only these (default: every version of all)")
    parser.add_argument("--full", action="store_true", help="the workflows' own steps and sizes, and the real models")
    parser.add_argument(
        "--image", type=local_path, default=EXAMPLE, metavar="FILE", help=f"the photo (default: {EXAMPLE.name})"
    )
    parser.add_argument("--out", type=local_path, default=DEFAULT_OUT, metavar="DIR", help=f"default: {DEFAULT_OUT}")
    add_server_argument(parser)
    parser.add_argument("--timeout", type=float, metavar="S", help="for all workflows together")
    parser.add_argument("--json", action="store_true", help="one JSON object per workflow on standard output")
    return parser


def run(args: argparse.Namespace) -> int:
    """The `smoke` command.

    0: everything that could run did (`--full`: everything); 4: a node is missing, or with `--full` a model; 5: a
    workflow failed.
    """
    from runner.cli.signals import interruptible, told_when_interrupted
    from runner.files.writable import check_folder

    check_folder(args.out)
    with interruptible(), told_when_interrupted():
        rows = _rows(args)
    codes = [row.exit_code for row in rows if row.exit_code != EXIT_OK]
    return next((code for code in _GRAVEST_FIRST if code in codes), codes[0] if codes else EXIT_OK)


def _rows(args: argparse.Namespace) -> list[Row]:
    import time

    from runner.events.reporter import Relay
    from runner.execution.session import Session
    from runner.local_server.choice import resolve_server
    from runner.models.manifest import load_manifest
    from runner.photos.prepare import prepare_photo
    from runner.smoke.trial import SMALL_SIDE, Trial

    workflows = _workflows(args.workflows)
    photo = prepare_photo(args.image)
    if not args.full:
        photo = replace(photo, data=_reduced(photo.data, SMALL_SIDE), upload_name=f"trial_{photo.sha256[:16]}.png")
    reporter = Relay(lambda _: None, console.tell)  # what becomes of each is its line
    url = resolve_server(args.server, say=reporter.notice)
    deadline = None if args.timeout is None else time.monotonic() + args.timeout
    rows: list[Row] = []
    for workflow in workflows:
        with Session(url, args.out, reporter, workflow=workflow.label, deadline=deadline) as session:
            if not rows and not args.json:
                console.show(_header(session.client.url))
            picture = session.client.upload_image(photo.data, photo.upload_name)
            row = _tried(Trial(session, load_manifest(), picture, full=args.full), workflow)
        rows.append(row)
        if args.json:
            console.json_line(row.as_dict())
        else:
            console.show(_line(row))
    if not args.json:
        console.show(_summary(rows))
    return rows


def _reduced(data: bytes, side: int) -> bytes:
    """A picture file as a PNG of at most `side` pixels."""
    from io import BytesIO

    from PIL import Image

    small = BytesIO()
    with Image.open(BytesIO(data)) as picture:
        picture.thumbnail((side, side))
        picture.save(small, "PNG")
    return small.getvalue()


def _tried(trial: Trial, workflow: Workflow) -> Row:
    """A workflow that cannot even be prepared is a row that says so; the next one is tried all the same."""
    from runner.smoke.trial import Row

    try:
        return trial.run(workflow)
    except UsageError as error:
        return Row(workflow.label, len(workflow.graph), f"failed: {error.message}", error.exit_code)


def _workflows(names: Sequence[str]) -> list[Workflow]:
    from runner.workflow.load import available_workflows, load_workflow

    every = [f"{name}.v{version}" for name, versions in available_workflows().items() for version in versions]
    return [load_workflow(name) for name in names or every]


def _header(url: str) -> str:
    return (
        f"Every workflow on {url}\n"
        "models: present + stood in for by smoke weights + missing\n"
        "s: seconds to the saved files; *: from the server's cache\n"
        "peak: the most memory in use on its device (or its RAM)\n"
        f"{_columns('workflow', 'nodes', 'models', 's', 'peak GB')}verdict"
    )


def _width() -> int:
    return shutil.get_terminal_size((_WIDTH, 24)).columns if sys.stdout.isatty() else _WIDTH


def _columns(workflow: str, nodes: str, models: str, seconds: str, peak: str) -> str:
    """The figures of a line; on a narrow terminal only those that the verdict leaves room for."""
    if _width() < _NARROW:
        return f"{workflow:<24} {models:<6} {seconds:>6} "
    return f"{workflow:<24} {nodes:>5}  {models:<9} {seconds:>7} {peak:>8}  "


def _line(row: Row) -> str:
    states = list(row.models.values())
    missing = sum(state.startswith("missing") for state in states)
    counts = f"{states.count('present')}+{len(row.stood_in)}+{missing}"
    seconds = "–" if row.seconds is None else f"{row.seconds:.1f}{'*' if row.cached else ''}"
    peak = "–" if row.peak_bytes is None else f"{row.peak_bytes / 1e9:.1f}"
    head, width = _columns(row.workflow, str(row.nodes), counts, seconds, peak), _width()
    most, verdict = max(20, width - len(head)), " ".join(row.verdict.split())
    return head + (verdict if len(verdict) <= most else f"{verdict[: most - 1]}…")


def _summary(rows: Sequence[Row]) -> str:
    ran = [row for row in rows if row.verdict.startswith("ok")]
    smoke = sum(bool(row.stood_in) for row in ran)
    skipped = sum(not row.ran for row in rows)
    parts = [f"{len(ran)} of {len(rows)} workflows ran to the end"]
    parts += [f"{smoke} of them on smoke weights (wiring proven, pictures not)"] if smoke else []
    parts += [f"{skipped} did not run"] if skipped else []
    return "; ".join(parts) + "."
