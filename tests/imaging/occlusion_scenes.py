"""Scenes with drawn fingers over a product, the fingers' exact coverage known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from prodgen_nodes.imaging.placement import Placement
from scipy import ndimage
from torch import Tensor

from tests.imaging.registration_scenes import Photo, clutter, placement_of, smooth_noise, to_linear, to_srgb, warped

Plane = NDArray[np.float64]

SKIN = {
    "very light": (0.96, 0.83, 0.75),
    "light": (0.88, 0.69, 0.57),
    "medium": (0.72, 0.51, 0.38),
    "brown": (0.49, 0.32, 0.22),
    "very dark": (0.23, 0.15, 0.11),
}


@dataclass(frozen=True)
class HandScene:
    """`scene` `[1,H,W,3]`, the placement, true finger coverage and product coverage `[H,W]`."""

    scene: Tensor
    placement: Placement
    fingers: Plane
    alpha: Plane
    points: list[tuple[float, float]]


def _fingers(alpha: Plane, angle: float, thick: float, depth: float) -> tuple[Plane, Plane, list[tuple[float, float]]]:
    """Coverage, roundness 0..1 for the shading, and finger tips of four fingers that come in from direction `angle`."""
    ys, xs = np.nonzero(alpha > 0.5)
    cx, cy = xs.mean(), ys.mean()
    dx, dy = math.cos(angle), math.sin(angle)
    edge = np.quantile((xs - cx) * dx + (ys - cy) * dy, 0.995)
    y, x = np.mgrid[0 : alpha.shape[0], 0 : alpha.shape[1]] + 0.5
    u, v = (x - cx) * dx + (y - cy) * dy, (y - cy) * dx - (x - cx) * dy
    cover, round_, points = np.zeros_like(alpha), np.zeros_like(alpha), []
    for finger in range(4):
        aside = v - (finger - 1.5) * 2.15 * thick
        tip = edge - depth * (1, 1.2, 1.1, 0.8)[finger]
        distance = np.where(u > tip, np.abs(aside), np.hypot(u - tip, aside))
        piece = np.clip(thick - distance + 0.5, 0, 1)
        bulge = np.sqrt(np.clip(1 - (distance / thick) ** 2, 0, 1))
        round_ = np.where(piece > cover, bulge, round_)
        cover = np.maximum(cover, piece)
        along, across = tip, (finger - 1.5) * 2.15 * thick
        points.append((cx + along * dx - across * dy, cy + along * dy + across * dx))
    return cover, round_, points


def hand_scene(
    photo: Photo, tone: tuple[float, float, float] | None, seed: int = 0, side: int = 640, angle: float = -1.9
) -> HandScene:
    """The product in other light on an unrelated scene; fingers of `tone` (sRGB) over its edge, or none."""
    rng = np.random.default_rng(seed)
    placement = placement_of(photo, side, side, 0.62)
    color, alpha = warped(photo, placement.transform(0), side, side)
    light = np.exp(0.22 * smooth_noise((side, side), 0.25 * side, rng)) * rng.uniform(0.75, 1.2)
    tint = np.exp(0.05 * rng.normal(size=3))
    # The scene behind is bluish: a scene of skin colours throughout would be a test of luck.
    behind = to_linear(clutter(side, side, rng)) * np.array([0.6, 0.85, 1.25])
    picture = np.clip(behind, 0, 1) * (1 - alpha[..., None]) + np.clip(color * light[..., None] * tint, 0, 1)
    cover = np.zeros((side, side))
    points: list[tuple[float, float]] = []
    if tone is not None:
        cover, bulge, points = _fingers(alpha, angle, 0.03 * side, 0.17 * side)
        shade = (0.55 + 0.5 * bulge + 0.04 * smooth_noise((side, side), 3, rng)) * np.sqrt(light)
        hand = np.clip(to_linear(np.array(tone)) * shade[..., None], 0, 1)
        picture = picture * (1 - cover[..., None]) + hand * cover[..., None]
    shown = ndimage.gaussian_filter(to_srgb(picture), (0.6, 0.6, 0))
    shown = np.clip(shown + rng.normal(0, 0.006, shown.shape), 0, 1)
    return HandScene(torch.from_numpy(shown.astype(np.float32))[None], placement, cover, alpha, points)
