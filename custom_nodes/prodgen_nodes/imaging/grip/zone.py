"""Choose where a hand holds a product, from its outline and its size: around a body, at two edges, at a pole.

A hand has one size. Its measures here are those of an adult (about the 50th percentile of men and women, in
centimetres): the breadth of four fingers with the thumb beside them, how far fingertips reach over a face, and how far
thumb and fingers span.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..errors import ParameterError
from ..product.kinds import Guess, guess_kind
from ..product.shape import Shape, measure_shape
from ..tensors import Box, bounding_box, check_choice, check_number

GRIPS = ("auto", "around_body", "edges", "pole")
_BREADTH, _REACH, _SPAN, _BAR = 10.0, 3.0, 12.0, 7.0
"""Centimetres, as said above: four fingers and the thumb, fingertips over a face, thumb to fingers, and how far a fist
reaches down a pole."""
_MOST = 0.45
"""A hand hides at most this much of the product along its length: the seller shows a product, not a hand."""
_LEAST = 0.18
"""Of the length: a large product is held by a zone of at least this, or the scene has no room to draw fingers in."""
_USUAL_CM = {"bottle": 22.0, "jar": 9.0, "mug": 10.0, "box": 16.0, "clutch": 24.0, "suitcase": 95.0, "shoe": 28.0}
_OTHER_CM = 20.0
"""Usual longest sides, where nobody gave one, and what an unknown product is drawn as: they decide only whether a hand
spans the product, and how broad it is on it. At half or double of the true size the hand is drawn as that of a giant or
of a child; `longest_cm` says it right."""
_UNKNOWN = "not known"
"""`size_basis` where nothing speaks for a size."""
_OPEN = 0.7
"""Solidity below which a product has no body that a hand could close around: a tripod (0.18), a hammer (0.53) and a
set of spanners (0.62) in photographs; bottles, tubes and boxes have 0.92 and more."""
_CASE = 0.7
"""Of its box that a case below a pole fills: suitcases of photographs fill 0.80 and more; necklaces, earrings, chairs,
lamps and plants, which narrow upwards as well, mostly below 0.68."""
_ROD = 0.14
"""A rod of a telescopic pole is at most this part of the body's width; a bottle's neck is more."""
_WORDS = {
    "around_body": "one hand around its body, the fingers in front of it and the thumb on the other side",
    "edges": "one hand at its edges, the thumb on one side and the fingertips on the other",
    "edge": "one hand at its edge, the thumb in front of it and the fingers behind",
    "pole": "one hand closed around the top of its telescopic pole",
    "open": "one hand holding it",
}


@dataclass(frozen=True)
class Patch:
    """A rectangle of the mask in pixels, and over how many pixels it fades at its left, top, right and bottom side."""

    box: Box
    fade: tuple[float, float, float, float]


@dataclass(frozen=True)
class Grip:
    """`kind`: `around_body`, `edges`, `edge` or `pole`; its `patches`; `words` for the prompt; `reason`; the size,
    which is None where nothing says it."""

    kind: str
    patches: tuple[Patch, ...]
    words: str
    reason: str
    longest_cm: float | None
    size_basis: str


def find_grip(mask: Tensor, grip: str = "auto", longest_cm: float = 0.0) -> Grip:
    """Where a hand holds the product of `mask` `[H,W]` (1 = product), whose longest side is `longest_cm` (0 = unknown).

    Raises EmptyMaskError, and ParameterError for a `grip` that is none of GRIPS, or a pole where there is none.
    """
    check_choice(grip, GRIPS, "grip")
    check_number(longest_cm, "longest_cm")
    box = bounding_box(mask)
    shape = measure_shape(mask)
    guess = guess_kind(shape)
    product = (mask[box.top : box.bottom, box.left : box.right] > 0.5).cpu().numpy()
    pole = pole_height(product)
    if grip == "pole" and not pole:
        raise ParameterError("grip is pole, but no pole stands above this product: choose auto, or another grip.")
    kind = guess.kind if not pole else "suitcase"
    # A box, a purse or a book: it fills its own box but for rounded corners, and nothing of it stands in or out.
    flat = shape.fullness > 0.9 and shape.solidity > 0.95 and kind not in ("bottle", "jar", "mug")
    if kind == "box" and not flat:
        kind = "mug" if _like_a_cup(shape) else "other"
    told: float | None
    told, basis = (longest_cm, "given") if longest_cm > 0 else _usual(kind, guess, flat)
    size = told or _USUAL_CM.get(kind, _OTHER_CM)
    per_cm = max(box.width, box.height) / size
    if pole and grip in ("auto", "pole"):
        return Grip("pole", (_bar(product, pole, box, per_cm),), _WORDS["pole"], "a pole stands above it", told, basis)
    upright = box.height >= box.width
    short = min(box.width, box.height) / per_cm
    if grip == "around_body" or (grip == "auto" and not flat and short <= _SPAN):
        patch = _band(product, box, per_cm, upright)
        vague = told is None and grip == "auto" and shape.solidity < _OPEN
        words = _WORDS["open" if vague else "around_body"]
        why = _why(guess, told and short, "a hand closes around it")
        return Grip("around_body", (patch,), words, why, told, basis)
    both = short <= _SPAN
    patches = _edges(box, per_cm, upright, both)
    kind = "edges" if both else "edge"
    fits = "a hand spans it" if both else "too wide for one hand to span"
    vague = told is None and grip == "auto" and shape.solidity < _OPEN
    words = _WORDS["open" if vague else kind]
    return Grip(kind, patches, words, _why(guess, told and short, fits), told, basis)


def _like_a_cup(shape: Shape) -> bool:
    """Whether a body with flat sides tapers as a cup without a handle does: wide above, a foot to stand on."""
    return shape.mirrored >= 0.85 and shape.top_width >= 0.75 and shape.bottom_width >= 0.55


def _usual(kind: str, guess: Guess, flat: bool) -> tuple[float | None, str]:
    """The usual size of what the outline shows beyond doubt, and what says so; None where shapes of every size are
    alike: a jar of cream and an air fryer, a purse and a pan."""
    sure = kind in _USUAL_CM and (kind not in ("mug", "clutch") or flat or guess.kind == "mug")
    return (_USUAL_CM[kind], f"usual for a {kind}") if sure else (None, _UNKNOWN)


def _why(guess: Guess, short: float | None, fits: str) -> str:
    """The reason in words; without a size no claim of how a hand fits."""
    if short is None:
        return (
            f"{guess.reason}, and nothing says its size: place and size of the hand are a guess until longest_cm is set"
        )
    return f"{guess.reason}; {short:.0f} cm across, {fits}"


def pole_height(product: NDArray[np.bool_]) -> int:
    """Rows that a telescopic pole takes above the body of `product` `[h,w]`, its bar included; 0 without one."""
    filled = product.sum(axis=1)
    wide = int(filled.max())
    # The body begins where a row is as full as a case is; a pair of rods and their bar are emptier.
    body = np.nonzero(filled >= 0.6 * wide)[0]
    tall = product.shape[0]
    # The bar may be as wide as the rods are apart, which is less than the body.
    first = int(body[0]) if body.size else 0
    # Between the bar above and the foot of the rods below, where both may be wide.
    rods = product[int(0.15 * first) : max(1, int(0.95 * first))]
    # A shorter one is a flat grip, a longer one a lamp post; cases lie between.
    if not 0.12 * tall <= first <= 0.7 * tall or rods.size == 0:
        return 0
    steps = np.diff(np.pad(rods.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    runs = (steps == 1).sum(axis=1)
    thick = rods.sum(axis=1) / np.maximum(runs, 1)
    columns = np.nonzero(product[first:].any(axis=0))[0]
    if product[first:, columns[0] : columns[-1] + 1].mean() < _CASE:
        return 0
    slender = (runs >= 1) & (runs <= 3) & (thick <= _ROD * wide)
    return first if slender.mean() >= 0.6 else 0


def _bar(product: NDArray[np.bool_], pole: int, box: Box, per_cm: float) -> Patch:
    columns = np.nonzero(product[:pole].any(axis=0))[0]
    left, right = int(columns[0]), int(columns[-1]) + 1
    # A fist, with a little room on both sides.
    half = min(right - left, 1.2 * _BREADTH * per_cm) / 2
    middle = (left + right) / 2
    down = min(0.6 * pole, _BAR * per_cm)
    place = Box(
        box.left + int(middle - half), box.top, box.left + int(middle + half + 1), box.top + max(1, round(down))
    )
    return Patch(place, (0.0, 0.0, 0.0, 0.25 * down))


def _band(product: NDArray[np.bool_], box: Box, per_cm: float, upright: bool) -> Patch:
    """A band across the stretch where the body is widest, so never around a neck or a cap."""
    across = product.sum(axis=1 if upright else 0)
    # Rows nearly as wide as the widest: shoulders taper into a neck within a quarter of the width.
    stretch = np.nonzero(across >= 0.72 * np.quantile(across, 0.9))[0]
    first, last = int(stretch[0]), int(stretch[-1]) + 1
    length = product.shape[0 if upright else 1]
    tall = max(_LEAST * length, min(_BREADTH * per_cm, 0.7 * (last - first), _MOST * length))
    middle = min(max((first + last) / 2, tall / 2), length - tall / 2)
    start, stop = round(middle - tall / 2), round(middle + tall / 2)
    fade = 0.25 * tall
    if upright:
        return Patch(Box(box.left, box.top + start, box.right, box.top + stop), (0.0, fade, 0.0, fade))
    return Patch(Box(box.left + start, box.top, box.left + stop, box.bottom), (fade, 0.0, fade, 0.0))


def _edges(box: Box, per_cm: float, upright: bool, both: bool) -> tuple[Patch, ...]:
    """Strips along the long sides, somewhat below the middle; one side only of what a hand cannot span."""
    long, short = (box.height, box.width) if upright else (box.width, box.height)
    tall = max(_LEAST * long, min(_BREADTH * per_cm, _MOST * long))
    # Fingertips, or with the thumb alone in front nearly twice as deep; a third from either side leaves the middle.
    deep = max(0.12 * short, min((1.0 if both else 1.8) * _REACH * per_cm, 0.32 * short))
    # A standing product is held below its middle, its weight over the hand; a lying one at its middle.
    start = round((0.6 if upright else 0.5) * long - tall / 2)
    stop, inner = start + round(tall), round(deep)
    fade, side = 0.2 * tall, 0.3 * deep
    if upright:
        rows = (box.top + start, box.top + stop)
        far = Patch(Box(box.right - inner, rows[0], box.right, rows[1]), (side, fade, 0.0, fade))
        near = Patch(Box(box.left, rows[0], box.left + inner, rows[1]), (0.0, fade, side, fade))
        return (near, far) if both else (far,)
    columns = (box.left + start, box.left + stop)
    low = Patch(Box(columns[0], box.bottom - inner, columns[1], box.bottom), (fade, side, fade, 0.0))
    high = Patch(Box(columns[0], box.top, columns[1], box.top + inner), (fade, 0.0, fade, side))
    return (low, high) if both else (low,)
