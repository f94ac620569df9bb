"""The light that a solid keeps from the ground around it, from many directions, and its way onto the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from .light import Ray
from .solid import Solid

_AROUND = 8.0
"""Cells around a point whose light reaches what stands over it."""
_LOW = 6.0
"""Cells above the ground up to which a solid's shade has an edge in the light of a room."""
_WIDE, _WIDE_CAST = 4.0, 3.0
"""Cells over which it is averaged where it has none, in the light of a room and of a lamp. Of 39 made-up things that
nothing was trained on the mean difference to the rendered ground is 8.6 levels with 3, 8.5 with 4 and with 5, of
thirteen products 5.5, 5.3 and 5.3."""


@dataclass(frozen=True)
class GroundMap:
    """Values `[deep, wide]` on the ground; its first cell's corner is (`left`, `near`) in cells of the solid's grid."""

    values: npt.NDArray[np.float32]
    left: int
    near: int


def occlusion(solid: Solid, rays: Sequence[Ray], reach: float, heights: int | None = None) -> GroundMap:
    """Share of the rays' light that the solid hides, up to `reach` cells around it.

    Per direction the ground's shadow is the union of all slices, each moved by its height along the ray. What the solid
    gives back of that light is taken off again.
    """
    levels, filled, near = solid.occupied(heights)
    around = int(np.ceil(reach))
    deep, wide = filled.shape[1] + 2 * around, filled.shape[2] + 2 * around
    total, returned = np.zeros((2, deep, wide), np.float32)
    hidden = np.empty((deep, wide), np.float32)
    for ray in rays:
        hidden.fill(0.0)
        for z, slice_ in zip(levels, filled, strict=True):
            # The point at y sees at height z what lies z·away behind it.
            top, left = around - round(z * ray.away), around - round(z * ray.right)
            if abs(top - around) > deep or abs(left - around) > wide:
                break
            rows = slice(max(0, top), max(0, min(deep, top + filled.shape[1])))
            columns = slice(max(0, left), max(0, min(wide, left + filled.shape[2])))
            here = hidden[rows, columns]
            if here.size:
                y, x = rows.start - top, columns.start - left
                np.maximum(here, slice_[y : y + here.shape[0], x : x + here.shape[1]], out=here)
        total += ray.share * hidden
        if ray.returned:
            returned += ray.seen * ray.returned * hidden
    # What hides the light is as bright as the ground around can make it. No ground gets brighter than it is.
    lit = ndimage.gaussian_filter((1 - total).clip(0.0, 1.0), _AROUND, mode="nearest")
    total = (total - returned * lit).clip(0.0, None)
    # A lamp's shadow has an edge however high above the ground it is thrown from.
    low, wide = (filled, _WIDE_CAST) if heights is None else (filled[levels <= max(_LOW, levels[0])], _WIDE)
    return _trimmed(GroundMap(_calm(total, filled.max(axis=0), low.max(axis=0), wide, around), -around, near - around))


def _trimmed(ground: GroundMap, least: float = 0.004) -> GroundMap:
    """Without the cells around it whose values nobody sees."""
    seen = ground.values > least
    if not seen.any():
        return GroundMap(ground.values[:1, :1], ground.left, ground.near)
    y, x = (np.flatnonzero(seen.any(axis=axis)) for axis in (1, 0))
    return GroundMap(
        ground.values[y[0] : y[-1] + 1, x[0] : x[-1] + 1], ground.left + int(x[0]), ground.near + int(y[0])
    )


def _calm(
    total: npt.NDArray[np.float32],
    base: npt.NDArray[np.float32],
    low: npt.NDArray[np.float32],
    wide: float,
    around: int,
) -> npt.NDArray[np.float32]:
    """Without the pattern of single directions, which lie farther apart the farther they come: from the solid's `low`
    parts little of it is seen beside them, from what is high above the ground all of it."""
    far, clear = (
        ndimage.distance_transform_edt(np.pad(part <= 0, around, constant_values=True)).astype(np.float32)
        for part in (base, low)
    )
    sharp, soft = (ndimage.gaussian_filter(total, sigma, mode="constant") for sigma in (0.8, wide))
    share = np.clip(clear / 10.0, 0.0, 1.0)
    # The map ends somewhere; the shade fades before.
    fade = np.clip(1.6 * (1 - (far / around) ** 2), 0.0, 1.0)
    out: npt.NDArray[np.float32] = (sharp * (1 - share) + soft * share) * fade
    return out


def on_picture(
    ground: GroundMap, solid: Solid, foreshortening: float, canvas: tuple[int, int], device: torch.device
) -> tuple[slice, slice, Tensor]:
    """The map as the camera sees it: the rows and columns of the `canvas` (height, width) it covers, and its values
    there."""
    deep, wide = ground.values.shape
    step = foreshortening * solid.pixels

    def within(first: float, last: float, most: int) -> slice:
        start = min(max(0, math.floor(first)), most)
        return slice(start, min(max(start, math.ceil(last)), most))

    # One cell more on each side, over which the values fall to 0.
    rows = within(solid.base - (ground.near + deep + 1) * step, solid.base - (ground.near - 1) * step, canvas[0])
    left = solid.left + ground.left * solid.pixels
    columns = within(left - solid.pixels, left + (wide + 1) * solid.pixels, canvas[1])
    row = torch.arange(rows.start, rows.stop, device=device, dtype=torch.float32) + 0.5
    column = torch.arange(columns.start, columns.stop, device=device, dtype=torch.float32) + 0.5
    y = (solid.base - row) / step - ground.near
    x = (column - left) / solid.pixels
    values = torch.from_numpy(np.ascontiguousarray(ground.values)).to(device)
    # Separable: first the columns of every cell row, then the rows.
    across = _interpolated(values.T, x).T
    return rows, columns, _interpolated(across, y)


def _interpolated(values: Tensor, at: Tensor) -> Tensor:
    """Rows of `values` `[n, m]` at the fractional positions `at` (cell n's middle at n + 0.5), 0 outside."""
    padded = F.pad(values, (0, 0, 1, 1))
    position = (at + 0.5).clamp(0, padded.shape[0] - 1)
    index = position.floor().long().clamp(max=padded.shape[0] - 2)
    share = (position - index)[:, None]
    mixed: Tensor = torch.lerp(padded[index], padded[index + 1], share)
    return mixed
