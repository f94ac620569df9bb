"""How bright a scene is, from its description: a night has to start dark to end dark."""

from __future__ import annotations

import re

DAY = 1.0
"""A scene in full light: a studio, a beach at noon."""
UNSAID = 0.5
"""A description that says nothing about the hour or the light."""

_WORDS = (
    (
        0.06,
        "night|nights|nighttime|midnight|moonlight|moonlit|starlight|starry|darkness|pitch black|blackout|low key|cave|"
        "cellar|nightclub",
    ),
    (
        0.15,
        "dark|darkened|dim|dimly|gloomy|candle|candles|candlelight|candlelit|firelight|campfire|fireplace|lantern|"
        "lanterns|neon|cyberpunk|moody|noir|club|stormy",
    ),
    (0.3, "dusk|twilight|blue hour|evening|nightfall|dawn|sundown|foggy|underground"),
    (0.5, "sunset|sunrise|golden hour|overcast|rain|rainy|forest|jungle|cloudy|indoor|indoors"),
    (
        DAY,
        "day|daylight|daytime|noon|midday|morning|afternoon|sunny|sunlit|sunshine|bright|brightly|beach|snow|snowy|"
        "desert|high key|white background|studio|summer",
    ),
)
"""Exposure against a scene in full light (linear), and the words that say it; the darkest that is said counts."""

_NEGATED = re.compile(r"\b(?:no|not|without|never)\s+(?:\w+\s+)?$")


def scene_brightness(words: str) -> float:
    """Exposure 0..1 (linear; 1 = full light) of the scene that `words` describe: the darkest thing they say.

    "a lamp in a bright room at night" is a night. Words that follow "no", "not" or "without" do not count, and
    "dark", "bright" and the like count only where they are not the colour of a thing ("dark green velvet").
    """
    text = re.sub(r"[-_]", " ", words.casefold())
    for exposure, phrases in _WORDS:
        if any(_says(text, word) for word in phrases.split("|")):
            return exposure
    return UNSAID


_COLOURS = "red|orange|yellow|green|teal|cyan|blue|navy|purple|violet|pink|magenta|brown|grey|gray|black|white|wood|oak"
_OF_A_COLOUR = re.compile(rf"\s+(?:{_COLOURS}|walnut|leather|brown\w*|hair|skin)\b")
_SHADES = {"dark", "bright", "dim"}


def _says(text: str, word: str) -> bool:
    for match in re.finditer(rf"\b{re.escape(word)}\b", text):
        if _NEGATED.search(text[: match.start()]):
            continue
        if word in _SHADES and _OF_A_COLOUR.match(text[match.end() :]):
            continue
        return True
    return False
