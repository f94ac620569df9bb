"""How bright a scene is, from its description: a night has to start dark to end dark.

A light word counts where it speaks of the scene ("a dark alley", "at night"), not where it describes or names a thing
in it ("dark chocolate", "midnight blue", "evening gown").
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

from .scene_words import (
    ABROAD,
    ADJECTIVE_ENDS,
    BEFORE_AN_HOUR,
    BETWEEN,
    BRIGHT_ALWAYS,
    BY_THE_CLOCK,
    COLOURS,
    ENDS_IT,
    HOURS_AND_LIGHTS,
    LIGHTS_ALWAYS,
    NOT_AFTER,
    PICTURED,
    PLACES_AND_LAMPS,
    SCENES,
    SHADES,
    UNSPACED,
)

DAY = 1.0
"""A scene in full light: a studio, a beach at noon."""
UNSAID = 0.5
"""A description that says nothing about the hour or the light: between full light and one stop less than half of it."""

_NEGATED = re.compile(r"\b(?:no|not|without|never)\s+(?:\w+\s+)?$")
_IS = re.compile(r"\b(\w+)\s+(?:is|are|was|were|looks|seems|gets|getting|turns)\s+(?:so\s+|very\s+|quite\s+)?$")
_WORD = re.compile(r"\s*([^\W_]+(?:'\w+)?)")
_LAST = re.compile(r"(\w+)\W*$")
_HALVES = re.compile(r"\b(1[0-2]|0?[1-9])(?:[:.][0-5]\d)?\s*(a\.?m|p\.?m)\b(?!\w)")
_CLOCK = re.compile(
    r"(?:\b(?:at|um|à|a las|alle|around|about|past|nearly|almost|time)\s+([01]?\d|2[0-3])[:.h][0-5]\d\b"
    r"|\b([01]?\d|2[0-3])(?:[:.][0-5]\d)?\s*(?:uhr|o'?clock)\b)(?!\s*(?:aspect|ratio|format))"
)
_SMALL_HOURS = re.compile(r"\b(?:[1-4]|one|two|three|four)(?:\s*o'?clock)?\s+in\s+the\s+morning\b")
_TINTED = frozenset(("light", "lights", "lighting", "glow", "sign", "signs"))
_BACKDROPS = frozenset(("background", "backdrop"))


def scene_brightness(words: str) -> float:
    """Exposure 0..1 (linear; 1 = full light) of the scene that `words` describe.

    The darkest hour, weather or light they name counts ("a lamp in a bright room at night" is a night); where they name
    none, the darkest place or lamp ("a candle"). What describes a thing ("dark denim", "a neon-green bottle") does not
    count, nor what follows "no", "not" or "without". Hours may be figures ("2 am", "at 23:00"), and nights, days and
    twilights may be named in the more widely spoken languages.
    """
    text = re.sub(r"[-_]", " ", unicodedata.normalize("NFKC", words).casefold().replace("’", "'"))
    outright = [*_by_the_clock(text), *_abroad(text)]
    hinted: list[float] = []
    for table, found in ((HOURS_AND_LIGHTS, outright), (PLACES_AND_LAMPS, hinted)):
        for exposure, phrase in _phrases(table):
            said = _said(text, phrase)
            if said is not None:
                (found if said else hinted).append(exposure)
    if "midnight sun" in text and 0.06 in outright:
        outright.remove(0.06)
    return min(outright or hinted, default=UNSAID)


@cache
def _phrases(table: tuple[tuple[float, str], ...]) -> tuple[tuple[float, str], ...]:
    return tuple((exposure, phrase) for exposure, phrases in table for phrase in phrases.split("|"))


def _by_the_clock(text: str) -> Iterator[float]:
    for match in _HALVES.finditer(text):
        yield BY_THE_CLOCK[int(match[1]) % 12 + (12 if match[2].startswith("p") else 0)]
    for match in _CLOCK.finditer(text):
        if match[1]:
            yield BY_THE_CLOCK[int(match[1])]
        elif int(match[2]) > 12:  # "2 o'clock" may be either half of the day
            yield BY_THE_CLOCK[int(match[2])]
    if _SMALL_HOURS.search(text):
        yield BY_THE_CLOCK[2]


def _abroad(text: str) -> Iterator[float]:
    for exposure, phrase in _phrases(ABROAD):
        if re.search(rf"\b{re.escape(phrase)}\b", text):
            yield exposure
    for exposure, pattern in UNSPACED:
        if re.search(unicodedata.normalize("NFKC", pattern), text):
            yield exposure


def _said(text: str, phrase: str) -> bool | None:
    """Whether the text says so outright (True), in passing (False: by a thing that belongs to it) or not at all."""
    passing = None
    for match in re.finditer(rf"\b{re.escape(phrase)}\b", text):
        before, after = text[: match.start()], text[match.end() :]
        last = _LAST.search(before)
        if _NEGATED.search(before) or (last and last[1] in NOT_AFTER.get(phrase, "").split()):
            continue
        told = _of_the_scene(phrase, before, after)
        if told:
            return True
        passing = False if told is False else passing
    return passing


def _of_the_scene(phrase: str, before: str, after: str) -> bool | None:
    """Whether a light word between these texts speaks of the scene; False where a thing only suggests it."""
    last = _LAST.search(before)
    if phrase not in SHADES and last and last[1] in BEFORE_AN_HOUR and before.endswith(last[1] + " "):
        return True
    subject = _IS.search(before)
    if subject and subject[1] not in SCENES and subject[1] not in ("it", "there", "everything", "outside"):
        return None
    return None if after.startswith("'s") else _followed(phrase, list(_group(after, phrase in SHADES)))


def _group(after: str, shade: bool) -> Iterator[str]:
    """The words that follow without a stop and may belong to the light word; what somebody does ends them."""
    at = 0
    while match := _WORD.match(after, at):
        word, at = match[1], match.end()
        if word in ENDS_IT or (word.endswith("ing") and not shade and word not in SCENES):
            return
        yield word


def _followed(phrase: str, group: list[str]) -> bool | None:
    """`_of_the_scene` by the words that follow."""
    if group and group[0] in COLOURS:
        return True if group[1:2] and group[1] in _TINTED else None
    for index, word in enumerate(group):
        if word in SCENES:
            return _of_a_place(phrase, group[index:])
        if word in PICTURED:
            return None
        if word not in BETWEEN and not (word.endswith(ADJECTIVE_ENDS) and index + 1 < len(group)):
            return True if phrase in LIGHTS_ALWAYS else False if phrase in BRIGHT_ALWAYS else None
    return True


def _of_a_place(phrase: str, group: list[str]) -> bool | None:
    """`_of_the_scene` where a place or a light follows: not where it is part of a thing's name or of a colour."""
    end = next((index for index, word in enumerate(group) if word not in SCENES), len(group))
    if group[end:] and (group[end] in PICTURED or (group[end] in COLOURS and group[end + 1 : end + 2] != ["light"])):
        return None
    if group[end - 1] in _BACKDROPS and phrase in SHADES:
        return False
    return not (phrase == "night" and group == ["light"]) or None
