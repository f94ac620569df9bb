"""Jars, bottles, perfume, a mug and a shoe."""

from __future__ import annotations

import math
import random

import bpy
import numpy as np

from . import geometry as g
from . import materials as m
from .bags import Colors, Product


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
    product.add(g.lathe("body", g.smooth_profile(outer + inner, 0.045, 8), glaze))
    coffee = [(0.0, height - 0.32), (radius - wall + 0.01, height - 0.32)]
    product.add(g.lathe("coffee", coffee, m.plastic("#2a1609", 0.1)))
    angles = np.linspace(-math.pi * 0.5, math.pi * 0.5, 60)
    ear = np.stack(
        (radius - 0.05 + 0.66 * np.cos(angles) ** 0.8, 0 * angles, height * 0.52 + 0.6 * np.sin(angles)), axis=1
    )
    product.add_handle(g.strap("ear", ear, 0.26, 0.13, glaze, np.array((0.0, 1.0, 0.0))))
    return product


def shoe(rng: random.Random, colors: Colors) -> Product:
    """A low sneaker, seen from its side: rubber sole, leather upper, laces, dark opening."""
    product = Product()
    long = rng.uniform(3.3, 3.7)

    def half_width(t: float) -> float:  # t 0 heel .. 1 toe
        heel = math.sqrt(max(0.0, 1 - (1 - min(t / 0.12, 1)) ** 2))
        toe = math.sqrt(max(0.0, 1 - max(0.0, (t - 0.8) / 0.2) ** 2))
        return (0.46 + 0.12 * math.sin(math.pi * max(0.0, t - 0.2) / 0.8)) * max(0.03, heel * toe)

    def top(t: float) -> float:
        keys = [(0, 1.5), (0.08, 1.55), (0.3, 1.42), (0.42, 1.38), (0.62, 0.95), (0.8, 0.74), (0.93, 0.62), (1, 0.45)]
        return float(np.interp(t, *zip(*keys, strict=True)))

    ts = np.concatenate((np.linspace(0, 0.12, 14), np.linspace(0.12, 0.8, 40)[1:-1], np.linspace(0.8, 1, 18)))
    ts = np.clip(ts, 0.002, 0.998)
    smooth_top = np.convolve(np.pad([top(t) for t in ts], 4, mode="edge"), np.ones(9) / 9, mode="valid")
    angles = np.linspace(0, math.pi, 60)
    rings = []
    for t, z in zip(ts, smooth_top, strict=True):
        w = half_width(t) * 1.0
        power = 0.62
        y = w * np.sign(np.cos(angles)) * np.abs(np.cos(angles)) ** power
        rise = 0.25 + (z - 0.25) * np.abs(np.sin(angles)) ** (0.75 if t < 0.45 else 0.9)
        lean = 1 - 0.28 * ((rise - 0.25) / 1.3) ** 1.5
        arc = np.stack((np.full(60, (t - 0.5) * long), y * lean, rise), axis=1)
        floor = np.stack((np.full(20, (t - 0.5) * long), np.linspace(-w, w, 22)[1:-1], np.full(20, 0.2)), axis=1)
        rings.append(np.concatenate((arc, floor)))
    product.add(g.loft("upper", rings, m.leather(colors.body, grain=40, depth=0.2)))
    sole = []
    for t in ts:
        w = half_width(t) + 0.06
        ring = g.rounded_rectangle(0.34 + 0.05 * t, 2 * w, 0.09, side=10, arc=5)
        lift = 0.16 * max(0.0, (t - 0.75) / 0.25) ** 2
        sole.append(
            np.stack((np.full(len(ring), (t - 0.5) * (long + 0.12)), ring[:, 1], ring[:, 0] + 0.185 + lift), axis=1)
        )
    product.add(g.loft("sole", sole, m.plastic(colors.trim, 0.5)))
    opening = []
    for s in np.linspace(0.02, 1, 8):
        ring = np.linspace(0, 2 * math.pi, 60, endpoint=False)
        x, y = (0.23 - 0.5) * long + 0.52 * s * np.cos(ring), 0.27 * s * np.sin(ring)
        opening.append(np.stack((x, y, 1.47 - 0.2 * (x - (0.23 - 0.5) * long) - 0.12 * (1 - s)), axis=1))
    product.add(g.loft("opening", opening, m.canvas("#1c1a19"), caps=False))
    rim = opening[-1]
    product.add(g.tube("collar", [rim], 0.05, m.leather(colors.body, grain=40), cyclic=True))
    laces = []
    for t in np.linspace(0.44, 0.66, 6):
        z, w = float(np.interp(t, ts, smooth_top)) + 0.03, 0.26
        laces.append(
            np.array(
                [((t - 0.5) * long + 0.05 * math.sin(6 * k), k * w, z - 0.2 * k * k) for k in np.linspace(-1, 1, 30)]
            )
        )
    product.add(g.tube("laces", laces, 0.035, m.thread("#efece4")))
    stripe = [
        np.array(
            [
                ((t - 0.5) * long, -half_width(t) * 0.99 * (1 - 0.28 * ((z - 0.25) / 1.3) ** 1.5) - 0.012, z)
                for t, z in zip(np.linspace(0.36 + k, 0.56 + k, 30), np.linspace(0.45, 0.82, 30), strict=True)
            ]
        )
        for k in (-0.05, 0.03)
    ]
    product.add(g.tube("stripe", stripe, 0.03, m.plastic(colors.trim, 0.4)))
    return product
