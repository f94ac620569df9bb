"""Cells of a CSV as a spreadsheet reads them: words of others are never a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from runner.console import clean

_BEGINS_A_FORMULA = "=+-@\uff1d\uff0b\uff0d\uff20"


def cell(value: Any) -> Any:
    """The value as it may stand in a cell. Numbers stay numbers, also those that are written as text.

    A text that a spreadsheet would calculate gets an apostrophe before it, by which Excel and LibreOffice know a text.
    What could move a terminal's cursor is taken out: such tables are looked at there, too.
    """
    if not isinstance(value, str):
        return value
    text = value.encode("utf-8", "replace").decode("utf-8")
    begin = text.lstrip()[:1]
    if (begin and begin in _BEGINS_A_FORMULA and not _is_number(text)) or text[:1] in ("\t", "\r", "\n"):
        return f"'{clean(text)}"
    return clean(text)


def row(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: cell(value) for name, value in values.items()}


def table(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """The CSV: a line of `columns`, then one of each row; what a row does not say stays empty."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, restval="")
    writer.writeheader()
    writer.writerows(map(row, rows))
    return stream.getvalue()


def _is_number(text: str) -> bool:
    try:
        float(text.replace("_", "x"))
    except ValueError:
        return False
    return text.isascii() and text.strip() == text
