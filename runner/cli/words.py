"""What was typed, understood: a workflow's name stands for `submit`, and what is unknown is answered with what is not.

Nothing here changes what a command does. A line that names a command is left as it is.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runner.cli.parser import COMMANDS, Parser, build_parser, load_command
from runner.errors import UsageError
from runner.files.paths import expanded
from runner.invocation import spell
from runner.suggest import nearest

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
    "-i": "--image",
    "--input": "--image",
    "--photo": "--image",
    "-n": "--count",
    "--number": "--count",
    "-s": "--seed",
    "-p": "--prompt",
    "-w": "--workflow",
    "--force": "--resume",
    "--continue": "--resume",
    "--host": "--server",
    "--url": "--server",
}


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments of the command that is meant. Among them: `typed`, its whole line, for whoever reads it anew;
    `is_named`, whether the user has called the command by its name.

    Raises UsageError for what is none, with the command that is like it. `--help` and `--version` end the process.
    """
    words = understood(argv)
    parser = build_parser(words)
    args: argparse.Namespace
    args, unknown = parser.parse_known_args(words)
    if unknown:
        raise _unknown(unknown, args, words)
    args.typed = words
    args.is_named = words == [word.lower() if word.lower() == args.command else word for word in argv]
    return args


def understood(argv: Sequence[str]) -> list[str]:
    """The line with its command in front of the workflow. Raises UsageError where there is none."""
    words = list(argv)
    at = next((at for at, word in enumerate(words) if not word.startswith("-") or word == "-"), None)
    if at is None:
        if words:
            return words
        raise UsageError("say what is to be done.", advice=_BEGINNING.format(spell()))
    word = words[at]
    if word.lower() in COMMANDS:
        words[at] = word.lower()
    elif is_workflow(word) and not {"-h", "--help"}.isdisjoint(words):
        return ["help", word]
    elif is_workflow(word) or _is_made_from(word, [*words[:at], *words[at + 1 :]]):
        words.insert(at, "submit")
    else:
        raise _no_command(word, words[at + 1 :])
    return _settled(words, at)


_BEGINNING = "{0} packshot photo.jpg\n  {0} help"


def is_workflow(word: str) -> bool:
    """Whether a word can only be meant as a workflow: the name of a bundled one, or a .json file."""
    from runner.workflow.load import bundled

    return bundled(word) is not None or word.lower().endswith(".json")


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


def _settled(words: list[str], at: int) -> list[str]:
    """`submit` with options that only `batch` has is a batch; `models` with nothing behind it lists them."""
    rest = words[at + 1 :]
    if words[at] == "models" and all(word == "--json" for word in rest):
        return [*words[: at + 1], "list", *rest]
    if words[at] != "submit":
        return words
    options = {word.partition("=")[0] for word in rest if word.startswith("--") and len(word) > 2}
    unknown = options - _options("submit")
    return [*words[:at], "batch", *rest] if unknown and unknown <= _options("batch") else words


def _options(command: str) -> frozenset[str]:
    alone: Any = Parser(prog="").add_subparsers()
    parser = load_command(command).add_parser(alone)
    return parser.options() if isinstance(parser, Parser) else frozenset()


def _no_command(word: str, others: Sequence[str]) -> UsageError:
    from runner.workflow.load import available_workflows

    names = available_workflows()
    if expanded(word).exists() or "://" in word or word == "-":
        meant = next((other for other in others if is_workflow(other)), "packshot")
        what = "a folder" if Path(word).is_dir() else "a photo"
        advice = spell(meant, word)
        return UsageError(f"{word} is {what}: say in front of it what is to be made.", advice=advice)
    meant_words = _MEANT.get(word.lower().lstrip("-"))
    if meant_words is None and (like := nearest(word, [*COMMANDS, *names])) is not None:
        meant_words = (like,)
    if meant_words is None and Path(word).suffix:
        return UsageError(f"there is no file {word}, nor a command or workflow of that name.", advice=_overview())
    if meant_words is None:
        return UsageError(f"there is no command and no workflow called {word!r}.", advice=_overview())
    *leading, last = meant_words  # the last may stand for what was typed behind it
    typed = [*leading, *(others or [last])] if last.isupper() else [*leading, last, *others]
    advice = f"Did you mean: {spell(*typed)}"
    return UsageError(f"there is no command and no workflow called {word!r}.", advice=advice)


def _overview() -> str:
    return f"`{spell('help')}` shows the commands, `{spell('workflows')}` the workflows."


def _unknown(unknown: Sequence[str], args: argparse.Namespace, typed: Sequence[str]) -> UsageError:
    """Options and words that a command does not take."""
    action = [args.action] if args.command == "models" else []
    words = spell("help", args.command, *action)
    option = next((word for word in unknown if word.startswith("-") and word != "-"), None)
    if option is None:
        return UsageError(f"{' '.join(unknown)}: `{args.command}` takes no more words.", advice=f"`{words}` says more.")
    name, _, value = option.partition("=")
    if _is_input(name.lstrip("-"), getattr(args, "workflow", None)):
        value = value or next(iter(typed[list(typed).index(option) + 1 :]), "VALUE")
        return UsageError(
            f"there is no option {name}; the workflow has an input of that name.",
            advice=f"Write: --set {name.lstrip('-')}={value}",
        )
    options = _options(args.command)
    meant = _MEANT_OPTIONS.get(name, "")
    meant = meant if meant in options else nearest(name, options) or ""
    hint = f" Did you mean {meant}?" if meant else ""
    return UsageError(f"there is no option {name}.{hint}", advice=f"`{words}` shows those that there are.")


def _is_input(name: str, workflow: object) -> bool:
    from runner.errors import WorkflowError
    from runner.workflow.load import load_workflow

    if not name or not isinstance(workflow, str):
        return False
    try:
        return load_workflow(workflow).input(name) is not None
    except WorkflowError:
        return False
