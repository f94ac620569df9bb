"""The person: drawn trait by trait, every trait uniform over its list and independent of all others.

Neither the product nor its colours have a say in who holds it, and no trait depends on another: that is what keeps
the pictures free of the habits of stock photography. Adults only.
"""

from __future__ import annotations

import re

from .choice import choose

GENDERS = ("woman", "man", "androgynous person")
_OWN = dict(zip(GENDERS, ("her", "his", "their"), strict=True))
AGES = ("twenties", "thirties", "forties", "fifties", "sixties", "seventies")
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
BUILDS = ("slim build", "average build", "athletic build", "stocky build", "plus-size build")
HAIR_LENGTHS = ("short", "chin-length", "shoulder-length", "long")
HAIR_TEXTURES = ("straight", "wavy", "curly", "coily")
HAIR_COLORS = ("black", "dark brown", "light brown", "blond", "red", "grey", "white")

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


def traits(seed: int) -> dict[str, str]:
    """Gender, age, skin, build and hair as phrases, in the order a prompt names them."""
    gender = choose(seed, "gender", GENDERS)
    hair = [
        choose(seed, f"hair {part}", options)
        for part, options in (("length", HAIR_LENGTHS), ("texture", HAIR_TEXTURES), ("color", HAIR_COLORS))
    ]
    return {
        "gender": gender,
        "age": f"in {_OWN[gender]} {choose(seed, 'age', AGES)}",
        "build": choose(seed, "build", BUILDS),
        "skin": choose(seed, "skin", SKINS),
        "hair": " ".join(hair) + " hair",
    }


def describe(seed: int, wish: str = "") -> str:
    """The person of `seed`; traits that `wish` names are the wish's, which then stands first."""
    drawn = traits(seed)
    said = {trait for trait, pattern in _SAYS.items() if re.search(pattern, wish, re.IGNORECASE)}
    if not wish:
        return ", ".join((f"{drawn['gender']} {drawn['age']}", drawn["build"], drawn["skin"], drawn["hair"]))
    start = wish if "gender" in said else f"{drawn['gender']}, {wish}"
    return ", ".join([start, *(phrase for trait, phrase in drawn.items() if trait not in said | {"gender"})])
