"""All candidates on one picture, each with its seed, verdict and score; the chosen one stands out."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont, ImageOps

from runner.best_of.candidate import Candidate, Verdict
from runner.files.verify import PICTURES

_GAP, _BORDER = 12, 5
"""Pixels between candidates, and of the frame of each."""
_PAGE, _INK, _QUIET, _EMPTY = (250, 250, 250), (20, 20, 20), (110, 110, 110), (225, 225, 225)
"""Near white and near black: white products keep an edge; what is no news stands back in grey."""
_GOOD, _BAD = (0, 130, 60), (190, 40, 30)
"""Of what passed, and of what did not; words say it, too."""
_LARGEST = 420
THUMBNAIL = _LARGEST
"""Pixels on the longer side that a thumbnail needs at most."""


def thumbnail(path: Path, side: int = THUMBNAIL) -> Image.Image:
    """A small RGB copy on white."""
    with Image.open(path) as picture:
        picture.draft("RGB", (side, side))
        picture.thumbnail((side, side), reducing_gap=2.0)
        if picture.mode in ("RGBA", "LA", "PA", "P"):
            seen = picture.convert("RGBA")
            return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
        small: Image.Image = picture.convert("RGB")
        return small


def picture_of(candidate: Candidate) -> Path | None:
    files = candidate.saved.files if candidate.saved is not None else ()
    return next((file.path for file in files if file.path.suffix.lower() in PICTURES), None)


def make_sheet(
    candidates: Sequence[Candidate],
    thumbnails: Mapping[int, Image.Image],
    chosen: Candidate | None,
    *,
    passed: bool,
) -> Image.Image:
    """The contact sheet. `thumbnails`: by candidate number; `passed`: whether the chosen one is a winner."""
    columns = min(8, max(1, math.ceil(math.sqrt(len(candidates)))))
    side = {1: _LARGEST, 2: 340, 3: 300, 4: 260}.get(columns, 200)
    font: Any = ImageFont.load_default(max(13, side // 15))
    line = round(font.size * 1.3)
    width, height = side + 2 * _BORDER, side + 2 * _BORDER + 4 * line
    rows = math.ceil(len(candidates) / columns)
    size = (columns * (width + _GAP) + _GAP, rows * (height + _GAP) + _GAP)
    sheet = Image.new("RGB", size, _PAGE)
    draw = ImageDraw.Draw(sheet)
    for position, candidate in enumerate(candidates):
        left = _GAP + (position % columns) * (width + _GAP)
        top = _GAP + (position // columns) * (height + _GAP)
        colour = _GOOD if candidate.verdict == Verdict.PASSED else _BAD
        is_chosen = chosen is not None and candidate.number == chosen.number
        frame = (left, top, left + width - 1, top + side + 2 * _BORDER - 1)
        draw.rectangle(frame, fill=_EMPTY, outline=colour if is_chosen else _EMPTY, width=_BORDER)
        inner = (left + _BORDER, top + _BORDER)
        small = thumbnails.get(candidate.number)
        if small is not None:
            small = ImageOps.contain(small, (side, side))
            sheet.paste(small, (inner[0] + (side - small.width) // 2, inner[1] + (side - small.height) // 2))
        else:
            why = _wrapped(" ".join(candidate.reasons), side, font)
            draw.multiline_text((inner[0] + 6, inner[1] + 6), why, fill=_QUIET, font=font, spacing=3)
        if is_chosen:
            _badge(draw, inner, "WINNER" if passed else "BEST, NOT PASSED", font, colour)
        score = "" if candidate.score is None else f", score {candidate.score:g}"
        text = top + side + 2 * _BORDER
        draw.text((left, text), f"{candidate.number}  seed {candidate.seed}", fill=_INK, font=font)
        draw.text((left, text + line), f"{candidate.verdict}{score}", fill=colour, font=font)
        if small is not None and candidate.reasons:
            lines = _wrapped(candidate.reasons[0], side, font).splitlines()[:2]
            draw.multiline_text((left, text + 2 * line), "\n".join(lines), fill=_QUIET, font=font, spacing=3)
    return sheet


def _badge(draw: ImageDraw.ImageDraw, corner: tuple[int, int], text: str, font: Any, colour: tuple[int, ...]) -> None:
    box = draw.textbbox((corner[0] + 6, corner[1] + 4), text, font=font)
    draw.rectangle((corner[0], corner[1], box[2] + 6, box[3] + 4), fill=colour)
    draw.text((corner[0] + 6, corner[1] + 4), text, fill="white", font=font)


def _wrapped(text: str, side: int, font: Any) -> str:
    """As many lines as fit into a square of `side` pixels. The default font lacks what is outside Latin."""
    plain = text.replace("Δ", "d").encode("latin-1", "replace").decode("latin-1")
    letters = max(8, int(side / (font.size * 0.52)))
    most = max(1, int(side / (font.size * 1.4)))
    return "\n".join(textwrap.wrap(plain, letters, max_lines=most, placeholder=" ..."))
