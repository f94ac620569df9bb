"""A colour as it is typed: in digits, in CIELAB, by its name, or as the photo of a swatch."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.errors import PhotoError, UsageError
from runner.files.naming import safe_name
from runner.files.paths import expanded, may_be_a_file
from runner.suggest import Suggestions, look_alike
from runner.workflow.values import like_a_colour

_DIGITS = re.compile(r"[0-9a-fA-F]{6}")
_WHOLE = re.compile(r"[+-]?\d+")
_NUMBER = r"\s*([+-]?\d+(?:\.\d+)?)\s*"
_LAB = re.compile(rf"lab\s*\({_NUMBER},{_NUMBER},{_NUMBER}\)", re.IGNORECASE)
_LARGEST_AB = 160
"""Of CIELAB's a and b: no colour lies beyond it that anything shows or prints."""
HOW = 'Write "#7a1f2b" (in quotes), "lab(40, 20, 10)", a name such as navy, or name a photo of the colour.'

HOW_PART = (
    "Name the part by its number (1 is the largest material, at most 8), by the colour that it has now, or by a mask, "
    "a picture in which it is white on black."
)
PART = "--part"
_MAX = 255
"""Of red, green and blue."""


@dataclass(frozen=True)
class Colour:
    """`label` is what a result is called by; `text` what the workflow reads, or else `swatch` the photo to look at."""

    label: str
    text: str = ""
    swatch: Path | None = None


def colour_of(word: str, option: str) -> Colour:
    """The colour, or the photo, that a word of `option` names. Raises UsageError, PhotoError where it names neither."""
    typed = word.strip()
    if option == PART and _WHOLE.fullmatch(typed) and not _DIGITS.fullmatch(typed):
        raise UsageError(f"{option} {typed}: there is no part of that number.", advice=HOW_PART)
    colour = _lab(typed, option) if typed.casefold().startswith("lab") and "(" in typed else _named(typed, option)
    return colour or _photo(word, option)


def distinct(colours: Sequence[Colour]) -> list[Colour]:
    """The same without those that were named twice; what would be called alike (`navy`, `navy.jpg`) is numbered."""
    kept: list[Colour] = []
    taken: set[str] = set()
    for colour in dict.fromkeys(colours):
        label, number = colour.label, 2
        while label.casefold() in taken:
            label, number = f"{colour.label}_{number}", number + 1
        taken.add(label.casefold())
        kept.append(Colour(label, colour.text, colour.swatch))
    return kept


def _lab(typed: str, option: str) -> Colour:
    match = _LAB.fullmatch(typed)
    numbers = [] if match is None else [float(number) for number in match.groups()]
    if not numbers:
        raise UsageError(
            f"{option} {typed}: this is no colour.", advice="Write CIELAB as lab(L, a, b): lab(60, 20, 30)."
        )
    if not 0 <= numbers[0] <= 100 or max(map(abs, numbers[1:])) > _LARGEST_AB:
        raise UsageError(
            f"{option} {typed}: there is no such colour: L lies between 0 and 100, a and b between -{_LARGEST_AB} and "
            f"{_LARGEST_AB}."
        )
    return Colour("lab_" + "_".join(f"{number:g}" for number in numbers), typed)


def _named(typed: str, option: str) -> Colour | None:
    """What Pillow reads as a colour, as `#rrggbb`; None for anything else."""
    from PIL import ImageColor

    try:
        channels = ImageColor.getrgb(f"#{typed}" if _DIGITS.fullmatch(typed) else typed)
    except ValueError:
        return None
    beyond = [str(channel) for channel in channels if channel > _MAX]
    if beyond:
        what = f"{' and '.join(beyond)} {'is' if len(beyond) == 1 else 'are'} above {_MAX}"
        raise UsageError(
            f"{option} {typed}: there is no such colour: {what}.",
            advice=f"Red, green and blue lie between 0 and {_MAX}: rgb(122, 31, 43).",
        )
    if len(channels) != 3:
        raise UsageError(f"{option} {typed}: this is no colour to sell in: it is transparent.", advice=_how(option))
    text = "#" + "".join(f"{channel:02x}" for channel in channels)
    return Colour(typed.casefold() if typed.isalpha() and not _DIGITS.fullmatch(typed) else text[1:], text)


def _photo(word: str, option: str) -> Colour:
    """The photo that is called so."""
    from runner.batch.photo_folder import unusable

    path = expanded(word)
    if word.strip() and os.path.lexists(path):
        if why := unusable(path, Suggestions()):
            raise PhotoError(f"{option}: {why}")
        return Colour(safe_name(path.stem), swatch=path)
    if may_be_a_file(path) and (path.suffix or len(path.parts) > 1):
        what = "no colour" if option != PART else "no colour or number"
        raise PhotoError(
            f"{option} {word}: there is no such file, and it is {what}.{look_alike(path)}", advice=_how(option)
        )
    what = "this is no colour" if option != PART else "this is no mask, no colour and no number of a part"
    raise UsageError(f"{option} {word}: {what}.{like_a_colour(word)}", advice=_how(option))


def _how(option: str) -> str:
    return HOW_PART if option == PART else HOW
