"""Small files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


@contextmanager
def written_whole(path: Path, mode: str = "w", **how: Any) -> Iterator[IO[Any]]:
    """`with written_whole(path) as stream:` – `path` is replaced when the block ends; when it fails, nothing is left.

    The draft beside it is always a new file. In a folder of somebody else its name may be a link that leads out of the
    folder: such a link is taken away, never followed. `mode` and `how` as of `open`; a folder that lacks is made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.part")
    draft.unlink(missing_ok=True)  # also what a killed run left
    if "b" not in mode:
        how.setdefault("encoding", "utf-8")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with os.fdopen(descriptor, mode, **how) as stream:
            yield stream
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
