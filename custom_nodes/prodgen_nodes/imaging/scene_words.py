"""The words that say how bright a scene is, and those that tell whether they speak of the scene or of a thing in it.

Exposures are linear, against a scene in full light: each step is about one stop (a factor of two), as far apart as a
photographer's words for them are.
"""

from __future__ import annotations

import json
from pathlib import Path


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


HOURS_AND_LIGHTS = (
    (
        0.06,
        "night|nights|nighttime|night time|midnight|moonlight|moonlit|starlight|starry|darkness|pitch black|pitch dark|"
        "blackout|low key|after dark|lit by the moon|under the moon|under a full moon|light of the moon|full moon|"
        "under the stars|night sky|nocturnal",
    ),
    (0.15, "dark|darkened|dim|dimly|gloomy|candlelight|candlelit|firelight|cyberpunk|moody|film noir|noir|stormy"),
    (0.3, "dusk|twilight|blue hour|evening|nightfall|dawn|sundown|foggy"),
    (0.5, "sunset|sunrise|golden hour|overcast|rain|rainy|cloudy|in the shade|in shade|midnight sun"),
    (
        1.0,
        "day|daylight|daytime|noon|midday|morning|afternoon|sunny|sunlit|sunlight|sunshine|bright|brightly|high key|"
        "white background|white backdrop|studio light|studio lighting|studio lights|full sun|broad daylight",
    ),
)
"""Exposure, and the hours, weathers and lights that say it outright. The darkest that is said counts."""
PLACES_AND_LAMPS = (
    (0.06, "cave|cellar|nightclub"),
    (
        0.15,
        "candle|candles|campfire|fireplace|lantern|lanterns|neon|club|streetlight|streetlights|street light|"
        "street lights|street lamp|street lamps",
    ),
    (0.3, "underground"),
    (0.5, "forest|rainforest|jungle|indoor|indoors"),
    (1.0, "beach|snow|snowy|desert|studio|summer"),
)
"""Exposure of places and lamps as they mostly are: asked only where no hour and no light is named."""
_ABROAD = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
ABROAD = tuple((float(exposure), "|".join(words)) for exposure, words in _ABROAD["words"].items())
"""The same hours and lights in other languages, as words."""
UNSPACED = tuple((float(exposure), "|".join(patterns)) for exposure, patterns in _ABROAD["patterns"].items())
"""The same where words are not parted by spaces or grow prefixes: patterns, found anywhere. Night creams and night
lamps are none."""
BY_THE_CLOCK = (
    *(0.06,) * 5,
    0.3,
    0.5,
    0.5,
    *(1.0,) * 10,
    0.5,
    0.5,
    0.3,
    0.3,
    0.06,
    0.06,
)
"""Exposure by the hour, 0..23: over a year at 45 degrees of latitude the sun is up from 8 to 17 every day, from 6 to 19
on half of the days, and never from 22 to 4."""
COLOURS = _set(
    "red orange yellow green teal cyan blue navy purple violet pink magenta brown brownish grey gray black white "
    "beige cream tan maroon burgundy turquoise indigo gold golden silver bronze copper rose coral olive mint lime "
    "lilac lavender khaki wood wooden oak walnut leather hair skin"
)
"""A light word before one of these says its shade ("dark green", "midnight blue", "neon pink")."""
SCENES = _set(
    "street streets alley alleyway road lane square plaza city town village skyline harbour harbor port bridge "
    "rooftop roof park garden forest woods jungle field meadow mountain mountains valley lake river sea ocean beach "
    "coast shore desert island countryside landscape sky clouds cloud horizon weather air storm mist fog rain snow "
    "winter summer autumn spring day night nights evening morning afternoon hour time dawn dusk noon light lights "
    "lighting lit glow sun sunlight sunshine daylight moonlight neon room rooms bedroom bathroom kitchen nursery "
    "office hall hallway corridor lobby house home interior exterior cellar basement attic cave tunnel warehouse "
    "garage factory shop store boutique gallery museum church library restaurant cafe café pub bar club nightclub "
    "disco theatre theater stage market studio space place area environment setting surroundings background backdrop "
    "scene scenery shot photo photograph photography picture image portrait view mood atmosphere ambience ambiance "
    "vibe vibes tone tones aesthetic sign signs flicker festival fair walk stroll dinner party picnic ride concert "
    "balcony terrace patio window windowsill apartment loft courtyard gym subway station platform airport swamp pool "
    "spotlight candlelight firelight lamps traffic drive fire "
    "bus stop tram train pier dock bazaar crossing intersection camp campsite castle temple palace ruins canyon lounge "
    "hotel cinema dungeon crypt corner world"
)
"""Nouns that stand for the scene or its light: a light word before one of these speaks of the scene."""
BETWEEN = _set(
    "and or very old narrow empty wet small big large cold warm soft hard deep long winding quiet lonely busy crowded "
    "modern open clear urban city summer winter autumn spring dark dim gloomy moody foggy rainy snowy stormy cloudy "
    "starry bright sunny airy natural even late early clean minimal cosy cozy quality"
)
"""Words that may stand between a light word and the scene it speaks of."""
ADJECTIVE_ENDS = ("al", "ous", "ic", "ian", "ish", "ive", "less", "ful", "doned", "like")
"""Ends of further words that may stand there: "a dark medieval alley"."""
PICTURED = _set(
    "poster print printed painting paintings wallpaper sticker stickers puzzle book mug pattern theme themed tee "
    "shirt shirts tshirt card cards movie film album cover design logo embroidery cream serum lamp lamps mode vision"
)
"""Things that carry the picture or the name of a scene: "a starry night poster" hangs in any light."""
NOT_AFTER = {
    "day": "s valentines mothers fathers every birth",
    "club": "golf beach country tennis book fan yacht football soccer sports sandwich",
    "candle": "scented soy wax vanilla birthday unlit",
    "candles": "scented soy wax vanilla birthday unlit",
    "cave": "man",
    "night": "good",
}
"""Words before which make another thing of a light word: "Valentine's day", "a golf club"."""
ENDS_IT = _set(
    "a an the in on at by of to for from with under over near next beside behind against through into onto along "
    "across during while as is are was were where when but that which who its his her their this no without filled "
    "full illuminated plus via per"
)
"""Words that end the group of words that a light word may belong to."""
SHADES = _set("dark bright dim neon low cloudy foggy stormy")
"""Light words that describe a thing as readily as a scene."""
LIGHTS_ALWAYS = _set(
    "sunny sunlit sunlight sunshine daylight moonlight moonlit starlight candlelight candlelit firelight gloomy moody "
    "darkened brightly dimly"
)
"""Light words that speak of the light whatever thing follows: "a sunny counter"."""
BRIGHT_ALWAYS = _set("day morning afternoon noon midday beach snow snowy desert studio summer")
"""Words whose things suggest a scene in full light where nothing else is said: "a beach towel"."""
BEFORE_AN_HOUR = _set("at by after during through until till before all this last late tonight")
"""Words after which an hour is an hour, whatever follows."""
