"""A chair and a sofa, drawn at a bag's size: thin legs, gaps between spindles, cushions."""

from __future__ import annotations

import math
import random

import bpy
import numpy as np

from . import geometry as g
from . import materials as m
from .product import Colors, Product


def _limb(
    name: str, path: g.Points, start: float, end: float, material: bpy.types.Material, segments: int = 24
) -> bpy.types.Object:
    """A round rod along `path` `[n,3]` whose radius goes from `start` to `end`."""
    tangent = np.gradient(path, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    side = np.cross(tangent, np.array((0.0, 1.0, 0.05)))
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    other = np.cross(tangent, side)
    angles = np.linspace(0, 2 * math.pi, segments, endpoint=False)
    rings = [
        p + radius * (np.cos(angles)[:, None] * s + np.sin(angles)[:, None] * o)
        for p, s, o, radius in zip(path, side, other, np.linspace(start, end, len(path)), strict=True)
    ]
    return g.loft(name, rings, material)


def _between(a: tuple[float, float, float], b: tuple[float, float, float], count: int = 8) -> g.Points:
    return np.linspace(a, b, count)


def chair(rng: random.Random, colors: Colors) -> Product:
    """A spindle-back chair: splayed legs that taper, stretchers, a bent rail over thin spindles."""
    product = Product()
    timber, seat_wood = m.plastic(colors.trim, 0.4, coat=0.2), m.plastic(colors.body, 0.35, coat=0.3)
    seat, wide, deep = 1.62, rng.uniform(1.5, 1.62), 1.45
    rings = []
    for z, grow in (
        (-0.06, -0.1),
        (-0.05, -0.04),
        (0.0, 0.0),
        (0.035, 0.0),
        (0.055, -0.03),
        (0.05, -0.2),
        (0.03, -0.7),
    ):
        flat = g.rounded_rectangle(wide + grow, deep + grow, 0.42)
        rings.append(np.concatenate((flat, np.full((len(flat), 1), seat + z)), axis=1))
    product.add(g.loft("seat", rings, seat_wood))
    feet = {}
    for side in (-1, 1):
        for rear in (-1, 1):
            top = (side * wide * 0.36, rear * deep * 0.34, seat - 0.03)
            foot = (side * wide * 0.52, rear * deep * (0.52 if rear < 0 else 0.6), 0.0)
            feet[side, rear] = (top, foot)
            product.add(_limb("leg", _between(top, foot), 0.058, 0.032, timber))
    rungs = {}
    for side in (-1, 1):
        ends = [tuple(np.array(t) * 0.42 + np.array(f) * 0.58) for t, f in (feet[side, -1], feet[side, 1])]
        rungs[side] = (np.array(ends[0]) + np.array(ends[1])) / 2
        product.add(_limb("rung", _between(*ends), 0.026, 0.026, timber))
    product.add(_limb("rung", _between(tuple(rungs[-1]), tuple(rungs[1])), 0.026, 0.026, timber))
    tall, lean = rng.uniform(1.75, 1.95), 0.42
    turns = np.linspace(-1, 1, 40)
    rail = np.stack((turns * wide * 0.56, 0.42 * deep + lean - 0.16 * turns**2, seat + tall - 0.05 * turns**2), axis=1)
    product.add(g.strap("rail", rail, 0.3, 0.11, timber, np.array((0.0, 0.2, 1.0))))
    for u in (-0.86, *np.linspace(-0.6, 0.6, 5), 0.86):
        top = (u * wide * 0.56, 0.42 * deep + lean - 0.16 * u**2, seat + tall - 0.05)
        base = (u * wide * 0.44, 0.42 * deep - 0.14 * u**2 - 0.06, seat + 0.02)
        thick = 0.042 if abs(u) > 0.8 else 0.016
        product.add(_limb("spindle", _between(base, top), thick * 1.15, thick, timber))
    return product


def sofa(rng: random.Random, colors: Colors) -> Product:
    """A two-seat sofa: soft boxes on short tapered legs, a pair of loose cushions."""
    product = Product()
    cloth, legs = m.canvas(colors.body), m.plastic(colors.trim, 0.4)
    wide, deep, low = rng.uniform(4.1, 4.5), 1.75, 0.34
    product.add(g.box("base", (wide - 0.1, deep - 0.06, 0.36), (0, 0, low + 0.18), cloth, 0.07))
    product.add(g.box("back", (wide - 0.1, 0.42, 1.3), (0, deep / 2 - 0.24, low + 0.95), cloth, 0.16))
    for side in (-1, 1):
        product.add(g.box("arm", (0.4, deep, 1.0), (side * (wide / 2 - 0.2), 0, low + 0.5), cloth, 0.15))
        middle = side * (wide - 0.8) / 4
        product.add(g.box("seat", ((wide - 0.82) / 2, deep - 0.3, 0.36), (middle, -0.14, low + 0.52), cloth, 0.13))
        back = g.box("cushion", ((wide - 0.9) / 2, 0.4, 0.86), (0, 0, 0), cloth, 0.18)
        back.location, back.rotation_euler = (middle, deep / 2 - 0.6, low + 1.1), (-0.16, 0, 0)
        product.add(back)
        for rear in (-1, 1):
            top = (side * (wide / 2 - 0.34), rear * (deep / 2 - 0.2), low + 0.02)
            foot = (side * (wide / 2 - 0.2), rear * (deep / 2 - 0.1), 0.0)
            product.add(_limb("leg", _between(top, foot), 0.075, 0.04, legs))
    loose = g.box("loose cushion", (0.8, 0.26, 0.8), (0, 0, 0), m.canvas(colors.thread), 0.12)
    loose.location, loose.rotation_euler = (-wide * 0.3, -0.02, low + 1.06), (-0.35, 0.12, 0.25)
    product.add(loose)
    return product
