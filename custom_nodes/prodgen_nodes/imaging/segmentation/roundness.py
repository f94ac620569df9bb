"""The outline of a ball goes on round where its own shadow hides it.

Where a ball nears the ground it is as dark as the shadow under it, which is darkest in the narrow place between the
two: no column of the picture shows a line there. But all around, the outline has shown what it is: an ellipse.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..filters import erode
from ..tensors import bounding_box
from .backdrop import Backdrop
from .evidence import Evidence
from .footing import Footing, find_footing
from .window import Window

Numbers = NDArray[np.float64]

_ON = 0.006
"""How far from the ellipse an outline may be and lie on it, as a share of its radius; a pixel and a half at least."""
_SECTORS = 72
"""Parts of the outline, each of five degrees: what holds for one is decided by the most of its points."""
_BELOW = 80.0
"""Degrees from straight down within which the ground may hide the outline."""
_ALL, _SOME = 0.97, 0.3
"""The share of the sectors that lie on the ellipse: above, where nothing hides it, and below, where something does."""
_LOWEST = 0.03
"""How far the lowest point may be off, in radii: what has a flat foot or stands on feet is no ball."""
_MOST = 0.08
"""The share of the ellipse that may be wrong: shadow that was kept, product that was not."""
_TINT, _ALIKE, _MOSTLY = 2.5, 4.0, 0.8
"""The most colour (residue) of a shadow; the difference below which something is the backdrop; and the share of the
pixels in question that have to be what they are taken for."""
_LONG, _CIRCLE = 1.35, 0.05
"""Length over width, at most, and by how much they differ in a circle: it is fitted more surely from one half of it."""
_BAND, _IN, _OUT = 3.0, 0.06, 0.3
"""How far beside a hidden outline the ellipse decides: pixels at least, and radii inwards and outwards."""
_SMALLEST = 24
"""Pixels of a radius below which nothing is told from a few corners."""


@dataclass(frozen=True)
class Ellipse:
    """An upright ellipse: its middle and its half axes, in pixels (edges at integers)."""

    x: float
    y: float
    across: float
    down: float

    @property
    def radius(self) -> float:
        return math.sqrt(self.across * self.down)

    def beyond(self, x: Numbers, y: Numbers) -> Numbers:
        """About how many pixels points lie outside of it (negative: inside)."""
        u, v = (x - self.x) / self.across, (y - self.y) / self.down
        away = np.hypot(u, v)
        # The distance to the outline is the excess over its slope.
        slope = np.hypot(u / self.across, v / self.down) / np.maximum(away, 1e-6)
        out: Numbers = (away - 1) / np.maximum(slope, 1e-9)
        return out

    def sector(self, x: Numbers, y: Numbers) -> NDArray[np.int64]:
        """Which of the `_SECTORS` points lie in, counted from straight down."""
        angle = np.degrees(np.arctan2((x - self.x) / self.across, (y - self.y) / self.down))
        return np.floor((angle % 360) / (360 / _SECTORS)).astype(np.int64)


@dataclass(frozen=True)
class Roundness:
    """The `ellipse` that a product's outline is, the `hidden` `[_SECTORS]` bool where it could not be seen, and the
    size (height, width) of the picture in whose pixels that is."""

    ellipse: Ellipse
    hidden: NDArray[np.bool_]
    whole: tuple[int, int]

    def across(self, window: Window) -> Roundness:
        """The same in the whole picture, of which it was found in a `window`."""
        moved = replace(self.ellipse, x=self.ellipse.x + window.left, y=self.ellipse.y + window.top)
        return replace(self, ellipse=moved, whole=(window.height, window.width))

    def beside(self) -> Tensor:
        """The pixels beside the outline where it is hidden, `[h,w]` bool, in the size in which it was found."""
        return self.coverage(torch.empty(*self.whole, 0))[1]

    def coverage(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """The share of each pixel inside the ellipse `[h,w]`, and the pixels beside its hidden outline, bool, of the
        photo `picture` `[h,w,3]` at any size."""
        height, width = picture.shape[:2]
        down, across = height / self.whole[0], width / self.whole[1]
        here = Ellipse(
            self.ellipse.x * across, self.ellipse.y * down, self.ellipse.across * across, self.ellipse.down * down
        )
        margin = _OUT * here.radius + _BAND
        top, bottom = max(0, math.floor(here.y)), min(height, math.ceil(here.y + here.down + margin))
        left = max(0, math.floor(here.x - here.across - margin))
        right = min(width, math.ceil(here.x + here.across + margin))
        rows, columns = np.ogrid[top : max(top, bottom), left : max(left, right)]
        rows, columns = rows + 0.5, columns + 0.5
        off = here.beyond(columns, rows)
        near = (off > -max(_BAND, _IN * here.radius)) & (off < margin) & self.hidden[here.sector(columns, rows)]
        share, beside = np.zeros((height, width), np.float32), np.zeros((height, width), np.bool_)
        share[top:bottom, left:right], beside[top:bottom, left:right] = np.clip(0.5 - off, 0.0, 1.0), near
        return torch.from_numpy(share).to(picture.device), torch.from_numpy(beside).to(picture.device)

    def drawn(self, likelihood: Tensor) -> Tensor:
        """`likelihood` `[h,w]` in whose size it was found, with what is inside the hidden outline, and no more."""
        inside, beside = self.coverage(likelihood.unsqueeze(-1))
        return torch.where(beside, inside.to(likelihood), likelihood)


def find_roundness(product: Tensor, evidence: Evidence) -> Roundness | None:
    """The ellipse that the outline of `product` `[H,W]` bool is but where the ground hides it; None for anything else,
    and where nothing is hidden."""
    if not bool(product.any()):
        return None
    box = bounding_box(product.float())
    height, width = product.shape
    if min(box.width, box.height) < 2 * _SMALLEST or max(box.width, box.height) > _LONG * min(box.width, box.height):
        return None
    if box.left == 0 or box.top == 0 or box.right == width or box.bottom == height:
        return None
    rim = product & ~erode(product, 1)
    y, x = (axis.double().cpu().numpy() + 0.5 for axis in torch.nonzero(rim, as_tuple=True))
    ellipse = _fitted(x, y, box.top + 0.6 * box.height)
    if ellipse is None or abs(box.bottom - ellipse.y - ellipse.down) > _LOWEST * ellipse.radius + 1.0:
        return None
    on = _sectors_on(ellipse, x, y)
    below = np.abs((np.arange(_SECTORS) + 0.5) * 360 / _SECTORS - 180) > 180 - _BELOW
    if on[~below].mean() < _ALL or on[below].mean() < _SOME or on.all():
        return None
    hidden = below & (~on | np.roll(~on, 1) | np.roll(~on, -1))
    found = Roundness(ellipse, hidden, (height, width))
    return found if _explains(found, product, evidence) else None


def _fitted(x: Numbers, y: Numbers, lowest: float) -> Ellipse | None:
    """The upright ellipse through the outline's points above `lowest`, and below it through those that lie on it."""
    used = y < lowest
    ellipse = None
    for _ in range(4):
        if used.sum() < 5:
            return None
        middle = x[used].mean(), y[used].mean()
        u, v = x[used] - middle[0], y[used] - middle[1]
        size = max(float(np.abs(u).max()), 1.0)
        u, v = u / size, v / size
        # u² = -a v² + b u + c v + d: an upright ellipse by least squares.
        (a, b, c, d), *_ = np.linalg.lstsq(np.stack((-v * v, u, v, np.ones_like(u)), axis=1), u * u, rcond=None)
        if a <= 0:
            return None
        square = d + b * b / 4 + c * c / (4 * a)
        if square <= 0:
            return None
        across = math.sqrt(square)
        # The rim's pixels have their middles half a pixel inside.
        ellipse = Ellipse(
            float(middle[0] + size * b / 2),
            float(middle[1] + size * c / (2 * a)),
            size * across + 0.5,
            size * across / math.sqrt(a) + 0.5,
        )
        used = _is_on(ellipse, x, y)
        if abs(ellipse.across / ellipse.down - 1) < _CIRCLE:
            ellipse = _circle(x[used], y[used]) if used.sum() > 5 else ellipse
            used = _is_on(ellipse, x, y)
    if ellipse is None or max(ellipse.across, ellipse.down) > _LONG * min(ellipse.across, ellipse.down):
        return None
    return ellipse


def _circle(x: Numbers, y: Numbers) -> Ellipse:
    """The circle through points of a rim by least squares."""
    u, v = x - x.mean(), y - y.mean()
    (b, c, d), *_ = np.linalg.lstsq(np.stack((u, v, np.ones_like(u)), axis=1), u * u + v * v, rcond=None)
    radius = math.sqrt(max(float(d + b * b / 4 + c * c / 4), 1.0)) + 0.5
    return Ellipse(float(x.mean() + b / 2), float(y.mean() + c / 2), radius, radius)


def _is_on(ellipse: Ellipse, x: Numbers, y: Numbers) -> NDArray[np.bool_]:
    on: NDArray[np.bool_] = np.abs(ellipse.beyond(x, y) + 0.5) < max(1.5, _ON * ellipse.radius)
    return on


def _sectors_on(ellipse: Ellipse, x: Numbers, y: Numbers) -> NDArray[np.bool_]:
    """In which sectors the outermost outline lies on the ellipse: most of its points do."""
    near = np.abs(ellipse.beyond(x, y)) < 0.3 * ellipse.radius  # openings are none of the outline
    sector, on = ellipse.sector(x[near], y[near]), _is_on(ellipse, x[near], y[near])
    points, lying = (np.bincount(sector, weights, _SECTORS) for weights in (None, on.astype(np.float64)))
    share: NDArray[np.bool_] = lying > 0.9 * np.maximum(points, 1)
    return share


def _explains(found: Roundness, product: Tensor, evidence: Evidence) -> bool:
    """Whether what the ellipse takes from the `product` `[H,W]` is shadow, and what it adds is no backdrop."""
    inside, beside = found.coverage(evidence.smooth)
    inside = inside > 0.5
    lost, added = product & beside & ~inside, inside & beside & ~product
    area = math.pi * found.ellipse.across * found.ellipse.down
    if float((lost | added).sum()) > _MOST * area:
        return False
    shadow = (evidence.residue < _TINT) & (evidence.ratio < 1.0)
    thing = evidence.difference > _ALIKE
    return all(
        not bool(where.any()) or float(right[where].float().mean()) > _MOSTLY
        for where, right in ((lost, shadow), (added, thing))
    )


def find_foot(
    srgb: Tensor, likelihood: Tensor, backdrop: Backdrop, evidence: Evidence
) -> tuple[Footing | Roundness, Tensor]:
    """What is known of the foot of a product of this `likelihood` `[H,W]` in the picture `srgb` `[H,W,3]`: the line on
    which it stands, or the ball that it is; and the likelihood with that."""
    ball = find_roundness(likelihood > 0.5, evidence)
    if ball is not None:
        return ball, ball.drawn(likelihood)
    return find_footing(srgb, likelihood > 0.5, backdrop, evidence), likelihood
