"""What a piece of prose is about: used on a user's wish and on a model's answer that is no JSON."""

from __future__ import annotations

import re

from . import form
from .poses import pose_in, shot_in

_FEATURES = r"\bskin\b|\bhair\w*\b|\bbuild\b|\bbeard\w*\b|\bfreckles\b|\bin (her|his|their|the) (early |mid-?|late )?"
_FEATURES += r"(twent|thirt|fort|fift|sixt|sevent|eight)ies\b|\byears? old\b|\bponytail\b|\bbald\b"
_PLACES = (
    r"street|studio|room|park|beach|city|kitchen|caf[eé]|forest|mountains?|office|station|airport|garden|walls?|"
    r"backdrop|background|home|shop|store|terrace|gallery|lobby|hotel|bar|balcony|field|sea|lake|river|bridge|roof\w*|"
    r"market|library|desert|snow\w*|village|alley|square|stairs|hall|bathroom|bedroom|interior"
)
_HELD = r"\b(hold\w*|held|carr(y|ies|ied|ying)|grip\w*|grasp\w*)\b|\b(beside|by|at) (the|her|his|their) (hips?|legs?)\b"
_GAZE = r"\b(look(s|ing)?|gaz\w+|smil\w+|expression|glanc\w+|facing the|eye contact|laugh\w*|star(es|ing))\b"
_TESTS: tuple[tuple[str, str], ...] = (
    ("person", rf"\b({form.PERSON_WORDS})\b|{_FEATURES}"),
    ("garments", rf"\b({form.GARMENT_WORDS})\b"),
    ("held", _HELD),
    ("gaze", _GAZE),
    ("lighting", rf"\b({form.LIGHT_WORDS})\b"),
    ("background", rf"\b({_PLACES})\b"),
)
_WINTER = r"\b(winter\w*|snow\w*|cold|frost\w*|christmas)\b"
_SUMMER = r"\b(summer\w*|beach|hot day|heat|tropical)\b"
LONGEST_WISH = 400
"""Characters: several sentences; the rest is not read, and the prompt stays short enough for its text encoder."""


def split(text: str) -> list[str]:
    """Clauses of `text`: what stands between commas, semicolons, full stops and line ends."""
    return [clause for clause in (form.tidy(part) for part in re.split(r"[,;\n]|\.(?=\s|$)", text)) if clause]


def about(clause: str) -> tuple[str, ...]:
    """The fields that `clause` says something about, the leading one first; background where nothing is known."""
    if shot_in(clause) and not re.search(_HELD, clause, re.IGNORECASE):
        return ("shot",)
    fields = tuple(name for name, pattern in _TESTS if re.search(pattern, clause, re.IGNORECASE))
    return fields or ("background",)


def season_of(text: str) -> str:
    """any, winter or summer."""
    if re.search(_WINTER, text, re.IGNORECASE):
        return "winter"
    return "summer" if re.search(_SUMMER, text, re.IGNORECASE) else "any"


def read_wish(wish: str) -> tuple[dict[str, str], frozenset[str], str | None]:
    """A user's wish as (field -> words, fields that those words cover besides their own, pose).

    Clauses keep their order; words about several fields stand in the first of them and the others are covered.
    """
    fields: dict[str, list[str]] = {}
    covered: set[str] = set()
    pose: str | None = None
    for clause in split(wish[:LONGEST_WISH]):
        names = about(clause)
        if "held" in names:
            pose = pose or pose_in(clause)
        if names[0] == "shot":
            clause = shot_in(clause) or clause  # noqa: PLW2901 - the form's own word for it
        fields.setdefault(names[0], []).append(clause)
        covered |= set(names[1:])
    wished = {name: ", ".join(parts) for name, parts in fields.items()}
    return wished, frozenset(covered - set(wished)), pose
