"""Real hands with a finger too many, or two grown together: the four fingers of a picture painted anew.

The fingers span a fan: along each its own length, across them 0 = index … 3 = little finger. Each edit says which part
of the fan is painted where, so creases, nails and light are the hand's own, and each gives the points that a detector
finds which knows of five fingers only.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage
from scipy.interpolate import griddata

Floats = NDArray[np.float64]
Piece = tuple[float, float, float, float]
"""From and to in the new fan, from and to in the old one."""
_CHAINS = ((5, 6, 7, 8), (9, 10, 11, 12), (13, 14, 15, 16), (17, 18, 19, 20))
_ALONG = 26
_LAP = 0.06
"""So far pieces lap over each other, in their own width: no pixel between two is left out."""


def _fan(points: Floats) -> Floats:
    """`[4,26,2]`: every finger's line from a little below its knuckle to a little beyond its tip."""
    size = 0.9 * float(np.ptp(points, axis=0).max())
    lines = []
    for chain in _CHAINS:
        joints = points[list(chain)]
        ahead, behind = joints[3] - joints[2], joints[1] - joints[0]
        tip = joints[3] + ahead / max(float(np.hypot(*ahead)), 1e-6) * 0.11 * size
        root = joints[0] - behind / max(float(np.hypot(*behind)), 1e-6) * 0.04 * size
        line = np.vstack((root, joints, tip))
        far = np.r_[0, np.cumsum(np.hypot(*np.diff(line, axis=0).T))]
        at = np.linspace(0, far[-1], _ALONG)
        lines.append(np.stack([np.interp(at, far, line[:, axis]) for axis in (0, 1)], axis=-1))
    return np.array(lines)


def _spots(fan: Floats, across: Floats) -> Floats:
    low = np.clip(np.floor(across).astype(int), 0, 2)
    share = (across - low)[:, None, None]
    spots: Floats = fan[low] * (1 - share) + fan[low + 1] * share
    return spots


def _stencil(outline: Floats, width: int, height: int) -> Floats:
    """1 within the `outline` `[n,2]`, 0 without, `[H,W]`."""
    stencil = Image.new("L", (width, height))
    ImageDraw.Draw(stencil).polygon([tuple(spot) for spot in outline.tolist()], fill=255)
    inside: Floats = np.asarray(stencil) / 255
    return inside


def _painted(picture: Floats, fan: Floats, pieces: list[Piece], place: Callable[[Floats], Floats]) -> Floats:
    """`picture` `[H,W,3]` with each piece of the fan where `place` says, faded in at the roots and the outer sides."""
    height, width = picture.shape[:2]
    lowest, highest = pieces[0][0], pieces[-1][1]
    total, cover = np.zeros_like(picture), np.zeros((height, width))
    for first, last, source_first, source_last in pieces:
        count = max(4, int((last - first) * 10))
        over_edge = np.linspace(-_LAP, 1 + _LAP, count)
        new = first + (last - first) * over_edge
        old = source_first + (source_last - source_first) * over_edge
        target, source = _spots(fan, place(new)), _spots(fan, old)
        along = np.broadcast_to(np.linspace(0, 1, _ALONG), target.shape[:2])
        over = np.broadcast_to(new[:, None], target.shape[:2])
        low = np.maximum(np.floor(target.reshape(-1, 2).min(axis=0)).astype(int) - 1, 0)
        high = np.minimum(np.ceil(target.reshape(-1, 2).max(axis=0)).astype(int) + 2, (width, height))
        y, x = np.mgrid[low[1] : high[1], low[0] : high[0]]
        values = np.column_stack((source.reshape(-1, 2), along.ravel(), over.ravel()))
        found = griddata(target.reshape(-1, 2), values, (x, y), method="linear")
        inside = np.isfinite(found[..., 0])
        found = np.nan_to_num(found)
        outline = np.concatenate((target[0], target[1:-1, -1], target[-1, ::-1], target[-2:0:-1, 0])) - low
        stencil = _stencil(outline, x.shape[1], x.shape[0])
        fade = np.minimum(np.clip(found[..., 2] / 0.14, 0, 1), np.clip((1 - found[..., 2]) / 0.06, 0, 1))
        side = np.clip((found[..., 3] - lowest) / 0.18, 0, 1) * np.clip((highest - found[..., 3]) / 0.18, 0, 1)
        weight = stencil * inside * np.minimum(fade, side)
        at = (found[..., 1], found[..., 0])
        colors = [ndimage.map_coordinates(picture[..., c], at, order=1, mode="reflect") for c in range(3)]
        window = (slice(low[1], high[1]), slice(low[0], high[0]))
        total[window] += np.stack(colors, axis=-1) * weight[..., None]
        cover[window] += weight
    soft = np.clip(cover, 0, 1)[..., None]
    result: Floats = picture * (1 - soft) + total / np.maximum(cover, 1e-4)[..., None] * soft
    return result.clip(0, 1)


def in_a_row(picture: Floats, points: Floats, order: tuple[int, ...], widened: float = 0.25) -> tuple[Floats, Floats]:
    """The hand with the fingers `order` (0 = index … 3 = little finger, any of them any number of times) side by side,
    and the points of those five of a thumb and four fingers that a detector takes: the first of each kind."""
    fan = _fan(points)
    last = len(order) - 0.5
    pieces: list[Piece] = []
    for number, finger in enumerate(order):
        pieces += [(number - 0.5, number, finger - 0.5, finger), (number, number + 0.5, finger, finger + 0.5)]

    def place(across: Floats) -> Floats:
        return -0.5 - widened + (across + 0.5) / (last + 0.5) * (4 + 2 * widened)

    moved = points.copy()
    for finger, chain in enumerate(_CHAINS):
        at = place(np.array([float(order.index(finger) if finger in order else finger)]))
        low = int(np.clip(np.floor(at[0]), 0, 2))
        share = at[0] - low
        moved[list(chain)] = points[list(_CHAINS[low])] * (1 - share) + points[list(_CHAINS[low + 1])] * share
    return _painted(picture, fan, pieces, place), moved


def grown_together(picture: Floats, points: Floats, first: int, inner: float = 0.15) -> Floats:
    """The hand with fingers `first` and the next one without gap or crease: the flesh of each reaches to the other."""
    reach = 0.62
    pieces: list[Piece] = [
        (-0.5, first, -0.5, first),
        (first, first + reach, first, first + inner * 1.24),
        (first + 1 - reach, first + 1, first + 1 - inner * 1.24, first + 1),
        (first + 1, 3.5, first + 1, 3.5),
    ]
    return _painted(picture, _fan(points), [one for one in pieces if one[1] > one[0]], lambda across: across)


def painted_over(picture: Floats, points: Floats, first: int) -> Floats:
    """The hand with the skin's mean colour painted between fingers `first` and the next, as a soft brush does it."""
    fan = _fan(points)[first : first + 2, 3:22]
    colors = np.array([_color(picture, spot) for spot in fan.reshape(-1, 2)]).reshape(2, -1, 3).mean(axis=0)
    height, width = picture.shape[:2]
    layer = Image.new("RGB", (width, height))
    apart = float(np.hypot(*(fan[0] - fan[1]).T).mean())
    for (left, right), color in zip(fan.transpose(1, 0, 2), colors, strict=True):
        x, y = (left + right) / 2
        box = (x - 0.7 * apart, y - 0.7 * apart, x + 0.7 * apart, y + 0.7 * apart)
        ImageDraw.Draw(layer).ellipse(box, fill=tuple(int(value) for value in (255 * color).round()))
    soft = max(1.0, apart / 12)
    stencil = _stencil(np.concatenate((fan[0], fan[1][::-1])), width, height)
    weight = ndimage.gaussian_filter(stencil, soft)[..., None]
    paint = ndimage.gaussian_filter(np.asarray(layer) / 255, (soft, soft, 0))
    result: Floats = picture * (1 - weight) + paint * weight
    return result.clip(0, 1)


def filled_in(picture: Floats, points: Floats, first: int) -> Floats:
    """The hand with what lies between fingers `first` and the next, and their inner edges, filled in from the rest."""
    fan = _fan(points)[first : first + 2, 2:21]
    apart = float(np.hypot(*(fan[0] - fan[1]).T).mean())
    share = min(0.3, 0.03 * float(np.ptp(points, axis=0).max()) / apart)  # a finger is a tenth of a hand wide
    left, right = (fan[0] * (1 - part) + fan[1] * part for part in (share, 1 - share))
    height, width = picture.shape[:2]
    hole = _stencil(np.concatenate((left, right[::-1])), width, height) > 0
    rows, columns = (slice(max(0, at.min() - 8), at.max() + 9) for at in np.nonzero(hole))
    part, inner = picture[rows, columns].copy(), hole[rows, columns]
    for _ in range(600):  # what is missing becomes the mean of what is beside it
        mean = sum(np.roll(part, step, axis) for step in (1, -1) for axis in (0, 1)) / 4
        part[inner] = mean[inner]
    result = picture.copy()
    result[rows, columns] = part
    return result


def _color(picture: Floats, spot: Floats) -> Floats:
    x, y = (int(min(max(value, 0), size - 1)) for value, size in zip(spot, picture.shape[1::-1], strict=True))
    color: Floats = picture[y, x]
    return color
