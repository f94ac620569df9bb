"""What is worn: sunglasses, hoop earrings, a fine necklace. Thin metal round large gaps."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import bpy
import numpy as np

from . import geometry as g
from . import materials as m
from .product import Colors, Product


def _outline(wide: float, high: float, power: float) -> g.Points:
    """A closed superellipse `[n,3]` in the plane that faces the camera."""
    angles = np.linspace(0, 2 * math.pi, 120, endpoint=False)
    c, s = np.cos(angles), np.sin(angles)
    x = wide / 2 * np.sign(c) * np.abs(c) ** (2 / power)
    z = high / 2 * np.sign(s) * np.abs(s) ** (2 / power)
    return np.stack((x, np.zeros_like(x), z), axis=1)


def sunglasses(rng: random.Random, colors: Colors) -> Product:
    """Wire sunglasses that stand open: tinted lenses, thin rims, temples towards the wall."""
    product = Product()
    wire, tip = m.metal(colors.metal, 0.2), m.plastic(colors.trim, 0.35, coat=0.3)
    tint = m.plastic(colors.body, 0.06, coat=1.0)
    wide, high, apart = 1.3, rng.uniform(1.02, 1.16), 0.78
    thin = 0.03
    for side in (-1, 1):
        outline = _outline(wide, high, 2.5)
        outline[:, 0] *= 1 + 0.13 * outline[:, 2]
        outline += np.array((side * apart, 0.1, high / 2 + thin))
        product.add(g.tube("rim", [outline], thin, wire, cyclic=True))
        middle = outline.mean(axis=0)
        rings = [
            middle + (outline - middle) * s + np.array((0, -0.03 * (1 - s * s), 0)) for s in np.linspace(1.0, 0.02, 12)
        ]
        product.add(g.loft("lens", rings, tint))
        hinge = np.array((side * (apart + wide * 0.52), 0.1, high * 0.82))
        t = np.linspace(0, 1, 50)[:, None]
        straight = hinge + t * np.array((side * 0.06, 2.55, -0.05))
        bend = straight[-1] + np.linspace(0, 1, 20)[1:, None] * np.array((-side * 0.05, 0.62, 0.0))
        bend[:, 2] -= (hinge[2] - 0.09) * np.linspace(0, 1, 20)[1:] ** 1.6
        product.add(g.tube("temple", [np.concatenate((straight, bend))], 0.026, wire))
        product.add(g.tube("tip", [bend[4:]], 0.05, tip))
        corner = np.array([hinge + np.array((-side * 0.1, 0.0, 0)), hinge + np.array((side * 0.02, 0.02, 0))])
        product.add(g.tube("hinge", [corner], 0.04, wire))
    for z, half, sag in ((high * 0.7, 0.17, 0.1), (high * 0.97, 0.46, 0.02)):
        x = np.linspace(-half, half, 24)
        bridge = np.stack((x, np.full_like(x, 0.1), z + sag * (1 - (x / half) ** 2)), axis=1)
        product.add(g.tube("bridge", [bridge], 0.024, wire))
    return product


def earrings(rng: random.Random, colors: Colors) -> Product:
    """A pair of hoops on ear wires, each with a drop of colour, lying on the table."""
    product = Product()
    gold, stone = m.metal(colors.metal, 0.15), m.plastic(colors.body, 0.1, coat=0.8)
    angles = np.linspace(0, 2 * math.pi, 140, endpoint=False)
    for side in (-1, 1):
        turn = side * rng.uniform(0.12, 0.4)
        at = np.array((side * 1.05, side * 0.16, 0.0))

        def lay(points: g.Points, turn: float = turn, at: g.Points = at) -> g.Points:
            c, s = math.cos(turn), math.sin(turn)
            return points @ np.array(((c, s, 0), (-s, c, 0), (0, 0, 1))) + at

        hoop = np.stack((0.8 * np.cos(angles), 0.8 * np.sin(angles), np.full(140, 0.035)), axis=1)
        product.add(g.tube("hoop", [lay(hoop)], 0.034, gold, cyclic=True))
        bend = np.linspace(-1.2, math.pi, 60)
        wire = np.stack((0.2 * np.cos(bend) + 0.2, 0.95 + 0.36 * np.sin(bend), np.full(60, 0.03)), axis=1)
        tail = wire[-1] + np.linspace(0, 1, 20)[1:, None] * np.array((0.0, -0.12, 0))
        product.add(g.tube("wire", [lay(np.concatenate((wire, tail)))], 0.016, gold))
        product.add(g.tube("drop wire", [lay(_line((0, 0.8, 0.05), (0, 0.02, 0.16)))], 0.012, gold))
        drop = g.smooth_profile([(0.0, 0.0), (0.17, 0.05), (0.2, 0.24), (0.05, 0.56), (0.0, 0.58)], 0.1, 8)
        bead = g.lathe("drop", drop, stone, 64)
        bead.location, bead.rotation_euler = tuple(lay(np.array((0.0, -0.5, 0.19)))), (-math.pi / 2 + 0.1, 0, turn)
        product.add(bead)
    return product


def _line(a: tuple[float, float, float], b: tuple[float, float, float]) -> g.Points:
    return np.linspace(a, b, 12)


def links(name: str, path: g.Points, long: float, thick: float, material: bpy.types.Material) -> bpy.types.Object:
    """A chain of oval links along `path` `[n,3]`, every other one on its edge."""
    points = g.resample(path, long * 0.72)
    angles = np.linspace(0, 2 * math.pi, 28, endpoint=False)
    rings = []
    for index, (here, there) in enumerate(pairwise(points)):
        along = (there - here) / np.linalg.norm(there - here)
        flat = np.cross(along, np.array((0.0, 0.0, 1.0)))
        flat /= np.linalg.norm(flat)
        up = np.cross(flat, along)
        tilt = math.radians(12 if index % 2 else 78)
        side = math.cos(tilt) * flat + math.sin(tilt) * up
        middle = (here + there) / 2
        rings.append(middle + np.cos(angles)[:, None] * along * long / 2 + np.sin(angles)[:, None] * side * long * 0.3)
    return g.tube(name, rings, thick, material, cyclic=True)


def necklace(rng: random.Random, colors: Colors) -> Product:
    """A fine chain laid out in a loop, with a round pendant."""
    product = Product()
    gold = m.metal(colors.metal, 0.16)
    angles = np.linspace(math.radians(-88), math.radians(268), 200)
    wave = 1 + 0.05 * np.sin(3 * angles + rng.uniform(0, 6)) + 0.03 * np.sin(5 * angles)
    loop = np.stack((1.35 * wave * np.cos(angles), 1.75 * wave * np.sin(angles), np.full(200, 0.05)), axis=1)
    product.add(links("chain", loop, 0.13, 0.015, gold))
    x, y, _ = (loop[0] + loop[-1]) / 2
    disc = g.smooth_profile([(0.0, 0.0), (0.34, 0.0), (0.34, 0.07), (0.0, 0.07)], 0.03, 6)
    pendant = g.lathe("pendant", disc, gold, 96)
    pendant.location = (x, y - 0.44, 0.02)
    bezel = g.lathe(
        "stone",
        [(0.0, 0.0), (0.2, 0.0), (0.18, 0.06), (0.1, 0.1), (0.0, 0.11)],
        m.plastic(colors.body, 0.05, coat=1.0),
        64,
    )
    bezel.location = (x, y - 0.44, 0.07)
    product.add(pendant, bezel, g.ring("bail", np.array((x, y - 0.07, 0.06)), 0.07, 0.015, gold, (0.3, 0, 0)))
    return product
