"""Where a batch's work comes from: a folder of photos, a glob, or a table (CSV, YAML, JSON lines)."""

from __future__ import annotations

import csv
import glob
import io
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.data import BadDataError, parse_json, parse_yaml
from runner.errors import UsageError
from runner.suggest import Suggestions, did_you_mean
from runner.uploads import own_file

PHOTO_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".avif", ".jp2", ".ppm"}
    | {".heic", ".heif"}
)
OWN_COLUMNS = ("name", "count", "seeds", "group", "category")
"""Columns that are no inputs of the workflow (unless it has an input of that name: then they are the input's)."""
_MANY_SEEDS = 100_000


@dataclass(frozen=True)
class Row:
    """One piece of work, before sweeps. `where` names it in messages; `images`: input name → photo.

    `folder` is where the photo lies below the folder that was named. `seeds` None: `count` seeds are counted up.
    """

    where: str
    values: Mapping[str, Any] = field(default_factory=dict)
    images: Mapping[str, Path] = field(default_factory=dict)
    name: str = ""
    folder: Path = Path()
    group: str = ""
    category: str = ""
    seeds: tuple[int, ...] | None = None
    count: int | None = None


def photos(where: str, out: Path) -> list[tuple[Path, Path]]:
    """(photo, its folder below the one that was named) for a folder (with all below it) or a glob, sorted by path.

    Hidden files, what lies in the output folder `out`, and results of earlier batches in folders below are left out.

    Raises:
        UsageError: there is no photo, or `out` is where the photos are.
    """
    root = Path(where).expanduser()
    if root.is_dir():
        found = [path for path in _below(where, root) if path.suffix.lower() in PHOTO_SUFFIXES]
    elif glob.has_magic(where):
        parts = root.parts
        fixed = next(number for number, part in enumerate(parts) if glob.has_magic(part))
        root = Path(*parts[:fixed])
        pattern = Path(*parts[fixed:])
        _below(where, root, None if "**" in pattern.parts else len(pattern.parts) - 1)
        found = list(root.glob(str(pattern)))
    elif root.is_file():
        found, root = [root], root.parent
    else:
        raise UsageError(f"--images {where}: there is no such folder.{_neighbours(root)}")
    if _inside(root, out):
        raise UsageError(
            f"--out {out} is the folder of the photos itself, or one above it: results would lie among them.",
            advice="Name another folder with --out.",
        )
    kept = []
    results: dict[Path, bool] = {}
    for path in sorted(found):
        below = path.relative_to(root)
        hidden = any(part.startswith(".") for part in below.parts)
        if not hidden and path.is_symlink() and not path.exists():
            raise UsageError(f"--images {where}: {path} is a link to nothing.", advice="Delete it, or mend it.")
        if path.is_file() and not hidden and not _inside(path, out) and not _is_result(root, below.parent, results):
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
    found: list[Path] = []
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
        found += [here / name for name in files]
    return found


def table(
    path: Path,
    image_inputs: Sequence[str],
    input_names: Sequence[str],
    problems: list[str],
    kind_of: Callable[[str], str] = lambda _: "",
) -> list[Row]:
    """The rows of a job file. A column is an input of the workflow, or one of `OWN_COLUMNS`; empty cells are left out.

    Args:
        image_inputs: names of inputs that take a photo; their cells are paths, seen from the job file's folder.
        input_names: the workflow's inputs. A name with a dot (`NODE.widget`) is checked later, with its value.
        problems: what is wrong with which line is added here, so that everything is told at once.
        kind_of: an input's type (`InputSpec.type`). A cell of an IMAGE or FILE is a path as well, where such a file is
            there; anything else in it is the server's own.

    Raises:
        UsageError: the file cannot be read as what its extension says.
    """
    rows = []
    told: set[str] = set()
    suggestions = Suggestions()
    for where, record in _records(path):
        row = _row(path, where, record, image_inputs, input_names, problems, told, suggestions, kind_of)
        rows.append(row)
    if not rows:
        raise UsageError(f"--jobs {path}: there are no jobs in it.")
    return rows


def seed_list(text: str) -> tuple[int, ...]:
    """`7`, `1;5;9`, `1,5,9`, `10-19` or a mix. Raises ValueError."""
    seeds: list[int] = []
    for part in re.split(r"[;,\s]+", text.strip()):
        span = re.fullmatch(r"(\d+)(?:-|\.\.)(\d+)", part)
        if span is None:
            seeds.append(int(part))
            continue
        first, last = int(span[1]), int(span[2])
        if last < first or last - first >= _MANY_SEEDS:
            raise ValueError(part)
        seeds += range(first, last + 1)
    if any(seed < 0 for seed in seeds):
        raise ValueError(text)
    return tuple(dict.fromkeys(seeds))


def _row(
    path: Path,
    where: str,
    record: Mapping[str, Any],
    image_inputs: Sequence[str],
    input_names: Sequence[str],
    problems: list[str],
    told: set[str],
    suggestions: Suggestions,
    kind_of: Callable[[str], str],
) -> Row:
    inputs = {name.casefold(): name for name in [*input_names, *image_inputs]}
    values: dict[str, Any] = {}
    images: dict[str, Path] = {}
    own: dict[str, Any] = {}
    for column, value in record.items():
        key = column.strip()
        if value is None or (isinstance(value, str) and not value.strip()):
            continue
        name = inputs.get(key.casefold(), key)
        if name in values or name in images or key.casefold() in own:
            problems.append(f"{where}: {name!r} is given twice.")
        if name in image_inputs:
            photo = own_file(str(value), path.parent) or _photo(path.parent, str(value))
            if not _is_file(photo):
                problems.append(f"{where}: {column}: there is no photo {photo}.{_neighbours(photo, suggestions)}")
            images[name] = photo
        elif name in input_names or ("." in key and key.casefold() not in OWN_COLUMNS):
            kind = kind_of(name)
            file = own_file(value, path.parent) if kind in ("IMAGE", "FILE") else None
            if file is None:
                values[name] = _as_number(value) if kind in ("INT", "FLOAT", "") else value
            else:
                images[name] = file
        elif key.casefold() in OWN_COLUMNS:
            own[key.casefold()] = value
        elif key not in told:  # once, not for each of 800 lines
            told.add(key)
            known = [*image_inputs, *input_names, *OWN_COLUMNS]
            problems.append(
                f"{where}: there is no input {key!r}.{did_you_mean(key, known)} Columns can be: "
                f"{', '.join(dict.fromkeys(known))}, or NODE.widget."
            )
    seeds, count = _seeds(where, own, problems)
    text = {key: str(own.get(key, "")).strip() for key in ("name", "group", "category")}
    first = [name for name in image_inputs if name in images]  # the photo names the job, wherever its column stands
    images = {name: images[name] for name in dict.fromkeys([*first, *images])}
    return Row(where, values, images, text["name"], Path(), text["group"], text["category"], seeds, count)


def _seeds(where: str, own: Mapping[str, Any], problems: list[str]) -> tuple[tuple[int, ...] | None, int | None]:
    seeds, count = None, None
    if "seeds" in own:
        given = own["seeds"]
        try:
            seeds = seed_list(";".join(map(str, given)) if isinstance(given, list) else str(given))
        except ValueError:
            problems.append(f"{where}: seeds: {given!r} is no list of seeds (1;2;3 or 10-19).")
    if "count" in own:
        try:
            count = int(str(own["count"]))
        except ValueError:
            count = 0
        if count < 1:
            problems.append(f"{where}: count: {own['count']!r} is no whole number from 1.")
            count = None
        elif seeds is not None:
            problems.append(f"{where}: give seeds or count, not both.")
    return seeds, count


def _records(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    kind = path.suffix.lower()
    readers = {".csv": _csv, ".tsv": _csv, ".yaml": _yaml, ".yml": _yaml, ".jsonl": _jsonl, ".ndjson": _jsonl}
    if kind not in readers:
        raise UsageError(f"--jobs {path}: jobs are read from .csv, .yaml or .jsonl files.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"--jobs {path}: there is no such file.{_neighbours(path)}") from None
    except UnicodeDecodeError:
        raise UsageError(f"--jobs {path}: this is not UTF-8 text.", advice="Save it as “CSV UTF-8”.") from None
    except OSError as error:
        raise UsageError(f"--jobs {path}: cannot be read ({error.strerror or error}).") from error
    yield from readers[kind](path, text)


def _csv(path: Path, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    said = re.match(r"sep=(.)\r?\n", text)  # a spreadsheet's own word on it
    text = text[said.end() :] if said else text
    first = text.partition("\n")[0]
    separator = said[1] if said else max((",", ";", "\t"), key=first.count)  # it writes what its country uses
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    columns: list[str] | None = None
    try:
        for cells in reader:
            where = f"{path.name} line {reader.line_num}"
            if not any(cells):
                continue
            if columns is None:
                columns = cells
                _check_columns(path, columns)
                continue
            if len(cells) > len(columns):
                raise UsageError(
                    f"--jobs {where}: more cells than the first line has columns.",
                    advice=f"Put text that holds {separator!r} in double quotes.",
                )
            yield where, {key: _cell(value, separator) for key, value in zip(columns, cells, strict=False)}
    except csv.Error as error:
        raise UsageError(f"--jobs {path.name} line {reader.line_num}: {error}.") from error


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    names = [column.strip().casefold() for column in columns]
    twice = next((name for name in names if name and names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(
            f"--jobs {path.name}: there are two columns {twice!r}.", advice="Delete or rename one of them."
        )


class CommaNumber(str):
    """A cell like `0,7` of a table that is not separated by commas: a number where the input takes one."""

    __slots__ = ()
    WRITTEN = re.compile(r"[+-]?(?:\d{1,3}(?:[.'’ \u00a0\u202f]\d{3})+|\d*),\d+(?:[eE][+-]?\d+)?")

    @property
    def number(self) -> float:
        whole, _, rest = self.partition(",")
        return float(f"{re.sub('[^0-9+-]', '', whole)}.{rest}")


def _as_number(value: Any) -> Any:
    return value.number if isinstance(value, CommaNumber) else value


def _cell(value: Any, separator: str) -> Any:
    if separator != "," and isinstance(value, str) and CommaNumber.WRITTEN.fullmatch(value.strip()):
        return CommaNumber(value.strip())
    return value


def _yaml(path: Path, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        data = parse_yaml(text)
    except BadDataError as error:
        where = f" line {error.line}" if error.line else ""
        raise UsageError(f"--jobs {path}{where}: this is not valid YAML: {error}.") from error
    if isinstance(data, Mapping) and isinstance(data.get("jobs"), list):
        data = data["jobs"]
    if not isinstance(data, list):
        raise UsageError(f"--jobs {path}: this must be a list of jobs (lines that begin with “- ”).")
    for number, item in enumerate(data, 1):
        yield _mapping(f"{path.name} job {number}", item)


def _jsonl(path: Path, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, line in enumerate(text.split("\n"), 1):  # a line's text may hold what else ends a line
        if not line.strip():
            continue
        try:
            item = parse_json(line)
        except BadDataError as error:
            raise UsageError(f"--jobs {path.name} line {number}: this is not JSON: {error}.") from error
        yield _mapping(f"{path.name} line {number}", item)


def _mapping(where: str, item: Any) -> tuple[str, Mapping[str, Any]]:
    if not isinstance(item, Mapping):
        raise UsageError(f"--jobs {where}: a job is a set of `input: value`, this is {item!r}.")
    return where, {str(key): value for key, value in item.items()}


def _is_result(root: Path, below: Path, known: dict[Path, bool]) -> bool:
    """Whether root/below lies in the folder of an earlier batch. `root` itself, named by the user, may be one."""
    from runner.batch.store import PLACE  # the ledger's own modules need this one first

    folders = [root / parent for parent in (below, *below.parents) if parent.parts]
    for folder in folders:
        if folder not in known:
            known[folder] = (folder / PLACE).exists()
    return any(known[folder] for folder in folders)


def _photo(folder: Path, text: str) -> Path:
    try:
        return folder / Path(text).expanduser()
    except RuntimeError:  # ~ and a name that nobody has here
        return folder / text


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # no file can be called that
        return False


def _inside(path: Path, folder: Path) -> bool:
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except OSError:
        return False


def _neighbours(path: Path, suggestions: Suggestions | None = None) -> str:
    suggestions = suggestions or Suggestions()
    try:
        return suggestions.did_you_mean(path.name, _names_in(path.parent), path.parent)
    except OSError:
        return ""


def _names_in(folder: Path) -> Iterator[str]:
    """Listed when the first is asked for."""
    for entry in folder.iterdir():
        yield entry.name
