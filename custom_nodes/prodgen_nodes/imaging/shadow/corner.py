"""The nearest corner of what stands on a rectangle: a box, a bag, a suitcase or a book seen over its corner.

The two sides that meet there are square to each other on the ground. In the picture one falls and the other climbs, and
the product of their slopes is the square of how much the camera shortens depth: from how far above it looks has not to
be guessed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from .contact import Array, Contact, Touch, envelope_of, find_contact, goes_up_beside
from .round_foot import LEAST_WIDTH, STEEPEST

_ENDS = 0.02
"""Share of the contact at each end that is no ground line: there the outline rounds its corner."""
_SIDE = 0.08
"""Each side takes at least so much of the contact's width: less is a rounded end."""
_OFF, _NOISE = 0.025, 0.1
"""How far (root mean square) a contact may be off two straight sides: so much of how far they lead away from one, and
that part of a pixel. Rendered boxes and bags are off by .006 to .022 of it, turned things and rolls by .04 to .11."""
_CLIMBS = 0.03
"""A side that climbs less, in rows a column, is seen from the front, and says nothing of depth."""
_POINTS = 160
"""Columns of a contact that are looked at."""
_FLATTEST = 0.1
"""The least foreshortening that is believed: a camera 6 degrees above the ground."""


@dataclass(frozen=True)
class Corner:
    """Where it is (canvas `column` and `row`) and how the sides climb from there to the `left` and to the `right`, in
    rows a column."""

    column: float
    row: float
    left: float
    right: float

    @property
    def foreshortening(self) -> float:
        """Depth on the ground to rows of the picture."""
        return math.sqrt(self.left * self.right)


def find_corner(contact: Contact) -> Corner | None:
    """The corner that stands nearest to the camera; None where not two straight sides of a rectangle are seen."""
    if len(contact.touches) != 1 or contact.touches[0].foot or contact.touches[0].width < LEAST_WIDTH:
        return None
    corner = _between_sides(contact.touches[0])
    if corner is None or min(corner.left, corner.right) < _CLIMBS:
        return None
    return corner if _FLATTEST < corner.foreshortening < STEEPEST else None


def standing_contact(alpha: Tensor) -> Contact:
    """Where the product of the mask `alpha` `[H,W]` touches the ground (`find_contact`).

    What shows such a corner does not hang, however long its one side: of a box that is tilted in the air the one side
    is as steep as the other is level, and the product of their slopes 1. A shoe in the air has such a corner, too, but
    its outline does not go up at the corner's ends.
    """
    contact = find_contact(alpha)
    if contact.touches:
        return contact
    lying = find_contact(alpha, lies=True)
    if find_corner(lying) is None:
        return contact
    box, touch = lying.box, lying.touches[0]
    upright = goes_up_beside(envelope_of(alpha, box)[0], touch.left - box.left, touch.right - box.left)
    return lying if upright else contact


def _between_sides(touch: Touch) -> Corner | None:
    """Where two straight lines meet that the contact follows."""
    ends = math.ceil(_ENDS * touch.width)
    x = np.linspace(ends, touch.width - 1 - ends, min(_POINTS, touch.width - 2 * ends))
    y = np.interp(x, np.arange(touch.width), touch.contour)
    least = math.ceil(_SIDE * x.size)
    (slope, start, off), (slope_back, start_back, off_back) = _lines(x, y), _lines(x[::-1], y[::-1])
    both = off[least - 1 : x.size - least] + off_back[::-1][least : x.size - least + 1]
    split = least + int(both.argmin())
    error = math.sqrt(max(0.0, float(both.min())) / x.size)
    left = float(slope[split - 1]), float(start[split - 1])
    right = float(slope_back[::-1][split]), float(start_back[::-1][split])
    at = (right[1] - left[1]) / (left[0] - right[0]) if left[0] > right[0] else -1.0
    if not x[0] < at < x[-1]:
        return None
    row = left[1] + left[0] * at
    chord = float(np.interp(at, (x[0], x[-1]), (left[1] + left[0] * x[0], right[1] + right[0] * x[-1])))
    if error > _OFF * (row - chord) + _NOISE:
        return None
    return Corner(touch.left + 0.5 + at, row, left[0], -right[0])


def _lines(x: Array, y: Array) -> tuple[Array, Array, Array]:
    """Of the first points of a row, up to each of them: slope and start of the straight line by least squares, and the
    sum of the squares by which they are off it."""
    count = np.arange(1, x.size + 1)
    mean_x, mean_y = np.cumsum(x) / count, np.cumsum(y) / count
    of_x, of_y, of_both = (
        np.cumsum(a * b) - count * c * d
        for a, b, c, d in ((x, x, mean_x, mean_x), (y, y, mean_y, mean_y), (x, y, mean_x, mean_y))
    )
    slope = of_both / np.maximum(of_x, 1e-9)
    return slope, mean_y - slope * mean_x, of_y - slope * of_both
