"""What a training leaves for people to look at: a table, and a sheet of pictures with a line or two under each."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from runner import console
from runner.batch.beside import Beside
from runner.files.spreadsheet import table

_GAP = 8
"""Pixels between two pictures, and around all of them."""
_PAGE, _INK = (250, 250, 250), (20, 20, 20)
"""Nearly white and nearly black: a photo on white stands out from the sheet."""

Cell = tuple[Path | None, str]
"""A picture (None: the place stays empty) and the text under it."""


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """The CSV file. Somebody's own of that name stays: the next name is taken."""
    _put(path, table(columns, rows).encode("utf-8", "replace"))


def write_sheet(path: Path, rows: Sequence[Sequence[Cell]], tile: int, line: int) -> None:
    """A JPEG of all cells, row by row: each picture within `tile` pixels, `line` pixels for its text."""
    _put(path, jpeg(_grid(rows, tile, line), quality=88))


def _put(path: Path, data: bytes) -> None:
    with Beside(path.parent, console.tell) as beside:
        beside.write(path.name, data)


def jpeg(picture: Image.Image, *, quality: int) -> bytes:
    """A picture as the bytes of a JPEG file."""
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=quality)
    return data.getvalue()


def _grid(rows: Sequence[Sequence[Cell]], tile: int, line: int) -> Image.Image:
    across = max(len(cells) for cells in rows)
    page = Image.new("RGB", (across * (tile + _GAP) + _GAP, len(rows) * (tile + line + _GAP) + _GAP), _PAGE)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default()
    for down, cells in enumerate(rows):
        for right, (path, text) in enumerate(cells):
            left, top = _GAP + right * (tile + _GAP), _GAP + down * (tile + line + _GAP)
            if path is not None:
                with Image.open(path) as opened:
                    picture = opened.convert("RGB")
                picture.thumbnail((tile, tile))
                page.paste(picture, (left, top))
            draw.multiline_text((left, top + tile + 2), text, _INK, font)
    return page
