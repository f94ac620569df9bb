"""Fetch what a job made and save it: whole or not at all, under a free name, with the record beside it."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol

from runner.data import to_json, without_lone_surrogates
from runner.errors import EXIT_USAGE, NodeFailedError, RunnerError
from runner.execution.doubts import doubts
from runner.execution.listing import FILMS, inscribe, listing
from runner.execution.missing_verdicts import missing_verdicts
from runner.execution.models_used import models_used
from runner.execution.outputs import NOT_PASSED, JobOutputs, NodeReport, failed_checks
from runner.files.drafts import new_draft, remove_left_drafts
from runner.files.naming import ResultFile, distinct_names, part_of_output, safe_suffix
from runner.files.smoke_mark import mark_picture
from runner.files.verify import PICTURES, add_graph_to_png, check_picture, png_has_graph, true_suffix
from runner.http.transport import NoAnswerError, NotReachedError
from runner.server.client import FileGoneError
from runner.server.records import ServerFile
from runner.untrusted import LONGEST_NAME, cut, items, mapping, told
from runner.workflow.steps import step_name

_DOWNLOAD_TRIES = 3
"""Of one file: what breaks off three times is not the network's chance."""
ROOM_FOR_OTHERS = 1 << 30
"""Bytes a job had written when the disk was full. With as many gone again there is room for any picture: it is this
result that has none, and no other has to wait for it."""
FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
"""What the system says of a disk without room, and of a quota that is used up."""
_NAMED = 10
"""Files that a message names: a job makes one or two, and a server may list any number."""
_MAX_NUMBER = 10_000
"""Results of one name in one folder; more is a loop somewhere."""


class NotSavedError(RunnerError):
    """A result is on the server and could not be written here: --out cannot take it."""

    exit_code = EXIT_USAGE


class FilesMissingError(Exception):
    """The server lists files it does not have (any more); `nodes` would have to run again."""

    def __init__(self, nodes: tuple[str, ...], names: tuple[str, ...]) -> None:
        super().__init__(f"the server lists files it does not have: {in_a_row(names)}")
        self.nodes = nodes
        self.names = names


def in_a_row(names: Iterable[str]) -> str:
    """Names of a server's files, as a line of a message: the first of many, and how many more there are."""
    return ", ".join(told((cut(name, LONGEST_NAME) for name in names), _NAMED))


class AbortedError(Exception):
    """Saving was called off (Ctrl-C); nothing half-written is left."""


@dataclass(frozen=True)
class SavedFile:
    """`text`: what is in it, where a node wrote it as text."""

    path: Path
    output: str
    node_id: str
    size: int
    text: str = ""


@dataclass(frozen=True)
class SavedJob:
    files: tuple[SavedFile, ...]
    sidecar: Path
    warnings: tuple[str, ...] = ()
    """What the nodes' own checks say did not pass."""
    reports: tuple[NodeReport, ...] = ()
    doubts: tuple[str, ...] = ()
    """What a person should look at although it passed."""


class FileSource(Protocol):
    """Where the files of a job are to be had: a server (`ComfyClient`), or what somebody else fetched from one."""

    def open_file(self, file: ServerFile, /) -> AbstractContextManager[Iterator[bytes]]:
        """The content of a file, in chunks. Raises FileGoneError when it is not there any more."""


class Abort:
    """Calls off a save under way from another thread. `parts` are the files it would leave half-written."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.parts: set[Path] = set()
        self._locks: list[BinaryIO] = []
        self._tidied: set[Path] = set()

    def set(self) -> None:
        self._event.set()

    def check(self) -> None:
        if self._event.is_set():
            raise AbortedError

    def remove_parts(self) -> None:
        for path in list(self.parts):
            with contextlib.suppress(OSError):
                path.unlink()
            self.parts.discard(path)
        locks, self._locks = self._locks, []
        for lock in locks:
            lock.close()

    def new_draft(self, target: Path) -> Path:
        """A new file to download into, beside the target: what it is called in the end, its content decides."""
        if target.parent not in self._tidied:
            self._tidied.add(target.parent)
            remove_left_drafts(target.parent)
        draft, lock = new_draft(target)
        self.parts.add(draft)
        if lock is not None:
            self._locks.append(lock)
        return draft

    def made(self, part: Path) -> bool:
        """Make a part file; False where there is one."""
        try:
            os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        except FileExistsError:
            return False
        self.parts.add(part)
        return True


def save_job(
    source: FileSource,
    outputs: JobOutputs,
    target: Path,
    *,
    graph: Mapping[str, Any],
    sidecar: Mapping[str, Any],
    abort: Abort,
    room_for_others: int = ROOM_FOR_OTHERS,
) -> SavedJob:
    """Download every file of a job, check the pictures, write the sidecar, then show all of it under final names.

    Args:
        target: path without extension; a number is added when anything of that name exists.
        graph: as submitted; it belongs into every PNG.
        sidecar: what the `.json` beside the result says, apart from the files themselves.
        room_for_others: bytes from which a result that fills the disk is the one that is too large, and not the disk
            too full: what is raised has then no OSError as its cause.

    Raises FilesMissingError where the server lists files it does not have. Raises NodeFailedError where a picture is
    black, transparent or unreadable, or there is no result at all. Raises NotSavedError where the disk is full, or the
    folder cannot be written. Raises ServerUnavailableError where the downloads broke off again and again.
    """
    if not (outputs.files or outputs.texts):
        raise NodeFailedError("The job ended without any file or text.", advice="Does the workflow save its result?")
    try:
        return _Saving(source, outputs, graph, abort, bool(sidecar.get("smoke_weights"))).run(target, sidecar)
    except OSError as error:
        where = error.filename or target.parent
        files = in_a_row(item.file.filename for item in outputs.files)
        written = _written(abort)
        if error.errno in FULL_DISK and written >= room_for_others:
            raise NotSavedError(
                f"The result has no room on the disk of {target.parent}: more than {written / 2**30:.1f} GB of it had "
                "come when the disk was full. What had come was removed.",
                advice=f"Look at it on the server, or choose an --out on a larger disk. The server still has: {files}.",
            ) from None
        raise NotSavedError(
            f"The result could not be written to {where}: {error.strerror or error}.",
            advice=f"Make room or choose another --out. The server still has: {files or 'its text'}.",
        ) from error
    finally:
        abort.remove_parts()


def _written(abort: Abort) -> int:
    """Bytes of a job that lie on the disk, not under their names yet."""
    total = 0
    for part in abort.parts:
        with contextlib.suppress(OSError):
            total += part.stat().st_size
    return total


@dataclass(frozen=True)
class _Saving:
    source: FileSource
    outputs: JobOutputs
    graph: Mapping[str, Any]
    abort: Abort
    is_trial: bool = False
    """Made with smoke models: its pictures say so on their face."""

    def run(self, target: Path, sidecar: Mapping[str, Any]) -> SavedJob:
        began = time.monotonic()
        target.parent.mkdir(parents=True, exist_ok=True)
        reports = self.outputs.reports
        facts = listing(mapping(sidecar.get("listing")), reports)
        fetched, unseen = self._fetch(target, facts)
        planned = [
            ResultFile(item.output, suffix, part_of_output(item.file.filename))
            for item, (_, suffix) in zip(self.outputs.files, fetched, strict=True)
        ]
        planned += [ResultFile(item.output, ".txt") for item in self.outputs.texts]
        finals, parts = reserve(target, lambda stem: [*distinct_names(stem, planned), f"{stem}.json"], self.abort)
        for (draft, _), part in zip(fetched, parts, strict=False):
            draft.replace(part)
            self.abort.parts.discard(draft)
        for text, part in zip(self.outputs.texts, parts[len(fetched) : -1], strict=True):
            part.write_text(without_lone_surrogates(text.text) + "\n", encoding="utf-8")
        owners = [(item.output, item.node_id, "") for item in self.outputs.files]
        owners += [(item.output, item.node_id, without_lone_surrogates(item.text)) for item in self.outputs.texts]
        files = tuple(
            SavedFile(final, output, node_id, part.stat().st_size, text)
            for final, part, (output, node_id, text) in zip(finals[:-1], parts[:-1], owners, strict=True)
        )
        listed = [{"file": f.path.name, "output": f.output, "node": f.node_id, "bytes": f.size} for f in files]
        timings = {**sidecar.get("timings", {}), "download_s": round(time.monotonic() - began, 3)}
        told = {key: value for key, value in sidecar.items() if key != "listing"} | (
            {"listing": facts} if facts else {}
        )
        told["models"] = models_used(items(sidecar.get("models")), self.outputs.node_reports, self.graph)
        warnings = (*missing_verdicts(self.graph, self.outputs.node_reports), *failed_checks(reports))
        told |= {NOT_PASSED: list(warnings)} if warnings else {}
        if unseen:
            told["not_checked"] = unseen
        record = {**told, "timings": timings, "files": listed, "reports": reports}
        parts[-1].write_text(to_json(record, indent=2) + "\n", encoding="utf-8")
        self.abort.check()
        for part, final in zip(parts, finals, strict=True):
            part.replace(final)
            self.abort.parts.discard(part)
        return SavedJob(files, finals[-1], warnings, self.outputs.node_reports, doubts(record))

    def _fetch(self, target: Path, facts: Mapping[str, str]) -> tuple[list[tuple[Path, str]], list[str]]:
        """Download and check every file: (where each is for now, the suffix it should have), and what could not be
        checked of them. `facts`: what pictures say of themselves."""
        fetched, missing, unseen = [], [], []
        for item in self.outputs.files:
            draft = self.abort.new_draft(target)
            try:
                _download(self.source, item.file, draft, self.abort)
            except FileGoneError:
                missing.append(item)
                continue
            suffix = true_suffix(draft, safe_suffix(item.file.filename))
            if not_seen := _check(draft, suffix, step_name(self.graph, item.node_id), self.graph):
                unseen.append(f"{cut(item.file.filename, LONGEST_NAME)}: {not_seen}")
            if self.is_trial and suffix in PICTURES:
                mark_picture(draft)
            if facts and (suffix in PICTURES or suffix in FILMS):
                inscribe(draft, suffix, facts)
            fetched.append((draft, suffix))
            self.abort.check()
        if missing:
            nodes = tuple({item.node_id for item in missing})
            raise FilesMissingError(nodes, tuple(item.file.filename for item in missing))
        return fetched, unseen


def reserve(target: Path, names: Callable[[str], list[str]], abort: Abort) -> tuple[list[Path], list[Path]]:
    """Names nobody has, held by `.part` files: (final paths, part files). `names` makes them from a stem.

    The part file is made before the final name is looked at, and goes away only when the final one is there: two runs
    that save into one folder at the same moment cannot choose the same name.
    """
    for number in range(1, _MAX_NUMBER):
        stem = target.name if number == 1 else f"{target.name}_{number}"
        finals = [target.with_name(name) for name in names(stem)]
        parts = []
        for final in finals:
            part = final.with_name(final.name + ".part")
            if not abort.made(part):
                break
            parts.append(part)
            if os.path.lexists(final):
                break
        else:
            return finals, parts
        for part in parts:
            part.unlink(missing_ok=True)
            abort.parts.discard(part)
    raise NotSavedError(f"There are {_MAX_NUMBER} results named {target.name} already.", advice="Choose another --out.")


def _download(source: FileSource, file: ServerFile, part: Path, abort: Abort) -> None:
    for attempt in range(1, _DOWNLOAD_TRIES + 1):
        abort.check()
        try:
            with part.open("wb") as stream:
                _copy(source, file, stream, abort)
            return
        except (NotReachedError, NoAnswerError):
            if attempt == _DOWNLOAD_TRIES:
                raise
            threading.Event().wait(0.2 * attempt)


def _copy(source: FileSource, file: ServerFile, stream: IO[bytes], abort: Abort) -> None:
    with source.open_file(file) as chunks:
        for chunk in chunks:
            abort.check()
            stream.write(chunk)


def _check(part: Path, suffix: str, node: str, graph: Mapping[str, Any]) -> str:
    """What could not be checked of a file, in words. Raises NodeFailedError for what no node meant to deliver."""
    if part.stat().st_size == 0:
        raise NodeFailedError(f"{node} delivered an empty file.")
    not_seen = check_picture(part, suffix, node)
    if suffix == ".png" and not png_has_graph(part):
        add_graph_to_png(part, graph)
    return not_seen
