"""The node pack inside a ComfyUI: linked where the system can link, copied where it cannot."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from installer.console import InstallError

NAME = "prodgen_nodes"
MARK = ".copied_by_prodgen"


def link(pack: Path, comfyui: Path, *, relative: bool) -> str:
    """Make `custom_nodes/prodgen_nodes` this project's pack; returns how: `symlink`, `junction` or `copy`.

    Raises InstallError where something else already has that name.
    """
    place = comfyui / "custom_nodes" / NAME
    if is_ours(pack, place):
        if not (place / MARK).is_file():
            return "symlink" if place.is_symlink() else "junction"
        shutil.rmtree(place)  # a copy is brought up to date by making it again
    elif place.is_symlink() and not place.exists():
        place.unlink()  # a link whose target is gone serves nobody
    elif place.exists():
        raise InstallError(
            f"{place} is already there and is not this pack.",
            "Move it away (another copy of prodgen?) and run the same command again.",
        )
    place.parent.mkdir(exist_ok=True)
    target = os.path.relpath(pack, place.parent) if relative else str(pack)
    try:
        place.symlink_to(target, target_is_directory=True)
    except OSError:  # Windows without the privilege, or a disk that knows no links
        return _junction_or_copy(pack, place)
    return "symlink"


def _junction_or_copy(pack: Path, place: Path) -> str:
    if sys.platform == "win32":
        import _winapi

        try:
            _winapi.CreateJunction(str(pack), str(place))
        except OSError:
            pass  # the disks differ; a copy always works
        else:
            return "junction"
    shutil.copytree(pack, place, ignore=shutil.ignore_patterns("__pycache__"))
    (place / MARK).write_text("python install.py brings this copy up to date\n", encoding="utf-8")
    return "copy"


def is_ours(pack: Path, place: Path) -> bool:
    """Whether `place` leads to this project's pack, or is a copy the installer made."""
    if (place / MARK).is_file() and not place.is_symlink():
        return True
    try:
        return _is_link(place) and place.resolve() == pack.resolve()
    except OSError:
        return False


def _is_link(place: Path) -> bool:
    try:
        place.readlink()  # answers for symbolic links and for junctions
    except OSError:
        return False
    return True


def unlink(pack: Path, comfyui: Path) -> bool:
    """Take the pack out again if it is ours; returns whether it was."""
    place = comfyui / "custom_nodes" / NAME
    if not is_ours(pack, place):
        return False
    if place.is_symlink():
        place.unlink()
    elif _is_link(place):
        place.rmdir()  # a junction; its target stays
    else:
        shutil.rmtree(place)
    return True
