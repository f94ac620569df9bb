"""The dark ground under what is raised between two places that touch: a car between wheels, a sofa between its feet.

The near edge of what lies on the ground with all of it bends only towards the camera, whatever its shape from above: a
rectangle's, an ellipse's. Where the outline's lower edge keeps above the line over its lowest points, the ground that
shows between the two may lie under the product; it does where what ends above it is an even roof on steep supports.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from ..filters import smoothstep
from ..tensors import Box
from .contact import Array, Contact, envelope_of
from .round_foot import LEAST_WIDTH
from .supports import column_runs, is_a_roof, over_lowest

_LEAST, _PIXELS = 0.006, 1.5
"""An underside is higher than this share of the contact's width and so many pixels: less is a ragged edge."""
_HIGHEST = 0.35
"""And lower than this share: what is higher, a table's top, is lit from all sides underneath."""
_BODY, _SOLID = (0.15, 0.35, 0.6), 0.7
"""How far above it, in its heights, there is product, too, in so many of its columns: a rung is thinner than that."""
_EDGE = (-0.2, 0.25)
"""Where the light of a room and of a box above the camera ends under it, in its heights in the picture behind the line
over the lowest points. By a body's edge straight above that line it would be (0, .3); most bodies reach out a little
more than what they stand on."""
_LIT = 0.4
"""Height over the contact's width at which half of the light comes in from behind and from the sides: the made-up
vehicles and sofas that were rendered are darker yet, but few products are as wide as those."""
_DARKEST, _RETURNED = 1.0, 0.25
"""Of the light that is lost there at most, and the share of that which a white product would give back."""


def undersides(alpha: Tensor, contact: Contact, reflects: float) -> Iterator[tuple[slice, slice, Tensor]]:
    """Rows and columns of the canvas, and the share 0..1 of the light that the ground loses there, for each part of
    what `alpha` `[H,W]` shows that is raised between what touches."""
    if len(contact.touches) != 1 or contact.touches[0].foot or contact.touches[0].width < LEAST_WIDTH:
        return  # what is over feet that stand apart is in the solid
    left, right, width = contact.touches[0].left, contact.touches[0].right, contact.touches[0].width
    top = max(contact.box.top, math.floor(contact.lowest - 2 * _HIGHEST * width))
    inside = alpha[top : contact.box.bottom, left:right] > 0.5
    contour = np.nan_to_num(envelope_of(alpha, Box(left, top, right, contact.box.bottom))[0], nan=float(top))
    line, _ = over_lowest(contour)
    high = line - contour
    least = max(_PIXELS, _LEAST * width)
    for first, stop in column_runs(high > 0.25):
        part = high[first:stop]
        if least < part.max() < _HIGHEST * width and is_a_roof(part):
            rows = contour[first:stop]
            if _has_a_body(inside[:, first:stop], rows - top, part):
                rows_there, columns, shade = _under(
                    alpha, (left + first, left + stop), line[first:stop], part, least, width
                )
                yield rows_there, columns, (1 - _RETURNED * reflects) * shade


def _under(
    alpha: Tensor, columns: tuple[int, int], line: Array, high: Array, least: float, width: int
) -> tuple[slice, slice, Tensor]:
    """The shade under one roof: `line` over its supports and how `high` it is above that, per column."""
    start = max(0, math.floor(float((line - high).min())) - 2)
    stop = min(alpha.shape[0], math.ceil(float((line - _EDGE[0] * high).max())) + 1)
    row = torch.arange(start, stop, device=alpha.device, dtype=torch.float32)[:, None] + 0.5
    front, tall = (torch.from_numpy(values).to(row) for values in (line, high))
    behind = (front - row) / tall
    dark = smoothstep((behind - _EDGE[0]) / (_EDGE[1] - _EDGE[0]))
    share = _DARKEST / (1 + (tall / (_LIT * width)) ** 2) * (tall / least).clamp(max=1.0)
    shade = torch.where(row > front - tall - 1, dark * share, 0.0)
    return slice(start, stop), slice(*columns), shade


def _has_a_body(inside: Tensor, rows: Array, high: Array) -> bool:
    """Whether there is product above the lower edge at the `rows` of `inside`, and not only a rung."""
    columns = torch.arange(inside.shape[1], device=inside.device)
    for share in _BODY:
        at = torch.from_numpy((rows - share * high - 1).round().clip(0).astype(np.int64)).to(inside.device)
        if float(inside[at, columns].float().mean()) < _SOLID:
            return False
    return True
