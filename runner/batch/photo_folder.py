"""The photos of a batch: a folder with all below it, or a glob; and which of them cannot be used."""

from __future__ import annotations

import glob
import os
import stat
from pathlib import Path

from runner.batch.store import LEDGER_FILE
from runner.errors import UsageError
from runner.files.paths import real_path
from runner.suggest import Suggestions, look_alike

PHOTO_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".avif", ".jp2", ".ppm"}
    | {".heic", ".heif"}
)


def photos(where: str, out: Path) -> list[tuple[Path, Path]]:
    """(photo, its folder below the one that was named) for a folder (with all below it) or a glob, sorted by path.

    Hidden files, what lies in the output folder `out`, and results of earlier batches in folders below are left out.
    What is called like a photo and cannot be read is no reason to leave it out in silence (see `unusable`).

    Raises UsageError where there is no photo, or `out` is where the photos are.
    """
    root = Path(where).expanduser()
    if root.is_dir():
        files = [path for path in _below(where, root) if path.suffix.lower() in PHOTO_SUFFIXES]
    elif glob.has_magic(where):
        parts = root.parts
        fixed = next(number for number, part in enumerate(parts) if glob.has_magic(part))
        root = Path(*parts[:fixed])
        pattern = Path(*parts[fixed:])
        _below(where, root, None if "**" in pattern.parts else len(pattern.parts) - 1)
        try:
            files = list(root.glob(str(pattern)))
        except ValueError as error:
            raise UsageError(f"--images {where}: {error}.") from error
    elif root.is_file():
        files, root = [root], root.parent
    else:
        raise UsageError(f"--images {where}: there is no such folder.{look_alike(root)}")
    if _inside(root, out):
        raise UsageError(
            f"--out {out} is the folder of the photos itself, or one above it: results would lie among them.",
            advice="Name another folder with --out.",
        )
    kept = []
    results: dict[Path, bool] = {}
    for path in sorted(files):
        below = path.relative_to(root)
        hidden = any(part.startswith(".") for part in below.parts)
        if not path.is_dir() and not hidden and not _inside(path, out) and not _is_result(root, below.parent, results):
            kept.append((path, below.parent))
    earlier = sorted(str(folder) for folder, holds in results.items() if holds)
    if not kept and earlier:
        raise UsageError(
            f"--images {where}: there are only results of earlier batches in it ({', '.join(earlier[:3])}).",
            advice="To work on those, name their folder itself.",
        )
    if not kept:
        raise UsageError(
            f"--images {where}: there is no photo in it.",
            advice="Photos end in .jpg, .png, .tif, .webp …; a glob takes any file: --images 'shots/**/*.jpg'.",
        )
    return kept


def _below(where: str, root: Path, depth: int | None = None) -> list[Path]:
    """Every file below `root` (at most `depth` folders down), links to folders followed.

    Raises UsageError for a folder that cannot be read: what lies in it would be missed in the morning.
    """
    paths: list[Path] = []
    seen: set[str] = set()

    def refuse(error: OSError) -> None:
        raise UsageError(
            f"--images {where}: the folder {error.filename} cannot be read ({error.strerror}), and the photos in it "
            "would be left out.",
            advice="Allow yourself to read it, move it elsewhere, or name the photos you want with a glob.",
        ) from error

    for folder, folders, files in os.walk(root, onerror=refuse, followlinks=True):
        here = Path(folder)
        deep = len(here.relative_to(root).parts)
        seen.add(os.path.realpath(folder))
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".")
            and (depth is None or deep < depth)
            and os.path.realpath(here / name) not in seen
        ]
        paths += [here / name for name in files]
    return paths


def _is_result(root: Path, below: Path, looked_at: dict[Path, bool]) -> bool:
    """Whether root/below lies in the folder of an earlier batch. `root` itself, named by the user, may be one."""
    folders = [root / parent for parent in (below, *below.parents) if parent.parts]
    for folder in folders:
        if folder not in looked_at:
            looked_at[folder] = (folder / LEDGER_FILE).exists()
    return any(looked_at[folder] for folder in folders)


def _inside(path: Path, folder: Path) -> bool:
    return real_path(path).is_relative_to(real_path(folder))


def unusable(path: Path, suggestions: Suggestions) -> str:
    """Why this can be no photo, without looking into it; "" where it may be one."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if path.is_symlink():
            return f"{path} is a link to nothing."
        return f"there is no photo {path}.{look_alike(path, suggestions)}"
    except OSError as error:
        return f"{path} cannot be read ({error.strerror or error})."
    if stat.S_ISDIR(mode):
        return f"{path} is a folder, not a photo."
    if not stat.S_ISREG(mode):
        return f"{path} is no file that could be read as a photo."
    return "" if os.access(path, os.R_OK) else f"{path} cannot be read (you may not)."
