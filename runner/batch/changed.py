"""Jobs that were made from files which are others now: a new photo under an old name, another reference.

A job is known by what was asked for, paths among it; what lay there when it was made is in the record beside its
result. Where a file's size and time are those of that record it is the same; otherwise its hash tells.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runner.batch.entries import Entry, JobState
from runner.batch.ledger import Ledger
from runner.batch.plan import BatchJob
from runner.batch.records import record_of
from runner.batch.store import LEDGER_FILE
from runner.errors import RunnerError
from runner.files.hashes import content_sha256
from runner.files.naming import below
from runner.photos.prepare import prepare_photo
from runner.untrusted import items, mapping, text
from runner.words import counted

INPUTS = "inputs"
"""In the `batch` of a record: what each file of the job was when it was read."""
EARLIER = LEDGER_FILE.parent / "earlier"
"""Where results go whose job is made again from another file."""
_NAMED = 3
"""Files that are called by name."""


@dataclass(frozen=True)
class Seen:
    """A file as it was when it was read. `modified`: nanoseconds, as the system counts them."""

    size: int
    modified: int

    @classmethod
    def of(cls, path: Path) -> Seen | None:
        """As it is now; None where it is not there."""
        try:
            state = path.stat()
        except (OSError, ValueError):  # ValueError: no name that a file can have
            return None
        return cls(state.st_size, state.st_mtime_ns)

    def noted(self, digest: str) -> dict[str, Any]:
        """As a record keeps it."""
        return {"sha256": digest, "bytes": self.size, "modified_ns": self.modified}


def is_as_recorded(path: Path, name: str, record: Mapping[str, Any]) -> bool:
    """Whether a file is, byte for byte, what the input `name` of a job was when `record` was written.

    A results folder may be somebody's and name any file there is: what nobody can have recorded without having had it
    gives nothing away.
    """
    batch, now = mapping(record.get("batch")), Seen.of(path)
    if now is None:
        return False
    if INPUTS not in batch:  # of an earlier version
        return content_sha256(path) in _sent(record) - {""}
    before = mapping(mapping(batch[INPUTS]).get(name))
    return _is_untouched(now, before) or content_sha256(path) in {text(before.get("sha256"))} - {""}


def _is_untouched(now: Seen, before: Mapping[str, Any]) -> bool:
    return (before.get("bytes"), before.get("modified_ns")) == (now.size, now.modified)


def _sent(record: Mapping[str, Any]) -> set[str]:
    """The hashes of what was sent to the server."""
    return {text(mapping(one).get("sha256")) for key in ("images", "uploads") for one in items(record.get(key))}


def noted(images: Mapping[str, str]) -> dict[str, Any]:
    """What the files of a job are now, as a record keeps it; without those that are not there."""
    seen = {name: (Path(file), Seen.of(Path(file))) for name, file in images.items()}
    return {name: now.noted(content_sha256(path)) for name, (path, now) in seen.items() if now is not None}


class Changes:
    """What became of the files of jobs that have ended. Each file is looked at once.

    `asked`: the jobs of this command; `formers`: under which keys else they were asked for (`Ledger.formers`). A ledger
    may be somebody's and name any file there is: only what is named now is read, and sent to a server again.
    """

    def __init__(self, out: Path, asked: Iterable[BatchJob], formers: Mapping[str, int]) -> None:
        self._out, jobs = out, list(asked)
        self._asked = {job.key: dict(job.images) for job in jobs}
        self.as_before = {formers[job.key]: job for job in jobs if job.key in formers}
        """Jobs that are asked for as before they were mended: number → as it is asked for."""
        self._now: dict[Path, Seen | None] = {}
        self._digests: dict[Path, str] = {}

    def among(self, entries: Iterable[Entry]) -> dict[int, list[Path]]:
        """The jobs that have ended and had other files than those of today: job → these files.

        A file that went, or cannot be read, leaves its results as they are.
        """
        ended = [entry for entry in entries if entry.state in (JobState.DONE, JobState.FAILED) and entry.job.images]
        files = {entry.id: self._of(entry) for entry in ended if self._is_asked(entry)}
        return {job: paths for job, paths in files.items() if paths}

    def _is_asked(self, entry: Entry) -> bool:
        return entry.id in self.as_before or self._asked.get(entry.key) == dict(entry.job.images)

    def _of(self, entry: Entry) -> list[Path]:
        if entry.id in self.as_before:  # what else it has was named by another command
            named = set(self.as_before[entry.id].images.items())
            images = dict(named.intersection(entry.job.images.items()))
            entry = replace(entry, job=replace(entry.job, images=images))
        record = record_of(self._out, entry) if entry.state == JobState.DONE else {"batch": entry.metrics}
        batch = mapping(record.get("batch"))
        if INPUTS not in batch:
            sent = _sent(record)
            files = list(map(Path, entry.job.images.values()))
            return [path for path in files if sent and self._is_another(path, sent, entry.submitted_at or 0.0)]
        noted = mapping(batch[INPUTS])
        return [
            path
            for name, path in ((name, Path(file)) for name, file in entry.job.images.items())
            if (before := mapping(noted.get(name))) and self._has_changed(path, before)
        ]

    def _has_changed(self, path: Path, before: Mapping[str, Any]) -> bool:
        now = self._seen(path)
        if now is None or _is_untouched(now, before):
            return False
        return self._digest(path) not in ("", before.get("sha256"))

    def _is_another(self, path: Path, sent: Set[str], at: float) -> bool:
        """Of a record that does not say what was read, only what was `sent`: maybe converted."""
        now = self._seen(path)
        if now is None or now.modified <= at * 1e9 or self._digest(path) in ("", *sent):
            return False
        with contextlib.suppress(RunnerError):
            return all(prepare_photo(path, is_mask=is_mask).sha256 not in sent for is_mask in (False, True))
        return True

    def _seen(self, path: Path) -> Seen | None:
        if path not in self._now:
            self._now[path] = Seen.of(path)
        return self._now[path]

    def _digest(self, path: Path) -> str:
        if path not in self._digests:
            self._digests[path] = content_sha256(path)
        return self._digests[path]


def make_changed_again(out: Path, asked: Iterable[BatchJob], ledger: Ledger, notice: Callable[[str], None]) -> int:
    """The jobs that are `asked` for, ended, and whose files have changed since, wait again; how many, which is told.

    Their results are moved to `EARLIER`: nothing is lost, and the new ones get the same names. What was mended for the
    photo that lay there before, such as a painted mask, does not count for another.
    """
    known = {entry.id: entry for entry in ledger.entries()}
    changes = Changes(out, asked, ledger.formers())
    changed = changes.among(known.values())
    if not changed:
        return 0
    folder = move_away(out, [known[job] for job in changed if known[job].files])
    ledger.make_again([job for job in changed if known[job].state == JobState.DONE], "its files have changed")
    ledger.try_again([job for job in changed if known[job].state == JobState.FAILED])
    ledger.ask_otherwise({job: changes.as_before[job] for job in changed if job in changes.as_before}, {})
    before = "" if folder is None else f"; what was made before is in {folder}"
    notice(f"{told(changed)}{before}.")
    return len(changed)


def move_away(out: Path, entries: Sequence[Entry]) -> Path | None:
    """The results of these jobs, moved to `EARLIER`; where they are then, None where there are none."""
    folder = EARLIER / time.strftime("%Y%m%d_%H%M%S")
    for entry in entries:
        _move(out, entry, folder)
    return out / folder if entries else None


def told(changed: Mapping[int, Sequence[Path]], *, later: bool = False) -> str:
    """How many jobs are made again, and why. `later`: they would be."""
    files = list(dict.fromkeys(path for paths in changed.values() for path in paths))
    names = ", ".join(path.name for path in files[:_NAMED])
    more = f" and {len(files) - _NAMED} more" if len(files) > _NAMED else ""
    verb = ("would be", "would be") if later else ("is", "are")
    jobs = counted(len(changed), f"job {verb[0]}", f"jobs {verb[1]}")
    return f"{jobs} made again: {names}{more} {'has' if len(files) == 1 else 'have'} changed since"


def _move(out: Path, entry: Entry, folder: Path) -> None:
    """A job's results out of the way. What cannot be moved stays; the new result gets the next free name."""
    for name in [*entry.files, *([] if entry.sidecar is None else [entry.sidecar])]:
        source, target = below(out, name), below(out, (folder / name).as_posix())
        if source is None or target is None:
            continue
        with contextlib.suppress(OSError):
            target.parent.mkdir(parents=True, exist_ok=True)
            source.replace(target)
