"""A rim of the old backdrop around the product.

At a clean outline every pixel is a mixture of the product's colour just inside and the scene's just outside. A fringe
of the old backdrop is neither: its distance from all such mixtures, beyond the same distance a few pixels further in
and further out (texture and noise), is the halo.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..colorspace import delta_e00, linear_to_lab, srgb_to_lab, srgb_to_linear
from ..filters import dilate, erode, gaussian_blur

_GAP = 3
"""Pixels that the two sides are measured away from the outline."""
_RING = 2
"""Pixels beyond the outline's trace that may be mixtures: with 1 the mean of good pictures rises from 0.8 to 1.0, with
3 it is 0.7 and rims thin out."""
_SIDE_SIGMA = 3.0
"""Pixels (1 sigma) over which each side's own colour is taken: at half of it grain reads as a halo (0.8 becomes 1.8),
at one and a half times edges of a pattern no longer do (0.4)."""
_MIXTURES = 9
"""Steps between the two colours: an eighth in light; with five good pictures read 1.2 instead of 0.8, with 17 0.7 at
twice the time."""
_OVERVIEW_SIDE = 700
"""Pixels of the longer side at which the sides' colours are spread: blurred by `_SIDE_SIGMA`, more would say nothing
new."""
_ENOUGH = 1 << 14
"""Pixels of a band that are looked at: their mean is as good as that of all."""


def edge_halo(scene: Tensor, coverage: Tensor) -> float | None:
    """Mean excess colour difference (dE00) on the outline of `coverage` `[H,W]` in sRGB `scene` `[H,W,3]`.

    Around the product there must be some scene; None where there is none. What is darker than the ground below a
    lower edge does not count: that is the contact shadow.
    """
    body, trace = coverage > 0.98, coverage > 0.02
    solid, near = erode(body, _GAP), dilate(trace, _GAP)
    if not bool(solid.any()) or bool(near.all()):
        return None
    factor = max(1, round(max(coverage.shape) / _OVERVIEW_SIDE))
    sides = _sides(scene, solid, ~near, factor)
    outline = _from_mixtures(scene, coverage, dilate(trace, _RING) & ~erode(body, 1), sides)
    inwards = _from_side(scene, solid & ~erode(solid, _GAP), sides[0])
    outwards = _from_side(scene, dilate(near, _GAP) & ~near, sides[1])
    if outline.numel() == 0:
        return None
    # Half of the ring looks inwards, half outwards.
    usual = sum(float(band.mean()) for band in (inwards, outwards) if band.numel()) / 2
    return max(0.0, float(outline.mean()) - usual)


def _some_of(band: Tensor) -> tuple[Tensor, Tensor]:
    """Rows and columns of the pixels of a boolean `[H,W]`, evenly thinned to a number that a mean needs."""
    rows, columns = torch.nonzero(band, as_tuple=True)
    step = 1 + rows.numel() // _ENOUGH
    return rows[::step], columns[::step]


def _from_side(scene: Tensor, band: Tensor, side: _Side) -> Tensor:
    """dE00 `[n]` between the pixels of `band` `[H,W]` and the mean colour of their own side: texture and grain."""
    rows, columns = _some_of(band)
    color, valid = side.at(rows, columns)
    return delta_e00(srgb_to_lab(scene[rows, columns]), linear_to_lab(color))[valid]


def _from_mixtures(scene: Tensor, coverage: Tensor, ring: Tensor, sides: tuple[_Side, _Side]) -> Tensor:
    """dE00 `[n]` between `ring` `[H,W]` and the nearest mixture of both sides' colours; contact shadow counts 0."""
    rows, columns = _some_of(ring)
    (product, knows_product), (ground, knows_ground) = (side.at(rows, columns) for side in sides)
    lab = srgb_to_lab(scene[rows, columns])
    shares = torch.linspace(0, 1, _MIXTURES, device=lab.device).view(-1, 1, 1)
    nearest = delta_e00(lab, linear_to_lab(torch.lerp(ground, product, shares))).amin(dim=0)
    shadow = _faces_down(coverage, rows, columns) & (lab[:, 0] < linear_to_lab(ground)[:, 0])
    return torch.where(shadow, torch.zeros_like(nearest), nearest)[knows_product & knows_ground]


def _sides(scene: Tensor, inner: Tensor, outer: Tensor, factor: int) -> tuple[_Side, _Side]:
    """Both sides of the outline, `inner` and `outer` `[H,W]`, from every `factor`-th of their pixels."""
    grid = slice(factor // 2, None, factor)
    linear = srgb_to_linear(scene[grid, grid].permute(2, 0, 1))
    weight = torch.stack((inner[grid, grid], outer[grid, grid])).to(scene).unsqueeze(1)
    planes = gaussian_blur(torch.cat((linear * weight, weight), dim=1), _SIDE_SIGMA)
    return _Side(planes[:1], factor), _Side(planes[1:], factor)


class _Side:
    """Local mean colour of one side of the outline: blurred linear RGB and weight `[1,4,h,w]` of its pixels."""

    def __init__(self, planes: Tensor, factor: int) -> None:
        self._planes = planes
        self._factor = factor

    def at(self, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
        """Linear RGB `[n,3]` near these pixels, and whether there is any of this side near them `[n]`."""
        height, width = self._planes.shape[-2:]
        x = (columns + 0.5) / (self._factor * width) * 2 - 1
        y = (rows + 0.5) / (self._factor * height) * 2 - 1
        grid = torch.stack((x, y), dim=-1).view(1, 1, -1, 2).to(self._planes)
        values = F.grid_sample(self._planes, grid, mode="bilinear", padding_mode="border", align_corners=False)[0, :, 0]
        weight = values[3]
        return (values[:3] / weight.clamp(min=1e-4)).T, weight > 1e-3


def _faces_down(coverage: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Whether the outline at these pixels looks towards the ground."""
    height, width = coverage.shape
    fall = torch.zeros_like(rows, dtype=coverage.dtype)
    for down in (1, 2, 3, 4):
        for across in (-2, 0, 2):
            column = (columns + across).clamp(0, width - 1)
            below, above = (rows + down).clamp(max=height - 1), (rows - down).clamp(min=0)
            fall += coverage[above, column] - coverage[below, column]
    return fall / 12 > 0.05
