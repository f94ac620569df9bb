"""The person: drawn trait by trait, every trait even over its list and independent of all others.

Neither the product nor its colours have a say in who holds it, and no trait depends on another: that is what keeps
the pictures free of the habits of stock photography. Adults only.

Drawn by a low-discrepancy sequence, not by chance: any run of seeds shows people as mixed as a much longer one, and
seed 0 the middle of every list, where the most ordinary option stands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import isqrt

GENDERS = {"androgynous person": 2, "woman": 9, "man": 9}
"""How many of twenty people are so."""
_OWN = dict(zip(GENDERS, ("their", "her", "his"), strict=True))
AGES = ("sixties", "forties", "twenties", "thirties", "fifties", "seventies")
SKINS = (
    "very fair skin",
    "fair skin",
    "light olive skin",
    "tan skin",
    "light brown skin",
    "brown skin",
    "dark brown skin",
    "very dark skin",
)
BUILDS = ("slim build", "athletic build", "average build", "stocky build", "plus-size build")
HAIR_LENGTHS = ("short", "chin-length", "shoulder-length", "long")
HAIR_TEXTURES = ("straight", "curly", "wavy", "coily")
HAIR_COLORS = ("red", "light brown", "black", "dark brown", "blond", "grey", "white")
_BITS = 64
"""Of the fixed-point fraction: seeds have 64 bits."""

_SAYS = {
    "gender": r"\b(wom[ae]n|m[ae]n|lady|gentleman|girls?|boys?|female|male|androgynous|non-?binary|persons?|models?|"
    r"mother|father|grandmother|grandfather|child|teenager)\b",
    "age": r"\b(twent|thirt|fort|fift|sixt|sevent|eight)(y|ies)\b|\b\d{1,2}s\b|\b\d{1,2}[ -]years?\b|"
    r"\b(young|old|older|elderly|middle-aged|senior|teen\w*|child|boys?|girls?|grand\w+)\b|\byears? old\b",
    "skin": r"\b(skin|complexion|freckles)\b",
    "build": r"\b(build|slim|athletic|plus-size|curvy|stocky|muscular|tall|petite|slender)\b",
    "hair": r"\b(hair\w*|beard\w*|bald|braids?|bun|ponytail|afro|blond\w*|brunette|redhead\w*|"
    r"dreadlocks|pixie cut|bob)\b",
}


def _drawn(seed: int, prime: int, options: Sequence[str]) -> str:
    """One of `options` by the Richtmyer sequence: multiples of the root of a `prime`, from the middle of the list on.

    Roots of different primes are independent over the rationals, so their multiples are together even as well (R. D.
    Richtmyer, "The evaluation of definite integrals, and a quasi-Monte-Carlo method", 1951).
    """
    step = isqrt(prime << 2 * _BITS)
    place = ((1 << _BITS - 1) + seed * step) % (1 << _BITS)
    return options[place * len(options) >> _BITS]


def traits(seed: int) -> dict[str, str]:
    """Gender, age, skin, build and hair as phrases, in the order a prompt names them."""
    gender = _drawn(seed, 2, [name for name, share in GENDERS.items() for _ in range(share)])
    hair = [_drawn(seed, 5, HAIR_LENGTHS), _drawn(seed, 11, HAIR_TEXTURES), _drawn(seed, 13, HAIR_COLORS)]
    return {
        "gender": gender,
        "age": f"in {_OWN[gender]} {_drawn(seed, 3, AGES)}",
        "build": _drawn(seed, 7, BUILDS),
        "skin": _drawn(seed, 19, SKINS),
        "hair": " ".join(hair) + " hair",
    }


def describe(seed: int, wish: str = "") -> str:
    """The person of `seed`; traits that `wish` names are the wish's, which then stands first."""
    drawn = traits(seed)
    stated = {trait for trait, pattern in _SAYS.items() if re.search(pattern, wish, re.IGNORECASE)}
    if not wish:
        return ", ".join((f"{drawn['gender']} {drawn['age']}", drawn["build"], drawn["skin"], drawn["hair"]))
    start = wish if "gender" in stated else f"{drawn['gender']}, {wish}"
    return ", ".join([start, *(phrase for trait, phrase in drawn.items() if trait not in stated | {"gender"})])
