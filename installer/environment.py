"""The virtual environment `.venv`: made, and told from one that was never finished or that is somebody else's."""

from __future__ import annotations

import shutil
from pathlib import Path

from installer.children import Children
from installer.console import InstallError
from installer.pythons import Interpreter

MARK = ".made_by_prodgen"
_BEGUN, _MADE = "being made by install.py\n", "made by install.py\n"


def is_ours(folder: Path) -> bool:
    """Whether it was made here, or begun."""
    return (folder / MARK).is_file()


def is_unfinished(folder: Path) -> bool:
    """Whether making it was interrupted."""
    try:
        return (folder / MARK).read_text(encoding="utf-8") == _BEGUN
    except (OSError, UnicodeDecodeError):
        return False


def make_environment(python: Interpreter, folder: Path, children: Children) -> None:
    """A fresh virtual environment with pip, in place of whatever is at `folder`."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir()
    (folder / MARK).write_text(_BEGUN, encoding="utf-8")
    made = children.run([python.path, "-m", "venv", str(folder)])
    if made.code != 0:
        text = made.output.strip()
        full = "No space left" in text or shutil.disk_usage(folder.parent).free < 1 << 20
        shutil.rmtree(folder, ignore_errors=True)
        if full:  # venv itself often says no more than that pip's installation failed
            raise InstallError("The disk is full.", "Free some space and run the same command again: it goes on.")
        raise InstallError(
            f"{python.name} could not make the environment {folder}:\n{text[-1500:]}",
            "Check that you may write there; on Debian and Ubuntu: sudo apt install python3-venv",
        )
    (folder / MARK).write_text(_MADE, encoding="utf-8")
