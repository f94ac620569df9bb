"""Finding the product again in a generated picture: where it was meant to be against where it is."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import NotRegisteredError
from ..placement import Affine
from .evidence import Evidence, weigh
from .patches import Patches, fit_maps, make_patches
from .refine import Frame, step
from .search import Limits, candidates
from .views import Scene, Template

_HALF = 6
"""Half the side of a window in pixels: with 4 the places found in five scenes of 512² are 0.30 px off in the mean, not
0.19; with 8 they are 0.19 off, too, and small products hold fewer."""
_COARSE_REACH = 4
_FINE_REACH = 2
"""How far it looks, in pixels, at the level of the search, and at each finer one, where a pixel of the level above is
two. The first may be 2 or 6; with 1 for the second the mean is 0.21."""
_SLACK = 1.15
"""The search looks a little beyond the limits, to tell "moved too far" from "not there"."""


@dataclass(frozen=True)
class Found:
    """A motion of work pixels (where the product was meant to be, to where it is) and the evidence for it."""

    motion: Affine
    evidence: Evidence
    fit: float
    """Mean fit of all windows at the finest level: tells which of several motions is the better one."""


def widened(limits: Limits) -> Limits:
    """What is searched for `limits` to be judged."""
    return Limits(
        limits.shift_x * _SLACK + 2,
        limits.shift_y * _SLACK + 2,
        limits.scale * _SLACK + 0.02,
        limits.rotation * _SLACK + 1,
    )


def find_motion(scene: Scene, template: Template, limits: Limits) -> Found:
    """Coarse to fine; the caller judges the evidence. Raises NotRegisteredError where there is nothing to look for."""
    frame = Frame(template.center, template.radius)
    top = len(scene.planes) - 1
    patches = make_patches(template, top, _HALF - 1)
    if not len(patches):
        raise NotRegisteredError(
            "The product is too small or too thin in the generated picture to be found again: generate a larger "
            "picture, or place the product larger."
        )
    starts = [candidate.motion for candidate in candidates(scene, template, widened(limits))]
    refined = []
    for start in starts:
        motion = start
        for _ in range(3):
            motion, _ = step(patches, scene, motion, frame, _COARSE_REACH, 0.8)
        refined.append((_score(patches, scene, motion), motion))
    motion = max(refined, key=lambda entry: entry[0])[1]
    for level in range(top - 1, -1, -1):
        finer = make_patches(template, level, _HALF)
        if not len(finer):
            break
        patches = finer
        for _ in range(3):
            motion, moved = step(patches, scene, motion, frame, _FINE_REACH, 0.5)
            if moved < 0.02:
                break
    return Found(motion, weigh(scene, template, motion), _score(patches, scene, motion))


def _score(patches: Patches, scene: Scene, motion: Affine) -> float:
    """How well all windows fit within a level pixel of where `motion` puts them."""
    fits = fit_maps(patches, scene, motion, 1)
    best = fits.energy.flatten(1).amin(dim=1)
    return float(-(best * fits.trust).sum() / fits.trust.sum().clamp(min=1e-3))
