"""Files of others read with a limit: never without end, and never waited for."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

LARGEST_TEXT = 64 << 20
"""Bytes. The node descriptions of a large ComfyUI are some 10 MB; a table of 100 000 jobs is smaller."""


def in_bytes(limit: int) -> str:
    """A limit in words: `200 MB`, `64 kB`, `1000 bytes`."""
    for shift, unit in ((20, "MB"), (10, "kB")):
        if limit >> shift:
            return f"{limit >> shift} {unit}"
    return f"{limit} bytes"


_OF_A_SHELL = (Path("/dev/fd"), Path("/proc/self/fd"))


def open_file(path: Path, *, named: bool = False) -> BinaryIO:
    """A file, open for reading; one that was `named` on the command line may be what a shell reads from: `<(...)`.

    Raises OSError where it cannot be read or is no file: a pipe would be waited for, and a device has no end. Its
    `strerror` says which.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISREG(kind):
        return os.fdopen(descriptor, "rb")
    if named and stat.S_ISFIFO(kind) and path.parent in _OF_A_SHELL:
        os.set_blocking(descriptor, True)
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise OSError(errno.EINVAL, "it is a pipe or device, not a file", str(path))


def read_text(path: Path, *, largest: int = LARGEST_TEXT, errors: str = "strict", named: bool = False) -> str:
    """The text of a file, as `decoded`; `named`: as of `open_file`.

    Raises OSError as `open_file` does, and where it is larger than `largest` bytes. Raises UnicodeDecodeError where it
    is no text.
    """
    with open_file(path, named=named) as stream:
        data = stream.read(largest + 1)
    if len(data) > largest:
        raise OSError(errno.EFBIG, f"it is larger than {in_bytes(largest)}", str(path))
    return decoded(data, errors)


def decoded(data: bytes, errors: str = "strict") -> str:
    """The text of UTF-8, its lines ended by a line feed, without the mark that Notepad and Excel put before it.

    Raises UnicodeDecodeError where it is none.
    """
    text = data.decode("utf-8", errors).removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n")
