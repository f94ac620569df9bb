"""`config [PHOTO|DIR]`: which settings hold, and which file says so."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from runner import console
from runner.cli.parser import DEFAULT_OUT, local_path
from runner.errors import EXIT_OK
from runner.invocation import spell

if TYPE_CHECKING:
    from runner.cli.parser import Subparsers
    from runner.cli.settings import SettingsFile


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "config",
        help="the settings that hold where nothing is typed",
        description="The settings of prodgen.toml that hold for photos in a folder (default: the current one), and the "
        f"file that each comes from. `{spell('help', 'configuration')}` shows what can stand there.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "folder", metavar="DIR", nargs="?", type=local_path, default=Path(), help="where the photos are"
    )
    parser.add_argument("--json", action="store_true", help="JSON lines on standard output, one per setting")
    return parser


def run(args: argparse.Namespace) -> int:
    """The `config` command."""
    from runner.cli.settings import FILE_NAME, find, own_file

    folder = args.folder if args.folder.is_dir() else args.folder.parent
    files = find([folder])
    rows = [*_first_of_each(files), *_defaults(files)]
    if args.json:
        for key, value, source in rows:
            console.json_line({"key": key, "value": value, "from": source})
        return EXIT_OK
    width = max(len(key) for key, _, _ in rows)
    console.show("\n".join(f"{key:<{width}}  {value}  ({source})" for key, value, source in rows))
    read = {str(file.path) for file in files}
    looked = [folder / FILE_NAME, *([own] if (own := own_file()) is not None else [])]
    for path in looked:
        if str(path) not in read:
            console.tell(f"There is no {path}.")
    return EXIT_OK


def _first_of_each(files: list[SettingsFile]) -> list[tuple[str, str, str]]:
    first: dict[str, tuple[str, str]] = {}
    for file in files:
        pairs = [*file.plain.items(), *((f"set.{name}", value) for name, value in file.inputs.items())]
        pairs += [
            (f"set.{one}.{name}", value) for one, values in file.of_workflow.items() for name, value in values.items()
        ]
        for key, value in pairs:
            first.setdefault(key, (str(value), str(file.path)))
    if url := os.environ.get("COMFYUI_URL", "").strip():
        from runner.http.address import public_url

        first["server"] = (public_url(url), "$COMFYUI_URL")
    return [(key, *first[key]) for key in sorted(first)]


def _defaults(files: list[SettingsFile]) -> list[tuple[str, str, str]]:
    set_keys = {key for file in files for key in file.plain}
    usual = {"out": DEFAULT_OUT.as_posix(), "server": "http://127.0.0.1:8188, then the installed ComfyUI"}
    if os.environ.get("COMFYUI_URL", "").strip():
        set_keys.add("server")
    return [(key, value, "default") for key, value in usual.items() if key not in set_keys]
