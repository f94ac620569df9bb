"""The shadow of a ball: it touches the ground in a point, and keeps the light from a round place around that.

An outline alone does not tell a ball from a plate seen from above. Light does: a ball gets darker towards the ground,
and does so gradually.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import pairwise, product

import numpy as np
import torch
from torch import Tensor

from ..colorspace import srgb_to_linear
from .contact import Array, Contact
from .dish import find_rim
from .light import BOX_HALF, BOX_HEIGHT, room_share
from .occlusion import GroundMap, on_picture
from .solid import Level, Solid

_ROUND, _LONG = 1.2, 0.8
"""The radius of the outline at the contact over half the product's width, at most: a jar's elliptic foot, seen from a
little above, has 3.6, seen from far above 1.4; and the length of the arc over that radius, at least."""
_OFF = 0.02
"""How far an outline may be off that circle, as a share of its radius."""
_FILLED = 0.9
"""The outline is that circle all around: what both cover, over what either does. A vase whose belly is round has .6."""
_BELOW, _MIDDLE = (0.05, 0.2), (0.7, 0.9)
"""Heights above the lowest point, in radii, between which a ball is in its own shade, and those that it is compared
with."""
_DARKER = 0.8
"""How light the former is, over the latter, at most; drawn balls, lit from above, have .15 to .6, an evenly lit plate
has 1."""
_AT_ONCE = 0.6
"""Of the difference between the two, the most that may lie between two of eight heights: more is a rim or a print."""
_ACROSS = 0.15
"""Half the width, in radii, over which the light is averaged."""
_POINT = 0.35
"""Half the width, in radii, of what counts as the contact: there the dark line is."""
_CREVICE, _SIZE, _POWER = 0.9, 0.33, 1.8
"""The dark place at the contact: its depth, its radius in radii of the ball, and how steeply it ends (`contact_shade`).
"""
_REACH = 4
"""Radii around the contact beyond which nothing is seen: 1 % of the room's light."""
_FINE = 24
"""Cells of the ground to a radius."""
_PLACES, _SOFT = 7, 0.15
"""Places of the soft box a side that light comes from, and the radii over which each one's shadow ends."""
_BACK = 1.2
"""How much of the light that falls on it a ball gives back to the ground under it, over how much it reflects: of five
rendered ones (brown, black, cream, from 5° to 20° above) 1 to 1.4 came nearest."""
_LEAST = 0.25
"""Half the depth, in cells, of what is thinner than a cell."""


@dataclass(frozen=True)
class Ball:
    """A ball in the picture: the column of its middle, the row of its lowest point, its radius, in pixels."""

    column: float
    lowest: float
    radius: float

    def contact(self, of: Contact) -> Contact:
        """The contact `of` its outline, where only the part around the lowest point touches."""
        (touch,) = of.touches
        first, last = (round(self.column + side * _POINT * self.radius) - touch.left for side in (-1, 1))
        first, last = max(0, first), min(touch.width, max(first + 1, last))
        part = replace(
            touch, left=touch.left + first, right=touch.left + last, contour=touch.contour[first:last], rounding=0.0
        )
        return replace(of, touches=(part,))


def find_ball(image: Tensor, alpha: Tensor, contact: Contact) -> Ball | None:
    """The ball that stands in `image` `[H,W,C]` sRGB with the mask `alpha` `[H,W]`; None where it is none."""
    if len(contact.touches) != 1 or contact.touches[0].foot or contact.touches[0].width < 16:
        return None
    touch = contact.touches[0]
    x, y = np.arange(touch.left, touch.right) + 0.5, touch.contour
    # A circle by least squares: x² + y² is linear in its middle and in what its radius makes of it.
    middle_x, middle_y = float(x.mean()), float(y.mean())
    u, v = x - middle_x, y - middle_y
    solution, *_ = np.linalg.lstsq(np.stack((2 * u, 2 * v, np.ones_like(u)), axis=1), u * u + v * v, rcond=None)
    column, row = middle_x + float(solution[0]), middle_y + float(solution[1])
    radius = math.sqrt(max(0.0, float(solution[2] + solution[0] ** 2 + solution[1] ** 2)))
    if not 0 < radius <= _ROUND * contact.box.width / 2 or touch.width < _LONG * radius or row > y.min():
        return None
    off = np.abs(np.hypot(x - column, y - row) - radius)
    ball = Ball(column, row + radius, radius)
    if off.max() > _OFF * radius + 1.0 or not touch.left <= column <= touch.right:
        return None
    if not (_is_a_disc(alpha, contact, ball) and _turns_from_the_light(image, alpha, ball)):
        return None
    # A basin from above may fill as much of a disc, and be as shaded; it is no disc above.
    return ball if find_rim(alpha, contact) is None else None


def _is_a_disc(alpha: Tensor, contact: Contact, ball: Ball) -> bool:
    """Whether the whole outline is the `ball`'s."""
    box = contact.box
    step = max(1, max(box.width, box.height) // 128)
    inside = alpha[box.top : box.bottom : step, box.left : box.right : step] > 0.5
    y, x = (torch.arange(low, high, step, device=alpha.device) + 0.5 for low, high in
            ((box.top, box.bottom), (box.left, box.right)))  # fmt: skip
    disc = torch.hypot((y - (ball.lowest - ball.radius))[:, None], x - ball.column) < ball.radius
    return bool((inside & disc).sum() >= _FILLED * (inside | disc).sum())


def _turns_from_the_light(image: Tensor, alpha: Tensor, ball: Ball) -> bool:
    """Whether what is seen of the `ball` gets darker towards its lowest point, gradually."""
    aside = max(1.0, _ACROSS * ball.radius)
    columns = slice(max(0, round(ball.column - aside)), round(ball.column + aside) + 1)
    heights = np.linspace(_BELOW[0], _MIDDLE[1], 9) * ball.radius
    light = []
    for low, high in pairwise(heights.tolist()):
        rows = slice(max(0, round(ball.lowest - high)), max(1, round(ball.lowest - low)))
        solid = alpha[rows, columns] > 0.9
        if not bool(solid.any()):
            return False
        light.append(float(srgb_to_linear(image[rows, columns, :3][solid]).mean()))
    foot, body = float(np.mean(light[:2])), float(np.mean(light[-2:]))
    steps = np.abs(np.diff(light))
    return foot < _DARKER * body and float(steps.max()) < _AT_ONCE * (max(light) - min(light))


def ball_solid(ball: Ball, cells: int, foreshortening: float) -> Solid:
    """The `ball` itself, about `cells` wide, where a camera of that `foreshortening` sees it stand."""
    pixels = max(1.0, 2 * ball.radius / cells)
    radius = ball.radius / pixels
    columns = 2 * math.ceil(radius + 1)
    aside = np.abs(np.arange(columns) + 0.5 - columns / 2)
    levels = []
    for step in range(math.ceil(2 * radius)):
        around = math.sqrt(max(0.0, radius**2 - (step + 0.5 - radius) ** 2))
        cover = np.clip(around - aside + 0.5, 0.0, 1.0)
        depth = np.where(cover > 0, np.maximum(np.sqrt(np.clip(around**2 - aside**2, 0.0, None)), _LEAST), 0.0)
        levels.append(Level(step + 0.5, -depth, depth, cover))
    left = ball.column - columns / 2 * pixels
    return Solid(tuple(levels), columns, pixels, left, _base(ball, foreshortening), 2 * radius)


def ball_shade(
    ball: Ball, size: tuple[int, int], softness: float, reflects: float, foreshortening: float, device: torch.device
) -> tuple[slice, slice, Tensor]:
    """Rows and columns of the canvas of `size` (height, width), and the share of the light that the ground loses there.

    `reflects` 0..1: how much of the light that falls on it the ball gives back.
    """
    lost = _lost(softness) - _returned(softness, reflects)
    ground = GroundMap(lost.astype(np.float32), 0, -_REACH * _FINE)
    pixels = ball.radius / _FINE
    around = 2 * _REACH * _FINE
    grid = Solid((), around, pixels, ball.column - around / 2 * pixels, _base(ball, foreshortening), 2.0 * _FINE)
    return on_picture(ground, grid, foreshortening, size, device)


def _away() -> tuple[Array, Array]:
    """How far cells of the ground are from the contact, to the right and away from the camera, in radii."""
    cells = (np.arange(2 * _REACH * _FINE) + 0.5) / _FINE - _REACH
    return cells[None, :], cells[:, None]


def _of_the_room() -> Array:
    """Share of an even sky's light that a ball of radius 1 keeps from the ground that it touches.

    From a point at a distance d it fills a cone of half the angle asin((1 + d²)^-1/2), and that is how high its middle
    stands: the form factor of a cone (sin² of the former, sin of the latter) makes it (1 + d²) to the power of -3/2.
    """
    right, away = _away()
    out: Array = (1 + right**2 + away**2) ** -1.5
    return out


@cache
def _of_the_box() -> Array:
    """Share of the soft box's light, from so many places of it."""
    right, away = _away()
    places = (np.arange(_PLACES) + 0.5) / _PLACES * 2 - 1
    lift, half = math.radians(BOX_HEIGHT), math.tan(math.radians(BOX_HALF))
    total, hidden = 0.0, np.zeros((away.size, right.size))
    for up, aside in product(places * half, places * half):
        distance = math.sqrt(1 + up**2 + aside**2)
        x, y = aside / distance, (up * math.sin(lift) - math.cos(lift)) / distance
        z = (math.sin(lift) + up * math.cos(lift)) / distance
        # A part of a flat box is seen smaller by its slant, and farther off.
        weight = z / distance**4
        along = z - right * x - away * y
        beside = np.sqrt(np.maximum(right**2 + away**2 + 1 - along**2, 0.0))
        hidden += weight * np.clip((1 - beside) / _SOFT + 0.5, 0.0, 1.0) * (along > 0)
        total += weight
    return hidden / total


@lru_cache(maxsize=4)
def _lost(softness: float) -> Array:
    """Of all light, the ball's own left out; it ends before the map does."""
    right, away = _away()
    room = room_share(softness)
    far = np.hypot(right, away)
    dark = _CREVICE * np.exp(-((far / (_SIZE * (0.7 + 0.6 * softness))) ** _POWER))
    light = (1 - room * _of_the_room() - (1 - room) * _of_the_box()) * (1 - dark)
    out: Array = (1 - light) * np.clip(_REACH - far, 0.0, 1.0)
    return out


def _returned(softness: float, reflects: float) -> Array:
    """What the ball gives back of the light around it, up to what is lost."""
    lost, room = _lost(softness), _of_the_room()
    out: Array = np.minimum(lost, _BACK * reflects * room_share(softness) * room * (1 - lost))
    return out


def _base(ball: Ball, foreshortening: float) -> float:
    """The row where it touches the ground: from above, the lowest point that is seen lies before that."""
    return ball.lowest - ball.radius * (1 - math.sqrt(1 - foreshortening**2))
