"""Fetch one large file: resumed where it stopped, its size and SHA-256 verified before it takes its name."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import random
import re
import shutil
import stat
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import requests

from runner.http.auth import public_url
from runner.models.contents import what_instead
from runner.models.manifest import human_size
from runner.models.source import (
    CHUNK,
    LEAST_BYTES,
    MISMATCH_ADVICE,
    PACE_S,
    DownloadError,
    DroppedError,
    Source,
    UnreachableError,
    WantedFile,
    chunks_of,
    one_fetching,
    tokens_from_environment,
    version_of,
)
from runner.untrusted import whole_number

__all__ = ["DownloadError", "Downloader", "Fetched", "WantedFile"]

SPARE_BYTES = 256 * 1024**2
"""What must stay free on a disk beside the file: a full one stops more than a download."""
LOOK_BYTES = 32 * 1024**2
"""Between two looks at the room that is left, while a file comes whose size nobody says: an eighth of `SPARE_BYTES`."""
_UNREACHED_TRIES = 2
"""Of one file from a host that does not answer: once may be chance."""

Progress = Callable[[int, "int | None"], None]
"""Called with the bytes on disk and the whole size (None while unknown)."""


@dataclass(frozen=True)
class Fetched:
    path: Path
    bytes: int
    sha256: str
    verified_by: str
    """`manifest`, `host` (the host's own published hash) or `nothing` (neither is known)."""


class Downloader:
    """Fetches files one after another. `tokens` maps a host (with its port, if any) to its token."""

    def __init__(
        self,
        tokens: Mapping[str, str] | None = None,
        *,
        tries: int = 6,
        backoff: float = 1.0,
        pace: float = PACE_S,
        progress: Progress | None = None,
        notice: Callable[[str], None] | None = None,
        unreachable: dict[str, str] | None = None,
    ) -> None:
        """`pace`: seconds in which `LEAST_BYTES` must come. `notice` is told of every wait. `unreachable`: host → why
        it cannot be reached; such hosts are not asked again, and those found to be so are added."""
        self.tokens = dict(tokens_from_environment() if tokens is None else tokens)
        self.tries, self.backoff, self.pace = tries, backoff, pace
        self.progress: Progress = progress or _silent
        self.notice: Callable[[str], None] = notice or _unheard
        self.unreachable = {} if unreachable is None else unreachable

    def fetch(self, wanted: WantedFile) -> Fetched:
        """Download to `wanted.path`. A broken-off download leaves `<name>.part`, which the next one continues.

        Raises DownloadError when the host refuses, the disk is too full, or the file is not what it should be.
        """
        try:
            wanted.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DownloadError(
                f"{wanted.path.parent}: the folder cannot be made or written to ({error.strerror or error}).",
                advice="Allow yourself to write there, or use a ComfyUI on another disk: --comfyui DIR.",
            ) from error
        try:
            with one_fetching(wanted.path, wanted.bytes, wanted.sha256, self.notice) as there:
                if there:
                    verified = "manifest" if wanted.sha256 else "nothing"
                    return Fetched(wanted.path, wanted.path.stat().st_size, there, verified)
                return _Transfer(self, wanted).run()
        except OSError as error:  # the disk, not the network: that has its own handling
            raise DownloadError(f"{wanted.path}: cannot be written ({error.strerror or error}).") from error


class _Transfer:
    """One file on its way."""

    def __init__(self, downloader: Downloader, wanted: WantedFile) -> None:
        self.downloader, self.wanted = downloader, wanted
        self.part = wanted.path.with_name(wanted.path.name + ".part")
        self.total = wanted.bytes
        self.digest = hashlib.sha256()
        self.done = 0
        self.version_file = self.part.with_name(self.part.name + ".version")
        self.version = ""
        """Of the file that the part is of, as its host tells versions apart."""
        self.source = Source(wanted, downloader.tokens, downloader.unreachable)

    def run(self) -> Fetched:
        with closing(self.source.session):
            resumed = self._take_up_part()
            self._transfer()
            problem = self._mismatch()
            if problem and resumed:  # the old part may have been of another version: once more from the start
                self._discard()
                self._transfer()
                problem = self._mismatch()
        if problem:
            self._discard()
            raise DownloadError(f"{self.wanted.path.name}: {problem}", advice=MISMATCH_ADVICE)
        self.part.replace(self.wanted.path)
        self.version_file.unlink(missing_ok=True)
        verified = "manifest" if self.wanted.sha256 else "host" if self.source.published_sha256 else "nothing"
        return Fetched(self.wanted.path, self.done, self.digest.hexdigest(), verified)

    # -- the part on disk ----------------------------------------------------------------------------------------

    def _take_up_part(self) -> bool:
        for draft in (self.part, self.version_file):
            _take_away(draft)
        if not self.part.is_file():
            return False
        size = self.part.stat().st_size
        with contextlib.suppress(OSError, UnicodeDecodeError):
            self.version = self.version_file.read_text(encoding="utf-8").strip()
        of_any_version = not self.version and not self.wanted.sha256  # nothing would tell if it were of another
        if size == 0 or of_any_version or (self.total is not None and size > self.total):
            self._discard()
            return False
        with self.part.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                self.digest.update(chunk)
                self.done += len(chunk)
        return True

    def _discard(self) -> None:
        self.part.unlink(missing_ok=True)
        self.version_file.unlink(missing_ok=True)
        self.version = ""
        self.digest, self.done = hashlib.sha256(), 0

    def _mismatch(self) -> str:
        if self.done == 0:
            return "its host sends an empty file."
        if self.total is not None and self.done != self.total:
            return f"{self.done} bytes arrived, {self.total} were expected."
        for expected, source in ((self.wanted.sha256, "the manifest"), (self.source.published_sha256, "its host")):
            if expected and expected != self.digest.hexdigest():
                return f"its sha256 is {self.digest.hexdigest()}, but {source} says {expected}. It was not kept."
        if self.wanted.sha256 or self.source.published_sha256:
            return ""
        instead = what_instead(self.part, self.wanted.path.suffix)
        return f"what its host sends is {instead}. It was not kept." if instead else ""

    # -- the network ---------------------------------------------------------------------------------------------

    def _transfer(self) -> None:
        failures = 0
        while self.total is None or self.done < self.total:
            before = self.done
            try:
                self._stream_once()
                return
            except DroppedError as drop:
                failures = 1 if self.done - before >= LEAST_BYTES else failures + 1
                if isinstance(drop, UnreachableError) and (
                    drop.host in self.downloader.unreachable or failures >= _UNREACHED_TRIES
                ):
                    raise self._given_up(drop) from drop
                if failures >= self.downloader.tries:
                    raise DownloadError(
                        f"{self.wanted.path.name}: the download keeps breaking off ({drop}).",
                        advice=f"Run the same command again later: it continues after {human_size(self.done)}.",
                    ) from drop
                pause = min(30.0, self.downloader.backoff * 2 ** (failures - 1))
                pause = max(drop.wait, pause * random.uniform(0.5, 1.0))  # noqa: S311 # jitter, no secret
                self.downloader.notice(f"{self.wanted.path.name}: {drop}; tried again in {math.ceil(pause)} s.")
                time.sleep(pause)
        self.downloader.progress(self.done, self.total)

    def _given_up(self, drop: UnreachableError) -> DownloadError:
        self.downloader.unreachable[drop.host] = drop.reason
        later = f", which continues after {human_size(self.done)}" if self.done else ""
        return DownloadError(
            f"{self.wanted.path.name}: {drop.host} cannot be reached from here ({drop.reason}).",
            advice=f"Run the same command where it can be reached{later}; or fetch it elsewhere and put it there:\n"
            f"    {public_url(self.wanted.url)}\n    → {self.wanted.path}",
        )

    def _stream_once(self) -> None:
        with self.source.open(self.done, self.version) as response:
            self._check_version(response)
            if self._finished_already(response):
                return
            self._check_announced(response)
            self._check_space()
            mode = "ab" if self.done else "wb"
            if not self.done:
                self._note_version(response)
            with self.part.open(mode) as stream:
                for chunk in chunks_of(response, self.wanted.path.name, pace=self.downloader.pace):
                    stream.write(chunk)
                    self.digest.update(chunk)
                    self.done += len(chunk)
                    self.downloader.progress(self.done, self.total)
                    if self.total is not None and self.done > self.total:
                        break
                    if self.total is None and self.done // LOOK_BYTES > (self.done - len(chunk)) // LOOK_BYTES:
                        self._check_space()
                stream.flush()
                os.fsync(stream.fileno())
        if self.total is not None and self.done < self.total:
            raise DroppedError(f"the host stopped after {self.done} of {self.total} bytes")

    def _note_version(self, response: requests.Response) -> None:
        self.version = version_of(response)
        if self.version and "\n" not in self.version:
            self.version_file.write_text(self.version, encoding="utf-8")
        else:
            self.version_file.unlink(missing_ok=True)

    def _check_version(self, response: requests.Response) -> None:
        """A host that goes on with another version although it was asked not to."""
        now = version_of(response)
        if self.done and response.status_code != 200 and self.version and now and now != self.version:
            self._discard()
            raise DroppedError("the file was replaced at its host")

    def _finished_already(self, response: requests.Response) -> bool:
        if response.status_code != 416:
            return False
        whole = re.fullmatch(r"bytes \*/(\d+)", response.headers.get("Content-Range", ""))
        if whole and whole_number(whole[1]) == self.done > 0 and self.total in (None, self.done):
            self.total = self.done
            return True
        self._discard()
        raise DroppedError("the host does not know this range")

    def _check_announced(self, response: requests.Response) -> None:
        """Sizes the host announces, before anything is written.

        Where it packs what it sends (it was asked not to), they are not those of the file, and no piece fits the part.
        """
        start: int | None = 0
        whole = response.headers.get("Content-Length", "")
        packed = response.headers.get("Content-Encoding", "identity").lower() not in ("identity", "")
        total = None if packed else whole_number(whole)
        if response.status_code == 206 and packed:
            self._discard()
            raise DroppedError("the host packs what it sends")
        if response.status_code == 206:
            span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
            start = whole_number(span[1]) if span else None
            total = whole_number(span[2]) if span and span[2] != "*" else self.total
        if start != self.done:
            self._discard()  # no ranges here: the host sends the file from its start
            if start != 0:
                raise DroppedError("the host sent another range than asked for")
        if total is not None and self.wanted.bytes is not None and total != self.wanted.bytes:
            raise DownloadError(
                f"{self.wanted.path.name}: the host's file has {total} bytes, the manifest says {self.wanted.bytes}.",
                advice=MISMATCH_ADVICE,
            )
        self.total = total if total is not None else self.wanted.bytes

    def _check_space(self) -> None:
        """Of a file whose size nobody says, room for the next piece."""
        free = shutil.disk_usage(self.part.parent).free
        need = LOOK_BYTES if self.total is None else self.total - self.done
        if free < need + SPARE_BYTES:
            more = "or more " if self.total is None else ""
            raise DownloadError(
                f"{self.wanted.path.name}: {human_size(need)} {more}are needed, {human_size(free)} are free in "
                f"{self.part.parent}.",
                advice="Free some space there, or use a ComfyUI on another disk: --comfyui DIR.",
            )


def _take_away(draft: Path) -> None:
    """A link or a pipe where a draft belongs is nobody's draft: it is neither followed nor waited for."""
    with contextlib.suppress(FileNotFoundError):
        mode = draft.lstat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            draft.unlink()


def _silent(_done: int, _total: int | None) -> None:
    pass


def _unheard(_text: str) -> None:
    pass
