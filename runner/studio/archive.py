"""Many files as one zip, written while it is sent: nothing of it lies in memory or on the disk as a whole."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from runner.files.reading import open_file

_PIECE = 1 << 20
"""Bytes that are read at a time."""


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
    """The zip of (name in it, file), piece by piece. A file that cannot be read (any more) is left out."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, path in files:
            try:
                stream = open_file(path)
            except OSError:
                continue
            with stream:
                entry = zipfile.ZipInfo.from_file(path, name)
                with archive.open(entry, "w", force_zip64=True) as target:
                    while piece := stream.read(_PIECE):
                        target.write(piece)
                        yield sink.taken()
    yield sink.taken()


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
