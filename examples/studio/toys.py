"""A toy car: lacquered body, dark windows, wheels that show daylight under the floor."""

from __future__ import annotations

import math
import random

import bpy
import numpy as np

from . import geometry as g
from . import materials as m
from .product import Colors, Product


def _slab(
    name: str, outline: list[tuple[float, float]], wide: float, narrow: float, material: bpy.types.Material
) -> bpy.types.Object:
    """A side view `(x, z)` given a width that shrinks from `wide` at its lowest point to `narrow` at its highest."""
    flat = np.array(g.smooth_profile([*outline, outline[0]], 0.16, 8)[:-1])
    low, high = flat[:, 1].min(), flat[:, 1].max()
    half = (wide + (narrow - wide) * (flat[:, 1] - low) / (high - low)) / 2
    middle = flat.mean(axis=0)
    rings = []
    for share, inset in ((-0.96, 0.94), (-1.0, 0.98), (-0.97, 1.0), (0.97, 1.0), (1.0, 0.98), (0.96, 0.94)):
        side = middle + (flat - middle) * inset
        rings.append(np.stack((side[:, 0], half * share, side[:, 1]), axis=1))
    return g.loft(name, rings, material)


def toy_car(rng: random.Random, colors: Colors) -> Product:
    """A small saloon car in lacquer and chrome."""
    product = Product()
    paint, chrome = m.plastic(colors.body, 0.2, coat=1.0), m.metal(colors.metal, 0.12)
    dark, rubber = m.plastic("#101216", 0.06, coat=1.0), m.plastic("#17171a", 0.7)
    long = rng.uniform(3.6, 3.9)
    h = long / 2
    lower = [(-h, 0.42), (h, 0.42), (h, 0.86), (h - 0.25, 1.0), (-h + 0.1, 1.04), (-h, 0.9)]
    product.add(_slab("body", lower, 1.6, 1.5, paint))
    cabin = [(-1.35, 0.95), (0.95, 0.95), (0.42, 1.58), (-0.95, 1.6)]
    product.add(_slab("cabin", cabin, 1.42, 1.12, dark))
    roof = [(-1.02, 1.5), (0.52, 1.5), (0.4, 1.63), (-0.9, 1.65)]
    product.add(_slab("roof", roof, 1.2, 1.1, paint))
    product.add(g.box("pillar", (0.11, 1.33, 0.5), (-0.3, 0, 1.26), paint, 0.03))
    for x in (-h * 0.6, h * 0.6):
        for side in (-1, 1):
            tyre = g.smooth_profile([(0.0, -0.15), (0.43, -0.15), (0.43, 0.15), (0.0, 0.15)], 0.07, 8)
            rim = g.smooth_profile([(0.27, 0.1), (0.25, 0.17), (0.09, 0.12), (0.07, 0.19), (0.0, 0.2)], 0.03, 4)
            for name, profile, material in (("tyre", tyre, rubber), ("rim", rim, chrome)):
                wheel = g.lathe(name, profile, material, 80)
                wheel.location, wheel.rotation_euler = (x, side * 0.7, 0.43), (-side * math.pi / 2, 0, 0)
                product.add(wheel)
            arch = np.array(
                [(x + 0.5 * math.cos(a), side * 0.79, 0.43 + 0.5 * math.sin(a)) for a in np.linspace(0, math.pi, 40)]
            )
            product.add(g.tube("arch", [arch], 0.035, paint))
    for end in (-1, 1):
        product.add(g.box("bumper", (0.14, 1.62, 0.13), (end * (h + 0.02), 0, 0.5), chrome, 0.05))
        for side in (-1, 1):
            lamp = g.lathe(
                "lamp",
                [(0.15, 0.0), (0.15, 0.04), (0.1, 0.09), (0.0, 0.1)],
                m.plastic("#f3efe2" if end > 0 else "#a01818", 0.08, coat=1.0),
                48,
            )
            lamp.location, lamp.rotation_euler = (end * (h - 0.02), side * 0.5, 0.76), (0, end * math.pi / 2, 0)
            product.add(lamp)
    mast = np.array([(-h + 0.35, 0.5, 1.0), (-h + 0.05, 0.5, 2.0)])
    product.add(g.tube("aerial", [mast], 0.012, chrome))
    return product
