"""The global search: edge directions of the product's outline and structure, over all shifts, scales and rotations.

Edges are compared as doubled angles, so that neither the light nor the sign of an edge (a dark product before a light
wall or the reverse) matters, and clutter of other directions cancels out. All shifts at once by FFT. The measure is
that of normalised gradient fields (Haber, Modersitzki 2006) in the complex form of Fitch et al. 2002.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..filters import erode, gaussian_blur
from ..placement import Affine
from .views import Scene, Template

_SIGMA = 0.9
"""Pixels (1 sigma) over which directions are averaged: about the width of an edge."""
_NOISE = 0.02
"""Gradient (sRGB value per pixel) below which a direction counts less and less."""
_SCALE_STEP = 0.06
"""Logarithm of scale; at half or one and a half times this the found place moves by less than 0.003 px."""
_ROTATION_STEP = 3.0
"""Degrees; likewise."""
_INNER_SHARE = 0.6
"""Weight of the edges inside the product, which a model redraws, beside those of its outline; from 0.3 to 0.9 the found
place moves by less than 0.001 px."""
_CALM = 0.03
"""How much of the score a candidate at the limits of scale and rotation loses: a round product has no rotation."""


@dataclass(frozen=True)
class Limits:
    """What may have happened to the product: `shift` in work pixels, `scale` as ±share, `rotation` in degrees."""

    shift_x: float
    shift_y: float
    scale: float
    rotation: float


@dataclass(frozen=True)
class Candidate:
    """A motion of work pixels (template to scene) and how well edges agree under it (1 = all, 0 = chance)."""

    motion: Affine
    score: float


def similarity(
    center: tuple[float, float], scale: float, radians: float, shift: tuple[float, float] = (0.0, 0.0)
) -> Affine:
    """Scale and turn about `center`, then move by `shift`."""
    cosine, sine = scale * math.cos(radians), scale * math.sin(radians)
    x, y = center
    return Affine(
        cosine, -sine, x + shift[0] - cosine * x + sine * y, sine, cosine, y + shift[1] - sine * x - cosine * y
    )


def _directions(planes: Tensor) -> tuple[Tensor, Tensor]:
    """Doubled-angle edge evidence (complex) and edge energy `[B,h,w]` of `planes` `[B,C,h,w]`, summed over channels."""
    gx = F.pad(planes[..., 2:] - planes[..., :-2], (1, 1, 0, 0)) / 2
    gy = F.pad(planes[..., 2:, :] - planes[..., :-2, :], (0, 0, 1, 1)) / 2
    parts = torch.stack(
        ((gx * gx - gy * gy).sum(dim=1), (2 * gx * gy).sum(dim=1), (gx * gx + gy * gy).sum(dim=1)), dim=1
    )
    real, imaginary, energy = gaussian_blur(parts, _SIGMA).unbind(1)
    return torch.complex(real, imaginary), energy


def _normalised(evidence: Tensor, energy: Tensor) -> Tensor:
    return evidence / (energy + _NOISE**2)


def _grid_steps(limit: float, step: float) -> list[float]:
    count = math.ceil(limit / step)
    return [index * step for index in range(-count, count + 1)]


def candidates(scene: Scene, template: Template, limits: Limits, keep: int = 6) -> list[Candidate]:
    """The `keep` most promising motions, best first, from the coarsest level of both."""
    level = len(scene.planes) - 1
    unit = 2**level
    scales = [math.exp(step) for step in _grid_steps(math.log1p(limits.scale), _SCALE_STEP)]
    turns = [math.radians(step) for step in _grid_steps(limits.rotation, _ROTATION_STEP)]
    poses = [(scale, turn) for scale in scales for turn in turns]
    edges, corner = _turned(template, level, poses)
    planes = scene.planes[level][:, :3]
    evidence, energy = _directions(planes)
    likeness = _normalised(evidence, energy) * scene.trust[level][:, 0]
    height, width = planes.shape[-2:]
    size = (height + edges.shape[-2], width + edges.shape[-1])
    spectrum = torch.fft.fft2(likeness, s=size)
    weight = edges.abs().sum(dim=(-2, -1)).clamp(min=1e-6)
    result: list[tuple[float, Candidate]] = []
    reach_x, reach_y = limits.shift_x / unit, limits.shift_y / unit
    # Shift 0 puts the turned template's crop at its own place; the crop's corner is a whole level pixel.
    rows = torch.arange(math.ceil(-reach_y), math.floor(reach_y) + 1, device=planes.device)
    columns = torch.arange(math.ceil(-reach_x), math.floor(reach_x) + 1, device=planes.device)
    for start in range(0, len(poses), 16):
        part = slice(start, start + 16)
        score = torch.fft.ifft2(spectrum * torch.fft.fft2(edges[part], s=size).conj()).real
        at = score[:, (rows + corner[1]) % size[0]][:, :, (columns + corner[0]) % size[1]]
        at = at / weight[part, None, None]
        best, where = at.flatten(1).max(dim=1)
        for index, (value, place) in enumerate(zip(best.tolist(), where.tolist(), strict=True)):
            scale, turn = poses[start + index]
            row, column = divmod(place, len(columns))
            shift = (float(columns[column]) * unit, float(rows[row]) * unit)
            strain = abs(math.log(scale)) / max(math.log1p(limits.scale), 1e-6)
            strain += abs(math.degrees(turn)) / max(limits.rotation, 1e-6)
            motion = similarity(template.center, scale, turn, shift)
            result.append((value * (1 - _CALM * strain), Candidate(motion, value)))
    result.sort(key=lambda entry: -entry[0])
    return _distinct([candidate for _, candidate in result], template, 2.0 * unit, keep)


def _turned(template: Template, level: int, poses: list[tuple[float, float]]) -> tuple[Tensor, tuple[int, int]]:
    """Edge evidence `[poses,h,w]` (complex) of the template in every pose, and its corner in level pixels."""
    unit = 2**level
    edges = torch.view_as_real(_template_edges(template.planes[level])).permute(0, 3, 1, 2)
    height, width = edges.shape[-2:]
    reach = math.ceil(template.radius * max(scale for scale, _ in poses) / unit) + 2
    left, top = (math.floor(template.center[i] / unit) - reach for i in (0, 1))
    side = 2 * reach + 1
    line = torch.arange(side, device=edges.device, dtype=torch.float32) + 0.5
    x, y = (line + left - template.center[0] / unit)[None, :], (line + top - template.center[1] / unit)[:, None]
    center_x, center_y = (template.center[0] - template.left) / unit, (template.center[1] - template.top) / unit
    grids, phases = [], []
    for scale, turn in poses:
        cosine, sine = math.cos(turn) / scale, math.sin(turn) / scale
        u, v = cosine * x + sine * y + center_x, cosine * y - sine * x + center_y
        grids.append(torch.stack((u * (2 / width) - 1, v * (2 / height) - 1), dim=-1))
        phases.append(complex(math.cos(2 * turn), math.sin(2 * turn)))  # edges turn with the product
    sampled = F.grid_sample(edges, torch.cat(grids).unsqueeze(0), mode="bilinear", align_corners=False)
    turned = torch.view_as_complex(sampled[0].view(2, len(poses), side, side).permute(1, 2, 3, 0).contiguous())
    return turned * turned.new_tensor(phases)[:, None, None], (left, top)


def _template_edges(planes: Tensor) -> Tensor:
    """Normalised edge evidence `[1,h,w]` (complex) of the outline and of the structure well inside it."""
    alpha = planes[:, 6:]
    outline, strength = _directions(alpha)
    evidence, energy = _directions(planes[:, :3] / alpha.clamp(min=0.05))
    inner = (erode(alpha[:, 0], 2) > 0.97).to(alpha)
    return outline / (strength + 0.1**2) + _INNER_SHARE * inner * _normalised(evidence, energy)


def _distinct(ordered: list[Candidate], template: Template, apart: float, keep: int) -> list[Candidate]:
    """The best ones that move the product's surroundings by more than `apart` work pixels differently."""
    x, y = template.center
    radius = template.radius
    probes = [(x - radius, y - radius), (x + radius, y - radius), (x, y + radius)]
    chosen: list[Candidate] = []
    for candidate in ordered:
        if all(
            max(math.dist(candidate.motion.apply(*p), other.motion.apply(*p)) for p in probes) > apart
            for other in chosen
        ):
            chosen.append(candidate)
        if len(chosen) == keep:
            break
    return chosen
