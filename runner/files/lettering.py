"""Words drawn into a sheet: in a font that has the letters of most names, and never a box for one that it lacks."""

from __future__ import annotations

import contextlib
import unicodedata
from functools import lru_cache
from typing import Any

from PIL import ImageFont

_FONTS = ("DejaVuSans.ttf", "LiberationSans-Regular.ttf", "segoeui.ttf", "Arial.ttf", "arial.ttf", "Helvetica.ttc")
"""What the systems bring along, the ones with the most letters first."""
_NO_LETTER = "\uffff"
"""What no font has: drawn as the box that stands for what is missing."""


@lru_cache(maxsize=8)
def font_of(size: int) -> Any:
    """A font of this system, or Pillow's own, which has the letters of English only."""
    for name in _FONTS:
        with contextlib.suppress(OSError):
            return ImageFont.truetype(name, size)
    return ImageFont.load_default(size)


def lines_of(text: str, font: Any, width: int, most: int) -> list[str]:
    """The words of a text in lines of at most `width` pixels, as they are drawn; where `most` lines do not hold all of
    it, the last one ends with `…`. A word that is longer than a line is broken."""
    lines = [""]
    words = drawable(" ".join(text.split()), font).split(" ")
    while words:
        word = words.pop(0)
        longer = f"{lines[-1]} {word}".lstrip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
        elif lines[-1]:
            lines.append("")
            words.insert(0, word)
        else:
            fits = next(at for at in range(len(word) - 1, -1, -1) if font.getlength(word[:at]) <= width) or 1
            lines[-1:] = [word[:fits], ""]
            words.insert(0, word[fits:])
    if len(lines) <= most:
        return lines
    end = drawable(" …", font)
    last = lines[most - 1].split(" ")
    while len(last) > 1 and font.getlength(" ".join(last) + end) > width:
        last.pop()
    whole = " ".join(last)
    while len(whole) > 1 and font.getlength(whole + end) > width:
        whole = whole[:-1]
    return [*lines[: most - 1], whole + end]


def drawable(text: str, font: Any) -> str:
    """The text with what the font lacks as the letter below the accent, or as a question mark."""
    return "".join(_drawable(letter, font) for letter in unicodedata.normalize("NFC", text))


def _drawable(letter: str, font: Any) -> str:
    if letter.isspace() or _has(font, letter):
        return letter
    plain = unicodedata.normalize("NFKD", letter)
    plain = "".join(part for part in plain if not unicodedata.combining(part))
    return plain if plain and plain != letter and all(_has(font, part) for part in plain) else "?"


def _has(font: Any, letter: str) -> bool:
    return bytes(font.getmask(letter)) != bytes(font.getmask(_NO_LETTER))
