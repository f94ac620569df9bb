"""Bowls and plates: the rim is the widest of them and a circle, which the picture shows as an ellipse.

Their sides lean out so far that the outline's lower edge looks like ground that recedes, and of the foot little is to
be seen, or nothing. The rim's upper half tells where the axis is, and from how far above the camera looks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from ..tensors import Box
from .contact import Array, Contact
from .round_foot import LEAST_WIDTH, STEEPEST, RoundFoot

_ROWS = 512
"""Rows of a dish that are looked at."""
_NOISE, _OFF = 0.3, 0.003
"""How far (root mean square) the rim may be off its ellipse: so much of a pixel, and so much of its radius more.
Rendered ones are off by .05 to .2 pixels."""
_RIM, _LIFT = 0.03, 0.4
"""A dish that shows its rim and no more than so much of a side, in radii: its foot is out of sight under that, narrower
by this share of the radius and lower by as much as then still hides it."""
_OPEN, _EVEN, _UNEVEN = 0.15, 0.01, 0.08
"""Of a dish's outline: how much of its width may be open in a row, how far a row's middle may be off the axis, as
shares of its width, and in which share of the rows more than that."""
_ARC, _LEAST_ROWS, _WIDEST, _LEVEL = 0.97, 4, 0.97, 0.05
"""Its rim's upper half, an ellipse: up to which share of its radius the rows are looked at, and how many there must be;
how wide the outline is at its middle, at least, over its widest; and the ellipse's height over its width, at least."""
_EGG, _BARE = 0.5, 0.89
"""An ellipse that is higher than the former and has nothing beside its lower half, which at half its height is .87 of
its radius wide, is an egg or a ball."""
_FOOT = 0.12
"""Share of the outline below the rim's middle that its foot's circle is measured on."""


@dataclass(frozen=True)
class Rim:
    """The circle that a dish ends in above, as the picture shows it; half its outline's widths from its lowest row up,
    one every `step` pixels; and that row."""

    circle: RoundFoot
    widths: Array
    step: int
    bottom: int

    @property
    def reach(self) -> float:
        """Rows that its ellipse reaches up and down."""
        return self.circle.foreshortening * self.circle.radius

    @property
    def below(self) -> float:
        """Rows of the outline below the rim's middle."""
        return self.bottom - self.circle.row

    def foot(self) -> RoundFoot:
        """The circle that the dish stands on."""
        circle, slant = self.circle, self.circle.foreshortening
        if self.below < self.reach + _RIM * circle.radius:
            lower, narrower = circle.row + _LIFT * self.reach, (1 - _LIFT) * circle.radius
            return RoundFoot(circle.column, lower, narrower, slant, under_a_rim=True)
        # Of a circle whose ellipse ends there, so many rows higher up half the outline is so wide.
        index = np.arange(1, max(3, round(_FOOT * self.below / self.step)))
        up = (index + 0.5) * self.step
        radii = (self.widths[index] ** 2 * slant / up + up / slant) / 2
        radius = min(float(np.median(radii)), circle.radius)
        return RoundFoot(circle.column, self.bottom - slant * radius, radius, slant, under_a_rim=True)


def find_rim(alpha: Tensor, contact: Contact) -> Rim | None:
    """Of what is widest where it ends above: a bowl, a plate. None for everything else.

    `alpha` `[H,W]` is the mask of what stands as `contact` says.
    """
    box = contact.box
    if len(contact.touches) != 1 or min(box.width, box.height) < LEAST_WIDTH:
        return None
    step = max(1, box.height // _ROWS)
    outline = _even_outline(alpha, box, step)
    if outline is None:
        return None
    widths, axis = outline
    radius = float(widths.max())
    rows = np.arange(widths.size) * step + 0.5
    upper = (rows < rows[widths.argmax()]) & (widths < _ARC * radius)
    if upper.sum() < _LEAST_ROWS:
        return None
    up = np.sqrt(radius**2 - widths[upper] ** 2)
    (row, high), *_ = np.linalg.lstsq(np.stack((np.ones_like(up), -up), axis=1), rows[upper], rcond=None)
    off = float(np.sqrt(np.mean((rows[upper] - (row - high * up)) ** 2)))
    middle, halfway = np.interp((row, row + high * radius / 2), rows, widths) / radius
    is_an_egg = high > _EGG and halfway < _BARE
    if off > _NOISE + _OFF * radius or middle < _WIDEST or not _LEVEL < high < STEEPEST or is_an_egg:
        return None
    circle = RoundFoot(box.left + axis, box.top + float(row), radius, float(high))
    return Rim(circle, widths[::-1], step, box.bottom)


def _even_outline(alpha: Tensor, box: Box, step: int) -> tuple[Array, float] | None:
    """Half the widths of every `step`-th row of what is in the `box`, and the column of its axis from there; None where
    it is open in a row or not alike on both sides."""
    part = alpha[box.top : box.bottom : step, box.left : box.right]
    inside = (part > 0.5).byte()
    first = inside.argmax(dim=1).double().cpu().numpy()
    last = box.width - inside.flip(1).argmax(dim=1).double().cpu().numpy()
    covered = part.sum(dim=1).double().cpu().numpy()
    middles = (first + last) / 2
    axis = float(np.median(middles))
    is_open = (last - first - covered > _OPEN * box.width).any()
    if is_open or np.mean(np.abs(middles - axis) > _EVEN * box.width) > _UNEVEN:
        return None
    return covered / 2, axis
