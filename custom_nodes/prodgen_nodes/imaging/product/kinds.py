"""What kind of product an outline is, how large it likely is, and how a hand holds it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .shape import Shape

GENERIC = "product"
_SURE = 0.7
"""Confidence of a rule from which its own word is used; below, a more general one that is never wrong, and no size."""
_SMALL, _LARGE = 18.0, 40.0  # cm along the longest side of the body
# How long handles are in centimetres, the shortest and the longest usual ones: a hand, a bent arm and a shoulder need
# what they need, so the handle is the one part of a bag of whose true size something is known beforehand.
_HANDLE_CM = {
    "grip": (18.0, 30.0),
    "short grip": (11.0, 16.0),
    "arch": (22.0, 45.0),
    "twin_straps": (38.0, 65.0),
    "shoulder_strap": (85.0, 125.0),
}
_SHORT_GRIP = 0.5  # of the body's width: a case's grip rather than a bag's handle
_STOUT = 0.17  # thickness over length: what is thicker is a part of the product, no handle of a bag
_STUB = 0.17  # of the body's width: what is shorter is a viewfinder or a clasp
_CHAIN = 2.5  # of the body's height: what reaches higher, and is no shoulder strap, is a chain with a pendant
_POLE = 0.6  # rise above the body over the length: a hand's grip lies flat, a telescopic pole stands


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

    `size` is empty where nothing speaks for one. `centimetres` along the longest side, from and to, by the usual
    lengths of such a handle (None without one).
    """

    kind: str
    confidence: float
    reason: str
    size: str
    size_basis: str
    centimetres: tuple[int, int] | None

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
    size, basis, length = (
        _size(shape, rule.kind) if confidence >= _SURE else ("", "nothing in the photo shows it", None)
    )
    return Guess(rule.kind, round(confidence, 2), reason, size, basis, length)


@dataclass(frozen=True)
class Rule:
    """`fits(shape)` says that a shape is of `kind`; the first rule that fits decides."""

    kind: str
    confidence: float
    reason: str
    fits: Callable[[Shape], bool]


def _has_handle(s: Shape) -> bool:
    """Whether what looks like a handle is one by which a hand or a shoulder takes a body that could be a bag's."""
    reaches = s.handle == "shoulder_strap" or s.handle_height < _CHAIN
    slender = s.handle_thickness <= _STOUT and s.handle_length >= _STUB
    return s.handle not in (None, "side") and reaches and slender and s.solidity >= 0.85 and s.fullness >= 0.6


def _case_grip(s: Shape) -> bool:
    return _has_handle(s) and s.handle == "grip" and s.handle_length < _SHORT_GRIP and s.mirrored >= 0.8


def _stands_up(s: Shape) -> bool:
    return s.handle_height / s.aspect > _POLE * s.handle_length


def _cup(s: Shape) -> bool:
    upright = s.mirrored >= 0.85 and s.top_width >= 0.75 and s.bottom_width >= 0.55
    return s.handle == "side" and upright and s.handle_height < 0.3 and s.handle_thickness <= _STOUT


def _upright(s: Shape) -> bool:
    return s.mirrored >= 0.9 and s.solidity >= 0.93 and 0.45 <= s.aspect < 1.3


def _straps_on_square(s: Shape) -> bool:
    return _has_handle(s) and s.handle == "twin_straps" and s.aspect < 1.3


def _low(s: Shape) -> bool:
    short = s.handle_length <= (0.6 if s.handle == "twin_straps" else 1.2)
    return _has_handle(s) and short and s.aspect >= (1.4 if s.handle == "twin_straps" else 1.75)


def _foot(s: Shape) -> bool:
    flat = s.bottom_width >= 0.8 * s.middle_width
    return flat and s.top_width < 0.3 and s.mirrored < 0.78 and 0.65 <= s.solidity <= 0.95 and s.aspect >= 1.05


def _neck(s: Shape) -> bool:
    return s.aspect < 0.45 and s.mirrored > 0.75 and s.solidity > 0.75 and s.top_width < 0.7 * s.bottom_width


def handle_to_hold(shape: Shape) -> str | None:
    """The kind of handle that a hand takes the product by; None where what was found is something else."""
    return shape.handle if _has_handle(shape) or _cup(shape) else None


RULES = (
    Rule("mug", 0.75, "a handle at the side of an upright body", _cup),
    Rule(
        "shoulder_bag",
        0.9,
        "a strap much longer than the body is wide",
        lambda s: _has_handle(s) and s.handle == "shoulder_strap",
    ),
    Rule("suitcase", 0.5, "a grip on a pole", lambda s: _case_grip(s) and _stands_up(s)),
    Rule("briefcase", 0.7, "a short grip on a body wider than high", lambda s: _case_grip(s) and s.aspect > 1.1),
    Rule("suitcase", 0.7, "a short grip on an upright body", _case_grip),
    Rule("duffel", 0.55, "handles on a long, low body", _low),
    Rule("tote", 0.75, "straps on a body about as high as wide", _straps_on_square),
    Rule(
        "tote",
        0.5,
        "a high handle on an upright body",
        lambda s: _has_handle(s) and s.aspect < 1.0 and s.handle_height > 0.3,
    ),
    Rule("handbag", 0.85, "a handle to hold in the hand", _has_handle),
    Rule("other", 0.5, "separate parts", lambda s: s.parts > 1),
    Rule("furniture", 0.5, "it stands on legs", lambda s: s.legs),
    Rule("bottle", 0.85, "slender, symmetric, with a neck", _neck),
    Rule("shoe", 0.7, "one end low and the other high over a flat foot", _foot),
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
        lambda s: _upright(s) and s.fullness > 0.9 and 0.6 <= s.aspect <= 1.1,
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


def _size(shape: Shape, kind: str) -> tuple[str, str, tuple[int, int] | None]:
    handle = "short grip" if shape.handle == "grip" and shape.handle_length < _SHORT_GRIP else shape.handle
    usual = _HANDLE_CM.get(handle or "")
    if usual is None or shape.handle_length <= 0:
        return KINDS[kind].size, "usual for its kind", None
    least, most = (length / shape.handle_length * max(1.0, 1 / shape.aspect) for length in usual)
    size = "small" if most < _SMALL else "large" if least > _LARGE else KINDS[kind].size
    basis = f"such a handle is usually {usual[0]:.0f} to {usual[1]:.0f} cm long"
    return size, basis, (round(least), round(most))
