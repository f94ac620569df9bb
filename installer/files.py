"""Which files of a tree the installer made, with the sha256 each was made with: only those it may take away again."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from installer.journal import write_atomically

_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def files_of(tree: Path) -> dict[str, str]:
    """Relative path → sha256 of every file below `tree`."""
    paths = [path for path in tree.rglob("*") if path.is_file() and not path.is_symlink()]
    return {path.relative_to(tree).as_posix(): sha256(path) for path in sorted(paths)}


def write_list(where: Path, files: dict[str, str]) -> None:
    write_atomically(where, "".join(f"{digest}  {name}\n" for name, digest in files.items()))


def read_list(where: Path) -> dict[str, str]:
    """What `write_list` wrote; an older list has no sha256 (empty here). Empty where there is none."""
    try:
        lines = where.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError):
        return {}
    matches = (_LINE.fullmatch(line) for line in lines)
    return {
        match[2] if match else line: match[1] if match else ""
        for match, line in zip(matches, lines, strict=True)
        if line.strip()
    }


def add_tree(fresh: Path, place: Path, before: Sequence[dict[str, str]], inside: str) -> None:
    """Copy `fresh` over `place`, except what a person has changed there since: what is as none of the lists `before`
    (paths from `inside` on) says that it was made."""
    for source in sorted(fresh.rglob("*")):
        target = place / source.relative_to(fresh)
        name = f"{inside}/{source.relative_to(fresh).as_posix()}"
        written = {made[name] for made in before if made.get(name)}
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        elif not (written and target.is_file() and sha256(target) not in written):
            draft = target.with_name(f".{target.name}.part")  # half a file would look as if somebody had changed it
            shutil.copy2(source, draft)
            draft.replace(target)


def remove_unchanged(tree: Path, files: dict[str, str], since: float) -> list[Path]:
    """Remove those of `files` that are as they were made, and what Python compiled of them.

    `since`: for an older list without sha256, when it was written; what was changed later stays. Returns what could
    not be removed: its folder is read-only.
    """
    stuck = []
    for name, digest in files.items():
        path = tree / name
        if not path.is_file() or path.is_symlink() or any(parent.is_symlink() for parent in _between(path, tree)):
            continue
        if (sha256(path) != digest) if digest else path.stat().st_mtime > since + 1:
            continue
        stuck += remove(path)
        for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*pyc"):
            stuck += remove(compiled)
    return stuck


def remove(path: Path) -> list[Path]:
    """Remove a file, a link, or a folder with all that is in it; returns what could not be, for want of permission."""
    if not os.path.lexists(path):
        return []
    stuck = []
    if path.is_dir() and not path.is_symlink():
        try:
            stuck = [left for entry in sorted(path.iterdir()) for left in remove(entry)]
        except PermissionError:
            return [path]
    try:
        if not stuck:
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    except PermissionError:
        stuck.append(path)
    return stuck


def remove_empty_folders(tree: Path) -> None:
    """Every folder below `tree`, and `tree` itself, that holds nothing."""
    folders = [path for path in tree.rglob("*") if path.is_dir() and not path.is_symlink()]
    if tree.is_dir() and not tree.is_symlink():
        folders.append(tree)
    for folder in sorted(folders, reverse=True):
        with contextlib.suppress(PermissionError):
            if not any(folder.iterdir()):
                folder.rmdir()


def left_in(tree: Path) -> list[Path]:
    """The files and links that are still there."""
    return sorted(path for path in tree.rglob("*") if not path.is_dir() or path.is_symlink())


def _between(path: Path, tree: Path) -> Iterator[Path]:
    parent = path.parent
    while parent != tree:
        yield parent
        parent = parent.parent
