"""What the words of a command line are, one by one: a workflow, a photo, an option of a command, an input."""

from __future__ import annotations

import glob
from functools import cache
from typing import TYPE_CHECKING, Any

from runner.cli.parser import NEGATIVE, Parser, load_command
from runner.files.paths import expanded

if TYPE_CHECKING:
    from runner.workflow.graph import InputSpec


def is_workflow(word: str) -> bool:
    """Whether a word can only be meant as a workflow: the name of a bundled one, or a .json file."""
    from runner.workflow.load import bundled

    return bundled(word) is not None or word.lower().endswith(".json")


def kind(word: str) -> str:
    return "a folder" if expanded(word).is_dir() else "a photo"


def is_bare(word: str) -> bool:
    return not word.startswith("-") or word == "-"


def is_input(name: str, workflow: object) -> bool:
    from runner.errors import WorkflowError
    from runner.workflow.load import load_workflow

    if not name or not isinstance(workflow, str):
        return False
    try:
        return load_workflow(workflow).input(name) is not None
    except WorkflowError:
        return False


def inputs_of(workflow: str, *, pictures: bool = False) -> list[InputSpec]:
    """The inputs of a workflow, or those alone that its `pictures` fill, in their order; none where it cannot be
    read."""
    from runner.errors import WorkflowError
    from runner.workflow.load import WORKFLOWS_DIR, load_workflow
    from runner.workflow.schema import recorded_object_info

    try:
        loaded = load_workflow(workflow)
        return (loaded.image_inputs if pictures else loaded.inputs)(recorded_object_info(WORKFLOWS_DIR))
    except WorkflowError:
        return []


def is_photo(word: str) -> bool:
    """Whether a word stands for photos: a file, a folder, a pattern, an address, or a picture that is not there."""
    from runner.batch.photo_folder import PHOTO_SUFFIXES

    if word == "-" or "://" in word or glob.has_magic(word):
        return True
    if not word.strip() or is_workflow(word):
        return False
    path = expanded(word)
    return path.exists() or path.suffix.lower() in PHOTO_SUFFIXES


@cache
def parser_of(command: str) -> Parser:
    alone: Any = Parser(prog="").add_subparsers()
    parser: Any = load_command(command).add_parser(alone)
    whole: Parser = parser
    return whole


def options_of(command: str) -> frozenset[str]:
    """The options of a command, with their dashes."""
    return parser_of(command).options()


def sample_value(option: str) -> str:
    """What stands for the value that an option needs and nobody typed; "" where it needs none."""
    actions = [one for command in ("submit", "batch") for one in parser_of(command).optionals()]
    action = next((one for one in actions if option in one.option_strings and one.nargs is None), None)
    metavar = "" if action is None else str(action.metavar or "VALUE")
    return "4" if metavar == "N" else metavar


def option_with_value(option: str, rest: list[str]) -> list[str]:
    """An option of `submit` or `batch` and the value behind it, which is taken from `rest`. One that neither has takes
    what is neither a photo nor a workflow."""
    name, mark, _ = option.partition("=")
    actions = [
        action
        for command in ("submit", "batch")
        for action in parser_of(command).optionals()
        if name in action.option_strings
    ]
    if mark or not rest or not (is_bare(rest[0]) or NEGATIVE.fullmatch(rest[0])):
        return [option]
    if actions:
        return [option] if actions[0].nargs == 0 else [option, rest.pop(0)]
    return [option] if is_photo(rest[0]) or is_workflow(rest[0]) else [option, rest.pop(0)]


def with_inputs(words: list[str], at: int) -> list[str]:
    """`--channel amazon` where only the workflow knows that name is `--set channel=amazon`."""
    if words[at] not in ("submit", "batch"):
        return words
    rest = words[at + 1 :]
    workflow = next((word for word in rest if is_workflow(word)), next(filter(is_bare, rest), None))
    known = options_of("submit") | options_of("batch")
    whole = words[: at + 1]
    while rest:
        word = rest.pop(0)
        option, mark, value = word.partition("=")
        if word == "--":
            return [*whole, word, *rest]
        if word == "--set" and len(rest) > 1 and is_input(rest[0], workflow) and _is_value(rest[1]):
            whole += [word, f"{rest.pop(0)}={rest.pop(0)}"]
            continue
        name = next((one for one in (option[2:], option[2:].replace("-", "_")) if is_input(one, workflow)), "")
        if not option.startswith("--") or option in known or not name:
            whole.append(word)
        elif mark:
            whole += ["--set", f"{name}={value}"]
        elif rest and (is_bare(rest[0]) or NEGATIVE.fullmatch(rest[0])):
            whole += ["--set", f"{name}={rest.pop(0)}"]
        else:
            whole.append(word)
    return whole


def _is_value(word: str) -> bool:
    return NEGATIVE.fullmatch(word) is not None or (is_bare(word) and "=" not in word and not is_photo(word))
