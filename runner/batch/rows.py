"""The rows of a batch's table (CSV, YAML, JSON lines), read as inputs of its workflow."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationInfo, model_validator

from runner.batch.table_files import CommaNumber, records
from runner.errors import UsageError, WorkflowError
from runner.execution.attachments import own_file
from runner.files.declared import Declared, DeclaredError, fault, read
from runner.files.paths import may_be_a_file
from runner.suggest import did_you_mean
from runner.words import shortened
from runner.workflow.values import whole_number

MANY_SEEDS = 100_000
"""A row with more is a slip of the hand: `1-1000000` for `1,1000000`, or the number of an article among the counts."""


_TOLD = 60
"""Letters of a wrong cell that are shown: enough to find it."""


def _whole(given: Any) -> int:
    """Raises ValueError."""
    try:
        return whole_number("", given)
    except WorkflowError as error:
        raise ValueError(error.message) from None


def seed_list(text: str) -> tuple[int, ...]:
    """`7`, `1;5;9`, `1,5,9`, `10-19` or a mix. Raises ValueError."""
    seeds: list[int] = []
    for part in re.split(r"[;,\s]+", text.strip()):
        span = re.fullmatch(r"(\d+)(?:-|\.\.)(\d+)", part)
        first, last = (_whole(span[1]), _whole(span[2])) if span else (_whole(part),) * 2
        if last < first or last - first >= MANY_SEEDS - len(seeds):
            raise ValueError(part)
        seeds += range(first, last + 1)
    if any(not 0 <= seed < 2**64 for seed in seeds):
        raise ValueError(text)
    return tuple(dict.fromkeys(seeds))


def _seeds(given: Any) -> tuple[int, ...]:
    try:
        return seed_list(";".join(map(str, given)) if isinstance(given, list) else str(given))
    except ValueError:
        told = shortened(repr(given), _TOLD)
        raise fault(f"seeds: {told} is no list of seeds (1;2;3 or 10-19; up to {MANY_SEEDS}).") from None


def _count(given: Any) -> int:
    try:
        count = _whole(given)
    except ValueError:
        count = 0
    if not 1 <= count <= MANY_SEEDS:
        raise fault(f"count: {shortened(repr(given), _TOLD)} is no whole number from 1 to {MANY_SEEDS}.")
    return count


def _text(given: Any, info: ValidationInfo) -> str:
    if isinstance(given, (list, dict, bool)) or "\0" in str(given):
        told = shortened(repr(given), _TOLD)
        raise fault(f"{info.field_name}: {told} is no text; put what is meant as text into quotes.")
    return str(given).strip()


Cell = Annotated[str, BeforeValidator(_text)]


class OwnColumns(Declared):
    """The columns that are no inputs of the workflow (unless it has an input of that name: then they are the input's).

    A cell holds text, or what YAML and JSON make of it.
    """

    name: Cell = ""
    """What its results are called."""
    count: Annotated[int, BeforeValidator(_count)] | None = None
    """How many seeds are counted up; not beside `seeds`."""
    seeds: Annotated[tuple[int, ...], BeforeValidator(_seeds)] | None = None
    group: Cell = ""
    category: Cell = ""

    @model_validator(mode="after")
    def _either(self) -> OwnColumns:
        if self.seeds is not None and self.count is not None:
            raise fault("give seeds or count, not both.")
        return self


OWN_COLUMNS = tuple(OwnColumns.model_fields)


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
        problems: what is wrong with which line is added here, so that everything is told at once. A photo that is not
            there is no fault of the table (see `photo_folder.unusable`).
        kind_of: an input's type (`InputSpec.type`). A cell of an IMAGE or FILE is a path as well, where such a file is
            there; anything else in it is the server's own.

    Raises UsageError where the file cannot be read as what its extension says.
    """
    rows = []
    told: set[str] = set()
    for where, record in records(path, problems):
        row = _row(path, where, record, image_inputs, input_names, problems, told, kind_of)
        rows.append(row)
    if not rows and not problems:
        raise UsageError(f"--jobs {path}: there are no jobs in it.")
    return rows


def _row(
    path: Path,
    where: str,
    record: Mapping[str, Any],
    image_inputs: Sequence[str],
    input_names: Sequence[str],
    problems: list[str],
    told: set[str],
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
            if isinstance(value, (list, dict, bool)) or not may_be_a_file(photo):
                problems.append(f"{where}: {column}: {value!r} is no name that a file can have.")
            else:
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
            columns = [*image_inputs, *input_names, *OWN_COLUMNS]
            problems.append(
                f"{where}: there is no input {key!r}.{did_you_mean(key, columns)} Columns can be: "
                f"{', '.join(dict.fromkeys(columns))}, or NODE.widget."
            )
    mine = _own_columns(where, own, problems)
    first = [name for name in image_inputs if name in images]  # the photo names the job, wherever its column stands
    images = {name: images[name] for name in dict.fromkeys([*first, *images])}
    return Row(where, values, images, **{name: getattr(mine, name) for name in OWN_COLUMNS})


def _own_columns(where: str, own: Mapping[str, Any], problems: list[str]) -> OwnColumns:
    try:
        return read(OwnColumns, own)
    except DeclaredError as error:
        problems += [f"{where}: {words}" for words in error.faults]
        return OwnColumns()


def _as_number(value: Any) -> Any:
    return value.number if isinstance(value, CommaNumber) else value


def _photo(folder: Path, text: str) -> Path:
    try:
        return folder / Path(text).expanduser()
    except RuntimeError:  # ~ and a name that nobody has here
        return folder / text
