"""Where the person stands and in what light: places the kind of product is at home in, lighter or darker than it."""

from __future__ import annotations

from dataclasses import dataclass

from .choice import choose

CONTRAST = 20.0  # L* between the product and the place behind it


@dataclass(frozen=True)
class Scene:
    """`words`, the place's typical lightness L* 0..100, whether it is `inside`, the groups of kinds it suits, season.

    Every place is empty: one person only.
    """

    words: str
    lightness: float
    inside: bool
    groups: tuple[str, ...]
    season: str = "any"


_ALL = ("carry", "business", "travel", "home", "street", "any")

SCENES = (
    Scene("plain light grey studio backdrop", 80, True, _ALL),
    Scene("plain warm white studio backdrop", 92, True, _ALL),
    Scene("plain dark grey studio backdrop", 30, True, _ALL),
    Scene("quiet city street with blurred stone facades", 62, False, ("carry", "business", "street", "any")),
    Scene("empty street with blurred dark brick walls", 34, False, ("carry", "business", "street", "any")),
    Scene("bright gallery with white walls", 90, True, ("carry", "home", "any")),
    Scene("park path with blurred dark green trees", 36, False, ("carry", "street", "any")),
    Scene("sunlit terrace with pale plaster walls", 84, False, ("carry", "travel", "home", "any")),
    Scene("glass and concrete office entrance", 58, False, ("business", "carry")),
    Scene("dark wood-panelled hotel lobby", 28, True, ("business", "travel", "carry")),
    Scene("bright empty station hall", 78, True, ("travel", "business")),
    Scene("platform at dusk, blurred lights", 24, False, ("travel",)),
    Scene("bright kitchen with white tiles", 88, True, ("home",)),
    Scene("living room with dark green walls", 32, True, ("home", "any")),
    Scene("calm living room with beige walls", 76, True, ("home", "any")),
    Scene("snow-covered street with blurred facades", 86, False, ("carry", "business", "street", "any"), "winter"),
    Scene("wide sandy beach, blurred sea", 78, False, ("carry", "travel", "any"), "summer"),
)

LIGHTS_INSIDE = (
    "soft window light from the left",
    "large softbox light from the right",
    "even diffused studio light",
    "bright daylight through tall windows",
)
LIGHTS_OUTSIDE = (
    "soft overcast daylight",
    "warm late-afternoon sunlight from the side",
    "open-shade daylight",
    "clear morning light",
)
LIGHT_AT_DUSK = "warm lamp light at dusk"


def stage(group: str, lightness: float, seed: int, season: str = "any") -> tuple[str, str]:
    """(lighting, background) for a product of `group` whose main colour has L* `lightness`."""
    fits = [s for s in SCENES if group in s.groups and s.season in ("any", season)]
    if season != "any":
        fits = [s for s in fits if s.season == season] or fits
    clear = [s for s in fits if abs(s.lightness - lightness) >= CONTRAST]
    scene = choose(seed, "scene", clear or [max(fits, key=lambda s: abs(s.lightness - lightness))])
    if "dusk" in scene.words:
        return LIGHT_AT_DUSK, scene.words
    return choose(seed, "light", LIGHTS_INSIDE if scene.inside else LIGHTS_OUTSIDE), scene.words
