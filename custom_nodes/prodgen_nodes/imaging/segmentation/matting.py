"""Closed-form matting of the unknown band of a trimap, at any picture size: only band pixels are ever touched.

Source: A. Levin, D. Lischinski, Y. Weiss, "A closed-form solution to natural image matting", IEEE TPAMI 30(2), 2008.
Pixels mix in linear light, so the colours are linearised first; the known pixels are eliminated exactly and the rest
is solved by Jacobi-preconditioned conjugate gradients.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..colorspace import srgb_to_linear

_EPSILON = 1e-6
"""Regulariser of the window covariances, in linear light squared: about a third of an 8-bit step near white."""
_WINDOW = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1))
_CHUNK = 1 << 18


@dataclass(frozen=True)
class PixelSet:
    """Some pixels of a `[H,W]` grid, addressed by sorted flat indices."""

    index: Tensor
    height: int
    width: int

    @classmethod
    def of(cls, mask: Tensor) -> PixelSet:
        return cls(torch.nonzero(mask.reshape(-1)).flatten(), mask.shape[0], mask.shape[1])

    def __len__(self) -> int:
        return self.index.numel()

    def neighbour(self, dy: int, dx: int) -> Tensor:
        """Flat indices of the pixels `dy` rows and `dx` columns away; over the border the nearest pixel."""
        rows = (self.index // self.width + dy).clamp(0, self.height - 1)
        columns = (self.index % self.width + dx).clamp(0, self.width - 1)
        return rows * self.width + columns

    def find(self, flat: Tensor) -> Tensor:
        """Positions in this set of flat indices that belong to it."""
        return torch.searchsorted(self.index, flat).clamp(max=max(0, len(self) - 1))

    def grown(self) -> PixelSet:
        """This set and its eight neighbours each."""
        near = torch.cat([self.neighbour(dy, dx) for dy, dx in _WINDOW])
        return PixelSet(torch.unique(near), self.height, self.width)


def _inverse_covariance(centred: Tensor) -> Tensor:
    """Inverses `[n,3,3]` of the regularised covariances of `[n,9,3]`, by the adjugate (far faster than a solver)."""
    # Edge windows hold two colours, so two of three variances vanish: the adjugate needs double precision.
    centred = centred.double()
    cov = torch.einsum("nki,nkj->nij", centred, centred) / 9.0
    a, d, f = (cov[:, i, i] + _EPSILON / 9.0 for i in range(3))
    b, c, e = cov[:, 0, 1], cov[:, 0, 2], cov[:, 1, 2]
    aa, bb, cc = d * f - e * e, c * e - b * f, b * e - c * d
    dd, ee, ff = a * f - c * c, b * c - a * e, a * d - b * b
    det = (a * aa + b * bb + c * cc).clamp(min=1e-30)
    return (torch.stack((aa, bb, cc, bb, dd, ee, cc, ee, ff), dim=-1).view(-1, 3, 3) / det.view(-1, 1, 1)).float()


def matting_rows(colors: Tensor, pixels: PixelSet, unknown: PixelSet) -> tuple[Tensor, Tensor]:
    """Rows of the matting Laplacian for `unknown`: neighbour positions in `pixels` and weights, both `[n,25]`.

    `colors` `[len(pixels),3]` linear; `pixels` must hold everything within two steps of `unknown`.
    """
    centres = unknown.grown()
    count = len(unknown)
    members = torch.stack([pixels.find(centres.neighbour(dy, dx)) for dy, dx in _WINDOW], dim=1)
    rows, columns = centres.index // centres.width, centres.index % centres.width
    inside = (rows > 0) & (rows < centres.height - 1) & (columns > 0) & (columns < centres.width - 1)
    weights = torch.zeros((count, 25), device=colors.device)
    mean = torch.empty((len(centres), 3), device=colors.device)
    inverse = torch.empty((len(centres), 3, 3), device=colors.device)
    for start in range(0, len(centres), _CHUNK):
        part = colors[members[start : start + _CHUNK]]
        mean[start : start + _CHUNK] = part.mean(dim=1)
        inverse[start : start + _CHUNK] = _inverse_covariance(part - part.mean(dim=1, keepdim=True))
    own = pixels.find(unknown.index)
    for dy, dx in _WINDOW:
        window = centres.find(unknown.neighbour(dy, dx))
        valid = inside[window].float()
        if dy or dx:
            # A clamped neighbour is another window: it must not count twice.
            valid = valid * (centres.index[window] != unknown.index).float()
        middle = mean[window]
        pull = torch.einsum("nij,nj->ni", inverse[window], colors[own] - middle)
        for slot, (ey, ex) in enumerate(_WINDOW):
            other = colors[members[window, slot]]
            affinity = (1.0 + (pull * (other - middle)).sum(dim=-1)) / 9.0
            here = (dy + ey + 2) * 5 + dx + ex + 2
            weights[:, here] -= valid * affinity
        weights[:, 12] += valid
    positions = torch.stack(
        [pixels.find(unknown.neighbour(dy, dx)) for dy in range(-2, 3) for dx in range(-2, 3)], dim=1
    )
    return positions, weights


def closed_form_matte(
    srgb: Tensor,
    start: Tensor,
    unknown: Tensor,
    steps: int = 120,
    tolerance: float = 1e-3,
) -> Tensor:
    """Alpha `[H,W]` that keeps `start` where `unknown` is False and solves for it elsewhere.

    `srgb` `[H,W,3]`; `start` `[H,W]` 0..1: exact outside the band, the first guess inside; `unknown` `[H,W]` bool.
    """
    band = PixelSet.of(unknown)
    if len(band) == 0:
        return start.clone()
    pixels = band.grown().grown()
    colors = srgb_to_linear(srgb.reshape(-1, 3)[pixels.index])
    positions, weights = matting_rows(colors, pixels, band)
    own = pixels.find(band.index)
    values = start.reshape(-1)[pixels.index].clone()

    def product(x: Tensor) -> Tensor:
        return (weights * x[positions]).sum(dim=1)

    inverse = 1.0 / weights[:, 12].clamp(min=1e-6)
    residual = -product(values)
    full = torch.zeros_like(values)
    z = inverse * residual
    direction = z.clone()
    energy = torch.sum(residual * z)
    solution = values[own]
    for _ in range(steps):
        if float(z.abs().mean()) < tolerance * 0.1:
            break
        full[own] = direction
        image = product(full)
        curvature = torch.sum(direction * image)
        if float(curvature) <= 1e-20:  # rounding has eaten what was left to solve
            break
        rate = energy / curvature
        solution = solution + rate * direction
        residual = residual - rate * image
        z = inverse * residual
        new_energy = torch.sum(residual * z)
        direction = z + (new_energy / energy.clamp(min=1e-30)) * direction
        energy = new_energy
    alpha = start.reshape(-1).clone()
    alpha[band.index] = solution.clamp(0.0, 1.0)
    return alpha.reshape(start.shape)
