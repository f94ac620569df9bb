"""How sure a registration is: which windows of the product find themselves again where the motion says."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from ..placement import Affine
from .patches import fit_maps, make_patches
from .refine import misfits, votes
from .views import Scene, Template

_LEVEL_SIDE = 260.0
"""Evidence is weighed where the product is about this long: finer detail may have been redrawn."""
_REACH = 6
_CLEAR = 0.05
"""Structure (standard deviation, sRGB) from which on a window counts fully: fainter grain may get lost."""
_NEAR = 1.3
"""A window agrees whose own best place is at most this many level pixels away."""


@dataclass(frozen=True)
class Evidence:
    """Shares 0..1 of windows that agree, on the outline and inside (by contrast); how many there were; misfit in px."""

    outline: float
    inside: float
    outline_count: int
    inside_count: int
    inside_mass: float
    residual: float

    @property
    def share(self) -> float:
        """Share of all windows that agree."""
        count = self.outline_count + self.inside_count
        return (self.outline * self.outline_count + self.inside * self.inside_count) / max(1, count)

    @property
    def confidence(self) -> float:
        """0..1. Outline and structure must both agree: a mirrored label in the right outline is another product.

        How much the structure has to say depends on how many windows of clear contrast there are: a plain product, or
        one with nothing but grain, is known by its outline alone.
        """
        outline = min(1.0, max(0.0, (self.outline - 0.1) / 0.45))
        agreed = min(1.0, self.inside / max(0.75 * self.outline, 1e-3)) ** 2
        say = self.inside_mass / (self.inside_mass + 6)
        confidence: float = outline * (1 - say * (1 - agreed))
        return confidence


def weigh(scene: Scene, template: Template, motion: Affine) -> Evidence:
    """Look once more for every window around where `motion` puts it, at a level that redrawing leaves alone."""
    levels = len(scene.planes)
    side = 2 * template.radius
    level = max(0, min(levels - 1, round(math.log2(side / _LEVEL_SIDE))))
    patches = make_patches(template, level, 6)
    energy, trust = fit_maps(patches, scene, motion, _REACH)
    said = votes(energy, trust)
    distance = misfits(said, torch.zeros_like(said.shift))
    strength = said.precision.diagonal(dim1=1, dim2=2).sum(dim=1).clamp(max=1.0)
    good = (distance <= _NEAR) & (said.fit < -0.5) & (strength > 0.3)
    counted = trust > 0.7
    near = good & counted
    unit = 2**level
    residual = float(distance[near].square().mean().sqrt() * unit) if bool(near.any()) else float("inf")

    clear = (patches.contrast / _CLEAR).clamp(max=1.0) ** 2 * (patches.inner & counted)
    mass = float(clear.sum())
    outline_count = int((~patches.inner & counted).sum())
    return Evidence(
        outline=float((near & ~patches.inner).sum()) / max(1, outline_count),
        inside=float((clear * near).sum()) / max(1e-6, mass),
        outline_count=outline_count,
        inside_count=int((patches.inner & counted).sum()),
        inside_mass=mass,
        residual=residual,
    )
