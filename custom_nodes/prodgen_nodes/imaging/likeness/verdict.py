"""Whether a picture holds a product: found, not found, or unsure where a person should look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..objects import Thing
from ..tensors import check_choice, check_range
from .compare import Likeness

FOUND, NOT_FOUND, UNSURE = "found", "not found", "unsure"


@dataclass(frozen=True)
class Limits:
    """From which score 0..1 a find counts as `found`, and as `unsure`; the least area as a share of the picture; at
    most so many finds, the largest."""

    found_from: float
    unsure_from: float
    min_area: float
    most: int = 64


PRESETS = {
    "careful": Limits(0.5, 0.25, 0.001),
    "original": Limits(0.85, 0.85, 0.25, 10),
}
"""careful: this project's, with a grey zone for a person to look at. original: the product filter's that it replaces
(match above 0.85, regions from a quarter of the picture, the ten largest; yes or no)."""


def limits_of(preset: str, min_score: float = 0.0, min_area: float = 0.0) -> Limits:
    """A preset, its score or area set to another one where that is above 0. The grey zone keeps its proportion."""
    check_choice(preset, PRESETS, "preset")
    check_range(min_score, 0.0, 1.0, "min_score")
    check_range(min_area, 0.0, 1.0, "min_area")
    limits = PRESETS[preset]
    if min_score > 0:
        limits = replace(limits, found_from=min_score, unsure_from=min_score * limits.unsure_from / limits.found_from)
    return replace(limits, min_area=min_area) if min_area > 0 else limits


@dataclass(frozen=True, eq=False)
class Sighting:
    """A thing of the picture with the `score` that it is the product, and how like the reference it is, if there is
    one."""

    thing: Thing
    score: float
    likeness: Likeness | None = None

    def verdict(self, limits: Limits) -> str:
        return FOUND if self.score >= limits.found_from else UNSURE if self.score >= limits.unsure_from else NOT_FOUND


def judged(sightings: Sequence[Sighting], limits: Limits, doubt: str = "") -> tuple[str, list[Sighting]]:
    """The verdict on a picture, and the finds that it rests on, best first (of `not found`, none).

    `doubt`: why the picture could not be read well; then "not found" would be a guess, and is unsure.
    """
    largest = sorted(sightings, key=lambda one: -one.thing.area)[: limits.most]
    ranked = sorted(largest, key=lambda one: -one.score)
    verdicts = [one.verdict(limits) for one in ranked]
    if FOUND in verdicts:
        return FOUND, [one for one, verdict in zip(ranked, verdicts, strict=True) if verdict == FOUND]
    if UNSURE in verdicts:
        return UNSURE, [one for one, verdict in zip(ranked, verdicts, strict=True) if verdict == UNSURE]
    return (UNSURE if doubt else NOT_FOUND), []
