"""Product photos made here, with the truth known: a bag with an arched handle on a shaded backdrop, shadow and all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Plane = NDArray[np.float64]


def to_linear(srgb: Plane) -> Plane:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def to_srgb(linear: Plane) -> Plane:
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


@dataclass(frozen=True)
class Shot:
    """A photo, the product's exact coverage `[H,W]` and its own colours `[H,W,3]` (sRGB 0..1, known everywhere)."""

    photo: Image.Image
    alpha: Plane
    product: Plane

    @property
    def box(self) -> tuple[int, int, int, int]:
        ys, xs = np.nonzero(self.alpha > 0.5)
        return int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1


def _smoothstep(value: Plane) -> Plane:
    t = np.clip(value, 0, 1)
    return t * t * (3 - 2 * t)


def bag(
    width: int = 900,
    height: int = 900,
    share: float = 0.66,
    color: tuple[float, float, float] = (0.48, 0.14, 0.12),
    backdrop: tuple[float, float, float] = (0.84, 0.83, 0.81),
    seed: int = 3,
) -> Shot:
    """A leather-like bag whose longest side is `share` of the frame's shorter one; everything antialiased."""
    y, x = np.mgrid[0:height, 0:width] + 0.5
    size = share * min(width, height)
    cx, floor = width / 2, height * 0.5 + size / 2
    body_h, body_w, r = size * 0.62, size * 0.86, size * 0.07
    # Signed distances in pixels: the body is a rounded box, the handle half a ring that stands on it.
    qx, qy = np.abs(x - cx) - body_w / 2 + r, np.abs(y - (floor - body_h / 2)) - body_h / 2 + r
    body = np.hypot(np.maximum(qx, 0), np.maximum(qy, 0)) + np.minimum(np.maximum(qx, qy), 0) - r
    base, radius, tube = floor - body_h + 2, size * 0.25, size * 0.034
    ring = np.abs(np.hypot(x - cx, (y - base) * radius / (size * 0.38 - tube)) - radius) - tube
    handle = np.where(y < base, ring, 1e3)
    alpha = np.clip(0.5 - np.minimum(body, handle), 0, 1)

    rng = np.random.default_rng(seed)
    grain = 0.05 * np.sin(x / size * 90) * np.sin(y / size * 70)
    shade = 0.75 + 0.35 * _smoothstep((cx + body_w / 2 - x) / body_w) + grain
    shade = np.where((handle < body) & (y < base), 0.7 + 0.3 * np.cos((ring + tube) / tube), shade)
    product = np.clip(to_linear(np.array(color)) * shade[..., None], 0, 1)

    fall = 1.0 - 0.16 * (np.hypot(x - cx, y - height / 2) / np.hypot(cx, height / 2)) ** 2
    horizon = 0.94 + 0.06 * _smoothstep((y - 0.62 * height) / (0.08 * height))
    near = np.exp(-(((x - cx) / (0.52 * body_w)) ** 8)) * np.exp(-np.abs(y - floor) / (0.035 * size))
    far = 0.25 * np.exp(-(((x - cx - 0.1 * size) / (0.55 * body_w)) ** 2) - ((y - floor) / (0.07 * size)) ** 2)
    light = fall * horizon * (1 - np.clip(0.55 * near + far, 0, 0.8))
    wall = to_linear(np.array(backdrop)) * light[..., None]

    mixed = to_srgb(wall * (1 - alpha[..., None]) + product * alpha[..., None])
    noisy = np.clip(mixed + rng.normal(0, 0.004, mixed.shape), 0, 1)
    return Shot(Image.fromarray(np.rint(noisy * 255).astype(np.uint8)), alpha, to_srgb(product))
