"""Contact sheets of a batch of cut-outs: each photo beside the objects that were found in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

from runner.console import clean_line
from runner.cutouts.finds import Picture
from runner.files.lettering import font_of, lines_of
from runner.files.naming import below
from runner.files.reading import open_file

_PHOTO, _LINE, _GAP, _WIDTH = 160, 18, 10, 1240
"""Pixels: of a photo's longer side, a line of text, what lies between, and a page, as wide as a screen."""
_PAGE, _INK, _BAD = (250, 250, 250), (20, 20, 20), (190, 40, 30)
"""Near white and near black, as `imaging.objects.sheet` has them; and red for what failed."""
_LINES, _MOST = 3, 1000
"""Lines of what is said of a picture, and letters of it that are looked at: more than three lines hold."""
PER_PAGE = 60
"""Photos on one sheet: a JPEG ends at 65 500 pixels, a person's patience sooner."""


def sheets(pictures: Sequence[Picture], folder: Path) -> list[Image.Image]:
    """One sheet for every `PER_PAGE` pictures. What cannot be shown is named instead."""
    return [_sheet(pictures[first : first + PER_PAGE], folder) for first in range(0, len(pictures), PER_PAGE)]


def _sheet(pictures: Sequence[Picture], folder: Path) -> Image.Image:
    rows = [_row(picture, folder) for picture in pictures]
    page = Image.new("RGB", (_WIDTH, sum(row.height for row in rows)), _PAGE)
    top = 0
    for row in rows:
        page.paste(row, (0, top))
        top += row.height
    return page


def _row(picture: Picture, folder: Path) -> Image.Image:
    photo = _small(picture.photo, (_PHOTO, _PHOTO))
    path = below(folder, picture.sheet) if picture.sheet else None
    objects = None if path is None else _small(path, (_WIDTH - _PHOTO - 3 * _GAP, 4 * _PHOTO))
    font = font_of(13)
    told = (picture.entry.error or "").partition("\n")[0] or "; ".join(picture.notes)
    words = f"{picture.place}: {len(picture.finds)}" + (f" - {clean_line(told)}" if told else "")
    lines = lines_of(clean_line(words)[:_MOST], font, _WIDTH - 2 * _GAP, _LINES)
    head = len(lines) * _LINE
    height = max(_PHOTO, objects.height if objects is not None else 0) + head + 2 * _GAP
    row = Image.new("RGB", (_WIDTH, height), _PAGE)
    draw = ImageDraw.Draw(row)
    if photo is not None:
        row.paste(photo, (_GAP, _GAP + head))
    if objects is not None:
        row.paste(objects, (_PHOTO + 2 * _GAP, _GAP + head))
    ink = _BAD if picture.entry.error else _INK
    for number, line in enumerate(lines):
        draw.text((_GAP, _GAP // 2 + number * _LINE), line, fill=ink, font=font)
    return row


def _small(path: Path, box: tuple[int, int]) -> Image.Image | None:
    try:
        with open_file(path) as stream, Image.open(stream) as opened:
            opened.draft("RGB", box)
            small = ImageOps.exif_transpose(opened)
            small.thumbnail(box)
            seen = small.convert("RGBA")
            return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
    except Exception:  # whatever a file that is no picture makes Pillow raise: its row says its name
        return None
