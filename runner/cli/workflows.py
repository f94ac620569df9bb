"""`workflows [list]`: what can be made of a photo; name, newest version, one line."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from typing import TYPE_CHECKING, Any

from runner import console
from runner.errors import EXIT_OK
from runner.invocation import spell

if TYPE_CHECKING:
    from runner.cli.parser import Subparsers


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "workflows",
        help="what can be made: every workflow in a line",
        description="Every bundled workflow: its name, its newest version, and what it makes.",
        allow_abbrev=False,
    )
    parser.add_argument("action", metavar="list", nargs="?", choices=["list"], default="list", help="may be left out")
    parser.add_argument("--json", action="store_true", help="JSON lines on standard output, one per workflow")
    return parser


def run(args: argparse.Namespace) -> int:
    """The `workflows` command."""
    rows = known_workflows()
    if args.json:
        for row in rows:
            console.json_line(row)
        return EXIT_OK
    console.show("\n".join(_table(rows)))
    console.tell(
        f"\nTry one:           {spell('packshot', 'photo.jpg')}\n"
        f"More about it:     {spell('help', 'packshot')}\n"
        f"An older version:  {spell('packshot.v1', 'photo.jpg')}"
    )
    return EXIT_OK


def known_workflows() -> list[dict[str, Any]]:
    """Name, newest version, all versions, what it makes in a few words, and in a sentence; by name."""
    from runner.workflow.index import read_index
    from runner.workflow.load import available_workflows

    index = read_index()
    return [
        {
            "name": name,
            "version": versions[-1],
            "versions": versions,
            "makes": index.titles.get(name, ""),
            "purpose": index.purposes.get(f"{name}.v{versions[-1]}", ""),
        }
        for name, versions in available_workflows().items()
    ]


def _table(rows: list[dict[str, Any]]) -> list[str]:
    """Aligned, as wide as the terminal is; what does not fit goes on below its own column."""
    name = max(len(row["name"]) for row in rows)
    width = shutil.get_terminal_size().columns
    lines = []
    for row in rows:
        begin = f"{row['name']:<{name}}  v{row['version']:<2}  "
        text = textwrap.wrap(row["makes"] or row["purpose"], max(20, width - len(begin))) or [""]
        lines += [begin + text[0], *(" " * len(begin) + line for line in text[1:])]
    return [line.rstrip() for line in lines]
