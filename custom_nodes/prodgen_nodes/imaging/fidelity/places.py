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
_MOSTLY = 0.3
"""Share of a spot where the ground shows, from which a piece is missing there and not another in its place: the windows
of structure reach as far beyond a narrow piece as it is wide."""


@dataclass(frozen=True)
class Spot:
    """A connected region: its `box` on the canvas, the middle `at` (x, y) of what is wrong in it, the most `structure`
    lost and the largest `color` difference in it, and whether the product is `gone` there: its ground shows, on to the
    outline."""

    box: Box
    at: tuple[float, float]
    structure: float
    color: float
    gone: bool

    def place(self, product: Box) -> str:
        """Where it is on the `product`."""
        wide, tall = self.box.width / product.width, self.box.height / product.height
        if min(wide, tall) > _ALL_OVER:
            return "all over"
        return place_of(*self.at, product)


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


@dataclass(frozen=True)
class Marked:
    """Planes `[h,w]`: where something is `wrong` (bool), the `structure` lost and `color` difference, where the product
    is `gone` (bool), and where all that was measured (`valid`, bool)."""

    wrong: Tensor
    structure: Tensor
    color: Tensor
    gone: Tensor
    valid: Tensor


def spots(marked: Marked, origin: tuple[int, int], factor: int) -> list[Spot]:
    """The connected regions that are wrong, what is gone first, then by what of the structure is lost.

    Pixel (0, 0) lies at canvas `origin` (x, y); each is `factor` canvas pixels wide.
    """
    wrong, structure, color, gone, valid = (
        plane.cpu().numpy() for plane in (marked.wrong, marked.structure, marked.color, marked.gone, marked.valid)
    )
    labels, count = ndimage.label(dilate(marked.wrong, 2).cpu().numpy(), np.ones((3, 3)))
    rim = valid & dilate(~marked.valid, 3).cpu().numpy()
    height, width = valid.shape
    found = []
    for index, area in enumerate(ndimage.find_objects(labels, count), start=1):
        own = labels[area] == index
        core = own & wrong[area]
        (top, bottom), (left, right) = ((part.start, part.stop) for part in area)
        box = Box(
            origin[0] + factor * left, origin[1] + factor * top, origin[0] + factor * right, origin[1] + factor * bottom
        )
        on_outline = bool((rim[area] & own).any()) and not (top == 0 or left == 0 or bottom == height or right == width)
        is_gone = on_outline and float(gone[area][core].mean()) >= _MOSTLY
        row, column = ndimage.center_of_mass(core)
        at = (box.left + factor * (column + 0.5), box.top + factor * (row + 0.5))
        found.append(Spot(box, at, float(structure[area][core].max()), float(color[area][core].max()), is_gone))
    return sorted(found, key=lambda spot: (not spot.gone, -spot.structure, -spot.color))
