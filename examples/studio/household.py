"""Things for the house and the road: a carton, a table lamp, a suitcase on wheels, a stacking toy."""

from __future__ import annotations

import math
import random

import numpy as np

from . import geometry as g
from . import materials as m
from .product import Colors, Product


def carton(rng: random.Random, colors: Colors) -> Product:
    """A closed box of board with a strip of tape over its lid and a printed panel."""
    product = Product()
    wide, deep, tall = rng.uniform(2.2, 2.6), rng.uniform(1.5, 1.8), rng.uniform(1.3, 1.8)
    board, tape = m.paper(colors.body), m.plastic(colors.trim, 0.35)
    product.add(g.box("board", (wide, deep, tall), (0, 0, tall / 2), board, 0.02))
    product.add(g.box("tape", (0.34, deep + 0.006, 0.5), (0, 0, tall - 0.247), tape, 0.004))
    product.add(
        g.box("panel", (wide * 0.4, 0.006, tall * 0.3), (-wide * 0.2, -deep / 2, tall * 0.4), m.paper(colors.thread), 0)
    )
    return product


def lamp(rng: random.Random, colors: Colors) -> Product:
    """A table lamp: a flat round foot, a thin stem, a wide shade of cloth."""
    product = Product()
    steel, cloth = m.metal(colors.metal, 0.25), m.canvas(colors.body)
    foot, tall = rng.uniform(0.75, 0.85), rng.uniform(2.5, 2.9)
    disc = [(0.0, 0.0), (foot, 0.0), (foot, 0.1), (foot * 0.3, 0.17), (0.07, 0.26), (0.07, tall), (0.0, tall)]
    product.add(g.lathe("foot", g.smooth_profile(disc, 0.04, 6), steel))
    low, high, wall = tall - 0.55, tall + 0.75, 0.03
    shade = [(1.15, low), (0.8, high), (0.8 - wall, high), (1.15 - wall, low), (1.15, low)]
    product.add(g.lathe("shade", shade, cloth))
    for turn in (0.0, 2.1, 4.2):
        ends = np.array([(0, 0, tall), (0.8 * math.cos(turn), 0.8 * math.sin(turn), high - 0.1)])
        product.add(g.tube("arm", [ends], 0.02, steel))
    return product


def suitcase(rng: random.Random, colors: Colors) -> Product:
    """A hard suitcase that stands on four small wheels, its telescopic handle drawn out."""
    product = Product()
    wide, deep, tall, low = rng.uniform(2.1, 2.4), rng.uniform(1.0, 1.2), rng.uniform(3.0, 3.3), 0.34
    shell, steel, rubber = m.plastic(colors.body, 0.3, coat=0.3), m.metal(colors.metal), m.plastic("#1a1a1d", 0.6)
    product.add(g.box("shell", (wide, deep, tall), (0, 0, low + tall / 2), shell, 0.22))
    for x in np.linspace(-wide * 0.36, wide * 0.36, 7):
        product.add(g.box("rib", (0.1, deep + 0.06, tall * 0.82), (x, 0, low + tall / 2), shell, 0.045))
    product.add(g.box("zip", (wide + 0.02, 0.07, tall + 0.02), (0, 0, low + tall / 2), m.canvas(colors.trim), 0.2))
    for x in (-1, 1):
        for y in (-1, 1):
            at = (x * (wide / 2 - 0.24), y * (deep / 2 - 0.2))
            product.add(g.box("fork", (0.16, 0.22, 0.2), (*at, low - 0.06), rubber, 0.04))
            tyre = g.smooth_profile([(0.0, -0.08), (0.17, -0.08), (0.17, 0.08), (0.0, 0.08)], 0.04, 6)
            wheel = g.lathe("wheel", tyre, rubber, 48)
            wheel.location, wheel.rotation_euler = (*at, 0.17), (math.pi / 2, 0, rng.uniform(-0.5, 0.5))
            product.add(wheel)
    half, top = wide * 0.2, low + tall
    path = [(-half, deep * 0.3, top - 0.1), (-half, deep * 0.3, top + 1.1)]
    path += [(half, deep * 0.3, top + 1.1), (half, deep * 0.3, top - 0.1)]
    product.add_handle(g.tube("handle", [g.resample(np.array(path), 0.04)], 0.055, steel))
    return product


def stacker(rng: random.Random, colors: Colors) -> Product:
    """A stacking toy: rings of lacquered wood on a pin, smaller upwards, a ball on top."""
    product = Product()
    high = 0.0
    tints = [colors.body, colors.trim, colors.thread, colors.metal, colors.body]
    for step, tint in enumerate(tints):
        radius, thick = 1.15 - 0.17 * step, rng.uniform(0.42, 0.5)
        ring = [(0.0, high), (radius, high), (radius, high + thick), (0.0, high + thick)]
        product.add(g.lathe("ring", g.smooth_profile(ring, 0.2, 10), m.plastic(tint, 0.25, coat=0.6)))
        high += thick
    angles = np.linspace(-math.pi / 2, math.pi / 2, 40)
    ball = [(0.38 * math.cos(a), high + 0.34 + 0.38 * math.sin(a)) for a in angles]
    product.add(g.lathe("ball", ball, m.plastic(colors.trim, 0.2, coat=0.8)))
    return product
