"""What a language model says of a photo, as the rest of a caption: one plain line without its manners of speaking."""

from __future__ import annotations

import re
import unicodedata

MOST_WORDS = 40
"""Some 55 tokens, so that tag and class fit in front."""
_THOUGHTS = re.compile(r"<think>.*?(</think>|$)", re.DOTALL | re.IGNORECASE)
_FENCES = re.compile(r"```\w*|[*_#`]{1,3}(?=\S)|(?<=\S)[*_`]{1,3}")
_OPENINGS = re.compile(
    r"^(?:"
    r"(?:sure|certainly|of course|okay|here)\b[^.:!\n]{0,60}[:!]|"
    r"(?:caption|description|answer|output|prompt)\s*:|"
    r"(?:in|on)\s+th(?:e|is)\s+(?:image|photo(?:graph)?|picture)\b,?\s*(?:we\s+(?:can\s+)?see|there\s+(?:is|are))?|"
    r"(?:th(?:e|is)|an?)\s+(?:[\w-]+\s+){0,3}(?:image|photo(?:graph)?|picture|shot)\s+"
    r"(?:shows?|showing|depicts?|depicting|features?|featuring|displays?|displaying|"
    r"presents?|presenting|captures?|capturing|of|is of)\b|"
    r"(?:it|we)\s+(?:shows?|see|depicts?)\b|"
    r"there\s+(?:is|are)\b"
    r")[\s,:;-]*",
    re.IGNORECASE,
)
_QUOTES = "\"'“”„\N{DOUBLE HIGH-REVERSED-9 QUOTATION MARK}«»‘’‚‹›`"
_ENDS = " \t,;:.!-–—" + _QUOTES
_ARTICLE = r"(?:an?|the|this|one)\s+"


def cleaned(text: str, tag: str, class_name: str) -> str:
    """`text` as the rest of a caption, behind `tag` and class: one line, at most 40 words, "" where nothing is left.

    Openings ("The image shows"), quotes, markup, thoughts and line breaks go; so does what names the product again at
    the beginning. Commas stay: trainers shuffle between them.
    """
    plain = "".join(" " if unicodedata.category(letter)[0] in "CZ" else letter for letter in _THOUGHTS.sub(" ", text))
    line = " ".join(_FENCES.sub("", plain).split()).strip(_ENDS)
    while True:
        shorter = _OPENINGS.sub("", line).strip(_ENDS)
        if shorter == line:
            break
        line = shorter
    line = _without_the_product(line, tag, class_name)
    line = re.sub(rf"(?<!\w)[{_QUOTES}]|[{_QUOTES}](?!\w)", "", line)
    line = re.sub(r"\s*[.;!]\s+(\w?)", lambda end: f", {end[1].lower()}", line)  # no sentence begins there any more
    line = re.sub(r"(?:\s*,)+\s*", ", ", line)
    words = " ".join(line.split()[:MOST_WORDS]).strip(_ENDS)
    return words[:1].lower() + words[1:] if words[1:2].islower() or len(words.split(" ")[0]) == 1 else words


def _without_the_product(line: str, tag: str, class_name: str) -> str:
    """`line` without the tag, and without the class where it begins with it: both stand in front already."""
    if tag:
        line = re.sub(rf"(?<!\w){re.escape(tag)}(?!\w)\s*,?", "", line, flags=re.IGNORECASE).strip(_ENDS)
    if class_name:
        line = re.sub(rf"^(?:{_ARTICLE})?{re.escape(class_name)}(?!\w)\s*,?", "", line, flags=re.IGNORECASE)
    return line.strip(_ENDS)
