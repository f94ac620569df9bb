"""What lies beside photos: a caption, a mask. A folder may come from anybody, so nothing in it leads out of it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from runner.errors import UsageError
from runner.files.paths import is_within


def beside(path: Path, kind: str) -> Path | None:
    """`path` where it is a file of its folder, also by a link within that; None where there is nothing of that name.

    `kind`: what it is, in words. Raises UsageError for a link that leads out of the folder or nowhere, and for what is
    no file: what others keep elsewhere would become part of the training, and a pipe would be waited for.
    """
    if not os.path.lexists(path):
        return None
    if path.is_symlink() and not is_within(path, path.parent):
        raise UsageError(
            f"{path}: this {kind} is a link that leads out of its folder.",
            advice="Put the file itself there, or take the link away.",
        )
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise UsageError(
            f"{path}: this {kind} cannot be read ({error.strerror or error}).", advice="Replace it, or take it away."
        ) from error
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "a pipe or device"
        raise UsageError(f"{path}: this {kind} is {what}, not a file.", advice="Replace it, or take it away.")
    return path
