"""What was typed, understood: a workflow's name stands for `submit`, and what is unknown is answered with what is not.

Nothing here changes what a command does. A line that names a command is left as it is.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

from runner.cli.meant import is_picture_name, line_of, named_file, no_command, no_photos, option_meant
from runner.cli.parser import COMMANDS, build_parser
from runner.cli.typed import inputs_of, is_bare, is_input, is_workflow, kind, option_with_value, options_of, with_inputs
from runner.errors import UsageError
from runner.files.paths import expanded
from runner.invocation import spell
from runner.suggest import alike

_ANEW = ("--force", "--redo", "--again", "--overwrite")
_OF_SUBMIT_ALONE = ("--best-of", "--preview")
_OUTS = ("-o", "--out", "--output")
_FORMATS = ("--format", "--type", "--ext")
_PHOTOS = ("-i", "--input", "--photo", "--photos", "--folder", "--dir", "--file", "--files")


class NothingTypedError(UsageError):
    """Nothing was typed: what to begin with."""


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments of the command that is meant. Among them: `typed`, its whole line, for whoever reads it anew;
    `is_named`, whether the user has called the command by its name.

    Raises UsageError for what is none, with the command that is like it, and NothingTypedError. `--help` and
    `--version` end the process.
    """
    words = understood(argv)
    _check_out(words, argv)
    parser = build_parser(words)
    args: argparse.Namespace
    try:
        args, unknown = parser.parse_known_args(words)
    except UsageError as error:
        typed = {word.partition("=")[0] for word in argv if word.startswith("--")}
        if "batch" in words and "batch" not in argv and typed <= options_of("submit"):  # who typed no `batch`
            error.advice = error.advice.replace(spell("help", "batch"), spell("help", "submit"))
        raise
    if unknown:
        raise _unknown(unknown, args, argv)
    if args.command in ("submit", "batch"):
        _check_name(args.workflow, argv)
        if _is_of_photos(args.workflow):
            said = f"there is no workflow called {args.workflow!r}: it is {kind(args.workflow)}."
            command, line = line_of(argv)
            raise UsageError(said, advice=f"The workflow first: {line.advice(*command)}")
        if (wrong := no_photos(argv, args.photos, args.workflow)) is not None:
            raise wrong
    args.typed = words
    args.is_named = args.command in [word.lower() for word in argv if is_bare(word)][:1]
    return args


def understood(argv: Sequence[str]) -> list[str]:
    """The line with its command in front of the workflow. Raises UsageError where there is none."""
    from runner.cli import shops as shop_list

    words = list(argv)
    at = next((at for at, word in enumerate(words) if not word.startswith("-") or word == "-"), None)
    if at is None:
        if words:
            return words
        raise NothingTypedError(_beginning())
    word = words[at]
    if word.lower() in COMMANDS:
        words[at] = word.lower()
    elif word.lower() in shop_list.WORDS:
        return ["help", "channels", *words[:at], *words[at + 1 :]]
    elif is_workflow(word) and not {"-h", "--help"}.isdisjoint(words):
        return ["help", word]
    elif is_workflow(word) or _is_made_from(word, [*words[:at], *words[at + 1 :]]):
        words.insert(at, "submit")
    else:
        raise no_command(words, at)
    return _settled(with_inputs(words, at), at)


_FIRST = {
    ("packshot", "photo.jpg"): "a packshot",
    ("packshot", "photo.jpg", "--set", "channel=amazon"): "for this shop",
    ("cutout", "photo.jpg"): "the product on transparency",
    ("packshot", "photos/"): "many; the same again goes on",
    ("studio", "--open"): "the same on a page",
}
"""What to begin with: commands, and what each is for."""


def _beginning() -> str:
    """What each command is for stands behind it, or below where the terminal is narrow."""
    longest = max(len(spell(*words)) for words in _FIRST)
    is_wide = 2 + longest + 2 + max(map(len, _FIRST.values())) < shutil.get_terminal_size().columns
    behind = "  " if is_wide else "\n      "
    rows = [f"  {spell(*words):<{longest if is_wide else 0}}{behind}{told}" for words, told in _FIRST.items()]
    more = ", ".join(f"`{spell(word)}`" for word in ("help", "workflows", "channels"))
    return "\n".join([f"usage: {spell()} WORKFLOW PHOTO… [options]", "", *rows, "", f"what else there is: {more}"])


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
    if words[at] == "models" and not {"-h", "--help"}.intersection(rest[:1]) and not any(map(is_bare, rest[:1])):
        return [*words[: at + 1], "list", *rest]
    if words[at] != "submit":
        return words
    options = {word.partition("=")[0] for word in rest if word.startswith("--") and len(word) > 2}
    unknown = options - (options_of("submit") - {"--dry-run"})  # which only a batch does
    is_batch = unknown and unknown <= options_of("batch")
    if unknown == {"--dry-run"}:
        rest = _without_choices(rest)
    return [*words[:at], "batch", *_as_of_a_batch(rest)] if is_batch else words


def _without_choices(words: list[str]) -> list[str]:
    """Without what `submit` alone knows and a run that runs nothing has no use for: `--best-of 8`, `--preview`."""
    kept, rest = [], list(words)
    while rest:
        word = rest.pop(0)
        parts = option_with_value(word, rest) if word.startswith("--") else [word]
        kept += [] if word.partition("=")[0] in _OF_SUBMIT_ALONE else parts
    return kept


def _as_of_a_batch(words: list[str]) -> list[str]:
    """The pictures of a `submit` as `batch` has them: the first a photo, with no option before it, and each further one
    of a workflow that takes several as the input that it is."""
    args, _ = build_parser(["submit"]).parse_known_args(["submit", *words])
    pictures = [str(picture) for picture in (*args.image, *args.photos)]
    inputs = [spec.name for spec in inputs_of(args.workflow, pictures=True)]
    several = 1 < len(pictures) <= len(inputs)
    if not several and len(args.image) != 1:
        return words
    plain = [word.removeprefix("--image=") for word in words if word != "--image"]
    left = [word for word in plain if not (several and word in pictures[1:] and word != args.workflow)]
    further = zip(inputs[1:], pictures[1:], strict=False) if several else ()
    return [*left, *(part for name, picture in further for part in ("--set", f"{name}={picture}"))]


def _unknown(unknown: Sequence[str], args: argparse.Namespace, argv: Sequence[str]) -> UsageError:
    """Options and words that a command does not take."""
    action = [args.action] if args.command == "models" else []
    words = spell("help", args.command, *action)
    option = next((word for word in unknown if word.startswith("-") and word != "-"), None)
    if option is None:
        return UsageError(f"{' '.join(unknown)}: `{args.command}` takes no more words.", advice=f"`{words}` says more.")
    name, mark, value = option.partition("=")
    at = list(argv).index(option) if option in argv else len(argv)
    behind = option_with_value(option, list(argv[at + 1 :]))[1:]
    value = value if mark else "".join(behind)
    said = f"there is no option {name}"
    if name in _ANEW:
        return UsageError(f"{said}: nothing is overwritten.", advice="Name another folder with --out.")
    if name in _PHOTOS and hasattr(args, "photos"):
        line = spell(*argv[:at], *([value] if mark else []), *argv[at + 1 :])
        return UsageError(f"{said}; photos need none.", advice=f"Write: {line}")
    workflow = getattr(args, "workflow", "") if args.command in ("submit", "batch") else ""
    told, meant = _of_workflow(name, value, workflow)
    if meant is None and not told:
        options = options_of(args.command) | (options_of("batch") if args.command == "submit" else frozenset())
        meant = option_meant(name, value, workflow, options | {f"--{spec.name}" for spec in inputs_of(workflow)})
    if meant is None and not told:
        return UsageError(f"{said}.", advice=f"`{words}` shows those that there are.")
    if meant is not None and not told:
        told = f". Did you mean {' '.join(meant if meant[0] == '--set' else meant[:1])}?"
    line = spell(*argv[:at], *(meant or []), *argv[at + 1 + len(behind) :])
    return UsageError(said + told, advice=line)


def _of_workflow(name: str, value: str, workflow: str) -> tuple[str, list[str] | None]:
    """An input, a shop or a kind of file that was written as an option is: what to say of it, and what is meant."""
    from runner.cli.shops import shops

    word = name.lstrip("-")
    if is_input(word, workflow):
        return "; the workflow has an input of that name.", ["--set", f"{word}={value or 'VALUE'}"]
    if word.lower() in shops() and is_input("channel", workflow):
        return f"; {word.lower()} is a shop.", ["--set", f"channel={word.lower()}"]
    if name in _FORMATS and workflow:
        return ": a workflow decides which files it saves (packshot: a .jpg and a .png). Without it:", None
    if name in ("--color", "--colour") and "recolor" in COMMANDS and is_input("background", workflow):
        meant = f"background={value or 'VALUE'}"
        return f". Behind the product: --set {meant}; the product's own: `{spell('recolor')}`.", ["--set", meant]
    return "", None


def _check_out(words: Sequence[str], argv: Sequence[str]) -> None:
    """Raises UsageError where a picture is named as the folder of the results, with the line that is meant."""
    if not {"submit", "batch"}.intersection(words):
        return
    for at, option in enumerate(argv):
        name, mark, value = option.partition("=")
        value = value if mark else "".join(argv[at + 1 : at + 2])
        if name in _OUTS and is_picture_name(value):
            line = spell(*argv[:at], *named_file(value), *argv[at + (1 if mark else 2) :])
            raise UsageError(f"{name} {value}: this is no folder; a file is named with --name.", advice=line)
