"""Where on the product something is, in words: "lower left", "middle", "all over"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from torch import Tensor

from ..filters import dilate
from ..tensors import Box

_ROWS, _COLUMNS = ("upper", "", "lower"), ("left", "", "right")
_ALL_OVER = 0.6
"""A spot that covers this share of both sides has no place to be named."""


@dataclass(frozen=True)
class Spot:
    """A connected region: its `box` on the canvas, its largest value, and whether it reaches the product's outline."""

    box: Box
    peak: float
    on_outline: bool

    def place(self, product: Box) -> str:
        """Where it is on the `product`."""
        wide, tall = self.box.width / product.width, self.box.height / product.height
        if min(wide, tall) > _ALL_OVER:
            return "all over"
        return place_of((self.box.left + self.box.right) / 2, (self.box.top + self.box.bottom) / 2, product)


def place_of(x: float, y: float, product: Box) -> str:
    """Words for the canvas point (x, y) by thirds of the `product`'s box; what lies outside counts to the nearest."""
    across, down = (x - product.left) / product.width, (y - product.top) / product.height
    row, column = (min(2, max(0, int(3 * value))) for value in (down, across))
    words = [word for word in (_ROWS[row], _COLUMNS[column]) if word]
    if len(words) == 2:
        return " ".join(words)
    return (
        {"upper": "top", "lower": "bottom", "left": "left side", "right": "right side"}[words[0]] if words else "middle"
    )


def spots(values: Tensor, limit: float, valid: Tensor, origin: tuple[int, int], factor: int) -> list[Spot]:
    """The regions of `values` `[h,w]` over `limit`, strongest first; `valid` `[h,w]` bool is where it was measured.

    Pixel (0, 0) lies at canvas `origin` (x, y); each is `factor` canvas pixels wide.
    """
    labels, count = ndimage.label(dilate(values > limit, 2).cpu().numpy(), np.ones((3, 3)))
    inner = valid & ~dilate(~valid, 3)
    rim = (valid & ~inner).cpu().numpy()
    height, width = valid.shape
    marked = []
    for index, area in enumerate(ndimage.find_objects(labels, count), start=1):
        own = labels[area] == index
        peak = float(values.cpu().numpy()[area][own].max())
        (top, bottom), (left, right) = ((part.start, part.stop) for part in area)
        box = Box(
            origin[0] + factor * left, origin[1] + factor * top, origin[0] + factor * right, origin[1] + factor * bottom
        )
        on_frame = top == 0 or left == 0 or bottom == height or right == width
        marked.append(Spot(box, peak, bool((rim[area] & own).any()) and not on_frame))
    return sorted(marked, key=lambda spot: -spot.peak)
