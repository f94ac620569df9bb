"""The outline of a cut-out's mask in its photo: the colours on both sides of it, the ground's, and the way outwards.

Everything is measured in samples, one for each pixel along the outline, so that the size of the photo hardly matters.
Colours are CIELAB, `[n,3]`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..colorspace import delta_e00, linear_to_lab
from ..filters import dilate, erode, gaussian_blur, masked_blur
from ..tensors import Box, bounding_box

_REACH, _LEAST_REACH = 0.12, 8
"""How far beside the product is looked, of its longer side and in pixels at least."""
_BESIDE, _SMOOTH, _NORMAL = 2.0, 0.7, 2.5
"""1 sigma of the colours beside the outline, of those on the way outwards, and of the mask where normals are taken."""
_ENDS = 0.3
"""A step of this share of the product's contrast is an edge."""


@dataclass(frozen=True)
class Outline:
    """Samples of an outline at `rows` and `columns` (pixels of the reduced photo).

    `inner` and `outer` are the colours a few pixels in and out; `ground` is that of the backdrop there. Outwards the
    photo goes on for `depth` pixels, to its largest step towards the ground or to where it looks like ground; `step` is
    that step and `contrast` the product's difference to the ground (dE00). `enclosed`: it meets the product again.
    """

    rows: Tensor
    columns: Tensor
    normal: Tensor
    inner: Tensor
    outer: Tensor
    ground: Tensor
    contrast: Tensor
    depth: Tensor
    step: Tensor
    enclosed: Tensor


@dataclass(frozen=True)
class Ground:
    """The backdrop's smooth colours, CIELAB `[3,h,w]` on a grid of `cell` pixels, and how much it varies (dE00)."""

    lab: Tensor
    cell: int
    noise: float

    def at(self, rows: Tensor, columns: Tensor) -> Tensor:
        """Its colour `[...,3]` at these pixels."""
        return _sampled(self.lab, (rows + 0.5) / self.cell - 0.5, (columns + 0.5) / self.cell - 0.5)


def reach_of(product: Box) -> int:
    """How far beside a product is looked, in pixels."""
    return max(_LEAST_REACH, round(_REACH * max(product.width, product.height)))


def ground_of(linear: Tensor, far: Tensor, reach: int) -> Ground:
    """The backdrop that linear `[3,h,w]` shows in `far` `[h,w]`, carried on smoothly to where it does not."""
    cell = max(1, reach // 6)
    planes = torch.cat((linear * far, far.to(linear)[None]))
    planes = F.avg_pool2d(planes[None], cell, ceil_mode=True, count_include_pad=False)
    valid = (planes[:, 3] > 0.3).to(linear)
    seen = planes[:, :3] / planes[:, 3:].clamp(min=0.3) * valid[:, None]
    filled = (seen.sum(dim=(2, 3)) / valid.sum().clamp(min=1.0))[..., None, None].expand_as(seen)
    for sigma in (4.0 * reach / cell, reach / cell):
        total = gaussian_blur(valid, sigma)[:, None]
        filled = torch.lerp(filled, masked_blur(seen, valid, sigma, 1e-6), (total / 0.05).clamp(0.0, 1.0))
    model = Ground(_lab(filled[0]), cell, 0.0)
    rows, columns = torch.nonzero(far, as_tuple=True)
    every = 1 + rows.numel() // 20_000
    rows, columns = rows[::every], columns[::every]
    off = delta_e00(linear_to_lab(linear[:, rows, columns].T), model.at(rows, columns))
    return Ground(model.lab, cell, float(off.quantile(0.9)))


def outline_of(linear: Tensor, alpha: Tensor, ground: Ground, reach: int, limit: float) -> Outline:
    """The outline of `alpha` `[h,w]` in linear `[3,h,w]`; what is within `limit` dE00 of the ground looks like it."""
    height, width = alpha.shape
    box = bounding_box(alpha)
    margin = reach + 4
    top, left = max(0, box.top - margin), max(0, box.left - margin)
    area = (slice(top, box.bottom + margin), slice(left, box.right + margin))
    lab, body = _lab(linear[:, area[0], area[1]]), alpha[area] > 0.5
    rows, columns = torch.nonzero(body & ~erode(body, 1), as_tuple=True)
    free = (rows + top > 2) & (rows + top < height - 3) & (columns + left > 2) & (columns + left < width - 3)
    rows, columns = rows[free], columns[free]
    normal = _normals(body)[:, rows, columns]
    # What is thin has no deep inside, and a narrow gap no wide outside: there all of it counts.
    inner, outer = (
        masked_blur(lab[None], (side.to(lab) + 0.05 * whole.to(lab))[None], _BESIDE, 1e-6)[0][:, rows, columns].T
        for side, whole in ((erode(body, 1), body), (~dilate(body, 1), ~body))
    )
    beside = ground.at(rows + top + 4 * normal[0], columns + left + 4 * normal[1])
    contrast = delta_e00(inner, beside)
    away = torch.arange(1, reach + 7, device=lab.device)
    down, across = (place[:, None] + away * part[:, None] for place, part in ((rows, normal[0]), (columns, normal[1])))
    seen = _sampled(gaussian_blur(lab[None], _SMOOTH)[0], down, across)
    met = _sampled(body.to(lab)[None], down, across)[..., 0] > 0.5
    down, across = down + top, across + left
    beyond = (down < 1) | (down > height - 2) | (across < 1) | (across > width - 2)
    way = _way_out(seen, ground.at(down, across), met, beyond, contrast, limit)
    return Outline(rows + top, columns + left, normal, inner, outer, beside, contrast, *way)


def _way_out(
    seen: Tensor, ground: Tensor, met: Tensor, beyond: Tensor, contrast: Tensor, limit: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Depth, step and whether enclosed, `[n]`, from the colours `[n,t,3]` on the way outwards."""
    off = delta_e00(seen, ground)
    length = off.shape[1]
    steps = torch.arange(length, device=off.device)
    stop = torch.where((off < limit) | met | beyond, steps, length).amin(dim=1)
    enclosed = (stop < length) & met.gather(1, stop.clamp(max=length - 1)[:, None])[:, 0]
    means = F.avg_pool1d(seen.transpose(1, 2), 3, 1, 1).transpose(1, 2)
    drop = delta_e00(means[:, :-4], means[:, 4:])
    towards = (steps[:-4] >= 1) & (steps[:-4] <= stop[:, None] + 1) & (off[:, 4:] < off[:, :-4])
    step, at = (drop * towards).max(dim=1)
    return torch.where(step > _ENDS * contrast, at + 3, stop), step, enclosed


def _lab(linear: Tensor) -> Tensor:
    """CIELAB `[3,h,w]` of linear `[3,h,w]`."""
    return linear_to_lab(linear.permute(1, 2, 0)).permute(2, 0, 1)


def _normals(body: Tensor) -> Tensor:
    """The direction out of `body` `[h,w]` at every pixel, down and across `[2,h,w]`."""
    soft = F.pad(gaussian_blur(body.to(torch.float32)[None], _NORMAL)[None], (1, 1, 1, 1), mode="replicate")[0, 0]
    slope = torch.stack((soft[:-2, 1:-1] - soft[2:, 1:-1], soft[1:-1, :-2] - soft[1:-1, 2:]))
    return slope / torch.hypot(slope[0], slope[1]).clamp(min=1e-6)


def _sampled(planes: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """`planes` `[c,h,w]` between pixels at `rows` and `columns` `[...]`: `[...,c]`, edges repeated."""
    height, width = planes.shape[-2:]
    flat = torch.stack(((2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1), dim=-1).to(planes)
    sampled = F.grid_sample(
        planes[None], flat.reshape(1, 1, -1, 2), mode="bilinear", padding_mode="border", align_corners=False
    )
    return sampled[0, :, 0].T.reshape(*rows.shape, planes.shape[0])
