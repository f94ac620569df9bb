"""What else is in a finished picture on its plain background: other products, a line of text, a mark, a frame."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .encode import Bytes8

Box = tuple[int, int, int, int]

_SIDE = 1000
"""The picture is judged at about this size."""
_DIFFERENT = 24
"""Steps of 255 from the background: less is a trace of JPEG or of a shadow."""
_DUST = 0.0001
"""Of the picture: smaller things are dust."""
_PRODUCT = 0.3
"""Of the largest thing's area: as large as this is a product of its own, the other shoe of a pair."""
_APART = 0.03
"""Of the longer side: nearer things belong to the product (a lace, a buckle, a link of a chain)."""
_LETTERS = 3
"""Beside one another before they count as text: two marks may be a pair of rivets."""
_LETTER = (0.006, 0.12)
"""Heights of a letter, shares of the longer side."""
_ALIGNED, _LETTER_GAP = 0.5, 2.5
"""Letters of one line: middles within half a letter's height, gaps of few letters' heights."""
_LINE_COVER, _HOLLOW = 0.85, 0.3
"""A frame's lines run along most of its sides, and most of it is empty."""


_RECTANGLE, _RIM, _EVEN = 0.97, 0.012, 0.9
"""Of its box: a rectangle. Of its shorter side: the depth of its rim. Share of the rim in one colour."""
_WITHIN = (0.03, 0.06, 0.1, 0.15)
"""Depths at which an even ring of another colour shows that a whole photo lies within a border."""


@dataclass(frozen=True)
class Extras:
    """`products`: large separate things. `text`, `marks`, `frame`: boxes (left, top, right, bottom) in pixels.

    `bordered`: the product is a rectangle with an even border around an even ground, as a framed photo is whose
    backdrop was never removed; a mirror or a screen looks the same.
    """

    products: int
    text: tuple[Box, ...] = ()
    marks: tuple[Box, ...] = ()
    frame: Box | None = None
    bordered: Box | None = None


@dataclass(frozen=True)
class _Thing:
    label: int
    box: Box
    area: int

    @property
    def height(self) -> int:
        return self.box[3] - self.box[1]

    @property
    def middle(self) -> float:
        return (self.box[1] + self.box[3]) / 2


def find_extras(
    picture: Bytes8, background: NDArray[np.uint8], mask: NDArray[np.float32], shadow: NDArray[np.float32] | None
) -> Extras:
    """What is seen on the 8-bit `picture` `[H,W,3]` beside its largest product.

    `background` `[3]`: its plain colour. `mask` and `shadow` `[H,W]` 0..1: what is product although it has the
    background's colour, and what is no thing although it differs.
    """
    step = max(1, math.ceil(max(mask.shape) / _SIDE))
    seen = _seen(picture, background, mask, shadow, step)
    labels, count = ndimage.label(seen, np.ones((3, 3)))
    if count == 0:
        return Extras(0)
    areas = ndimage.sum_labels(seen, labels, np.arange(1, count + 1))
    things = [
        _Thing(label, (cut[1].start, cut[0].start, cut[1].stop, cut[0].stop), int(areas[label - 1]))
        for label, cut in enumerate(ndimage.find_objects(labels), 1)
        if areas[label - 1] >= max(2, _DUST * seen.size)
    ]
    frames = [thing for thing in things if _is_frame(labels == thing.label, thing, seen.shape)]
    things = [thing for thing in things if thing not in frames]
    if not things:
        return Extras(0, frame=_scaled(frames[0].box, step) if frames else None)
    largest = max(things, key=lambda thing: thing.area)
    products = [thing for thing in things if thing.area >= _PRODUCT * largest.area]
    away = ndimage.distance_transform_edt(~np.isin(labels, [thing.label for thing in products]))
    apart = _APART * max(seen.shape)
    nearest = ndimage.minimum(away, labels, np.arange(1, count + 1))
    small = [thing for thing in things if thing not in products and nearest[thing.label - 1] >= apart]
    lines = _lines(small, max(seen.shape))
    in_lines = {thing for line in lines for thing in line}
    return Extras(
        len(products),
        tuple(_scaled(_around(line), step) for line in lines),
        tuple(_scaled(thing.box, step) for thing in small if thing not in in_lines),
        _scaled(frames[0].box, step) if frames else None,
        _scaled(largest.box, step) if _is_bordered(picture[::step, ::step], largest) else None,
    )


def _is_bordered(picture: Bytes8, thing: _Thing) -> bool:
    left, top, right, bottom = thing.box
    inside = picture[top:bottom, left:right].astype(np.int16)
    height, width = inside.shape[:2]
    # Smaller, a rim is a pixel and tells nothing.
    if min(height, width) < 40 or thing.area < _RECTANGLE * height * width:
        return False
    deep = max(1, round(_RIM * min(height, width)))
    rim = _ring_colour(inside, 1, deep)
    if rim is None:
        return False
    for share in _WITHIN:
        ground = _ring_colour(inside, round(share * min(height, width)), 2)
        if ground is not None and np.abs(ground - rim).max() > _DIFFERENT:
            return True
    return False


def _ring_colour(picture: NDArray[np.int16], start: int, depth: int) -> NDArray[np.float64] | None:
    """The colour of the ring of `depth` pixels that begins `start` pixels within the frame; None where it has many."""
    inner = picture[start : len(picture) - start, start : picture.shape[1] - start]
    ring = np.concatenate(
        [part.reshape(-1, 3) for part in (inner[:depth], inner[-depth:], inner[:, :depth], inner[:, -depth:])]
    )
    colour = np.median(ring, axis=0)
    even = np.abs(ring - colour).max(axis=-1) <= _DIFFERENT
    return np.asarray(colour, np.float64) if float(even.mean()) >= _EVEN else None


def _seen(
    picture: Bytes8,
    background: NDArray[np.uint8],
    mask: NDArray[np.float32],
    shadow: NDArray[np.float32] | None,
    step: int,
) -> NDArray[np.bool_]:
    """Where there is something, on a plane reduced `step` times: any of the pixels, for a hairline must not vanish."""
    height, width = mask.shape
    rows, columns = math.ceil(height / step), math.ceil(width / step)
    seen = np.zeros((rows, columns), np.bool_)
    for row in range(0, height, step):
        block = slice(row, row + step)
        apart = np.abs(picture[block].astype(np.int16) - background) > _DIFFERENT
        # Channel by channel: a reduction over three values in a row takes NumPy three times as long.
        differs = apart[..., 0] | apart[..., 1] | apart[..., 2] | (mask[block] > 0.5)
        if shadow is not None:
            differs &= (shadow[block] <= 0) | (mask[block] > 0.5)
        line = np.zeros(columns * step, np.bool_)
        line[:width] = differs.any(axis=0)
        seen[row // step] = line.reshape(columns, step).any(axis=1)
    return seen


def _is_frame(plane: NDArray[np.bool_], thing: _Thing, size: tuple[int, ...]) -> bool:
    """Whether a thing is a closed line along the picture's edges with room inside."""
    left, top, right, bottom = thing.box
    # A frame follows the picture; a smaller outline is a thing.
    if right - left < 0.7 * size[1] or bottom - top < 0.7 * size[0]:
        return False
    inside = plane[top:bottom, left:right]
    depth = max(1, round(0.02 * max(size)))
    sides = (inside[:depth].any(0), inside[-depth:].any(0), inside[:, :depth].any(1), inside[:, -depth:].any(1))
    closed = all(float(side.mean()) >= _LINE_COVER for side in sides)
    ring = np.ones_like(inside)
    ring[depth:-depth, depth:-depth] = False
    middle = inside & ~ring
    return closed and float(middle.mean()) < _HOLLOW and float(inside.mean()) < _HOLLOW


def _lines(things: list[_Thing], side: int) -> list[list[_Thing]]:
    """Lines of text: three or more small things of about one height beside one another."""
    letters = [thing for thing in things if _LETTER[0] * side <= thing.height <= _LETTER[1] * side]
    lines: list[list[_Thing]] = []
    for letter in sorted(letters, key=lambda thing: thing.box[0]):
        for line in lines:
            last = line[-1]
            tall = max(letter.height, last.height)
            level = abs(letter.middle - last.middle) <= _ALIGNED * tall
            if level and letter.box[0] - last.box[2] <= _LETTER_GAP * tall:
                line.append(letter)
                break
        else:
            lines.append([letter])
    return [line for line in lines if len(line) >= _LETTERS]


def _around(things: list[_Thing]) -> Box:
    boxes = np.array([thing.box for thing in things])
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _scaled(box: Box, step: int) -> Box:
    left, top, right, bottom = (value * step for value in box)
    return left, top, right, bottom
