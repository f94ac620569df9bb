"""`config [PHOTO|DIR]`: which settings hold, and which file says so."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from runner import console
from runner.cli.parser import DEFAULT_OUT, local_path
from runner.errors import EXIT_OK, EXIT_USAGE, UsageError, WorkflowError
from runner.invocation import spell

if TYPE_CHECKING:
    from runner.cli.parser import Subparsers
    from runner.cli.settings import SettingsFile
    from runner.workflow.load import Workflow


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
    faults: list[UsageError] = []
    files = find([folder], faults)
    refused = {(str(file.path), key): error for file in files for key, error in refusals(file)}
    rows = [*_first_of_each(files), *_defaults(files)]
    code = EXIT_USAGE if refused or faults else EXIT_OK
    if args.json:
        for key, value, source in rows:
            error = refused.get((source, key))
            more = {} if error is None else {"refused": error.message}
            console.json_line({"key": key, "value": value, "from": source, **more})
        for fault in faults:
            console.json_line({"refused": fault.message})
        return code
    rows = [row for row in rows if (row[2], row[0]) not in refused]
    width = max(len(key) for key, _, _ in rows)
    console.show("\n".join(f"{key:<{width}}  {value}  ({source})" for key, value, source in rows))
    for error in {str(error): error for error in [*faults, *refused.values()]}.values():
        console.tell(f"A run refuses this: {error}")
    read = {str(file.path) for file in files}
    looked = [folder / FILE_NAME, *([own] if (own := own_file()) is not None else [])]
    for path in looked:
        if str(path) not in read:
            console.tell(f"There is no {path}.")
    return code


def refusals(file: SettingsFile) -> Iterator[tuple[str, UsageError]]:
    """(key, why) of what no run takes from this file, as far as the bundled workflows tell."""
    from runner.cli.sections import is_for, unknown_sections
    from runner.cli.settings import out_of
    from runner.files.naming import check_template
    from runner.workflow.load import available_workflows, load_workflow

    bundled = {name: load_workflow(name) for name in available_workflows()}
    checks: list[tuple[str, Callable[[], object]]] = []
    if "out" in file.plain:
        checks.append(("out", partial(out_of, file)))
    if "name" in file.plain:
        checks.append(("name", partial(check_template, file.plain["name"])))
    if "channel" in file.plain:
        checks.append(("channel", partial(_check_input, file, "channel", file.plain["channel"], bundled.values())))
    for name, value in file.inputs.items():
        checks.append((f"set.{name}", partial(_check_input, file, name, value, bundled.values())))
    for label, values in file.of_workflow.items():
        of = [one for one in bundled.values() if is_for(label, one)]
        unknown = partial(unknown_sections, file.path, {label: values})
        checks += [(f"set.{label}.{name}", unknown) for name in values]
        checks += [
            (f"set.{label}.{name}", partial(_check_input, file, name, value, of)) for name, value in values.items()
        ]
    for key, check in checks:
        try:
            check()
        except UsageError as error:
            yield key, error


def _check_input(file: SettingsFile, name: str, value: object, workflows: Iterable[Workflow]) -> None:
    """Raises UsageError where every run refuses the value: it has no such input, or no file or number of that kind."""
    from runner.cli.settings import check_known, value_of
    from runner.workflow.load import WORKFLOWS_DIR, parse_assignment, patch_workflow
    from runner.workflow.schema import recorded_object_info

    schema = recorded_object_info(WORKFLOWS_DIR)
    refused: WorkflowError | None = None
    asked = list(workflows)
    having = [(one, spec) for one in asked for spec in one.inputs(schema) if spec.name.casefold() == name.casefold()]
    text = value_of(file, name, value, is_file=any(spec.is_file for _, spec in having))
    if asked and not having:
        check_known(file, name, asked[0])
    for workflow, spec in having:
        try:
            if not spec.is_file and not {",", "|"}.intersection(text):  # several, as a batch tries them
                patch_workflow(workflow, dict([parse_assignment(workflow, f"{spec.name}={text}", schema)]), (), schema)
        except WorkflowError as error:
            refused = error
        else:
            return
    if refused is not None:
        raise UsageError(f"{file.path}: {refused.message}", advice=refused.advice)


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
