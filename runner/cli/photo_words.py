"""The photos of a command line: files, folders, patterns, addresses and a pipe; and which of them make a batch."""

from __future__ import annotations

import argparse
import contextlib
import glob
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runner import console
from runner.cli.parser import DEFAULT_OUT
from runner.cli.signals import interruptible
from runner.errors import EXIT_OK, JobTimeoutError, PhotoError, UsageError
from runner.files.paths import expanded
from runner.invocation import spell

if TYPE_CHECKING:
    from runner.batch.order import BatchOrder

PIPE = "-"
_BESIDE = Path(".prodgen", "photos")
"""Where a batch keeps what it has fetched, below its folder: the same command must find it again."""
_HASH = 8
"""Hexadecimal digits: two of a folder's names are the same by chance once in four thousand million."""
_SLUG = 80
"""Characters of what was typed: enough to tell by, and far from the 255 bytes that a name may have."""


def are_many(args: argparse.Namespace) -> bool:
    """Whether these photos are each a job of its own. Raises UsageError where one of them is none."""
    from runner.workflow.load import WORKFLOWS_DIR, load_workflow
    from runner.workflow.schema import recorded_object_info

    workflow = load_workflow(args.workflow)
    words = [*args.image, *args.photos]
    check_words(words)
    slots = len(workflow.image_inputs(recorded_object_info(WORKFLOWS_DIR)))
    if any(is_folder(word) for word in words):
        return True
    if slots > 1 and len(words) > slots:
        raise UsageError(
            f"{workflow.label} takes {slots} pictures at a time, and {len(words)} were named.",
            advice=f"Many photos, each with the same second picture: "
            f"{spell('batch', args.workflow, 'PHOTOS', '--set', 'image_2=FILE')}",
        )
    return slots <= 1 and len(words) > 1


def as_batch(args: argparse.Namespace) -> argparse.Namespace:
    """The command line of the batch that this `submit` is. It goes on where it stopped, whenever it is typed again.

    Raises UsageError for what only one photo can have.
    """
    from runner.cli.settings import apply
    from runner.cli.words import parse

    alone = {"--best-of": args.best_of is not None, "--preview": args.preview, "--out -": args.out == Path(PIPE)}
    for option, given in alone.items():
        if given:
            raise UsageError(f"{option} is for one photo at a time.", advice="Name one photo, or leave it out.")
    at = args.typed.index("submit")
    words = [word for word in args.typed[at + 1 :] if word != "--image"]
    words = [word.removeprefix("--image=") for word in words]
    batch = parse([*args.typed[:at], "batch", *words])
    batch.is_named = False
    apply(batch)
    return batch


def own_folder(order: BatchOrder) -> Path:
    """Where a batch of photos that were just named goes: the same command leads to the same folder, another to another.

    It is called by the workflow, the folder of the photos and what was set.
    """
    parts = [_name(order.workflow), _name_of_photos(order)]
    parts += [text.replace("=", "-", 1) for text in order.set]
    parts += [f"for-{'-'.join(order.channels)}"] * bool(order.channels)
    parts += [f"prompt-{text}" for text in order.prompt]
    parts += [f"seed-{order.seed}"] * (order.seed is not None) + [f"seeds-{order.seeds}"] * (order.seeds is not None)
    from runner.files.naming import safe_name

    whole = safe_name("_".join(part for part in parts if part).replace(" ", "-"), limit=10_000, most_bytes=10_000)
    short = whole if len(whole) <= _SLUG else f"{whole[:_SLUG]}_{hashlib.sha256(whole.encode()).hexdigest()[:_HASH]}"
    return DEFAULT_OUT.parent / safe_name(short)


def _name_of_photos(order: BatchOrder) -> str:
    words = [*([order.images] if order.images else []), *order.photos]
    first = next((path_of(word) for word in words if not _is_elsewhere(word)), None)
    if first is None:
        return "web" if order.jobs is None else str(order.jobs.stem)
    return (first if first.is_dir() else first.parent).resolve().name


def _name(workflow: str) -> str:
    from runner.workflow.load import load_workflow

    return load_workflow(workflow).name


def check_words(words: Sequence[str]) -> None:
    """Raises UsageError for the first word that names no photo, with what may have been meant."""
    from runner.photos.fetched import check_address, is_address

    if words.count(PIPE) > 1:
        raise UsageError("- stands for one photo, from standard input; it was named more than once.")
    for word in words:
        if is_address(word):
            check_address(word)
        elif word != PIPE and not is_folder(word) and not path_of(word).exists():
            raise _no_photo(word)


def path_of(word: str) -> Path:
    """The file that a word names. A Windows shell makes `"C:\\photos\\"` a name that ends with the quote."""
    path = expanded(word)
    if word.endswith('"') and not path.exists():
        return expanded(word[:-1])
    return path


@contextlib.contextmanager
def brought(words: Sequence[str], timeout: float | None = None) -> Iterator[list[str]]:
    """The same photos, all of them files here: what is fetched or piped in is, for as long as the block lasts.

    Raises JobTimeoutError where what is fetched does not come within `timeout` seconds, all of it together.
    """
    until = None if timeout is None else time.monotonic() + timeout
    if not any(_is_elsewhere(word) for word in words):
        yield [str(path_of(word)) for word in words]
        return
    with tempfile.TemporaryDirectory(prefix="prodgen-") as folder:
        with interruptible():
            here = [_brought(word, Path(folder, str(number)), until) for number, word in enumerate(words)]
        yield here


def brought_to(
    words: Sequence[str], out: Path, say: Callable[[str], None], timeout: float | None = None
) -> tuple[list[str], list[PhotoError]]:
    """The same for a batch, whose photos must be there when it goes on: an address is fetched once, into its folder.

    Returns the photos, and why others could not be had; `say` is told of what is slow. Raises PhotoError where none
    could. Raises JobTimeoutError where they do not come within `timeout` seconds: what has come is kept.
    """
    until = None if timeout is None else time.monotonic() + timeout
    if PIPE in words:
        with_it = "other photos" if len(words) > 1 else "what was asked for besides (--dry-run, --metrics, …)"
        raise UsageError(
            f"- reads one photo from standard input, which is made by itself; {with_it} would make it a batch.",
            advice="Save it as a file and name that.",
        )
    here: list[str] = []
    failed: list[PhotoError] = []
    for word in words:
        if not _is_elsewhere(word):
            here.append(str(path_of(word)))
            continue
        from runner.photos.fetched import name_of

        name = Path(name_of(word))
        target = out / _BESIDE / f"{name.stem}_{hashlib.sha256(word.encode()).hexdigest()[:_HASH]}{name.suffix}"
        try:
            here.append(str(target) if target.is_file() else _fetched(word, target.parent, until, target.name, say))
        except PhotoError as error:
            failed.append(error)
    if failed and not here:
        raise PhotoError("\n".join(error.message for error in failed), advice=failed[0].advice)
    return here, failed


def tell_lacking(errors: Sequence[PhotoError], say: Callable[[str], None], *, json_lines: bool) -> None:
    """Which photos of a batch could not be had; the others are made."""
    for error in errors:
        say(f"failed: {error.message}")
        if json_lines:
            from runner.execution.failures import failed_event

            console.json_line(failed_event(error, 0, None).as_json())


def to_standard_output(args: argparse.Namespace, submit: Callable[[argparse.Namespace], int]) -> int:
    """Run `submit` and write the result's own bytes to standard output: of several files the first, or the kind that
    `--name` ends with.

    Raises UsageError where standard output cannot take them.
    """
    if args.json or args.count > 1:
        other = "--json" if args.json else "--count"
        raise UsageError(f"--out - writes one result to standard output; {other} does not go with it.")
    if why := console.no_bytes():
        raise UsageError(
            f"--out - writes a picture's bytes, and standard output cannot take them: {why}.",
            advice="Add: > result.png",
        )
    with contextlib.ExitStack() as until_written:
        args.out = Path(tempfile.mkdtemp(prefix="prodgen-"))
        until_written.callback(shutil.rmtree, args.out, ignore_errors=True)
        with Path(os.devnull).open("w", encoding="utf-8") as nothing, contextlib.redirect_stdout(nothing):
            code = submit(args)
        result = _first_result(args.out, Path(args.name or "").suffix.lower())
        if code == EXIT_OK and result is not None and (why := console.pour(result.read_bytes())):
            until_written.pop_all()
            raise UsageError(
                f"the picture could not be written to standard output ({why}).", advice=f"It is kept: {result}"
            )
        return code


def _first_result(folder: Path, suffix: str) -> Path | None:
    for record in sorted(folder.rglob("*.json")):
        files = [record.with_name(item["file"]) for item in json.loads(record.read_text(encoding="utf-8"))["files"]]
        return next((path for path in files if path.suffix == suffix), files[0] if files else None)
    return None


def _brought(word: str, folder: Path, until: float | None) -> str:
    if word == PIPE:
        from runner.photos.fetched import read_photo

        return str(read_photo(sys.stdin.buffer, folder))
    return _fetched(word, folder, until) if _is_elsewhere(word) else str(path_of(word))


def _fetched(
    url: str, folder: Path, until: float | None, name: str = "", say: Callable[[str], None] = console.tell
) -> str:
    from runner.photos.fetched import LONGEST_S, fetch_photo

    left = LONGEST_S if until is None else min(LONGEST_S, max(0.01, until - time.monotonic()))
    try:
        return str(fetch_photo(url, folder, name, seconds=left, say=say))
    except PhotoError as error:
        if until is None or time.monotonic() < until:
            raise
        advice = "Nothing was submitted. Give it longer, or save the picture yourself and name its file."
        raise JobTimeoutError(f"Out of time (--timeout): {error.message}", advice=advice) from error
    except OSError as error:
        raise PhotoError(f"{folder}: cannot be written ({error.strerror or error}).") from error


def _is_elsewhere(word: str) -> bool:
    return word == PIPE or "://" in word


def is_folder(word: str) -> bool:
    """A folder, or a pattern that no shell has filled in (Windows' never does)."""
    path = path_of(word)
    return path.is_dir() or (glob.has_magic(word) and not path.exists() and "://" not in word)


def _no_photo(word: str) -> PhotoError:
    from runner.suggest import look_alike

    what = "folder" if word.endswith(("/", "\\")) else "photo"
    return PhotoError(f"there is no {what} {word}.{look_alike(path_of(word))}", advice=_where())


def _where() -> str:
    return f"You are in {Path.cwd()}."
