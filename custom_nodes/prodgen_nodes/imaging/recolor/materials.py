"""What a product is made of, as its colours tell: clusters in CIELAB, and where each of them is."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..colorspace import hex_color, lab_to_srgb, srgb_to_lab
from ..errors import EmptyMaskError, ParameterError
from ..filters import gaussian_blur, smoothstep

_SAMPLES = 20_000
"""Pixels that are clustered: a material of a hundredth of the product has 200 of them."""
_CLUSTERS, _ROUNDS = 8, 15
"""Of k-means, from the farthest points; what is alike is joined afterwards."""
_LIGHTNESS = 0.6
"""Weight of L*: light changes it most, but a dark trim of the body's hue is told by nothing else."""
_ALIKE = 18.0
"""Weighted distance up to which two clusters are one material in more or less light."""
_NEAR = 30.0
"""Weighted distance up to which a colour that somebody named stands for a material: names are rough, and light shifts
what is seen."""
_LEAST = 0.01
"""Share of the product below which a cluster is a glint or a rivet, and is not offered."""
_SMOOTH = 1.2
"""Pixels (1 sigma) over which neighbours decide together: noise and grain fall to what is around them."""
_FROM, _TO = 0.35, 0.65
"""Of that decision: below the one a pixel keeps its bits, above the other it is the material's alone."""
_STEP = 1 << 18
"""Pixels that are compared with all clusters at a time."""


@dataclass(frozen=True)
class Material:
    """One material: CIELAB `colors` `[k,3]` of its clusters, and the `share` 0..1 of the product that it covers."""

    colors: Tensor
    share: float

    @property
    def main(self) -> Tensor:
        """CIELAB `[3]` of its largest cluster."""
        return self.colors[0]

    @property
    def color(self) -> str:
        """`#rrggbb` of its largest cluster."""
        return hex_color(lab_to_srgb(self.colors[:1])[0])


def materials_of(rgb: Tensor, mask: Tensor) -> list[Material]:
    """The materials of the product `rgb` `[H,W,3]` sRGB with `mask` `[H,W]`, largest first. Raises EmptyMaskError."""
    inside = torch.nonzero(mask.flatten() > 0.95).flatten()
    if inside.numel() == 0:
        inside = torch.nonzero(mask.flatten() > 0.5).flatten()
    if inside.numel() == 0:
        raise EmptyMaskError("mask holds no product: there is nothing to recolour.")
    chosen = inside[:: max(1, inside.numel() // _SAMPLES)]
    lab = srgb_to_lab(rgb.reshape(-1, 3)[chosen])
    centers = _clusters(_weighted(lab))
    owner = torch.cdist(_weighted(lab), centers).argmin(dim=1)
    groups = _joined(centers, torch.bincount(owner, minlength=len(centers)).to(lab))
    found = []
    for group in groups:
        counts = torch.stack([(owner == number).float().mean() for number in group])
        order = counts.argsort(descending=True)
        colors = centers[group][order]
        colors = torch.cat((colors[:, :1] / _LIGHTNESS, colors[:, 1:]), dim=1)
        found.append(Material(colors, float(counts.sum())))
    found.sort(key=lambda one: -one.share)
    return found


def offered(materials: list[Material]) -> list[Material]:
    """Those that are large enough to be asked for."""
    return [one for one in materials if one.share >= _LEAST] or materials[:1]


def nearest(materials: list[Material], color: Tensor) -> int:
    """The number of the material that has CIELAB `color` `[3]`, or comes near it.

    Raises ParameterError where none does.
    """
    choices = offered(materials)
    away = [float(torch.cdist(_weighted(color[None]), _weighted(one.colors)).min()) for one in choices]
    number = min(range(len(choices)), key=away.__getitem__)
    if away[number] > _NEAR:
        asked = hex_color(lab_to_srgb(color[None])[0])
        raise ParameterError(f"no material of this product is {asked} or like it; it has {_named(choices)}.")
    return number + 1


def _named(choices: list[Material]) -> str:
    return ", ".join(f"{number}: {one.color} ({one.share:.0%})" for number, one in enumerate(choices, 1))


def where(rgb: Tensor, mask: Tensor, materials: list[Material], number: int) -> Tensor:
    """How much of each pixel `[H,W]` 0..1 is the material `number` (from 1, largest first); exactly 0 off the product.

    Raises ParameterError for one that there is not.
    """
    choices = offered(materials)
    if not 1 <= number <= len(choices):
        raise ParameterError(f"material is {number}; this product has {len(choices)}: {_named(choices)}.")
    centers = torch.cat([_weighted(one.colors) for one in materials])
    owners = torch.cat([torch.full((len(one.colors),), n) for n, one in enumerate(materials)]).to(rgb.device)
    own = owners == number - 1
    flat, chosen = rgb.reshape(-1, 3), mask.new_zeros(mask.numel())
    index = torch.nonzero(mask.flatten() > 0.02).flatten()
    for start in range(0, index.numel(), _STEP):
        part = index[start : start + _STEP]
        distance = torch.cdist(_weighted(srgb_to_lab(flat[part])), centers)
        chosen[part] = own[distance.argmin(dim=1)].to(chosen)
    there = (mask > 0.02).to(mask)
    both = torch.stack((chosen.view_as(mask) * there, there))[None]
    blurred = gaussian_blur(both, _SMOOTH)[0]
    share = smoothstep(((blurred[0] / blurred[1].clamp(min=1e-4)) - _FROM) / (_TO - _FROM))
    return share * there


def _weighted(lab: Tensor) -> Tensor:
    return torch.cat((lab[:, :1] * _LIGHTNESS, lab[:, 1:]), dim=1)


def _clusters(points: Tensor) -> Tensor:
    centers = points.mean(dim=0, keepdim=True)
    while len(centers) < min(_CLUSTERS, len(points)):
        away = torch.cdist(points, centers).amin(dim=1)
        centers = torch.cat((centers, points[away.argsort()[int(0.995 * (len(points) - 1))]].unsqueeze(0)))
    for _ in range(_ROUNDS):
        owner = torch.cdist(points, centers).argmin(dim=1)
        sums = torch.zeros_like(centers).index_add_(0, owner, points)
        counts = torch.bincount(owner, minlength=len(centers)).to(points)
        centers = torch.where(counts.unsqueeze(1) > 0, sums / counts.clamp(min=1).unsqueeze(1), centers)
    return centers


def _joined(centers: Tensor, counts: Tensor) -> list[list[int]]:
    """Indices of centres by material: the two groups whose means are nearest are joined, as long as they are near."""
    groups = [[number] for number in range(len(centers))]
    while len(groups) > 1:
        weights = torch.stack([counts[group].sum().clamp(min=1e-6) for group in groups])
        sums = torch.stack([(centers[group] * counts[group].unsqueeze(1)).sum(dim=0) for group in groups])
        means = sums / weights.unsqueeze(1)
        apart = torch.cdist(means, means)
        apart.fill_diagonal_(float("inf"))
        least = int(apart.argmin())
        first, second = sorted((least // len(groups), least % len(groups)))
        if float(apart[first, second]) >= _ALIKE:
            break
        groups[first] = sorted(groups[first] + groups.pop(second))
    return groups
