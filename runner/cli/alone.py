"""The command line for one photo of a batch, made of the line that was typed for all of them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runner.cli.typed import is_bare, parser_of
from runner.invocation import spell

if TYPE_CHECKING:
    from runner.batch.plan import BatchJob

_OF_THE_RUN = ("--images", "--image", "--jobs", "--watch", "--settle", "--out", "--resume", "--dry-run", "--open")
"""Which photos, where to and how: said anew, or not meant for one photo."""
_OF_THE_JOB = ("--set", "--prompt", "--seed", "--seeds", "--count")
"""What `batch` takes several values of: the job has its own."""
_SAME = {"hint": "--hint", "cutout_confidence": "--min-confidence"}
"""Inputs for which some commands have an option."""


def line_for(args: argparse.Namespace, out: Path, job: BatchJob, setting: str) -> str:
    """The command for this job by itself, into the same folder, with one setting (NAME=VALUE) more."""
    name = setting.partition("=")[0]
    is_batch = args.command == "batch"
    dropped = {*_OF_THE_RUN, *(_OF_THE_JOB if is_batch else ()), _SAME.get(name, "")}
    words = [args.command, *([args.workflow] if is_batch else []), _short(next(iter(job.images.values())))]
    for option in _options(args.command, args.typed):
        if option[0] in dropped or (option[0] == "--set" and option[-1].partition("=")[0] == name):
            continue
        words += option
    if is_batch:
        others = {**job.values, **dict(list(job.images.items())[1:])}
        for key, value in others.items():
            words += ["--set", f"{key}={value}"] if key != name else []
    return spell(*words, "--out", str(out), "--set", setting)


def _options(command: str, typed: Sequence[str]) -> Iterator[list[str]]:
    """The options of a line, each as (option, value) or (option,)."""
    actions = {option: action for action in parser_of(command).optionals() for option in action.option_strings}
    words = list(typed)
    while words:
        word = words.pop(0)
        if word == "--":
            return
        if is_bare(word):
            continue
        name, mark, value = word.partition("=")
        action = actions.get(name)
        if mark:
            yield [name, value]
        elif action is None or action.nargs == 0 or not words or (action.nargs == "?" and not is_bare(words[0])):
            yield [name]
        else:
            yield [name, words.pop(0)]


def _short(file: str) -> str:
    """A photo's path as it is typed from here."""
    path = Path(file)
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else file
