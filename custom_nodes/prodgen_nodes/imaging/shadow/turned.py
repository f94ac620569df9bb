"""The solid of what was turned on a lathe or a wheel: a bottle, a jar, a cup, a lamp.

Such a thing stands on a circle, and a circle on the ground is an ellipse in the picture: the contact line then fits one
to a fraction of a pixel, as no other foot's does. The ellipse tells where the axis is, how large the foot, and from how
far above the camera looks; the silhouette gives the radius at every height. Nothing has to be guessed but what sticks
out on one side, an ear or a spout, which is taken to be as deep as it is thick.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy import ndimage
from scipy.optimize import least_squares
from torch import Tensor

from .contact import Array, Contact
from .dish import find_rim
from .round_foot import LEAST_WIDTH, STEEPEST, RoundFoot
from .solid import SEEN, Level, Solid, reduced
from .supports import column_runs

_LEAST_SAG = 2.0
"""Pixels of a contact's bend, below which an ellipse cannot be told from a line."""
_POINTS = 128
"""Columns of the contact that the ellipse is fitted to."""
_ENDS = 0.02
"""Share of the contact at each end that is no ground line: there the outline rounds its corner."""
_OFF = 0.003
"""How far (root mean square) a contact may be off the ellipse, as a share of its width: turned things that were
rendered are off by .0001 to .001, boxes, bags, shoes and sofas by .01 to .04."""
_WIDER = 1.4
"""The ellipse's width over the contact's, at most: what shows less of it may be anything."""
_FLATTEST = 0.15
"""The ellipse's height over its width, for a camera 9° above the ground: less is a line with rounded corners."""
_TOP, _ASIDE, _TOP_SAG, _CORNER = 0.04, (0.0, 0.4, 0.8), 0.06, 0.4
"""How far down the top is looked at, as a share of the height; how far aside, in its own half widths; how much lower it
is at the outermost of these, in depths of the foot's circle, at least: a flat round top is lower by .4 of its own
depths, which are less, as the camera looks at it from less far above, a sign's is not lower; and the share of that that
is reached halfway, at most: on a circle a fifth, at a box's corner the half."""
_LOW = 1.0
"""What is lower than so many radii below its rim shows too little of its foot to measure that alone."""
_UNLIKE = -0.05, 0.2
"""How much more a camera looks down at the foot than at the rim, as foreshortenings: what says anything else is not the
circle of a foot."""
_BESIDE = 0.3
"""Share of the silhouette that may stick out on one side: a mug's ear is a seventh."""
_THIN = 0.5
"""Half the depth, in cells, of the thinnest that sticks out."""


def find_round_foot(alpha: Tensor, contact: Contact) -> RoundFoot | None:
    """The circle that the product of the mask `alpha` `[H,W]` stands on; None where it was not turned."""
    rim, foot = find_rim(alpha, contact), _ellipse(contact)
    if rim is not None and (
        foot is None
        or rim.below < _LOW * rim.circle.radius
        or not _UNLIKE[0] < foot.foreshortening - rim.circle.foreshortening < _UNLIKE[1]
    ):
        return rim.foot()
    return foot if foot is not None and _goes_on_round(alpha, contact, foot) else None


def _goes_on_round(alpha: Tensor, contact: Contact, foot: RoundFoot) -> bool:
    """Whether the rest may have been turned, too: it is even to both sides of the axis, and its top is no straight
    line, as a screen's on a round foot is."""
    box = contact.box
    step = max(1, max(box.width, box.height) // 256)
    part = (alpha[box.top : box.bottom : step, box.left : box.right : step] > 0.5).cpu().numpy()
    axis = (foot.column - box.left) / step
    x = np.arange(part.shape[1]) + 0.5 - axis
    radii = np.array([_radius(row.astype(float), axis) for row in part])
    if (part & (np.abs(x) >= radii[:, None])).sum() > _BESIDE * part.sum():
        return False
    top = step * radii[math.ceil(_TOP * part.shape[0])]
    if top < foot.radius:
        return True
    places = np.multiply.outer((-1, 1), _ASIDE) * top + foot.column
    columns = alpha[: box.bottom, torch.from_numpy(places.astype(int).clip(0, alpha.shape[1] - 1)).to(alpha.device)]
    first = (columns > 0.5).to(torch.uint8).argmax(dim=0)
    covered = columns.gather(0, (first - 1).clamp(min=0)[None])[0]
    rows: list[float] = (first - covered).mean(dim=0).tolist()
    middle, halfway, aside = rows
    lower = aside - middle
    return lower >= _TOP_SAG * foot.foreshortening * top and halfway - middle <= _CORNER * lower


def _ellipse(contact: Contact) -> RoundFoot | None:
    if contact.kind not in ("line", "lying") or len(contact.touches) != 1:
        return None
    touch = contact.touches[0]
    sag = touch.lowest - touch.highest
    if touch.foot or touch.width < LEAST_WIDTH or sag < _LEAST_SAG:
        return None
    ends = math.ceil(_ENDS * touch.width)
    columns = np.linspace(ends, touch.width - 1 - ends, min(_POINTS, touch.width - 2 * ends))
    rows = np.interp(columns, np.arange(touch.width), touch.contour)
    half = touch.width / 2
    x, y = (columns + 0.5 - half) / half, (rows - touch.lowest) / half

    def off(ellipse: Array) -> Array:
        middle, wide, high, row = ellipse
        out: Array = row + high * np.sqrt(np.clip(1 - ((x - middle) / wide) ** 2, 0.0, None)) - y
        return out

    start = np.array((0.0, 1.05, 1.3 * sag / half, -1.3 * sag / half))
    bounds = np.array(((-0.5, 0.5), (1.0, _WIDER), (_FLATTEST, _WIDER), (-2.0, 0.0)))
    found = least_squares(off, np.clip(start, *bounds.T), bounds=tuple(bounds.T), loss="soft_l1", f_scale=1 / half)
    middle, wide, high, row = found.x.tolist()
    # The contour's own noise is part of a pixel.
    if np.sqrt(np.mean(off(found.x) ** 2)) > 2 * _OFF + 0.2 / half or wide > 0.99 * _WIDER:
        return None
    if not _FLATTEST < high / wide < STEEPEST:
        return None
    return RoundFoot(touch.left + half + middle * half, touch.lowest + row * half, wide * half, high / wide)


def turned_solid(alpha: Tensor, contact: Contact, foot: RoundFoot, cells: int) -> Solid:
    """The solid of one mask `[H,W]` that stands on `foot`; its box is about `cells` wide or tall."""
    box = contact.box
    pixels = max(1.0, max(box.width, box.height) / cells)
    upright = math.sqrt(1 - foot.foreshortening**2)
    half = max(foot.column - box.left, box.right - foot.column) / pixels + 1
    columns = 2 * math.ceil(half)
    left = foot.column - columns / 2 * pixels
    heights = max(1, math.ceil((foot.row - box.top) / (upright * pixels)))
    top = foot.row - heights * upright * pixels
    # The foot's circle reaches down in the picture from the row of its middle.
    under = math.ceil(foot.foreshortening * foot.radius / (upright * pixels)) + 1
    rows = reduced(alpha, left, top, columns, heights + under, pixels, upright * pixels)
    silhouette = np.flipud(rows.cpu().double().numpy())
    x = np.arange(columns) + 0.5 - columns / 2
    seen = np.array([_radius(row, columns / 2) for row in silhouette])
    radii = _circles(seen, foot.foreshortening / upright)[under:]
    silhouette, seen = silhouette[under:], seen[under:]
    inside = silhouette > SEEN
    beside = ndimage.distance_transform_edt(np.pad(inside & (np.abs(x) >= seen[:, None]), 1))[1:-1, 1:-1]
    body = np.sqrt(np.clip(radii[:, None] ** 2 - x**2, 0.0, None))
    depth = np.where(beside > 0, np.maximum(beside, _THIN), np.where(inside, body, 0.0))
    levels = [
        Level(step + 0.5, -own, own, np.minimum(row, 1.0))
        for step, (own, row) in enumerate(zip(depth, silhouette, strict=True))
        if own.max() > 0 or step == 0
    ]
    return Solid(tuple(levels), columns, pixels, left, foot.row, box.height / pixels / upright)


def _circles(seen: Array, slant: float) -> Array:
    """Radius at every height, from half the silhouette's widths `seen` `[n]`, from below, in cells.

    A circle of radius r is an ellipse in the picture, `slant`·r heights up and down from its middle's, and all of it is
    within the silhouette: no width that is d heights off may be less than the root of r² - (d/slant)². What only the
    silhouette's upper end limits is a cone by that, and taken for a flat top that is seen from above.
    """
    apart = np.subtract.outer(np.arange(seen.size), np.arange(seen.size)) / slant
    most = seen**2 + apart**2
    by = most.argmin(axis=1)
    radii = np.sqrt(most.min(axis=1))
    there = np.flatnonzero(seen > 0)
    above = np.flatnonzero(by > (there[-1] if there.size else 0))
    # The lowest of these is the flat top itself.
    radii[above[1:]] = 0.0
    out: Array = np.where(seen > 0, radii, 0.0)
    return out


def _radius(row: Array, axis: float) -> float:
    """Of the body at one height, whose silhouette is `row`: how far it reaches on the side where it reaches less."""
    for left, right in column_runs(row > SEEN):
        first = left + 1 - min(float(row[left]), 1.0)
        last = right - 1 + min(float(row[right - 1]), 1.0)
        if first < axis < last:
            return min(axis - first, last - axis)
    return 0.0
