"""`prodgen.toml`: what holds where nothing is typed; of the photos' folder, the current one, and the user's own.

A folder may come from anybody, and its file with it: that file says how pictures are made, and nothing else. It names
no server, so that no photo and no token goes where the user did not send it; its results stay below the folder, and
so does every file that it hands to a workflow. What it says is told on every run.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.cli.parser import DEFAULT_OUT
from runner.cli.sections import own_inputs, refuse_unknown, unknown_sections
from runner.errors import UsageError
from runner.files.paths import expanded, is_a_file, is_within
from runner.invocation import spell

if TYPE_CHECKING:
    from runner.cli.recipe import Recipe
    from runner.workflow.load import Workflow

FILE_NAME = "prodgen.toml"
OWN_VARIABLE = "PRODGEN_CONFIG"
"""Names the user's own file in the place of the usual one; `none`: there is none."""
_KEYS = ("channel", "out", "name", "server")
_LARGEST = 1 << 14
"""Bytes. What reads TOML takes long over a key of many parts: in 64 kB, half a minute."""
_MAKING = ("submit", "batch")
"""The commands that all of it is for; every other that speaks to a server takes that from it."""


@dataclass(frozen=True)
class Setting:
    """One value that holds, and the file that says so."""

    key: str
    """`channel`, `out`, `name`, `server`, or an input as `set.steps`."""
    value: str
    source: Path
    is_warning: bool = False


@dataclass(frozen=True)
class SettingsFile:
    """One file as it was read. `is_own`: the user's, not a folder's."""

    path: Path
    is_own: bool
    plain: Mapping[str, Any]
    """Of `_KEYS`."""
    inputs: Mapping[str, Any]
    of_workflow: Mapping[str, Mapping[str, Any]]

    def values(self, workflow: Workflow) -> Iterator[tuple[str, Any]]:
        """(input, value) for this workflow, its own section first."""
        yield from own_inputs(self.of_workflow, workflow)
        yield from self.inputs.items()
        if "channel" in self.plain:
            yield "channel", self.plain["channel"]


def apply(args: argparse.Namespace) -> list[Setting]:
    """Put what the files say where nothing was typed; returns what was taken from them.

    Raises UsageError for a file that is wrong, or says what it must not.
    """
    makes = args.command in _MAKING
    if not makes and not hasattr(args, "server"):
        return []
    files = find(folders_of(args) if makes else ())
    taken = _server(args, files)
    if makes and (files or args.recipe is not None or args.channels):
        taken += _making(args, files)
    return taken


def find(folders: Sequence[Path] = (), faults: list[UsageError] | None = None) -> list[SettingsFile]:
    """The files that hold for photos in these folders, the first that says something wins.

    Raises UsageError for the first thing that must not stand in one; with `faults`, all of them are put there, and left
    out of the files.
    """
    places = [*folders, Path()]
    candidates = dict.fromkeys(path for folder in places if is_a_file(path := folder / FILE_NAME))
    own = own_file()
    files = [_read(path, is_own=False, faults=faults) for path in candidates if own is None or not _same(path, own)]
    return [*files, *([_read(own, is_own=True, faults=faults)] if own is not None and own.is_file() else [])]


def folders_of(args: argparse.Namespace) -> list[Path]:
    """Where the photos of a command are that are named first."""
    words = [*getattr(args, "photos", []), *(getattr(args, "image", None) or [])]
    words += [str(word) for word in (getattr(args, "images", None), getattr(args, "jobs", None)) if word]
    word = next((word for word in words if "://" not in word and word != "-"), None)
    if word is None:
        return []
    path = expanded(word)
    return [path if path.is_dir() else path.parent]


def own_file() -> Path | None:
    """The user's own; None: they want none."""
    named = os.environ.get(OWN_VARIABLE, "").strip()
    if named.lower() == "none":
        return None
    return expanded(named) if named else user_folder() / FILE_NAME


def user_folder() -> Path:
    """Where programs of this system keep their settings."""
    from platformdirs import user_config_path

    return user_config_path("prodgen", appauthor=False, roaming=True)


def _read(path: Path, *, is_own: bool, faults: list[UsageError] | None = None) -> SettingsFile:
    from runner.files.reading import read_text

    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        data = tomllib.loads(read_text(path, largest=_LARGEST))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror or error}).") from error
    except RecursionError:
        raise UsageError(f"{path}: this is not valid TOML (it is nested too deeply).", advice=_help()) from None
    except ValueError as error:  # no TOML, or no text
        raise UsageError(f"{path}: this is not valid TOML ({error}).", advice=_help()) from error
    if faults is None:
        return _checked(path, data, is_own=is_own)
    while True:  # each time without what was wrong
        try:
            return _checked(path, data, is_own=is_own)
        except _WrongError as error:
            faults.append(error)
            _drop(data, error.key)


class _WrongError(UsageError):
    """What must not stand in a file; `key`: what it is called there, with its section before it."""

    def __init__(self, key: tuple[str, ...], message: str, *, advice: str = "") -> None:
        super().__init__(message, advice=advice)
        self.key = key


def _drop(data: dict[str, Any], key: tuple[str, ...]) -> None:
    for section in key[:-1]:
        data = data[section]
    del data[key[-1]]


def _help() -> str:
    return f"`{spell('help', 'configuration')}` shows what can stand in it."


def _checked(path: Path, data: dict[str, Any], *, is_own: bool) -> SettingsFile:
    from runner.suggest import did_you_mean

    keys = [*_KEYS, "set"]
    for key, value in data.items():
        if key not in keys:
            raise _WrongError((key,), f"{path}: there is no setting {key!r}.{did_you_mean(key, keys)}", advice=_help())
        if key != "set" and not (isinstance(value, str) and value.strip()):
            raise _WrongError((key,), f"{path}: {key} is no text.", advice=f'Write: {key} = "…"')
    if "server" in data:
        _check_server(path, data["server"], is_own=is_own)
    given = data.get("set", {})
    if not isinstance(given, dict):
        raise _WrongError(
            ("set",), f"{path}: set is no table.", advice="Write [set], and below it a line for each input."
        )
    sections = {name: values for name, values in given.items() if isinstance(values, dict)}
    inputs = {name: value for name, value in given.items() if name not in sections}
    of_sections = [(("set", one, name), value) for one, values in sections.items() for name, value in values.items()]
    for key_of, value in [*((("set", name), value) for name, value in inputs.items()), *of_sections]:
        name = key_of[-1]
        if not isinstance(value, (str, int, float, bool)):
            raise _WrongError(key_of, f"{path}: {name} is no text, no number and not true or false.", advice=_help())
        if "." in name:
            raise _WrongError(
                key_of,
                f"{path}: {name!r} is no input of a workflow.",
                advice=f"`{spell('inputs', 'WORKFLOW')}` lists them.",
            )
    return SettingsFile(path, is_own, {key: data[key] for key in _KEYS if key in data}, inputs, sections)


def _check_server(path: Path, server: str, *, is_own: bool) -> None:
    from runner.http.address import has_credentials, parse_address

    if not is_own:
        raise _WrongError(
            ("server",),
            f"{path} names a server. A folder may come from anybody: only your own settings may say where photos and "
            "tokens are sent.",
            advice=f"Take that line out of it, or move it to {own_file() or user_folder() / FILE_NAME}.",
        )
    if has_credentials(server):
        raise _WrongError(
            ("server",),
            f"{path}: server holds a password.",
            advice="Put it into $COMFYUI_BASIC_AUTH (user:password) instead.",
        )
    try:
        parse_address(server)
    except UsageError as error:
        raise _WrongError(("server",), f"{path}: server: {error.message}", advice=error.advice) from error


def _server(args: argparse.Namespace, files: Sequence[SettingsFile]) -> list[Setting]:
    typed = args.server or getattr(args, "servers", None) is not None or getattr(args, "ray", None) is not None
    if typed or os.environ.get("COMFYUI_URL", "").strip():
        return []
    file = next((file for file in files if "server" in file.plain), None)
    if file is None:
        return []
    args.server = [file.plain["server"]]
    return [Setting("server", file.plain["server"], file.path)]


def _making(args: argparse.Namespace, files: Sequence[SettingsFile]) -> list[Setting]:
    """What is for a run: where to, how called, and the values of inputs."""
    from runner.workflow.load import load_workflow

    taken: list[Setting] = []
    workflow = load_workflow(args.workflow)
    if args.recipe is not None:
        from runner.cli.recipe import read_recipe

        recipe = read_recipe(args.recipe)
        looks = _of_recipe(recipe, workflow)
        unknown = unknown_sections(looks.path, looks.of_workflow, workflow)
        refuse_unknown(looks.path, unknown, workflow)
        files = [looks, *files]
        if (told := _not_taken(recipe, workflow)) is not None:
            taken.append(told)
    taken += _channels(args, files, workflow)
    if args.recipe is not None:
        from runner.cli.shop_rules import against_shops

        taken += [Setting(words, "", recipe.path, True) for words in against_shops(args, recipe, _names(workflow))]
    for file in files:
        unknown = unknown_sections(file.path, file.of_workflow, workflow)
        taken += [Setting(f"there is no workflow {name!r} here", "", file.path) for name in unknown]
        if args.out is DEFAULT_OUT and "out" in file.plain:
            args.out = out_of(file)
            taken.append(Setting("out", str(args.out), file.path))
        if args.name is None and "name" in file.plain:
            args.name = file.plain["name"]
            taken.append(Setting("name", args.name, file.path))
    return [*taken, *_inputs(args, workflow, files)]


def _of_recipe(recipe: Recipe, workflow: Workflow) -> SettingsFile:
    """A recipe as settings: those of a folder that may come from anybody."""
    named = {name: value for _, name, value in recipe.values(_names(workflow)) if name}
    look = recipe.look
    plain: dict[str, Any] = {"name": look.name} if look.name is not None else {}
    plain |= {"channel": look.channels[0]} if len(look.channels) == 1 else {}
    plain |= {"channels": look.channels} if len(look.channels) > 1 else {}
    return SettingsFile(recipe.path, False, plain, {**recipe.of_all(), **named}, recipe.of_workflows())


def _not_taken(recipe: Recipe, workflow: Workflow) -> Setting | None:
    """What of a recipe this workflow has no input for: it is for others."""
    words = [word for word, name, _ in recipe.values(_names(workflow)) if not name]
    words += ["channels"] if recipe.look.channels and "channel" not in _names(workflow) else []
    return Setting(f"{workflow.label} takes no {', '.join(words)}", "", recipe.path) if words else None


def _names(workflow: Workflow) -> list[str]:
    from runner.workflow.load import WORKFLOWS_DIR
    from runner.workflow.schema import recorded_object_info

    return [spec.name for spec in workflow.inputs(recorded_object_info(WORKFLOWS_DIR))]


def _channels(args: argparse.Namespace, files: Sequence[SettingsFile], workflow: Workflow) -> list[Setting]:
    """The shops that one job is for: those of `--channels`, else a recipe's. One alone is a value as any other."""
    typed = "channel" in _typed(args)
    if typed and args.channels:
        raise UsageError("--channels and --set channel both say for which shops.", advice="Leave one of them out.")
    if len(args.channels) == 1:
        args.set, args.channels = [*args.set, f"channel={args.channels[0]}"], ()
        return []
    file = next((file for file in files if {"channel", "channels"} & file.plain.keys()), None)
    if typed or args.channels or file is None or "channels" not in file.plain or "channel" not in _names(workflow):
        return []
    args.channels = tuple(file.plain["channels"])
    return [Setting("channels", ",".join(args.channels), file.path)]


def _typed(args: argparse.Namespace) -> set[str]:
    return {text.partition("=")[0].strip().casefold() for text in args.set}


def _inputs(args: argparse.Namespace, workflow: Workflow, files: Sequence[SettingsFile]) -> list[Setting]:
    from runner.workflow.load import WORKFLOWS_DIR
    from runner.workflow.schema import recorded_object_info

    given = _typed(args) | ({"channel"} if args.channels else set())
    given |= {name.rstrip("s") for name in ("prompt", "seed", "seeds") if getattr(args, name, None) not in (None, [])}
    schema = recorded_object_info(WORKFLOWS_DIR)
    specs = {spec.name.casefold(): spec for spec in workflow.inputs(schema)}
    taken = []
    for file in files:
        for name, value in file.values(workflow):
            spec = specs.get(name.casefold())
            if spec is None:
                check_known(file, name, workflow)
            elif name.casefold() not in given:
                given.add(name.casefold())
                text = value_of(file, name, value, is_file=spec.is_file)
                args.set.append(f"{spec.name}={text}")
                taken.append(Setting(f"set.{spec.name}", text, file.path))
    return taken


def value_of(file: SettingsFile, name: str, value: Any, *, is_file: bool) -> str:
    """A value as `--set` takes it. Whether its input takes a file, the server may know and we do not: a folder's value
    never names one outside of the folder, whatever it is for. Raises UsageError where it does."""
    text = _text(value)
    if file.is_own:
        return text
    if is_file:
        return _file_below(file, name, text)
    from runner.execution.attachments import own_file as file_of_this_computer

    for part in (text, *re.split(r"[,|]", text)):  # a batch tries several values
        path = file_of_this_computer(part)
        if path is not None and not is_within(path, file.path.parent):
            raise _not_in_folder(file, name, text)
    return text


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def out_of(file: SettingsFile) -> Path:
    from runner.files.naming import below

    if file.is_own:
        return expanded(file.plain["out"])
    inside = below(file.path.parent, file.plain["out"].rstrip("/"))
    if inside is None:
        raise UsageError(
            f"{file.path}: out = {file.plain['out']!r} leads out of its folder.",
            advice="Name a folder below it, or say --out DIR yourself.",
        )
    return inside


def _file_below(file: SettingsFile, name: str, value: str) -> str:
    """A file that a folder's settings hand to a workflow lies in that folder: it is sent to a server."""
    from runner.files.naming import below

    inside = below(file.path.parent, value)
    if inside is None:
        raise _not_in_folder(file, name, value)
    return str(inside)


def _not_in_folder(file: SettingsFile, name: str, value: str) -> UsageError:
    return UsageError(
        f"{file.path}: {name} = {value!r} is no file in its folder.", advice=f"Say --set {name}=… yourself."
    )


def check_known(file: SettingsFile, name: str, workflow: Workflow) -> None:
    """An input that this workflow lacks is for another, unless no workflow has it."""
    if name == "channel" and "channel" in file.plain:
        return
    from runner.suggest import did_you_mean
    from runner.workflow.load import available_workflows, load_workflow

    own = name in dict(own_inputs(file.of_workflow, workflow))
    every = [workflow] if own else [workflow, *map(load_workflow, available_workflows())]
    names = {spec.name for one in every for spec in one.inputs()}
    if name not in names:
        of = workflow.label if own else "no workflow"
        told = f"{of} has no input {name!r}" if own else f"{of} has an input {name!r}"
        raise UsageError(f"{file.path}: {told}.{did_you_mean(name, names)}", advice=_help())


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
