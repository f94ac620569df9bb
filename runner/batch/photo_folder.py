"""The photos of a batch: a folder with all below it, or a glob; and which of them cannot be used."""

from __future__ import annotations

import contextlib
import glob
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

from runner.batch.store import LEDGER_FILE
from runner.errors import UsageError
from runner.files.paths import expanded, is_a_file, is_within, real_path
from runner.files.reading import read_text
from runner.files.records import record_of
from runner.suggest import Suggestions, look_alike
from runner.untrusted import items, mapping
from runner.words import counted

PHOTO_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".avif", ".jp2", ".ppm"}
    | {".heic", ".heif"}
)


@dataclass
class LeftOut:
    """What looks like a photo and is a result, by where it lies or what lies beside it."""

    of_this: list[Path] = field(default_factory=list)
    of_others: dict[str, list[Path]] = field(default_factory=dict)
    made_here: list[Path] = field(default_factory=list)
    again: list[Path] = field(default_factory=list)
    """Of results that were named: those that are another's picture in another format."""
    helpers: list[Path] = field(default_factory=list)
    """Of results that were named: masks, crops, sheets and the like, which show no product of their own."""

    outside: list[Path] = field(default_factory=list)
    """Links to folders elsewhere: whoever packed the folder decides what they lead to."""
    strays: list[Path] = field(default_factory=list)
    """Links to files elsewhere, which look like photos, for the same reason."""

    def told(self) -> list[str]:
        """A line for each kind."""
        lines = [(self.of_this, "in the folder of the results", "")]
        lines += [(files, f"in {folder}: results of an earlier run", "") for folder, files in self.of_others.items()]
        what = "that are masks, crops, maps or sheets of an earlier run; one that is named by itself is taken"
        lines.append((self.helpers, what, _EXAMPLES))
        lines.append((self.made_here, "made here before; one that is named by itself is taken", _EXAMPLES))
        twice = []
        if self.again:
            folder = self.again[0].parent
            whole = counted(len(self.again), "picture")
            results = f"{folder} holds results of an earlier run: each is taken once, as PNG where there is one"
            twice.append(f"{results} ({whole} left out).")
        how = "what is there is taken when it is named by itself"
        away = [
            f"Left out: {counted(len(links), 'link')} to a {kind} elsewhere{self._shown(links)}; {how}."
            for links, kind in ((self.outside, "folder"), (self.strays, "file"))
            if links
        ]
        others = (
            f"Left out: {counted(len(files), 'picture')} {why}{self._shown(files) if shown else ''}."
            for files, why, shown in lines
            if files
        )
        return [*twice, *away, *others]

    @staticmethod
    def _shown(files: list[Path]) -> str:
        more = f" and {len(files) - 2} more" if len(files) > 2 else ""
        return f" ({', '.join(path.name for path in files[:2])}{more})"


_EXAMPLES = "examples"
_HELPERS = frozenset({"mask", "masks", "heat"})
_HELPER_ENDS = ("_mask", "_crop", "_sheet")
"""What results that show no product of their own are called: the output that they are saved by, and their names."""
_SHEETS = re.compile(r"(contact_sheet(_page_\d+)?|buckets|samples|best)(_\d+)?\.jpg")
"""How the sheets are called that are drawn beside results."""
_LISTS = (LEDGER_FILE.parent / "beside.txt", LEDGER_FILE.parent / "written.txt")
"""What was written into a folder beside its results, as `batch.beside` and `training.own_files` note it."""
_RESULTS = "outputs"
"""The folder in which results lie where no --out says otherwise."""


def photos(where: str, out: Path) -> tuple[list[tuple[Path, Path]], LeftOut]:
    """What `found` finds. Raises UsageError where there is no photo, or `out` is where the photos are."""
    kept, left_out = found(where, out)
    if not kept and left_out.of_others:
        raise UsageError(
            f"{where}: there are only results of earlier runs in it ({', '.join([*left_out.of_others][:3])}).",
            advice="To work on those, name their folder itself.",
        )
    if not kept and left_out.made_here:
        raise UsageError(
            f"{where}: there are only pictures in it that were made here (their .json says so).",
            advice="To work on those, name each by itself, or put copies of them into a folder of their own.",
        )
    if not kept and (left_out.outside or left_out.strays):
        raise UsageError(
            f"{where}: there are only links in it that lead elsewhere.",
            advice="To work on what they lead to, name that by itself.",
        )
    if not kept:
        raise UsageError(
            f"{where}: there is no photo in it.",
            advice="Photos end in .jpg, .png, .tif, .webp …; a glob takes any file: --images 'shots/**/*.jpg'.",
        )
    return kept, left_out


def found(where: str, out: Path) -> tuple[list[tuple[Path, Path]], LeftOut]:
    """(photo, its folder below the one that was named) for a folder (with all below it) or a glob, sorted by path; and
    what was left out.

    Results are no photos: what lies in the output folder `out`, in a folder `outputs` or in one below that an earlier
    run wrote into, and pictures whose record lies beside them; unless it is a folder of results that was named: of such
    a one masks, crops and sheets are left out. Hidden files are left out, too, and links to what lies elsewhere. What
    is called like a photo and cannot be read is no reason to leave it out in silence (see `unusable`).

    Raises UsageError where there is no such folder, or `out` is where the photos are.
    """
    root, files, outside = _named(where)
    by_itself = files == [expanded(where)]
    strays = set() if by_itself else {path for path in files if _is_stray(path, root)}
    files = [path for path in files if path not in strays]
    if is_within(root, out):
        raise UsageError(
            f"--out {out} is the folder of the photos itself, or one above it: results would lie among them.",
            advice="Name another folder with --out.",
        )
    wants_results = by_itself or _RESULTS in real_path(root).parts or _was_written_into(root)
    kept, left_out = _sorted_out(root, files, out, wants_results=wants_results)
    left_out.outside += outside
    left_out.strays += sorted(strays)
    if wants_results and not by_itself:
        written = _written_into(root)
        left_out.helpers += [path for path, _ in kept if _is_helper(path, root, written)]
        helpers = set(left_out.helpers)
        kept = _each_once([pair for pair in kept if pair[0] not in helpers], left_out.again)
    return kept, left_out


def _sorted_out(
    root: Path, files: list[Path], out: Path, *, wants_results: bool
) -> tuple[list[tuple[Path, Path]], LeftOut]:
    """Which of the files are photos, and what the others are."""
    kept = []
    results: dict[Path, bool] = {}
    left_out = LeftOut()
    for path in sorted(files):
        below = path.relative_to(root)
        if path.is_dir() or any(part.startswith(".") for part in below.parts):
            continue
        if is_within(path, out):
            left_out.of_this.append(path)
        elif folder := _results_folder(root, below.parent, results):
            left_out.of_others.setdefault(str(folder), []).append(path)
        elif not wants_results and record_of(path) is not None:
            left_out.made_here.append(path)
        else:
            kept.append((path, below.parent))
    return kept, left_out


def _is_stray(path: Path, root: Path) -> bool:
    """Whether it is a link to a file elsewhere. One to nothing is told as a photo that is not there."""
    hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
    return not hidden and path.is_symlink() and is_a_file(path) and not is_within(path, root)


def _was_written_into(folder: Path) -> bool:
    return any((folder / name).exists() for name in (LEDGER_FILE, *_LISTS))


def _written_into(folder: Path) -> frozenset[str]:
    """What the lists in a folder of results name: sheets of ours, but copies of photos as well."""
    names: set[str] = set()
    for file in _LISTS:
        with contextlib.suppress(OSError, ValueError):
            names |= {line.rpartition("  ")[2] for line in read_text(folder / file).split("\n")}
    return frozenset(names)


def _is_helper(path: Path, root: Path, written: frozenset[str]) -> bool:
    """Whether a picture in a folder of results shows no product of its own: a sheet that lies beside them, and results
    that are masks, crops or maps."""
    if path.parent == root and path.name in written and _SHEETS.fullmatch(path.name):
        return not path.with_suffix(".txt").exists()  # a photo of that name, copied with its caption
    record = record_of(path)
    if record is None:
        return False
    mine = (mapping(one) for one in items(record.get("files")) if mapping(one).get("file") == path.name)
    return path.stem.endswith(_HELPER_ENDS) or any(one.get("output") in _HELPERS for one in mine)


def _each_once(kept: list[tuple[Path, Path]], again: list[Path]) -> list[tuple[Path, Path]]:
    """The same without results that are there in another format, too; those are added to `again`."""
    formats: dict[Path, list[Path]] = {}
    for path, _ in kept:
        formats.setdefault(path.with_suffix(""), []).append(path)
    for paths in formats.values():
        if len(paths) > 1 and all(record_of(path) is not None for path in paths):
            best = min(paths, key=lambda path: path.suffix.lower() != ".png")
            again += [path for path in paths if path != best]
    return [pair for pair in kept if pair[0] not in set(again)] if again else kept


def _named(where: str) -> tuple[Path, list[Path], list[Path]]:
    """(the folder that is looked through, what in it may be a photo, links to folders elsewhere). Raises UsageError
    where there is none."""
    root = expanded(where)
    outside: list[Path] = []
    fixed = _first_pattern(root)
    if root.is_dir():
        paths, outside = _below(where, root)
        files = [path for path in paths if path.suffix.lower() in PHOTO_SUFFIXES]
    elif is_a_file(root):
        files, root = [root], root.parent
    elif fixed is not None:
        parts = root.parts
        root = Path(*parts[:fixed])
        pattern = Path(*parts[fixed:])
        _, outside = _below(where, root, None if "**" in pattern.parts else len(pattern.parts) - 1)
        try:
            files = [path for path in root.glob(str(pattern)) if not any(map(path.is_relative_to, outside))]
        except ValueError as error:
            raise UsageError(f"{where}: {error}.") from error
    else:
        raise UsageError(f"{where}: there is no such folder.{look_alike(root)}")
    return root, files, outside


def _first_pattern(path: Path) -> int | None:
    """The number of its first part that is a pattern, and not just what a folder is called (`shoot [1]`); None where
    none is."""
    for number, part in enumerate(path.parts):
        if glob.has_magic(part) and not Path(*path.parts[: number + 1]).is_dir():
            return number
    return None


def _below(where: str, root: Path, depth: int | None = None) -> tuple[list[Path], list[Path]]:
    """(every file below `root`, at most `depth` folders down, links to folders in it followed; links to others).

    Raises UsageError for a folder that cannot be read: what lies in it would be missed in the morning.
    """
    paths: list[Path] = []
    outside: list[Path] = []
    seen: set[str] = set()

    def refuse(error: OSError) -> None:
        raise UsageError(
            f"{where}: the folder {error.filename} cannot be read ({error.strerror}), and the photos in it "
            "would be left out.",
            advice="Allow yourself to read it, move it elsewhere, or name the photos you want with a glob.",
        ) from error

    for folder, folders, files in os.walk(root, onerror=refuse, followlinks=True):
        here = Path(folder)
        deep = len(here.relative_to(root).parts)
        seen.add(os.path.realpath(folder))
        folders[:] = [name for name in folders if not name.startswith(".") and (depth is None or deep < depth)]
        away = [name for name in folders if (here / name).is_symlink() and not is_within(here / name, root)]
        outside += [here / name for name in away]
        folders[:] = [name for name in folders if name not in away and os.path.realpath(here / name) not in seen]
        paths += [here / name for name in files]
    return paths, outside


def _results_folder(root: Path, below: Path, looked_at: dict[Path, bool]) -> Path | None:
    """The folder of results in which root/below lies. `root` itself, named by the user, may be one."""
    folders = [root / parent for parent in (below, *below.parents) if parent.parts]
    for folder in folders:
        if folder not in looked_at:
            looked_at[folder] = folder.name == _RESULTS or _was_written_into(folder)
    return next((folder for folder in reversed(folders) if looked_at[folder]), None)


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
