"""What was typed, understood: a workflow's name stands for `submit`, and what is unknown is answered with what is not.

Nothing here changes what a command does. A line that names a command is left as it is.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runner.cli.parser import COMMANDS, NEGATIVE, Parser, build_parser, load_command
from runner.errors import UsageError
from runner.files.paths import expanded
from runner.invocation import spell
from runner.suggest import alike, is_near

_MEANT = {
    "list": ("workflows",),
    "ls": ("workflows",),
    "workflow": ("workflows",),
    "run": ("submit", "WORKFLOW", "PHOTO"),
    "start": ("serve",),
    "server": ("serve",),
    "stop": ("serve", "--stop"),
    "log": ("logs",),
    "queue": ("status",),
    "download": ("models", "download", "--for", "WORKFLOW"),
    "install": ("models", "download", "--for", "WORKFLOW"),
    "model": ("models",),
    "check": ("models", "check"),
    "settings": ("config",),
    "version": ("--version",),
    "rembg": ("cutout", "PHOTO"),
    "remove-background": ("cutout", "PHOTO"),
    "transparent": ("cutout", "PHOTO"),
    "folder": ("batch", "packshot", "PHOTOS"),
}
"""What others call it → ours. What is spelled nearly like one of ours needs no row."""
_MEANT_OPTIONS = {
    "-o": "--out",
    "--output": "--out",
    "--output-dir": "--out",
    "-n": "--count",
    "--number": "--count",
    "-s": "--seed",
    "-p": "--prompt",
    "-w": "--workflow",
    "--continue": "--resume",
    "--host": "--server",
    "--url": "--server",
}

_ANEW = ("--force", "--redo", "--again", "--overwrite")
_PHOTOS = ("-i", "--input", "--photo", "--photos", "--folder", "--dir", "--file", "--files")
_ENDING = ("cancel", "--stop")
"""What ends or takes back something: never guessed of a word that is more than a slip of the finger away."""
_LIKE = 0.75
"""From which likeness on an option is asked for: `--sed` is `--seed`, `--size` is nothing of the kind."""


class NothingTypedError(UsageError):
    """Nothing was typed: what to begin with."""


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments of the command that is meant. Among them: `typed`, its whole line, for whoever reads it anew;
    `is_named`, whether the user has called the command by its name.

    Raises UsageError for what is none, with the command that is like it, and NothingTypedError. `--help` and
    `--version` end the process.
    """
    words = understood(argv)
    parser = build_parser(words)
    args: argparse.Namespace
    try:
        args, unknown = parser.parse_known_args(words)
    except UsageError as error:
        typed = {word.partition("=")[0] for word in argv if word.startswith("--")}
        if "batch" in words and "batch" not in argv and typed <= _options("submit"):  # who typed no `batch`
            error.advice = error.advice.replace(spell("help", "batch"), spell("help", "submit"))
        raise
    if unknown:
        raise _unknown(unknown, args, words)
    if args.command in ("submit", "batch"):
        _check_name(args.workflow, argv)
    if args.command in ("submit", "batch") and _is_of_photos(args.workflow):
        meant = next((word for word in args.photos if is_workflow(word)), "packshot")
        raise UsageError(
            f"there is no workflow called {args.workflow!r}: it is {_kind(args.workflow)}.",
            advice=f"The workflow first: {spell(args.command, meant, args.workflow)}",
        )
    args.typed = words
    args.is_named = args.command in [word.lower() for word in argv if _is_bare(word)][:1]
    return args


def understood(argv: Sequence[str]) -> list[str]:
    """The line with its command in front of the workflow. Raises UsageError where there is none."""
    from runner.cli import shops as shop_list

    words = list(argv)
    at = next((at for at, word in enumerate(words) if not word.startswith("-") or word == "-"), None)
    if at is None:
        if words:
            return words
        raise NothingTypedError(_BEGINNING.format(spell()))
    word = words[at]
    if word.lower() in COMMANDS:
        words[at] = word.lower()
    elif word.lower() in shop_list.WORDS and not any(_is_bare(other) for other in words[at + 1 :]):
        return ["help", "channels"]
    elif is_workflow(word) and not {"-h", "--help"}.isdisjoint(words):
        return ["help", word]
    elif is_workflow(word) or _is_made_from(word, [*words[:at], *words[at + 1 :]]):
        words.insert(at, "submit")
    else:
        raise _no_command(word, words[at + 1 :])
    return _settled(_with_inputs(words, at), at)


_BEGINNING = """usage: {0} WORKFLOW PHOTO… [options]

  {0} packshot photo.jpg                       a packshot
  {0} packshot photo.jpg --set channel=amazon  for this shop
  {0} cutout photo.jpg                         the product on transparency
  {0} packshot photos/                         many; the same again goes on
  {0} studio --open                            the same on a page

what else there is: {0} help, {0} workflows, {0} channels"""


def is_workflow(word: str) -> bool:
    """Whether a word can only be meant as a workflow: the name of a bundled one, or a .json file."""
    from runner.workflow.load import bundled

    return bundled(word) is not None or word.lower().endswith(".json")


def _is_of_photos(word: str) -> bool:
    """Whether a word where a workflow belongs is a folder, or a photo that holds none."""
    from runner.batch.photo_folder import PHOTO_SUFFIXES
    from runner.errors import WorkflowError
    from runner.workflow.load import load_workflow

    path = expanded(word)
    if is_workflow(word):
        return False
    if path.is_dir():
        return True
    if path.suffix.lower() not in PHOTO_SUFFIXES or not path.exists():
        return False
    try:
        load_workflow(word)
    except WorkflowError:
        return True
    return False


def _kind(word: str) -> str:
    return "a folder" if expanded(word).is_dir() else "a photo"


def _is_made_from(word: str, others: Sequence[str]) -> bool:
    """Whether a picture in front of all else is meant as the workflow in it: its photo is named, or it needs none."""
    from runner.errors import WorkflowError
    from runner.workflow.file import PICTURES
    from runner.workflow.load import WORKFLOWS_DIR, load_workflow
    from runner.workflow.schema import recorded_object_info

    if not word.lower().endswith(PICTURES) or any(map(is_workflow, others)):
        return False
    try:
        workflow = load_workflow(word)
    except WorkflowError:
        return False
    if not workflow.image_inputs(recorded_object_info(WORKFLOWS_DIR)):
        return True
    args, _ = build_parser(["submit"]).parse_known_args(["submit", word, *others])
    return bool(args.photos or args.image)


def _with_inputs(words: list[str], at: int) -> list[str]:
    """`--channel amazon` where only the workflow knows that name is `--set channel=amazon`."""
    if words[at] not in ("submit", "batch"):
        return words
    rest = words[at + 1 :]
    workflow = next((word for word in rest if is_workflow(word)), next(filter(_is_bare, rest), None))
    known = _options("submit") | _options("batch")
    whole = words[: at + 1]
    while rest:
        word = rest.pop(0)
        option, mark, value = word.partition("=")
        if word == "--":
            return [*whole, word, *rest]
        name = next((one for one in (option[2:], option[2:].replace("-", "_")) if _is_input(one, workflow)), "")
        if not option.startswith("--") or option in known or not name:
            whole.append(word)
        elif mark:
            whole += ["--set", f"{name}={value}"]
        elif rest and (_is_bare(rest[0]) or NEGATIVE.fullmatch(rest[0])):
            whole += ["--set", f"{name}={rest.pop(0)}"]
        else:
            whole.append(word)
    return whole


def _check_name(workflow: str, argv: Sequence[str]) -> None:
    """Raises UsageError for a bare name that no workflow has, with the line that is meant."""
    from runner.workflow.load import available_workflows, bundled

    if bundled(workflow) is not None or Path(workflow).suffix or not set("/\\").isdisjoint(workflow):
        return
    like = next(iter(alike(workflow, available_workflows())), None)
    if like is not None and workflow in argv and not expanded(workflow).exists():
        meant = [like if word == workflow else word for word in argv]
        raise UsageError(f"there is no workflow called {workflow!r}.", advice=f"Did you mean: {spell(*meant)}")


def _settled(words: list[str], at: int) -> list[str]:
    """`submit` with options that only `batch` has is a batch; `models` with nothing behind it lists them."""
    rest = words[at + 1 :]
    if words[at] == "models" and not {"-h", "--help"}.intersection(rest[:1]) and not any(map(_is_bare, rest[:1])):
        return [*words[: at + 1], "list", *rest]
    if words[at] != "submit":
        return words
    options = {word.partition("=")[0] for word in rest if word.startswith("--") and len(word) > 2}
    unknown = options - (_options("submit") - {"--dry-run"})  # which only a batch does
    return [*words[:at], "batch", *rest] if unknown and unknown <= _options("batch") else words


def _options(command: str) -> frozenset[str]:
    alone: Any = Parser(prog="").add_subparsers()
    parser = load_command(command).add_parser(alone)
    return parser.options() if isinstance(parser, Parser) else frozenset()


def _no_command(word: str, others: Sequence[str]) -> UsageError:
    from runner.cli import shops as shop_list
    from runner.workflow.load import available_workflows

    names = available_workflows()
    if expanded(word).exists() or "://" in word or word == "-":
        meant = next((other for other in others if is_workflow(other)), "packshot")
        advice = spell(meant, word)
        return UsageError(f"{word} is {_kind(word)}: say in front of it what is to be made.", advice=advice)
    meant_words = _MEANT.get(word.lower().lstrip("-"))
    if meant_words is None and word.lower() in shop_list.shops():
        photos = [other for other in others if not other.startswith("-")] or ["PHOTO"]
        return UsageError(
            f"{word} is a shop: say in front of it what is to be made.",
            advice=spell("packshot", *photos, "--set", f"channel={word.lower()}"),
        )
    if meant_words is None:
        like = (
            name
            for name in alike(word, [*COMMANDS, *names, *shop_list.WORDS[:1]], most=5)
            if _takes(name, others) and _may_guess(word, name)
        )
        meant_words = next(((name,) for name in like), None)
    if meant_words is None and Path(word).suffix:
        return UsageError(f"there is no file {word}, nor a command or workflow of that name.", advice=_overview())
    if meant_words is None:
        return UsageError(f"there is no command and no workflow called {word!r}.", advice=_overview())
    *leading, last = meant_words  # the last may stand for what was typed behind it
    typed = [*leading, *(others or [last])] if last.isupper() else [*leading, last, *others]
    advice = f"Did you mean: {spell(*typed)}"
    return UsageError(f"there is no command and no workflow called {word!r}.", advice=advice)


def _takes(name: str, typed: Sequence[str]) -> bool:
    """Whether a workflow has the inputs that are set in a command line; a command is asked nothing."""
    from runner.workflow.load import available_workflows

    if name in COMMANDS or name not in available_workflows():
        return True
    options = {word.partition("=")[0] for word in typed if word.startswith("--")}
    known = _options("submit") | _options("batch")
    asked = {option.lstrip("-") for option in options if option in ("--prompt", "--seed") or option not in known}
    return all(_is_input(input_name, name) for input_name in asked)


def _is_bare(word: str) -> bool:
    return not word.startswith("-") or word == "-"


def _may_guess(word: str, name: str) -> bool:
    return name not in _ENDING or is_near(word, name)


def _overview() -> str:
    return f"`{spell('help')}` shows the commands, `{spell('workflows')}` the workflows."


def _unknown(unknown: Sequence[str], args: argparse.Namespace, typed: Sequence[str]) -> UsageError:
    """Options and words that a command does not take."""
    action = [args.action] if args.command == "models" else []
    words = spell("help", args.command, *action)
    option = next((word for word in unknown if word.startswith("-") and word != "-"), None)
    if option is None:
        return UsageError(f"{' '.join(unknown)}: `{args.command}` takes no more words.", advice=f"`{words}` says more.")
    name, mark, value = option.partition("=")
    if (of_workflow := _of_workflow(name, value, option, args, typed)) is not None:
        return of_workflow
    if name in _ANEW:
        return UsageError(
            f"there is no option {name}: nothing is overwritten.", advice="Name another folder with --out."
        )
    options = _options(args.command) | (_options("batch") if args.command == "submit" else frozenset())
    if name in _PHOTOS and hasattr(args, "photos"):
        shown = [args.workflow] if args.command == "submit" else [args.command, *_workflow_of(args)]
        photos = [value] if value else [*args.photos, *list(typed)[list(typed).index(option) + 1 :]][:1] or ["PHOTOS"]
        return UsageError(f"there is no option {name}; photos need none.", advice=f"Write: {spell(*shown, *photos)}")
    meant = _MEANT_OPTIONS.get(name, "")
    pool = [*options, *(f"--{one}" for one in _inputs_of(args))]
    like = (one for one in alike(name, pool, most=3, likeness=_LIKE) if _may_guess(name, one))
    meant = meant if meant in options else next(like, "")
    if not meant:
        return UsageError(f"there is no option {name}.", advice=f"`{words}` shows those that there are.")
    line = _instead(typed, option, f"{meant}={value}" if mark else meant)
    return UsageError(f"there is no option {name}. Did you mean {meant}?", advice=line)


def _of_workflow(
    name: str, value: str, option: str, args: argparse.Namespace, typed: Sequence[str]
) -> UsageError | None:
    """An input or a shop that was written as an option is."""
    from runner.cli.shops import shops

    word, workflow = name.lstrip("-"), getattr(args, "workflow", None)
    if _is_input(word, workflow):
        value = value or next(iter(typed[list(typed).index(option) + 1 :]), "VALUE")
        return UsageError(
            f"there is no option {name}; the workflow has an input of that name.",
            advice=f"Write: --set {word}={value}",
        )
    if word.lower() in shops() and _is_input("channel", workflow):
        return UsageError(
            f"there is no option {name}; {word.lower()} is a shop.",
            advice=_instead(typed, option, "--set", f"channel={word.lower()}"),
        )
    return None


def _instead(typed: Sequence[str], option: str, *meant: str) -> str:
    """The whole line, as it can be pasted, with what is meant in the place of an option."""
    at = list(typed).index(option)
    line = [*typed[:at], *meant, *typed[at + 1 :]]
    return spell(*(line[1:] if line[:1] == ["submit"] and is_workflow(line[1]) else line))


def _inputs_of(args: argparse.Namespace) -> list[str]:
    from runner.errors import WorkflowError
    from runner.workflow.load import WORKFLOWS_DIR, load_workflow
    from runner.workflow.schema import recorded_object_info

    if args.command not in ("submit", "batch"):
        return []
    try:
        return [spec.name for spec in load_workflow(args.workflow).inputs(recorded_object_info(WORKFLOWS_DIR))]
    except WorkflowError:
        return []


def _workflow_of(args: argparse.Namespace) -> list[str]:
    return [args.workflow] if isinstance(getattr(args, "workflow", None), str) else []


def _is_input(name: str, workflow: object) -> bool:
    from runner.errors import WorkflowError
    from runner.workflow.load import load_workflow

    if not name or not isinstance(workflow, str):
        return False
    try:
        return load_workflow(workflow).input(name) is not None
    except WorkflowError:
        return False
