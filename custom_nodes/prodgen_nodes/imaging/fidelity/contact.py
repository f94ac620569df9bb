"""Whether the product stands on something: right below its lowest line the ground must be darker than around."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .pixels import lightness

_STANDING = 0.04
_CLOSE = 0.015
_FROM, _TO = 0.06, 0.20
"""Shares of the product's height: columns that stand, the contact strip, and the ground it is compared with."""
_MIN_DARKENING = 2.0
"""L* that a contact must be darker than its ground at least; from 1 to 3 no verdict on 16 drawn scenes changes."""
_RELATIVE = 0.05
"""And at least this share of the ground's L*: at 0.075 six of 16 drawn scenes whose product stands read as floating, at
0.025 as many as now."""
_DARK_LIMIT = 0.5
"""L* on a ground so dark that `_MIN_DARKENING` is more than half of it: there even black is hardly darker."""


@dataclass(frozen=True)
class Contact:
    """`darkening` in L*, positive = darker at the contact; `floating` is None where it cannot be told: see `reason`."""

    floating: bool | None
    darkening: float | None
    reason: str | None = None


def contact(scene: Tensor, coverage: Tensor) -> Contact:
    """Look below the product of `coverage` `[H,W]` in the whole sRGB `scene` `[H,W,3]`."""
    solid = coverage > 0.5
    occupied = torch.nonzero(solid.any(dim=1)).flatten()
    if occupied.numel() == 0:
        return Contact(None, None, "no product to look below")
    top, bottom = int(occupied[0]), int(occupied[-1]) + 1
    tall, frame = bottom - top, coverage.shape[0]
    if bottom >= frame - 1:
        return Contact(False, None, "the product is cut by the lower edge of the picture")
    close = max(2, round(_CLOSE * tall))
    near, far = round(_FROM * tall), min(frame - bottom, max(round(_TO * tall), close + 2))
    if far <= close:
        return Contact(None, None, "there is too little ground below the product to judge")
    near = max(close, min(near, far - max(1, (far - close) // 2)))
    lowest = solid.shape[0] - solid.flip(0).to(torch.uint8).argmax(dim=0)
    reach = max(1, round(_STANDING * tall))
    standing = torch.nonzero(solid.any(dim=0) & (lowest >= bottom - reach)).flatten()
    first, left = max(0, bottom - reach - 1), int(standing[0])
    light = lightness(scene[first : bottom + far, left : int(standing[-1]) + 1])
    starts, standing = lowest[standing] - first, standing - left
    smooth = max(1, round(_CLOSE * tall))
    touching = _darker_half(_strip(light, standing, starts, 1, close + 1), smooth)
    # The ground is judged as the contact is, in strips of the same height, so that grain darkens both alike.
    heights = range(near, max(near + 1, far - close + 1), close)
    ground = [_darker_half(_strip(light, standing, starts, y, y + close), smooth) for y in heights]
    around = float(torch.quantile(light.new_tensor(ground), 0.8))
    darkening = around - touching
    limit = max(_MIN_DARKENING, _RELATIVE * around) if around > 2 * _MIN_DARKENING else _DARK_LIMIT
    return Contact(darkening < limit, darkening)


def _darker_half(strip: Tensor, smooth: int) -> float:
    """Mean L* of the darker half of the columns of `[rows, n]`: feet and wheels touch the ground in places only."""
    columns = F.avg_pool1d(
        strip.mean(dim=0)[None, None], smooth, stride=1, padding=smooth // 2, count_include_pad=False
    )
    columns = columns.flatten()
    return float(columns[columns <= columns.median()].mean())


def _strip(light: Tensor, columns: Tensor, starts: Tensor, first: int, last: int) -> Tensor:
    """L* `[last-first, n]` of the rows `first..last` below each column's own lowest product pixel."""
    rows = starts[None, :] + torch.arange(first, last, device=light.device)[:, None]
    return light[rows.clamp(0, light.shape[0] - 1), columns[None, :]]
