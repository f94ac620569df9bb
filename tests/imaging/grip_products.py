"""Products without a handle, drawn with exact coverage: bottle, tube, cup, phone, packet, box, a case on a pole."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tests.imaging.registration_scenes import Photo, smooth_noise, to_srgb

Plane = NDArray[np.float64]


def _box(x: Plane, y: Plane, cx: float, cy: float, half_w: Plane | float, half_h: float, r: float) -> Plane:
    """Signed distance of a rounded rectangle."""
    qx, qy = np.abs(x - cx) - half_w + r, np.abs(y - cy) - half_h + r
    return np.hypot(np.maximum(qx, 0), np.maximum(qy, 0)) + np.minimum(np.maximum(qx, qy), 0) - r


def _bottle(x: Plane, y: Plane) -> Plane:
    width = np.interp(y, (0.05, 0.2, 0.36, 0.95), (0.05, 0.05, 0.135, 0.135))
    return np.maximum(np.abs(x - 0.5) - width, np.abs(y - 0.5) - 0.45)


def _tube(x: Plane, y: Plane) -> Plane:
    width = np.interp(y, (0.05, 0.8, 0.81, 0.95), (0.15, 0.12, 0.09, 0.09))
    return np.maximum(np.abs(x - 0.5) - width, np.abs(y - 0.5) - 0.45)


def _cup(x: Plane, y: Plane) -> Plane:
    width = np.interp(y, (0.15, 0.85), (0.3, 0.22))
    return np.maximum(np.abs(x - 0.5) - width, np.abs(y - 0.5) - 0.35)


def _phone(x: Plane, y: Plane) -> Plane:
    return _box(x, y, 0.5, 0.5, 0.21, 0.45, 0.04)


def _packet(x: Plane, y: Plane) -> Plane:
    return _box(x, y, 0.5, 0.5, 0.27 + 0.006 * np.sin(40 * y), 0.42, 0.01)


def _carton(x: Plane, y: Plane) -> Plane:
    return _box(x, y, 0.5, 0.5, 0.33, 0.45, 0.005)


def _case(x: Plane, y: Plane) -> Plane:
    rods = np.minimum(np.abs(x - 0.42), np.abs(x - 0.58)) - 0.008
    rods = np.maximum(rods, np.abs(y - 0.22) - 0.16)
    bar = _box(x, y, 0.5, 0.065, 0.095, 0.018, 0.015)
    return np.minimum(np.minimum(rods, bar), _box(x, y, 0.5, 0.66, 0.24, 0.29, 0.04))


OUTLINES: dict[str, Callable[[Plane, Plane], Plane]] = {
    "bottle": _bottle,
    "tube": _tube,
    "cup": _cup,
    "phone": _phone,
    "packet": _packet,
    "carton": _carton,
    "case": _case,
}


def product(kind: str, color: tuple[float, float, float], seed: int = 0, side: int = 700) -> Photo:
    """The product on a square of `side` pixels, `color` in linear light; round ones shaded, all with a print."""
    rng = np.random.default_rng(seed)
    y, x = (np.mgrid[0:side, 0:side] + 0.5) / side
    alpha = np.clip(0.5 - OUTLINES[kind](x, y) * side, 0, 1)
    rows = (alpha > 0.5).sum(axis=1, keepdims=True) / side / 2
    across = np.clip((x - 0.5) / np.maximum(rows, 0.02), -1, 1)
    shade = 0.35 + 0.65 * np.sqrt(np.clip(1 - across**2, 0, 1)) if kind in ("bottle", "tube", "cup") else 0.9 + 0.1 * y
    rgb = np.asarray(color) * (shade * (1 + 0.05 * smooth_noise((side, side), 6, rng)))[..., None]
    label = _box(x, y, 0.5, 0.6, 0.1, 0.12, 0.01) < 0
    tint = rng.uniform(0.05, 0.9, 3)
    rgb = np.where(label[..., None], tint * np.asarray(shade)[..., None], rgb)
    lines = label & (np.sin(y * side / 6) > 0.6) & (np.abs(x - 0.5) < 0.07)
    rgb = np.where(lines[..., None], rgb * 0.2, rgb)
    return Photo(to_srgb(np.clip(rgb, 0, 1)), alpha)
