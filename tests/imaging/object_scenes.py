"""Several drawn products on one studio floor, each with its exact coverage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.imaging.segmentation_products import Scene, photographed

Plane = NDArray[np.float64]
_SUPER = 4
FLOOR = 0.82


@dataclass(frozen=True)
class Group:
    """The `scene` of all products together, and the coverage `[side,side]` of each, from the left to the right."""

    scene: Scene
    alphas: list[NDArray[np.float32]]


def _box(u: Plane, v: Plane, half: float, low: float, high: float, r: float = 0.06) -> NDArray[np.bool_]:
    """A rounded box that stands on v = 0; u across, v up."""
    qu, qv = np.abs(u) - half + r, np.abs(v - (low + high) / 2) - (high - low) / 2 + r
    return np.hypot(np.maximum(qu, 0), np.maximum(qv, 0)) + np.minimum(np.maximum(qu, qv), 0) < r


def _bag(u: Plane, v: Plane) -> NDArray[np.bool_]:
    arch = (np.abs(np.hypot(u, (v - 0.6) * 0.8) - 0.27) < 0.035) & (v > 0.58)
    return _box(u, v, 0.48, 0.0, 0.62) | arch


def _bottle(u: Plane, v: Plane) -> NDArray[np.bool_]:
    width = np.interp(v, (0.0, 0.62, 0.75, 1.0), (0.17, 0.17, 0.07, 0.07))
    return (np.abs(u) < width) & (v > 0) & (v < 1)


def _shoe(u: Plane, v: Plane) -> NDArray[np.bool_]:
    top = np.interp(u, (-0.5, -0.42, -0.1, 0.2, 0.46, 0.5), (0.34, 0.5, 0.42, 0.2, 0.15, 0.05))
    return (np.abs(u) < 0.5) & (v > 0) & (v < top)


def _mug(u: Plane, v: Plane) -> NDArray[np.bool_]:
    ring = (np.abs(np.hypot((u - 0.3) * 1.2, v - 0.38) - 0.2) < 0.045) & (u > 0.25)
    return _box(u, v, 0.3, 0.0, 0.75, 0.05) | ring


def _watch(u: Plane, v: Plane) -> NDArray[np.bool_]:
    strap = (np.abs(u) < 0.1) & (v > 0) & (v < 0.95)
    return strap | (np.hypot(u, v - 0.47) < 0.22)


KINDS = {"bag": _bag, "bottle": _bottle, "shoe": _shoe, "mug": _mug, "watch": _watch}
_WIDTH = {"bag": 0.96, "bottle": 0.34, "shoe": 1.0, "mug": 0.9, "watch": 0.44}


_TONES = (
    (0.25, 0.10, 0.07), (0.02, 0.04, 0.15), (0.03, 0.12, 0.05), (0.30, 0.02, 0.05), (0.45, 0.22, 0.02),
    (0.015, 0.015, 0.018), (0.02, 0.20, 0.22), (0.14, 0.03, 0.20),
)  # fmt: skip
"""Leather, navy, forest, burgundy, ochre, black, teal, purple; in linear light."""


def group(
    seed: int, count: int, side: int = 512, *, apart: float = 0.03, noise: float = 1.0, grey: bool = False
) -> Group:
    """`count` products side by side, `apart` (a share of the side) between neighbours; negative: they touch.

    `grey`: in the tones of the shadows around them, which no eye tells apart by colour.
    """
    rng = np.random.default_rng(seed)
    kinds = [str(kind) for kind in rng.choice(list(KINDS), count)]
    heights = rng.uniform(0.55, 1.0, count)
    widths = np.array([_WIDTH[kind] for kind in kinds]) * heights
    scale = min((0.88 - apart * (count - 1)) / widths.sum(), 0.6)
    left = 0.5 - (widths.sum() * scale + apart * (count - 1)) / 2
    fine = side * _SUPER
    y, x = (np.mgrid[0:fine, 0:fine] + 0.5) / fine
    alphas, colour = [], np.zeros((side, side, 3), dtype=np.float32)
    for kind, height, width in zip(kinds, heights, widths, strict=True):
        size = height * scale
        middle = left + width * scale / 2 - (0.05 * size if kind == "mug" else 0.0)
        shape = KINDS[kind]((x - middle) / size, (FLOOR - y) / size).astype(np.float32)
        alpha = shape.reshape(side, _SUPER, side, _SUPER).mean(axis=(1, 3))
        tone = rng.uniform(0.15, 0.3) * rng.uniform(0.8, 1.0, 3) if grey else rng.choice(_TONES) * rng.uniform(0.8, 1.2)
        colour = np.where(alpha[..., None] > 0, tone.astype(np.float32), colour)
        alphas.append(alpha)
        left += width * scale + apart
    far = np.all(colour == 0, axis=-1, keepdims=True)
    colour = np.where(far, np.float32(0.1), colour)
    together = np.clip(np.sum(alphas, axis=0), 0, 1).astype(np.float32)
    backdrop = tuple(float(value) for value in rng.uniform(0.6, 0.9) * rng.uniform(0.94, 1.0, 3))
    made = photographed(
        together, colour, rng, backdrop=(backdrop[0], backdrop[1], backdrop[2]), noise=noise, floor=FLOOR
    )
    return Group(made, alphas)
