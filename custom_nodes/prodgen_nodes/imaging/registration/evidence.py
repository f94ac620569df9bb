"""How sure a registration is: which windows of the product find themselves again where the motion says."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from ..placement import Affine
from .patches import fit_maps, make_patches
from .refine import Frame, misfits, proportion, votes
from .views import Scene, Template

_LEVEL_SIDE = 260.0
"""Evidence is weighed where the product is about this long: finer detail may have been redrawn."""
_REACH = 6
"""Pixels each window may move: with 3 or 9 the least confidence of five scenes that are right falls from 1.0 to 0.7 and
0.9."""
_CLEAR = 0.05
"""Structure (standard deviation, sRGB) from which on a window counts fully: fainter grain may get lost."""
_NEAR = 1.3
"""A window agrees whose own best place is at most this many level pixels away."""
_OUTLINE = (0.1, 0.55)
"""Shares of the outline's windows between which its say grows from nothing to all."""
_INSIDE = (0.16, 0.36)
"""The same inside. Dark relit products redrawn by a model were seen at 0.42 to 0.61, another product's at 0 to 0.16."""
_MANY = (3.0, 12.0)
"""So many agreeing windows of clear contrast are chance, and so many are not."""
_BETTER_SEEN = (0.8, 1.2)
"""The share inside over that of the outline: what a product under fingers keeps, and where the outline is unseen.

Mirrored products were seen at 0.1 to 0.86, the right ones in good light at 0.76 and more, dark in the dark from 1.6 on.
"""

_PROPORTION = (0.015, 0.06)
"""How much wider or narrower a product is that was drawn out, and that surely was. Of 64 drawn and rendered products in
their proportions, relit, half of them moved and turned, none is off by more than 0.003, of ten real ones one by 0.007.
"""
_DOUBTED = 0.5
"""What is left of the confidence then: what is usually needed, so that it is told and not refused."""


@dataclass(frozen=True)
class Evidence:
    """Shares 0..1 of windows that agree, on the outline and inside (by contrast); how many there were; misfit in px;
    `wider`: the product's width over its height against the photo's."""

    outline: float
    inside: float
    outline_count: int
    inside_count: int
    inside_mass: float
    residual: float
    wider: float

    @property
    def share(self) -> float:
        """Share of all windows that agree."""
        count = self.outline_count + self.inside_count
        return (self.outline * self.outline_count + self.inside * self.inside_count) / max(1, count)

    @property
    def in_proportion(self) -> bool:
        """Whether the product has the proportions that it has in its photo, as far as that can be told."""
        return abs(self.wider - 1) <= _PROPORTION[0]

    @property
    def confidence(self) -> float:
        """0..1. Outline and structure must both agree: a mirrored label in the right outline is another product.

        How much the structure has to say against an outline depends on how many windows of clear contrast there are: a
        plain product, or one with nothing but grain, is known by its outline alone. The other way round many windows
        inside are enough where they are seen better than the outline is: a dark product in a dark scene shows none.
        Other proportions are a reason to doubt, and none by themselves to say that it is another product.
        """
        ratio = self.inside / max(self.outline, 1e-3)
        outline = _between(self.outline, *_OUTLINE)
        structure = _between(self.inside, *_INSIDE) * _between(self.inside * self.inside_mass, *_MANY)
        sure = max(outline, structure * _between(ratio, *_BETTER_SEEN))
        say = self.inside_mass / (self.inside_mass + 6)
        found = sure * (1 - say * (1 - min(1.0, ratio / _BETTER_SEEN[0]) ** 3))
        doubted = found * (1 - (1 - _DOUBTED) * _between(abs(self.wider - 1), *_PROPORTION))
        return max(doubted, min(found, _DOUBTED))


def _between(value: float, nothing: float, all_of_it: float) -> float:
    """0 up to `nothing`, 1 from `all_of_it` on, straight in between."""
    return min(1.0, max(0.0, (value - nothing) / (all_of_it - nothing)))


def weigh(scene: Scene, template: Template, motion: Affine) -> Evidence:
    """Look once more for every window around where `motion` puts it, at a level that redrawing leaves alone."""
    levels = len(scene.planes)
    side = 2 * template.radius
    level = max(0, min(levels - 1, round(math.log2(side / _LEVEL_SIDE))))
    patches = make_patches(template, level, 6)
    ballots = votes(fit_maps(patches, scene, motion, _REACH))
    distance = misfits(ballots, torch.zeros_like(ballots.shift))
    strength = ballots.precision.diagonal(dim1=1, dim2=2).sum(dim=1).clamp(max=1.0)
    good = (distance <= _NEAR) & (ballots.fit < -0.5) & (strength > 0.3)
    counted = ballots.trust > 0.7
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
        wider=proportion(patches, ballots, Frame(template.center, template.radius), _NEAR),
    )
