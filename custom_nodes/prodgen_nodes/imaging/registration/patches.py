"""Small windows on the product's outline and structure, and how well each fits the picture at every near shift.

A window of the picture is explained by a sum of few patterns: a plane (local light), the product's coverage (what lies
behind it has another colour) and the product's own structure. The share of the variance that the last two explain does
not depend on the light, on the backdrop's colour or on the gain of either. Per window it is a map over shifts; its
curvature says in which direction the window can tell a shift at all.

A product that stands on something has a dark line under it, whose far side is often the clearer edge. Where windows on
the outline are explained much better with a shadow under the product's lower edge, they are fitted with one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..placement import Affine
from .views import Scene, Template

_FLOOR = 0.008
"""sRGB noise (standard deviation) added to what stays unexplained: what is fainter is no structure."""
_LEAST = 0.012
"""Structure (standard deviation, sRGB) below which the product's own pattern is noise."""
_CELLS = (26, 20, 16)
"""Windows along the product's length: at the finest level, the next, and all others."""
_SHADOWS = (0.002, 0.01)
"""How fast a shadow under an edge fades, narrow and wide, as shares of the product's length."""
_FAINTEST = 0.03
"""Standard deviation below which what a shadow adds to coverage and structure is nothing."""
_SHADED = 0.6
"""By so much (energy) a shadow has to explain a window better to be believed: clutter behind a product does by less."""
_SPREAD = 0.36
"""Standard deviation of a window's Gaussian weight, as a share of its half side."""


@dataclass(frozen=True)
class Patches:
    """Windows of one level: centres `[n]` in work pixels, patterns `[n,3,p·p,4]`, and which lie inside the product.

    Patterns are weighted and orthonormal: coverage first, then structure, whose standard deviation is `contrast` `[n]`,
    then a narrow and a wide shadow under the product's lower edge. `weight` `[p·p]` sums to 1.
    """

    x: Tensor
    y: Tensor
    inner: Tensor
    patterns: Tensor
    contrast: Tensor
    weight: Tensor
    half: int
    level: int

    def __len__(self) -> int:
        return int(self.x.shape[0])


@dataclass(frozen=True)
class Fits:
    """How well every window fits over shifts: `energy` `[n,d,d]`, its `trust` `[n]`, and which are `shaded` `[n]`.

    Energy is the logarithm of the unexplained share of variance: 0 says nothing, -2 is a clear fit. Trust is 0..1: how
    much of the window lies inside the picture and is not to be ignored. Shaded are those explained with a shadow.
    """

    energy: Tensor
    trust: Tensor
    shaded: Tensor


def _offsets(half: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Columns and rows `[p·p]` of a window, in level pixels from its centre."""
    line = torch.arange(-half, half + 1, device=like.device, dtype=torch.float32)
    rows, columns = torch.meshgrid(line, line, indexing="ij")
    return columns.flatten(), rows.flatten()


def _weight(half: int, like: Tensor) -> Tensor:
    columns, rows = _offsets(half, like)
    weight = torch.exp(-0.5 * (columns**2 + rows**2) / (_SPREAD * 2 * half) ** 2)
    return weight / weight.sum()


def _centers(template: Template, level: int) -> tuple[Tensor, Tensor, Tensor]:
    """Work pixels of the most telling points, at most one on the outline and one inside per cell of the product."""
    planes = template.planes[level]
    alpha = planes[:, 6:]
    inside = -F.max_pool2d(-alpha, 3, stride=1, padding=1) > 0.97
    inside = -F.max_pool2d(-inside.to(alpha), 5, stride=1, padding=2) > 0.5
    color = planes[:, :3] / alpha.clamp(min=0.05)
    outline = _energy(alpha)[0, 0]
    structure = (_energy(color) * inside)[0, 0]
    # What is a whole window of contrast counts, not one noisy pixel.
    structure = F.avg_pool2d(structure[None, None], 3, stride=1, padding=1)[0, 0]
    unit = 2**level
    cell = max(3, round(2 * template.radius / unit / _CELLS[min(level, len(_CELLS) - 1)]))
    centers = []
    for plane, least, inner in ((outline, 0.15**2, False), (structure, _LEAST**2 / 4, True)):
        best, where = F.max_pool2d(plane[None, None], cell, ceil_mode=True, return_indices=True)
        chosen = where.flatten()[(best > least).flatten()]
        x, y = chosen % plane.shape[1], chosen // plane.shape[1]
        centers.append((x, y, torch.full_like(x, inner, dtype=torch.bool)))
    xs, ys, inner_flags = (torch.cat(parts) for parts in zip(*centers, strict=True))
    return (xs + 0.5) * unit + template.left, (ys + 0.5) * unit + template.top, inner_flags


def _fitting(planes: Tensor, inner: Tensor) -> Tensor:
    """Of planes `[n,6 or 7,m]` the sRGB ones for windows inside the product, the linear ones on its outline."""
    return torch.where(inner[:, None, None], planes[:, :3], planes[:, 3:6])


def _energy(planes: Tensor) -> Tensor:
    gx = F.pad(planes[..., 2:] - planes[..., :-2], (1, 1, 0, 0)) / 2
    gy = F.pad(planes[..., 2:, :] - planes[..., :-2, :], (0, 0, 1, 1)) / 2
    return (gx * gx + gy * gy).sum(dim=1, keepdim=True)


def _plane_patterns(half: int, weight: Tensor) -> Tensor:
    """Constant and two ramps `[p·p,3]`, orthonormal under `weight`."""
    columns, rows = _offsets(half, weight)
    patterns = torch.stack((torch.ones_like(columns), columns, rows), dim=-1)
    return patterns / (weight[:, None] * patterns**2).sum(dim=0).sqrt()


def _shadows(template: Template, level: int) -> Tensor:
    """Shadows `[1,2,h,w]` under everything that the product's coverage of one level ends with below."""
    alpha = template.planes[level][:, 6:]
    length = 2 * template.radius / 2**level
    fields = []
    for share in _SHADOWS:
        fall = max(0.8, share * length)
        field = alpha
        for _ in range(math.ceil(3 * fall)):
            field = torch.maximum(field, F.pad(field, (0, 0, 1, 0))[:, :, :-1] * math.exp(-1 / fall))
        fields.append(field - alpha)
    return torch.cat(fields, dim=1)


def make_patches(template: Template, level: int, half: int) -> Patches:
    """The windows of one level, `2·half + 1` level pixels wide."""
    x, y, inner = _centers(template, level)
    unit = 2**level
    columns, rows = _offsets(half, template.planes[0])
    columns, rows = x[:, None] + columns * unit, y[:, None] + rows * unit
    window = template.sample(level, columns, rows).transpose(0, 1)
    weight = _weight(half, window)
    flat = _plane_patterns(half, weight)
    alpha, color = window[:, 6:], _fitting(window, inner)

    def without(values: Tensor, patterns: Tensor) -> Tensor:
        return values - (values * weight) @ patterns @ patterns.T

    cover = without(alpha, flat)
    cover = _unit(cover, weight, 0.1).expand(-1, 3, -1)
    structure = without(color, flat)
    structure = structure - (structure * cover * weight).sum(dim=-1, keepdim=True) * cover
    patterns = torch.stack((cover, _unit(structure, weight, _LEAST)), dim=-1)
    shadows = template.sample_plane(_shadows(template, level), level, columns, rows).transpose(0, 1)
    for shadow in torch.split(without(shadows * ~inner[:, None, None], flat), 1, dim=1):
        projections = (patterns * (shadow * weight).unsqueeze(-1)).sum(dim=2, keepdim=True)
        fresh = _unit(shadow - (patterns * projections).sum(dim=-1), weight, _FAINTEST)
        patterns = torch.cat((patterns, fresh.unsqueeze(-1)), dim=-1)
    contrast = (structure**2 * weight).sum(dim=-1).amax(dim=1).sqrt()
    return Patches(x, y, inner, patterns, contrast, weight, half, level)


def _unit(pattern: Tensor, weight: Tensor, least: float) -> Tensor:
    """`[...,p·p]` scaled to norm 1, or 0 where its standard deviation is below `least`."""
    norm = (pattern**2 * weight).sum(dim=-1, keepdim=True).sqrt()
    return torch.where(norm > least, pattern / norm.clamp(min=1e-6), torch.zeros_like(pattern))


def fit_maps(patches: Patches, scene: Scene, motion: Affine, reach: int) -> Fits:
    """How well every window fits over shifts up to `reach` level pixels under `motion`."""
    unit, half = 2**patches.level, patches.half
    shifts, weight = 2 * reach + 1, patches.weight
    if not len(patches):
        none = weight.new_zeros(0)
        return Fits(none.view(0, shifts, shifts), none, none > 0)
    columns, rows = _offsets(half + reach, weight)
    x, y = patches.x[:, None] + columns * unit, patches.y[:, None] + rows * unit
    u = motion.a * x + motion.b * y + motion.tx
    v = motion.c * x + motion.d * y + motion.ty
    picture, trust = scene.sample(patches.level, u, v)
    count, side, width = len(patches), 2 * (half + reach) + 1, 2 * half + 1
    picture = _fitting(picture.transpose(0, 1), patches.inner).transpose(0, 1)
    picture = (picture - picture.mean(dim=-1, keepdim=True)).transpose(0, 1).reshape(1, -1, side, side)
    # Sums over each window at every shift are convolutions: the windows would be hundreds of times the picture.
    each = picture.movedim(0, 1)
    flat = (_plane_patterns(half, weight) * weight[:, None]).T.reshape(-1, 1, width, width)
    total = F.conv2d(each * each, weight.view(1, 1, width, width))
    total = total - (F.conv2d(each, flat) ** 2).sum(dim=1, keepdim=True)
    total = total.view(count, 3, -1)
    kernels = (patches.patterns * weight[:, None]).movedim(-1, 2)
    share = F.conv2d(picture, kernels.reshape(-1, 1, width, width), groups=3 * count)
    share = share.view(count, 3, -1, shifts * shifts).movedim(2, -1)
    # The product's pattern never appears as its own negative, a shadow never as light; the outline may be either.
    explained = share[..., 0] ** 2 + share[..., 1].clamp(min=0.0) ** 2
    floor = _FLOOR**2 * 3
    whole = total.clamp(min=0.0).sum(dim=1) + floor
    plain, shaded = (
        torch.log(((total - part).clamp(min=0.0).sum(dim=1) + floor) / whole)
        for part in (explained, explained + (share[..., 2:].clamp(max=0.0) ** 2).sum(dim=-1))
    )
    shadow = plain.amin(dim=1) - shaded.amin(dim=1) > _SHADED
    energy = torch.where(shadow[:, None], shaded, plain)
    middle = trust.view(count, side, side)[:, reach : reach + width, reach : reach + width].reshape(count, -1)
    return Fits(energy.view(count, shifts, shifts), (middle @ weight).clamp(0.0, 1.0), shadow)
