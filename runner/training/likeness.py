"""Which photos are the same picture, and how blurred one is: figures of small copies, in numpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

Pixels = np.ndarray[Any, np.dtype[np.float32]]
THUMBNAIL = 32
"""Pixels on each side of the small copy that photos are compared by."""
SAME = 0.08
"""Most difference of two copies of one picture, as a share of its contrast: on 40 photos a JPEG of quality 40 at
a third of the size stays below .07, the same mug with another print is above .09."""
_LEAST_CONTRAST = 24.0
BLURRED = 0.72
"""From here on a photo is called blurred at the size it is trained at, see `blur`."""
_NOISE = 3.0
_SOFT = 12.0
"""Levels: less of a step is the noise of a JPEG; a picture whose levels span less shows nothing."""


def thumbnail(picture: Image.Image) -> Pixels:
    """A small square copy `[32,32,3]`, levels 0..255."""
    small = picture.convert("RGB").resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BICUBIC)
    return np.asarray(small, dtype=np.float32)


def duplicates(copies: Sequence[Pixels], shapes: Sequence[float]) -> list[tuple[int, int, str]]:
    """Pairs (first, second, how) of photos that are one picture, resaved, scaled or mirrored.

    `shapes`: width over height of each photo; what was cropped or stretched is another picture.
    """
    pairs = []
    taken: set[int] = set()
    for second in range(1, len(copies)):
        for first in range(second):
            if first in taken or abs(shapes[first] / shapes[second] - 1) > 0.03:
                continue
            if difference(copies[first], copies[second]) < SAME:
                pairs.append((first, second, "the same picture"))
            elif difference(copies[first], copies[second][:, ::-1]) < SAME:
                pairs.append((first, second, "the same picture mirrored"))
            else:
                continue
            taken.add(second)
            break
    return pairs


def difference(one: Pixels, other: Pixels) -> float:
    """How far two small copies are apart (root mean square), as a share of their contrast."""
    contrast = max(float(one.std(axis=(0, 1)).max()), float(other.std(axis=(0, 1)).max()), _LEAST_CONTRAST)
    return float(np.sqrt(np.mean((one - other) ** 2))) / contrast


def blur(picture: Image.Image) -> float:
    """How blurred a picture is, from 0 (sharp) to 1.

    Crété-Roffet et al., "The blur effect", SPIE 2007: a picture that is blurred already loses little of its edges to
    more blur. Steps of less than three levels are noise and do not count; a plain picture is 0, one of nothing but slow
    changes is 1.
    """
    gray = np.asarray(picture.convert("L"), dtype=np.float32)
    return max(_blur_along(gray), _blur_along(gray.T))


def _blur_along(gray: Pixels) -> float:
    if gray.shape[0] < 16 or gray.shape[1] < 2:
        return 0.0
    sums = np.cumsum(np.pad(gray, ((5, 5), (0, 0)), mode="edge"), axis=0, dtype=np.float64)
    sums = np.concatenate([np.zeros_like(sums[:1]), sums])
    again = (sums[11:] - sums[:-11]) / 11  # the mean of eleven
    steps = np.abs(np.diff(gray, axis=0))
    left = np.abs(np.diff(again, axis=0))
    counted = steps > _NOISE
    whole = float(steps[counted].sum())
    if whole == 0:
        return 1.0 if float(np.ptp(gray)) > _SOFT else 0.0
    lost = np.maximum(0, steps - left)[counted].sum()
    return float((whole - lost) / whole)
