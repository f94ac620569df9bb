"""What can be said of a path before the file is opened."""

from __future__ import annotations

import os
from pathlib import Path


def may_be_a_file(path: Path) -> bool:
    """Whether any file can be called that; False for a null character, and for what is no text."""
    try:
        os.lstat(path)
    except ValueError:
        return False
    except OSError:
        return True
    return True


def is_a_file(path: Path) -> bool:
    """Whether there is a file, as far as the user may know: in a folder that they may not enter, there is none."""
    try:
        return path.is_file()
    except OSError:  # before Python 3.14
        return False


def expanded(text: str) -> Path:
    """A path as it was typed, `~` filled in where that is somebody's home here; as it stands where it is nobody's."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def real_path(path: Path) -> Path:
    """Where it is once links are followed; as it stands where they lead in a circle."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path.absolute()


def is_within(path: Path, folder: Path) -> bool:
    """Whether it lies in the folder, or is it, once links are followed."""
    return real_path(path).is_relative_to(real_path(folder))


def own_path(path: Path) -> Path:
    """The same wherever it is seen from, under the name that the file has there: also where that is a link's."""
    return real_path(path.parent) / path.name
