"""What kind of product an outline is, how large it likely is, and how a hand holds it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .shape import Shape

GENERIC = "product"
_SURE = 0.6
_SMALL, _LARGE = 18.0, 40.0  # cm along the longest side of the body
# Typical lengths of handles in centimetres: a hand, a bent arm and a shoulder need what they need, so the handle is
# the one part of a bag whose true size is known beforehand.
_HANDLE_CM = {"grip": 25.0, "short grip": 14.0, "arch": 38.0, "twin_straps": 45.0, "shoulder_strap": 100.0}
_SHORT_GRIP = 0.5  # of the body's width: a case's grip rather than a bag's handle


@dataclass(frozen=True)
class Kind:
    """One kind of product: the word for it, a more general word, where it is at home, its size without a handle to go
    by, and the poses that suit it (the first ones of `imaging.posing.POSES` it is shown in)."""

    noun: str
    general: str
    group: str
    size: str
    poses: tuple[str, ...]


KINDS: dict[str, Kind] = {
    "handbag": Kind("handbag", "bag", "carry", "medium", ("held_beside_hips", "held_by_legs")),
    "shoulder_bag": Kind("shoulder bag", "bag", "carry", "medium", ("held_by_legs",)),
    "tote": Kind("tote bag", "bag", "carry", "medium", ("held_beside_hips", "held_by_legs")),
    "clutch": Kind("clutch bag", GENERIC, "carry", "small", ("held_in_front",)),
    "briefcase": Kind("briefcase", "bag", "business", "medium", ("held_beside_hips", "held_by_legs")),
    "suitcase": Kind("suitcase", "bag", "travel", "large", ("held_by_legs",)),
    "duffel": Kind("duffel bag", "bag", "travel", "large", ("held_by_legs",)),
    "mug": Kind("mug", GENERIC, "home", "small", ("held_in_front",)),
    "jar": Kind("jar", GENERIC, "home", "small", ("held_in_front",)),
    "bottle": Kind("bottle", GENERIC, "home", "small", ("held_in_front",)),
    "box": Kind("box", GENERIC, "home", "medium", ("held_in_front",)),
    "shoe": Kind("shoe", GENERIC, "street", "small", ("held_in_front",)),
    "furniture": Kind("piece of furniture", GENERIC, "home", "large", ("on_surface",)),
    "other": Kind(GENERIC, GENERIC, "any", "medium", ("held_in_front",)),
}


@dataclass(frozen=True)
class Guess:
    """`kind` in KINDS with `confidence` 0..1 and the reason in words; `size` small, medium or large, and `size_basis`.

    `centimetres` along the longest side is an estimate from the handle (None without one).
    """

    kind: str
    confidence: float
    reason: str
    size: str
    size_basis: str
    centimetres: float | None

    @property
    def noun(self) -> str:
        """The word for it; the more general one where the guess is not sure."""
        kind = KINDS[self.kind]
        return kind.noun if self.confidence >= _SURE else kind.general


def guess_kind(shape: Shape) -> Guess:
    """Name the kind by proportions, handle and symmetry. Never fails: what fits nothing is `other`."""
    rule = next(rule for rule in RULES if rule.fits(shape))
    confidence, reason = rule.confidence, rule.reason
    if shape.cut_off:
        confidence, reason = confidence * 0.6, reason + "; the picture's edge cuts it off"
    size, basis, length = _size(shape, rule.kind)
    return Guess(rule.kind, round(confidence, 2), reason, size, basis, length)


@dataclass(frozen=True)
class Rule:
    """`fits(shape)` says that a shape is of `kind`; the first rule that fits decides."""

    kind: str
    confidence: float
    reason: str
    fits: Callable[[Shape], bool]


def _case_grip(s: Shape) -> bool:
    return s.handle == "grip" and s.handle_length < _SHORT_GRIP


def _upright(s: Shape) -> bool:
    return s.mirrored >= 0.9 and s.solidity >= 0.93 and 0.45 <= s.aspect < 1.3


def _straps_on_square(s: Shape) -> bool:
    return (s.handle == "twin_straps" and s.aspect < 1.3) or (
        s.handle is not None and s.aspect < 1.0 and s.handle_height > 0.3
    )


def _foot(s: Shape) -> bool:
    return s.top_width < min(0.5, s.bottom_width) and s.mirrored < 0.75 and 0.65 <= s.solidity <= 0.93


RULES = (
    Rule("mug", 0.7, "a handle at the side", lambda s: s.handle == "side"),
    Rule("shoulder_bag", 0.9, "a strap much longer than the body is wide", lambda s: s.handle == "shoulder_strap"),
    Rule("briefcase", 0.7, "a short grip on a body wider than high", lambda s: _case_grip(s) and s.aspect > 1.1),
    Rule("suitcase", 0.7, "a short grip on an upright body", _case_grip),
    Rule(
        "duffel",
        0.55,
        "handles on a long, low body",
        lambda s: s.handle is not None and s.aspect >= 1.75 and s.handle_length <= 1.2,
    ),
    Rule("tote", 0.75, "straps on a body about as high as wide", _straps_on_square),
    Rule("handbag", 0.85, "a handle to hold in the hand", lambda s: s.handle is not None),
    Rule("furniture", 0.7, "it stands on legs", lambda s: s.legs),
    Rule(
        "bottle",
        0.85,
        "slender, symmetric, with a neck",
        lambda s: s.aspect < 0.45 and s.mirrored > 0.6 and s.top_width < 0.7 * s.bottom_width,
    ),
    Rule("other", 0.5, "separate parts", lambda s: s.parts > 1),
    Rule(
        "shoe",
        0.65,
        "one end low and the other high over a flat foot",
        lambda s: _foot(s) and s.aspect >= 1.0,
    ),
    Rule(
        "box",
        0.5,
        "an upright rectangle",
        lambda s: _upright(s) and min(s.top_width, s.bottom_width) > 0.96,
    ),
    Rule(
        "jar",
        0.7,
        "about as high as wide, symmetric, with a narrower lid or foot",
        lambda s: _upright(s) and s.fullness > 0.9,
    ),
    Rule(
        "clutch",
        0.5,
        "wider than high, without a handle",
        lambda s: s.mirrored >= 0.85 and s.solidity >= 0.93 and 1.3 <= s.aspect <= 2.6,
    ),
    Rule("box", 0.55, "flat sides, no handle", lambda s: s.solidity >= 0.95 and s.fullness >= 0.75),
    Rule("other", 0.5, "no shape that is known", lambda _: True),
)


def _size(shape: Shape, kind: str) -> tuple[str, str, float | None]:
    handle = "short grip" if shape.handle == "grip" and shape.handle_length < _SHORT_GRIP else shape.handle
    known = _HANDLE_CM.get(handle or "")
    if known is None or shape.handle_length <= 0:
        return KINDS[kind].size, "usual for its kind", None
    length = known / shape.handle_length * max(1.0, 1 / shape.aspect)
    size = "small" if length < _SMALL else "large" if length > _LARGE else "medium"
    return size, f"such a handle is usually about {known:.0f} cm long", round(length)
