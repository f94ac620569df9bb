"""Many files as one zip, written while it is sent: nothing of it lies in memory or on the disk as a whole."""

from __future__ import annotations

import contextlib
import os
import time
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from runner.files.reading import open_file

_PIECE = 1 << 20
"""Bytes that are read at a time."""
LACKING = "what is missing.txt"
"""Names the files that are not in the zip, or not whole."""
_EARLIEST, _LATEST = (1980, 1, 1, 0, 0, 0), (2107, 12, 31, 23, 59, 58)
"""The first and the last moment that a zip can write down."""


class _Sink:
    """What is written and not sent yet. It cannot be sought, so the zip is written straight on."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes, /) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def taken(self) -> bytes:
        data = b"".join(self._pieces)
        self._pieces.clear()
        return data


def zipped(files: Iterable[tuple[str, Path]]) -> Iterator[bytes]:
    """The zip of (name in it, file), piece by piece. A file that cannot be read (any more), or not to its end, ends
    nothing: a text in the zip names it."""
    sink, lacking = _Sink(), []
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, path in files:
            try:
                stream = open_file(path)
            except OSError:
                lacking.append(f"{name}: it is not there, or cannot be read")
                continue
            with stream, archive.open(_entry(name, stream), "w", force_zip64=True) as target:
                try:
                    while piece := stream.read(_PIECE):
                        target.write(piece)
                        yield sink.taken()
                except OSError as error:
                    lacking.append(f"{name}: only its beginning could be read ({error.strerror or error})")
        if lacking:
            archive.writestr(LACKING, "\n".join(["Not whole in this zip:", *lacking, ""]))
    yield sink.taken()


def _entry(name: str, stream: BinaryIO) -> zipfile.ZipInfo:
    """What the zip says of an open file, also of one that is gone from its folder. It knows the years 1980 to 2107."""
    moment: tuple[int, ...] = _EARLIEST
    with contextlib.suppress(OSError, OverflowError, ValueError):
        moment = time.localtime(os.fstat(stream.fileno()).st_mtime)[:6]
    year, month, day, hour, minute, second = min(max(moment, _EARLIEST), _LATEST)
    return zipfile.ZipInfo(name, (year, month, day, hour, minute, second))


def names_apart(paths: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    """Each file with a name of its own: what it is called, numbered where another is called so."""
    taken: set[str] = set()
    for path in paths:
        name, number = path.name, 1
        while name.casefold() in taken:
            number += 1
            name = f"{path.stem}_{number}{path.suffix}"
        taken.add(name.casefold())
        yield name, path
