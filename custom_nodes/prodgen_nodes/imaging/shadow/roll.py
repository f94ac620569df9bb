"""What lies on its round side: a bottle, a can or a roll of cloth, between two straight edges that end in two arcs.

It touches the ground along a line below its axis, out of sight, and the ground before that lies under its round side: a
band that is dark for half a radius. A box's ends are straight.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from .contact import Array, Contact, Touch
from .round_foot import LEAST_WIDTH

_INNER, _POINTS = (0.3, 0.7), 48
"""Between these shares of its width its edges are looked at, in so many columns."""
_STRAIGHT = 0.006
"""How far (root mean square) an edge may be off a straight line, as a share of the width."""
_LONG = 1.1
"""Its outline's width over its height at least."""
_ARC, _ROWS = 0.97, 64
"""How far up and down, in radii, an end's arc is looked at, in so many rows."""
_BULGE, _ALIKE, _OFF = (0.12, 0.9), 2.5, 0.1
"""How far the ends' arcs reach out, in radii; how much farther the one may than the other; and how far they may be
off half an ellipse (root mean square), as a share of that, and of the radius a tenth as much more."""
_MIDDLE, _BENDS = 0.65, (0.6, 1.6)
"""In its middle, so many radii up and down, it bends as much as that ellipse, or by these shares of it: the end of a
box with rounded corners is straight there."""
_SEEN, _FLATTEST = (0.1, 0.7), 0.05
"""Foreshortenings that are believed: cameras 6 to 44 degrees above; and the one below which the axis of what shows
its ends as arcs does not climb at all, so that they are a box's rounded corners. Of five rendered ones (.10 to .67)
those found were .09 to .69: perspective hides some of how the axis climbs."""
DARK = 1.0
"""Radii from where it touches within which the dark band falls to about a third. In the plane a circle hides, from a
point s radii beside where it touches, all but (1 - cos(180° - 2 atan(1/s))) / 2 of the room before it; of five
rendered ones .9 to 1.1 came nearest."""
ENDS = 0.6
"""How far the band reaches beside the roll's ends, over how far before it: the ends are upright, and light comes in
beside them. Of 1, .6, .45 and .25 this came nearest on the five."""


@dataclass(frozen=True)
class Roll:
    """Its `radius` in pixels, how many columns its arcs take at the `left` and the `right`, and depth on the ground to
    rows of the picture, `foreshortening`."""

    radius: float
    left: float
    right: float
    foreshortening: float

    def line(self, touch: Touch) -> Touch:
        """Where it touches the ground, whose lower edge is the contact `touch`."""
        first, last = (min(math.ceil(columns), touch.width // 3) for columns in (self.left, self.right))
        raised = self.radius * (1 - math.sqrt(1 - self.foreshortening**2))
        contour = touch.contour[first : touch.width - last] - raised
        left, right = touch.left + first, touch.right - last
        return replace(touch, left=left, right=right, contour=contour, rounding=0.0, hangs=(0, 0))


def find_roll(alpha: Tensor, contact: Contact) -> Roll | None:
    """The roll that the mask `alpha` `[H,W]` shows; None where it shows none."""
    box = contact.box
    if len(contact.touches) != 1 or contact.touches[0].foot or min(box.width, box.height) < LEAST_WIDTH:
        return None
    if box.width < _LONG * box.height:
        return None
    columns = np.linspace(box.left + _INNER[0] * box.width, box.left + _INNER[1] * box.width, _POINTS).astype(int)
    edges = [_edge(alpha, contact, columns, upper) for upper in (True, False)]
    lines = [np.polyfit(columns + 0.5, rows, 1) for rows in edges]
    for rows, line in zip(edges, lines, strict=True):
        if np.sqrt(np.mean((np.polyval(line, columns + 0.5) - rows) ** 2)) > _STRAIGHT * box.width + 0.2:
            return None
    ends = [_arc(alpha, contact, lines, side) for side in (-1, 1)]
    if ends[0] is None or ends[1] is None or max(ends[0], ends[1]) > _ALIKE * min(ends[0], ends[1]):
        return None
    middle = (box.left + box.right) / 2
    radius = float(np.polyval(lines[1], middle) - np.polyval(lines[0], middle)) / 2
    # Turned by so much that a disc of radius 1 is so wide, its axis goes back by the tangent of that.
    wide = (ends[0] + ends[1]) / 2 / radius
    away = wide / math.sqrt(1 - min(wide, _BULGE[1]) ** 2)
    slopes = [float(line[0]) for line in lines]
    climbs = max(abs(slopes[1]), abs(sum(slopes)) / 2)
    if climbs < _FLATTEST * away:
        return None
    return Roll(radius, ends[0], ends[1], min(max(climbs / away, _SEEN[0]), _SEEN[1]))


def _edge(alpha: Tensor, contact: Contact, columns: Array, upper: bool) -> Array:
    """Sub-pixel rows of the outline's `upper` or lower edge at the `columns`."""
    box = contact.box
    part = alpha[box.top : box.bottom, torch.from_numpy(columns).to(alpha.device)].double()
    part = part if upper else part.flip(0)
    first = (part > 0.5).to(torch.uint8).argmax(dim=0)
    before = part.gather(0, (first - 1).clamp(min=0)[None])[0] * (first > 0)
    way = first + 1 - part.gather(0, first[None])[0] - before
    rows: Array = (box.top + way if upper else box.bottom - way).cpu().numpy()
    return rows


def _arc(alpha: Tensor, contact: Contact, lines: list[Array], side: int) -> float | None:
    """How far the end at this `side` (-1: left) reaches out as half an ellipse, in pixels; None where it is none."""
    box = contact.box
    end = box.left if side < 0 else box.right
    upper, lower = (float(np.polyval(line, end)) for line in lines)
    half = (lower - upper) / 2
    if half < LEAST_WIDTH / 4:
        return None
    t = np.linspace(-_ARC, _ARC, _ROWS)
    rows = np.clip(np.round((upper + lower) / 2 + t * half - 0.5).astype(int), box.top, box.bottom - 1)
    t = (rows + 0.5 - (upper + lower) / 2) / half
    part = alpha[torch.from_numpy(rows).to(alpha.device), box.left : box.right].double()
    part = part if side < 0 else part.flip(1)
    if not bool((part > 0.5).any(dim=1).all()):
        return None
    first = (part > 0.5).to(torch.uint8).argmax(dim=1)
    before = part.gather(1, (first - 1).clamp(min=0)[:, None])[:, 0] * (first > 0)
    drawn_in = (first + 1 - part.gather(1, first[:, None])[:, 0] - before).cpu().numpy()
    round_ = 1 - np.sqrt(np.clip(1 - t**2, 0.0, None))
    basis = np.stack((np.ones_like(t), t, round_), axis=1)
    found, *_ = np.linalg.lstsq(basis, drawn_in, rcond=None)
    bulge = float(found[2])
    off = float(np.sqrt(np.mean((basis @ found - drawn_in) ** 2)))
    if not _BULGE[0] * half < bulge < _BULGE[1] * half or off > _OFF * bulge + 0.1 * _OFF * half:
        return None
    inner = np.abs(t) < _MIDDLE
    bends = float(np.linalg.lstsq(basis[inner], drawn_in[inner], rcond=None)[0][2])
    return bulge if _BENDS[0] * bulge < bends < _BENDS[1] * bulge else None
