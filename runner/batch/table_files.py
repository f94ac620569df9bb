"""A job table's lines as they stand in the file: CSV, YAML or JSON lines."""

from __future__ import annotations

import csv
import datetime
import io
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from runner.data import BadDataError, parse_json, parse_yaml
from runner.errors import UsageError
from runner.files.reading import read_text
from runner.suggest import look_alike
from runner.words import shortened

_TOLD = 60
"""Letters of a wrong value that are shown: enough to find it."""
Records = Iterator[tuple[str, Mapping[str, Any]]]


def records(path: Path, problems: list[str]) -> Records:
    """(where it stands, what it says) of each line; what is wrong with single lines is added to `problems`.

    Raises UsageError where the file cannot be read as what its extension says.
    """
    kind = path.suffix.lower()
    readers: dict[str, Callable[[Path, str, list[str]], Records]]
    readers = {".csv": _csv, ".tsv": _csv, ".yaml": _yaml, ".yml": _yaml, ".jsonl": _jsonl, ".ndjson": _jsonl}
    if kind not in readers:
        raise UsageError(f"--jobs {path}: jobs are read from .csv, .yaml or .jsonl files.")
    try:
        text = read_text(path)
    except FileNotFoundError:
        raise UsageError(f"--jobs {path}: there is no such file.{look_alike(path)}") from None
    except UnicodeDecodeError:
        raise UsageError(f"--jobs {path}: this is not UTF-8 text.", advice="Save it as “CSV UTF-8”.") from None
    except OSError as error:
        raise UsageError(f"--jobs {path}: cannot be read ({error.strerror or error}).") from error
    yield from readers[kind](path, text, problems)


def _csv(path: Path, text: str, problems: list[str]) -> Records:
    separator_line = re.match(r"sep=(.)\r?\n", text)  # a spreadsheet's own word on it
    text = text[separator_line.end() :] if separator_line else text
    first = text.partition("\n")[0]
    # A spreadsheet writes what its country uses.
    separator = separator_line[1] if separator_line else max((",", ";", "\t"), key=first.count)
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
                problems.append(
                    f"{where}: more cells than the first line has columns. Put text that holds {separator!r} in double "
                    "quotes."
                )
                continue
            yield where, {key: _cell(value, separator) for key, value in zip(columns, cells, strict=False)}
    except csv.Error as error:
        problems.append(f"{path.name} line {reader.line_num}: {error}. What comes after it was not read.")


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


def _cell(value: Any, separator: str) -> Any:
    if separator != "," and isinstance(value, str) and CommaNumber.WRITTEN.fullmatch(value.strip()):
        return CommaNumber(value.strip())
    return value


def _yaml(path: Path, text: str, problems: list[str]) -> Records:
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
        yield from _mapping(f"{path.name} job {number}", item, problems)


def _jsonl(path: Path, text: str, problems: list[str]) -> Records:
    for number, line in enumerate(text.split("\n"), 1):  # a line's text may hold what else ends a line
        if not line.strip():
            continue
        try:
            item = parse_json(line)
        except BadDataError as error:
            problems.append(f"{path.name} line {number}: this is not JSON: {error}.")
            continue
        yield from _mapping(f"{path.name} line {number}", item, problems)


def _plain(value: Any) -> Any:
    """What YAML alone has, as what else stands in such a file: a date as the text that it was written as."""
    if isinstance(value, (datetime.date, datetime.time)):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _wrong(value: Any) -> str:
    """Why no input can be set to this, or ""."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value} is no number"
    if isinstance(value, (Mapping, list)):
        inner = value.values() if isinstance(value, Mapping) else value
        return next((told for item in inner if (told := _wrong(item))), "")
    if value is not None and not isinstance(value, (str, int, float)):
        return f"{shortened(repr(value), _TOLD)} is neither text nor a number"
    return ""


def _mapping(where: str, item: Any, problems: list[str]) -> Records:
    if isinstance(item, Mapping):
        cells = {str(key): _plain(value) for key, value in item.items()}
        wrong = [f"{where}: {key}: {told}." for key, value in cells.items() if (told := _wrong(value))]
        problems += wrong
        if not wrong:
            yield where, cells
    else:
        problems.append(f"{where}: a job is a set of `input: value`, this is {repr(item)[:200]}.")
