"""Jars, bottles, a flacon and a mug."""

from __future__ import annotations

import math
import random

import bpy
import numpy as np

from . import geometry as g
from . import materials as m
from .product import Colors, Product


def _wrap_label(
    radius: float, low: float, high: float, span: float, material: bpy.types.Material, name: str = "label"
) -> bpy.types.Object:
    angles = np.linspace(-math.pi / 2 - span / 2, -math.pi / 2 + span / 2, 90)
    grid = np.array(
        [[(radius * math.cos(a), radius * math.sin(a), z) for a in angles] for z in np.linspace(low, high, 12)]
    )
    return g.sheet(name, grid, material, 0.006)


def _lines(
    radius: float, rows: list[tuple[float, float, float]], material: bpy.types.Material
) -> list[bpy.types.Object]:
    """Printed bars that read as text from afar: `(z, half angle, thickness)` each."""
    return [_wrap_label(radius, z, z + thick, 2 * half, material, "print") for z, half, thick in rows]


def jar(rng: random.Random, colors: Colors) -> Product:
    """A cream jar: glossy body, ribbed screw lid, printed label."""
    product = Product()
    radius, height, lid = 1.0, rng.uniform(1.05, 1.35), rng.uniform(0.45, 0.62)
    profile = g.smooth_profile(
        [(0.0, 0.0), (radius, 0.0), (radius, height), (radius * 0.86, height + 0.1), (0.0, height + 0.1)], 0.17, 10
    )
    product.add(g.lathe("body", profile, m.plastic(colors.body, 0.16, coat=0.8)))
    top = g.smooth_profile(
        [
            (radius * 0.8, height + 0.02),
            (radius * 0.975, height + 0.02),
            (radius * 0.975, height + lid),
            (0.0, height + lid),
        ],
        0.05,
        8,
    )
    segments = 288
    angles = np.linspace(0, 2 * math.pi, segments, endpoint=False)
    rings = []
    for r, z in top:
        side = 1.0 if r > radius * 0.93 and z < height + lid - 0.06 and z > height + 0.06 else 0.0
        wave = r + side * 0.008 * np.cos(72 * angles)
        rings.append(np.stack((wave * np.cos(angles), wave * np.sin(angles), np.full(segments, z)), axis=1))
    product.add(g.loft("lid", rings, m.plastic(colors.trim, 0.28, coat=0.2)))
    ink = m.paper("#f4f0e6" if sum(int(colors.body[i : i + 2], 16) for i in (1, 3, 5)) < 420 else "#33312e")
    product.add(
        *_lines(
            radius + 0.002,
            [
                (height * 0.62, 0.42, 0.085),
                (height * 0.5, 0.3, 0.03),
                (height * 0.42, 0.34, 0.03),
                (height * 0.2, 0.16, 0.025),
            ],
            ink,
        )
    )
    return product


def bottle(rng: random.Random, colors: Colors) -> Product:
    """A lotion bottle with a shoulder, a neck, a cap and a paper label."""
    product = Product()
    radius, height = 0.72, rng.uniform(2.3, 2.8)
    neck = 0.26
    profile = g.smooth_profile(
        [
            (0.0, 0.0),
            (radius, 0.0),
            (radius, height),
            (neck, height + 0.42),
            (neck, height + 0.75),
            (0.0, height + 0.75),
        ],
        0.16,
        10,
    )
    product.add(g.lathe("body", profile, m.plastic(colors.body, 0.22, coat=0.5)))
    cap = g.smooth_profile(
        [(0.2, height + 0.5), (0.34, height + 0.5), (0.31, height + 1.15), (0.0, height + 1.15)], 0.06, 8
    )
    product.add(g.lathe("cap", cap, m.plastic(colors.trim, 0.3)))
    band = [(neck, height + 0.46), (0.36, height + 0.46), (0.36, height + 0.54), (neck, height + 0.54)]
    product.add(g.lathe("band", g.smooth_profile(band, 0.015, 4), m.metal(colors.metal)))
    product.add(_wrap_label(radius + 0.006, height * 0.22, height * 0.78, 2.2, m.paper("#f3efe6")))
    ink = m.paper("#3a3631")
    rows = [
        (height * 0.62, 0.5, 0.1),
        (height * 0.53, 0.34, 0.035),
        (height * 0.47, 0.42, 0.035),
        (height * 0.3, 0.25, 0.03),
    ]
    product.add(*_lines(radius + 0.016, rows, ink))
    return product


def perfume(rng: random.Random, colors: Colors) -> Product:
    """A square flacon of thick tinted glass with a metal collar and a heavy cap."""
    product = Product()
    wide, height = rng.uniform(1.5, 1.9), rng.uniform(1.6, 2.1)
    product.add(g.box("flacon", (wide, 0.8, height), (0, 0, height / 2), m.glass(colors.body, 0.0, 1.5), 0.1))
    product.add(
        g.box(
            "scent", (wide - 0.34, 0.46, height - 0.4), (0, 0, height / 2 + 0.05), m.glass(colors.body, 0.0, 1.36), 0.06
        )
    )
    collar = [(0.0, height - 0.02), (0.3, height - 0.02), (0.3, height + 0.16), (0.0, height + 0.16)]
    product.add(g.lathe("collar", g.smooth_profile(collar, 0.02, 4), m.metal(colors.metal)))
    product.add(g.box("cap", (0.78, 0.66, 0.62), (0, 0, height + 0.46), m.plastic(colors.trim, 0.12, coat=0.6), 0.06))
    product.add(g.box("plate", (wide * 0.55, 0.02, 0.36), (0, -0.405, height * 0.5), m.metal(colors.metal, 0.3), 0.01))
    return product


def flask(rng: random.Random, colors: Colors) -> Product:
    """A bottle of clear glass, two thirds full of water, with a stopper and no label."""
    product = Product()
    radius, height, wall, neck = 0.62, rng.uniform(2.2, 2.6), 0.055, 0.2
    outer = [(0.0, 0.0), (radius, 0.0), (radius, height), (neck, height + 0.5), (neck, height + 1.05)]
    outer += [(neck + 0.05, height + 1.06), (neck + 0.05, height + 1.16), (neck - wall, height + 1.16)]
    floor = 0.14
    inner = [(neck - wall, height + 0.5), (radius - wall, height - 0.04), (radius - wall, floor), (0.0, floor)]
    product.add(g.lathe("glass", g.smooth_profile(outer + inner, 0.15, 10), m.clear_glass()))
    level = height * 0.72
    water = [(0.0, floor + 0.004), (radius - wall - 0.004, floor + 0.004), (radius - wall - 0.004, level), (0.0, level)]
    product.add(g.lathe("water", g.smooth_profile(water, 0.1, 8), m.clear_glass(1.33)))
    stopper = [
        (0.0, height + 0.95),
        (neck - wall, height + 0.95),
        (neck - wall, height + 1.17),
        (neck + 0.07, height + 1.18),
    ]
    stopper += [(neck + 0.07, height + 1.42), (0.0, height + 1.42)]
    product.add(g.lathe("stopper", g.smooth_profile(stopper, 0.03, 5), m.plastic(colors.trim, 0.4)))
    return product


def mug(rng: random.Random, colors: Colors) -> Product:
    """A glazed mug with an ear that leaves a hole, and coffee in it."""
    product = Product()
    radius, height, wall = 0.95, rng.uniform(1.95, 2.15), 0.09
    outer = [(0.0, 0.0), (radius * 0.86, 0.0), (radius, 0.3), (radius, height), (radius - wall, height)]
    inner = [(radius - wall, 0.3), (radius * 0.7, 0.12), (0.0, 0.12)]
    glaze = m.plastic(colors.body, 0.18, coat=0.8)
    product.add(g.lathe("body", g.smooth_profile(outer + inner, 0.15, 10), glaze))
    coffee = [(0.0, height - 0.32), (radius - wall + 0.01, height - 0.32)]
    product.add(g.lathe("coffee", coffee, m.plastic("#2a1609", 0.1)))
    angles = np.linspace(-math.pi * 0.5, math.pi * 0.5, 60)
    ear = np.stack(
        (radius - 0.05 + 0.66 * np.cos(angles) ** 0.8, 0 * angles, height * 0.52 + 0.6 * np.sin(angles)), axis=1
    )
    product.add_handle(g.strap("ear", ear, 0.26, 0.13, glaze, np.array((0.0, 1.0, 0.0))))
    return product
