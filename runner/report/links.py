"""Addresses of files as the page names them: made of paths that were looked at, never of what a ledger says."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from runner.files.naming import below, safe_suffix
from runner.files.verify import PICTURES

_PHOTOS = PICTURES | {".heic", ".heif", ".jfif", ".jpe"}
_SHOWN = frozenset((".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif", ".bmp", ".avif"))


class Links:
    """Links from a page to the files of a batch in `folder`.

    What lies below the page's own folder is named relative to it, so that the folder can be moved or sent as a whole.
    """

    def __init__(self, page: Path, folder: Path) -> None:
        self._here, self.folder = page.parent.resolve(), folder.resolve()

    def result(self, name: str) -> str | None:
        """A file of the batch; None where there is none, it leads out of the folder, or a browser might run it."""
        path, suffix = below(self.folder, name), Path(name).suffix.lower()
        if path is None or not _is_file(path) or safe_suffix(name) != suffix or suffix == ".svg":
            return None
        return self._to(path)

    def folder_of(self, name: str) -> str | None:
        """The folder in which a file of the batch lies."""
        path = below(self.folder, name)
        return None if path is None or not path.parent.is_dir() else self._to(path.parent, "/")

    def photo(self, path: Path) -> str | None:
        """A photo, which may lie anywhere on this computer; None for what is no file that is called a picture, and for
        other computers: opening such an address would tell them who looks."""
        is_local = path.is_absolute() and not str(path).startswith(("//", "\\\\")) and ".." not in path.parts
        if not is_local or path.suffix.lower() not in _PHOTOS or not _is_file(path):
            return None
        return self._to(path)

    def _to(self, path: Path, end: str = "") -> str:
        try:
            parts = path.relative_to(self._here).parts
        except ValueError:
            return path.as_uri() + end
        return "/".join(quote(os.fsencode(part), safe="") for part in parts or (".",)) + end


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # no name that a file can have
        return False


def can_be_shown(path: Path) -> bool:
    """Whether browsers show files that are called so."""
    return path.suffix.lower() in _SHOWN
