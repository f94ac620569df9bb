"""Files of others read with a limit: never without end, and never waited for."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

LARGEST_TEXT = 64 << 20
"""Bytes. The node descriptions of a large ComfyUI are some 10 MB; a table of 100 000 jobs is smaller."""


def open_file(path: Path) -> BinaryIO:
    """A file, open for reading.

    Raises OSError where it cannot be read or is no file: a pipe would be waited for, and a device has no end. Its
    `strerror` says which.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISREG(kind):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise OSError(errno.EINVAL, "it is a pipe or device, not a file", str(path))


def read_text(path: Path, *, largest: int = LARGEST_TEXT, encoding: str = "utf-8", errors: str = "strict") -> str:
    """The text of a file.

    Raises:
        OSError: as `open_file`, or it is larger than `largest` bytes.
        UnicodeDecodeError: it is no text.
    """
    with open_file(path) as stream:
        data = stream.read(largest + 1)
    if len(data) > largest:
        raise OSError(errno.EFBIG, f"it is larger than {largest >> 20} MB", str(path))
    return data.decode(encoding, errors).replace("\r\n", "\n").replace("\r", "\n")
