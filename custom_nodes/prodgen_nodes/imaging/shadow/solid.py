"""A product's rough solid, guessed from its silhouette and its contact: what stands in the light's way.

A silhouette has no depth. The product gets that of its footprint: the contact line closed by its own point reflection,
which is exact for anything whose foot is a rectangle (seen over a corner, or at an angle) or an ellipse, and at least a
share of its width where it is seen from the front. Every level of the silhouette is given the footprint's shape, scaled
to its own width, so that a neck, a handle or a leg is as deep as it is wide. Legs stand each on its own foot.

Ground coordinates: `x` to the right and `y` away from the camera, `z` up, in cells; a cell is `pixels` of the canvas.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from .contact import Array, Contact, Touch
from .supports import column_runs

_UPRIGHT = 0.96
"""Height to rows of the picture, for the same camera."""
SEEN = 0.15
"""Cover from which a cell of the silhouette is there."""
_THIN = 0.12
"""A handle is thinner than this share of the product's larger side."""
_DEPTH = 0.4
"""A product seen straight from the front is taken to be this share of its width deep, and no deeper than tall."""


@dataclass(frozen=True)
class Level:
    """One horizontal slice through the solid at height `z`: per column where it begins and ends away from the camera
    (equal where there is nothing), and the share of the column it covers."""

    z: float
    front: Array
    back: Array
    cover: Array


@dataclass(frozen=True)
class Solid:
    """Slices of a product on a ground grid of `columns` cells, `pixels` wide each.

    `left` is the canvas column of the grid's left edge, `base` the canvas row of the ground at `y` 0.
    """

    levels: tuple[Level, ...]
    columns: int
    pixels: float
    left: float
    base: float
    tall: float

    def occupied(self, most: int | None = None) -> tuple[Array, npt.NDArray[np.float32], int]:
        """Heights `[n]`, occupancy `[n, deep, columns]` (0..1) at them, and the `y` of its first row.

        `most`: with so many heights at most, closer together near the ground, where shadows have their detail.
        """
        heights = np.unique([level.z for level in self.levels])
        if most is not None and heights.size > most:
            heights = heights[np.unique(np.round((heights.size - 1) * np.linspace(0, 1, most) ** 1.6).astype(int))]
        near = int(np.floor(min(level.front.min() for level in self.levels)))
        far = int(np.ceil(max(level.back.max() for level in self.levels)))
        filled = np.zeros((heights.size, max(1, far - near), self.columns), np.float32)
        y = np.arange(near, near + filled.shape[1], dtype=np.float64)[:, None]
        for level in self.levels:
            index = int(np.searchsorted(heights, level.z))
            if index < heights.size and heights[index] == level.z:
                inside = np.minimum(y + 1, level.back) - np.maximum(y, level.front)
                np.maximum(filled[index], np.clip(inside, 0.0, 1.0) * level.cover, out=filled[index])
        return heights, filled, near


@dataclass(frozen=True)
class _Foot:
    """The footprint in cells: columns `left..right`, and there the front's and the back's distance."""

    left: float
    right: float
    at: Array
    front: Array
    back: Array

    @property
    def middle(self) -> Array:
        return (self.front + self.back) / 2

    def depth(self) -> float:
        return float((self.back - self.front).max())


def _hull(points: list[tuple[float, float]], sign: float) -> list[tuple[float, float]]:
    """The lower (`sign` 1) or upper (-1) convex hull of points sorted by x."""
    hull: list[tuple[float, float]] = []
    for x, y in points:
        while len(hull) > 1:
            (ax, ay), (bx, by) = hull[-2], hull[-1]
            if sign * ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) > 0:
                break
            hull.pop()
        hull.append((x, y))
    return hull


def _footprint(contact: Contact, left: float, pixels: float, foreshortening: float, wide: float) -> _Foot:
    """`wide`: the product without its handles, in cells."""

    def column(x: float) -> float:
        return (x - left) / pixels

    def depth(row: Array) -> Array:
        out: Array = (contact.lowest - row) / foreshortening / pixels
        return out

    if len(contact.touches) == 1:
        touch = contact.touches[0]
        at = np.linspace(touch.left + 0.5, touch.right - 0.5, min(64, touch.width))
        front = depth(touch.level(at, blur=0.01 * touch.width))
        # An outline's last pixels round its corners: they are no ground line.
        back = front[0] + front[-1] - front[::-1]
        at = (at - left) / pixels
    else:
        # Each foot reaches from its front to its back, and all of them together are what the product stands on.
        nearest: list[tuple[float, float]] = []
        farthest: list[tuple[float, float]] = []
        for touch in contact.touches:
            near = float(depth(np.array(touch.lowest)))
            deep = min(touch.width, 0.2 * contact.box.width) / pixels
            for x in (column(touch.left), column(touch.right)):
                nearest.append((x, near))
                farthest.append((x, near + deep))
        lower, upper = np.array(_hull(sorted(nearest), 1.0)), np.array(_hull(sorted(farthest), -1.0))
        at = np.linspace(lower[0, 0], lower[-1, 0], 64)
        front, back = np.interp(at, lower[:, 0], lower[:, 1]), np.interp(at, upper[:, 0], upper[:, 1])
    tall = contact.box.height / pixels
    lack = min(_DEPTH * wide, tall, (at[-1] - at[0] + 1)) - float((back - front).max())
    return _Foot(float(at[0]), float(at[-1]), at, front, np.maximum(back + max(0.0, lack), front))


def _straightened(small: Tensor, foot: _Foot, base: float, pixels: float, foreshortening: float, shape: tuple[int, int],
                  left: float) -> Array:  # fmt: skip
    """The silhouette `[heights, columns]` with its foot's middle on row 0, row n standing n cells above the ground."""
    heights, columns = shape
    x = np.arange(columns) + 0.5
    middle = np.interp(x, foot.at, foot.middle)
    rows = base / pixels - foreshortening * middle[None, :] - _UPRIGHT * (np.arange(heights) + 0.5)[:, None]
    x = x[None, :] + left / pixels
    grid = np.stack(np.broadcast_arrays(2 * x / small.shape[1] - 1, 2 * rows / small.shape[0] - 1), axis=-1)
    sampled = F.grid_sample(
        small[None, None].cpu(), torch.from_numpy(grid.astype(np.float32))[None], align_corners=False
    )
    out: Array = sampled[0, 0].double().numpy()
    return out


def _handles(silhouette: Array) -> Array:
    """Half the thickness of what is thin around an opening, per cell of `silhouette`; infinite everywhere else.

    A handle is joined to its product in some rows, and is not as deep as that there: a mug's would shade the ground
    like a box.
    """
    out = np.full(silhouette.shape, np.inf)
    inside = silhouette > SEEN
    openings = ndimage.binary_fill_holes(inside) & ~inside
    if not openings.any():
        return out
    radius = max(1.0, _THIN / 2 * max(silhouette.shape))
    far = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
    thin = inside & (ndimage.distance_transform_edt(far <= radius) > radius)
    pieces, _ = ndimage.label(thin)
    beside = ndimage.binary_dilation(openings, iterations=2)
    handle = np.isin(pieces, np.setdiff1d(np.unique(pieces[beside]), [0]))
    half = ndimage.maximum_filter(np.where(handle, far, 0.0), size=2 * int(np.ceil(radius)) + 1)
    out[handle] = half[handle]
    return out


def _body_width(silhouette: Array) -> float:
    """Cells that the product is wide without its handles."""
    solid = (silhouette > SEEN) & np.isinf(_handles(silhouette))
    columns = np.flatnonzero(solid.any(axis=0))
    return float(columns[-1] - columns[0] + 1) if columns.size else float(silhouette.shape[1])


def _level(z: float, row: Array, foot: _Foot, columns: int, most: Array) -> Level:
    """The footprint's shape in every run of one row of the silhouette, per column no deeper than twice `most`."""
    front, back = np.zeros(columns), np.zeros(columns)
    x = np.arange(columns) + 0.5
    middle = np.interp(x, foot.at, foot.middle)
    base = max(foot.right - foot.left, 1e-3)
    half = (foot.back - foot.front) / 2
    for left, right in column_runs(row > SEEN):
        wide = max(float(row[left:right].sum()), 0.3)
        share = (x[left:right] - left) / (right - left)
        own = np.interp(share * base + foot.left, foot.at, half) * min(1.0, wide / base)
        own = np.minimum(np.maximum(own, 0.5 * min(wide, 1.0)), most[left:right])
        front[left:right], back[left:right] = middle[left:right] - own, middle[left:right] + own
    return Level(z, front, back, np.minimum(row, 1.0))


def _leg(
    silhouette: Array, touch: Touch, contact: Contact, left: float, pixels: float, foreshortening: float, top: float
) -> tuple[list[Level], list[tuple[int, int, int]]]:
    """The levels of the leg over one foot, and what of `silhouette` `[rows, columns]` it takes: (row, left, right)."""
    rows, columns = silhouette.shape
    near = (contact.lowest - touch.lowest) / foreshortening / pixels
    wide = max(1.0, touch.width / pixels)
    most = max(2.5 * wide, 0.1 * contact.box.width / pixels)
    run = ((touch.left - left) / pixels, (touch.right - left) / pixels)
    levels: list[Level] = []
    taken: list[tuple[int, int, int]] = []
    start = touch.lowest / pixels - top
    for step in range(rows):
        row = int(start - _UPRIGHT * (step + 0.5))
        if not 0 <= row < rows:
            break
        line = silhouette[row]
        over = [r for r in column_runs(line > SEEN) if r[0] < run[1] + 1 and r[1] > run[0] - 1]
        if not over:
            break
        middle = run[0] + run[1]
        run = min(over, key=lambda r: abs(r[0] + r[1] - middle))
        if run[1] - run[0] > most:
            break
        front, back, cover = np.zeros(columns), np.zeros(columns), np.zeros(columns)
        part = slice(*run)
        depth = max(float(line[part].sum()), 0.5)
        front[part], back[part], cover[part] = near, near + depth, line[part]
        levels.append(Level(step + 0.5, front, back, cover))
        taken.append((row, *run))
    return levels, taken


def build_solid(alpha: Tensor, contact: Contact, cells: int, foreshortening: float) -> Solid:
    """The solid of one mask `[H,W]` that stands as `contact` says; its box is about `cells` wide or tall."""
    box = contact.box
    pixels = max(1.0, max(box.width, box.height) / cells)
    half = (box.width / 2 / pixels) + 2
    columns = 2 * int(np.ceil(half))
    left = (box.left + box.right) / 2 - columns / 2 * pixels
    top = box.top - pixels
    rows = int(np.ceil((box.bottom - top) / pixels)) + 1
    small = reduced(alpha, left, top, columns, rows, pixels)
    silhouette = small.cpu().double().numpy()
    has_rungs = contact.kind == "feet"  # around openings as well, and they are of other depths
    foot = _footprint(
        contact, left, pixels, foreshortening, box.width / pixels if has_rungs else _body_width(silhouette)
    )
    levels: list[Level] = []
    body = silhouette
    if has_rungs:
        body = silhouette.copy()
        for touch in contact.touches:
            own, taken = _leg(silhouette, touch, contact, left, pixels, foreshortening, top / pixels)
            levels += own
            for row, first, last in taken:
                body[row, first:last] = 0
    heights = int(np.ceil(box.height / pixels / _UPRIGHT)) + 1
    upright = _straightened(
        torch.from_numpy(body.astype(np.float32)), foot, contact.lowest - top, pixels, foreshortening,
        (heights, columns), 0.0,
    )  # fmt: skip
    most = np.full(upright.shape, np.inf) if has_rungs else _handles(upright)
    rows_there = [step for step, row in enumerate(upright) if row.max() > SEEN]
    if not levels and not rows_there:  # a speck of a product, too faint for any row of the grid
        rows_there = [0]
    levels += [_level(step + 0.5, upright[step], foot, columns, most[step]) for step in rows_there]
    return Solid(tuple(levels), columns, pixels, left, contact.lowest, box.height / pixels / _UPRIGHT)


def reduced(
    alpha: Tensor, left: float, top: float, columns: int, rows: int, pixels: float, high: float | None = None
) -> Tensor:
    """Mean coverage `[rows, columns]` of the cells from (`left`, `top`) on, `pixels` wide and as `high`, or so high."""
    bottom, right = top + rows * (high or pixels), left + columns * pixels
    y0, x0 = int(np.floor(top)), int(np.floor(left))
    y1, x1 = int(np.ceil(bottom)), int(np.ceil(right))
    height, width = alpha.shape
    part = alpha[max(0, y0) : min(height, y1), max(0, x0) : min(width, x1)]
    pad = (max(0, -x0), max(0, x1 - width), max(0, -y0), max(0, y1 - height))
    return F.interpolate(F.pad(part, pad)[None, None], size=(rows, columns), mode="area")[0, 0]
