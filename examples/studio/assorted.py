"""Many made-up things, each from its number: what a network learns the shade of things from.

Those of this module are no products. What they have in common with them is how they meet the ground: flat, on feet,
legs or wheels, hollow underneath, rounded below, arched. Those of `everyday` are nearer to what shops sell, and one in
six of them is a product of this folder, of those that a shadow is not measured on or was tuned on.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from functools import partial

import bpy
import numpy as np

from . import everyday
from . import geometry as g
from .bodies import any_material, bow, of_any_size, tower, turned
from .hulls import hull, set_apart
from .product import Product
from .stage import Setting

Parts = list[bpy.types.Object]
_SIDES = (-1, 1)
_THREE_LEGS = ((0, -1), (0.87, 0.5), (-0.87, 0.5))
_FOUR_LEGS = ((-1, -1), (1, -1), (1, 1), (-1, 1))


def crate(rng: random.Random) -> Parts:
    """A box with rounded edges, one in three on four feet, others with a lid or a bow."""
    width, depth, height = of_any_size(rng, 1, 4), of_any_size(rng, 0.5, 3), of_any_size(rng, 0.3, 4)
    material = any_material(rng)
    edge = of_any_size(rng, 0.01, 0.1) * min(width, depth, height)
    parts = [g.box("box", (width, depth, height), (0, 0, height / 2), material, edge)]
    kind, narrow = rng.random(), min(width, depth)
    if kind < 0.3:
        lift = rng.uniform(0.03, 0.25) * narrow
        parts[0].location.z = lift
        for x in _SIDES:
            for y in _SIDES:
                size = rng.uniform(0.06, 0.2) * narrow, rng.uniform(0.06, 0.2) * narrow
                parts.append(tower(rng, *size, lift, (x * width * 0.42, y * depth * 0.4, 0), taper=0, bulge=0))
    elif kind < 0.5:
        thick = rng.uniform(0.05, 0.3) * height
        size = width * rng.uniform(1, 1.15), depth * rng.uniform(1, 1.15)
        parts.append(g.box("lid", (*size, thick), (0, 0, height + thick / 2), any_material(rng), 0.02))
    elif kind < 0.65:
        size = width * rng.uniform(0.3, 0.8), height * rng.uniform(0.2, 0.8)
        radius = rng.uniform(0.02, 0.08) * width
        parts.append(bow(rng, *size, height * 0.97, radius, any_material(rng)))
    return parts


def column(rng: random.Random) -> Parts:
    """An upright body, one in three with a smaller one on it."""
    width, depth, height = of_any_size(rng, 1, 3), of_any_size(rng, 0.6, 3), of_any_size(rng, 0.4, 5)
    parts = [tower(rng, width, depth, height)]
    if rng.random() < 0.3:
        size = width * rng.uniform(0.3, 0.8), depth * rng.uniform(0.3, 0.8), height * rng.uniform(0.1, 0.5)
        parts.append(tower(rng, *size, (0, 0, height * 0.98)))
    return parts


def vessel(rng: random.Random) -> Parts:
    """A turned body, one in four with an ear."""
    radius, height = of_any_size(rng, 0.5, 2), of_any_size(rng, 0.5, 5)
    parts = [turned(rng, radius, height)]
    if rng.random() < 0.25:
        turn = rng.uniform(0, 2 * math.pi)
        angles = np.linspace(-1.3, 1.3, 30)
        out, up = np.cos(angles) * radius * 0.7 + radius * 0.4, height / 2 + np.sin(angles) * (height * 0.35)
        line = np.stack((out, angles * 0, up), axis=1)
        ear = g.tube("ear", [line], rng.uniform(0.05, 0.15) * radius, parts[0].data.materials[0])
        ear.rotation_euler = (0, 0, turn)
        parts.append(ear)
    return parts


def _leg(rng: random.Random, top: g.Points, foot: g.Points, thick: float, material: bpy.types.Material) -> Parts:
    """A round rod, or a beam that narrows towards the ground."""
    if rng.random() < 0.5:
        return [g.tube("leg", [np.array((top, foot))], thick / 2, material)]
    ring = g.rounded_rectangle(thick, thick, thick * rng.uniform(0.05, 0.5), 4, 4)
    rings = [
        np.column_stack((ring * size, np.zeros(len(ring)))) + end
        for end, size in ((foot, rng.uniform(0.5, 1)), (top, 1))
    ]
    return [g.loft("leg", rings, material)]


def on_legs(rng: random.Random) -> Parts:
    """A top on three or four legs, upright or spread; some have a shelf, a back, something on them."""
    width, depth, height = of_any_size(rng, 1, 4), of_any_size(rng, 0.8, 2.5), of_any_size(rng, 0.4, 3)
    thick = of_any_size(rng, 0.05, 1.2)
    material, of_legs = any_material(rng), any_material(rng)
    if rng.random() < 0.6:
        parts = [g.box("top", (width, depth, thick), (0, 0, height + thick / 2), material, 0.03)]
    else:
        parts = [tower(rng, width, depth, thick, (0, 0, height), taper=0, bulge=0, material=material)]
    inset, spread, leg = rng.uniform(0.6, 0.95), rng.uniform(1, 1.25), of_any_size(rng, 0.05, 0.3)
    for x, y in _THREE_LEGS if rng.random() < 0.2 else _FOUR_LEGS:
        top = np.array((x * width / 2 * inset * 0.85, y * depth / 2 * inset * 0.85, height * 1.02))
        parts += _leg(rng, top, np.array((top[0] * spread, top[1] * spread, 0)), leg, of_legs)
    if rng.random() < 0.4:
        shelf = (width * inset * 0.85, depth * inset * 0.85, 0.06)
        parts.append(g.box("shelf", shelf, (0, 0, rng.uniform(0.15, 0.6) * height), material, 0.01))
    if rng.random() < 0.45:
        tall = rng.uniform(0.5, 2)
        back = (width * rng.uniform(0.8, 1), 0.12, tall)
        parts.append(g.box("back", back, (0, depth * 0.45, height + thick + tall / 2), material, 0.03))
    if rng.random() < 0.3:
        radius, tall = 0.3 * min(width, depth), rng.uniform(0.3, 1.2)
        parts.append(turned(rng, radius, tall, (rng.uniform(-0.2, 0.2) * width, 0, height + thick)))
    return parts


def seat(rng: random.Random) -> Parts:
    """Boxes with round edges beside and behind each other, flat on the ground or on four or six feet."""
    width, depth, height = of_any_size(rng, 2, 4.5), of_any_size(rng, 0.8, 2), of_any_size(rng, 0.3, 1)
    lift = rng.choice((0.0, rng.uniform(0.05, 0.6)))
    material = any_material(rng)
    middle = (0, 0, lift + height / 2)
    parts = [g.box("seat", (width, depth, height), middle, material, rng.uniform(0.03, 0.3) * height)]
    for side in _SIDES:
        if rng.random() < 0.6:
            thick, tall = rng.uniform(0.15, 0.5), height * rng.uniform(1, 2)
            size = (thick, depth * rng.uniform(0.7, 1.05), tall)
            at = (side * (width / 2 + thick * 0.3), 0, lift + tall / 2)
            parts.append(g.box("side", size, at, material, rng.uniform(0.1, 0.4) * thick))
    if rng.random() < 0.6:
        tall = height * rng.uniform(1.2, 3)
        size = (width * rng.uniform(0.7, 1), 0.4, tall)
        parts.append(g.box("rear", size, (0, depth * 0.5, lift + tall / 2), material, 0.1))
    if rng.random() < 0.5:
        for x in (-0.6, 0.6)[: rng.randint(1, 2)]:
            at = (x * width * 0.4, 0, lift + height)
            parts.append(tower(rng, width * 0.3, depth * 0.6, 0.35, at, material=any_material(rng)))
    if lift:
        foot, of_feet = of_any_size(rng, 0.06, 0.3), any_material(rng)
        for x in _SIDES if rng.random() < 0.7 else (-1, 0, 1):
            for y in _SIDES:
                at = (x * width * rng.uniform(0.42, 0.47), y * depth * 0.42, 0)
                taper = rng.uniform(0, 0.5)
                parts.append(tower(rng, foot, foot, lift * 1.05, at, taper=taper, bulge=0, material=of_feet))
    return parts


def pair_of_hulls(rng: random.Random) -> Parts:
    """Two alike, one before the other, as shoes are photographed."""
    seed = rng.getrandbits(30)
    first, second = hull(random.Random(seed)), hull(random.Random(seed))
    apart = rng.uniform(0.9, 1.6)
    turns, shift = (rng.uniform(-0.3, 0.3), rng.uniform(-0.3, 0.3)), rng.uniform(-0.6, 0.6)
    return set_apart(first, second, apart, turns, shift)


def on_wheels(rng: random.Random) -> Parts:
    """A body, most with a cabin, over four or six wheels."""
    width, depth = of_any_size(rng, 1.6, 4), of_any_size(rng, 0.8, 2)
    radius = of_any_size(rng, 0.12, 0.5)
    gap = rng.uniform(0.15, 1.3) * radius
    material, of_wheels = any_material(rng), any_material(rng)
    height = of_any_size(rng, 0.3, 1.5)
    if rng.random() < 0.6:
        edge = rng.uniform(0.05, 0.35) * min(height, depth)
        parts = [g.box("body", (width, depth, height), (0, 0, gap + height / 2), material, edge)]
    else:
        parts = [tower(rng, width, depth, height, (0, 0, gap), material=material)]
    if rng.random() < 0.6:
        tall = rng.uniform(0.2, 0.9)
        size = (width * rng.uniform(0.3, 0.7), depth * 0.85, tall)
        at = (rng.uniform(-0.15, 0.15) * width, 0, gap + height * 0.97)
        paint = rng.choice((material, any_material(rng)))
        parts.append(tower(rng, *size, at, power=8, taper=-0.3, material=paint))
    thick = rng.uniform(0.1, 0.35)
    outline = [(0.001, 0), (radius, 0), (radius, thick), (0.001, thick)]
    for x in _SIDES if rng.random() < 0.8 else (-1, 0, 1):
        for y in _SIDES:
            wheel = g.lathe("wheel", g.smooth_profile(outline, 0.15 * thick, 5), of_wheels, 48)
            wheel.rotation_euler = (math.pi / 2, 0, 0)
            wheel.location = (x * width * rng.uniform(0.3, 0.4), y * depth * 0.48 + thick / 2, radius)
            parts.append(wheel)
    return parts


def on_a_pole(rng: random.Random) -> Parts:
    """A round or square foot, a thin pole, and a ball or a plate at its top."""
    radius, height = of_any_size(rng, 0.4, 1.2), of_any_size(rng, 1.5, 5)
    material = any_material(rng)
    thick, power = rng.uniform(0.04, 0.4), rng.choice((2, 2, 8))
    parts = [tower(rng, 2 * radius, 2 * radius, thick, power=power, material=material)]
    pole = np.array([(0, 0, 0.05), (rng.uniform(-0.2, 0.2), 0, height)])
    parts.append(g.tube("pole", [pole], rng.uniform(0.03, 0.15), material))
    if rng.random() < 0.4:
        profile = [
            (max(0.001, math.sin(angle)) * radius * rng.uniform(0.99, 1), height - math.cos(angle) * radius * 0.8)
            for angle in np.linspace(0, math.pi, 24)
        ]
        parts.append(g.lathe("ball", profile, any_material(rng), 48))
    else:
        size = (rng.uniform(1, 3), rng.uniform(0.1, 0.6), rng.uniform(0.6, 2))
        parts.append(g.box("plate", size, (0, 0, height), any_material(rng), 0.05))
    return parts


def bag(rng: random.Random) -> Parts:
    """An upright body that mostly narrows upwards, with one bow, two, or none."""
    width, depth, height = of_any_size(rng, 1.5, 3.5), of_any_size(rng, 0.4, 1.6), of_any_size(rng, 1, 3)
    material, power = any_material(rng), rng.choice((4, 6, 10, 20))
    taper, bulge = rng.uniform(-0.45, 0.15), rng.uniform(-0.05, 0.25)
    parts = [tower(rng, width, depth, height, power=power, taper=taper, bulge=bulge, material=material)]
    if rng.random() < 0.8:
        for y in (0,) if rng.random() < 0.5 else (-0.2 * depth, 0.2 * depth):
            size = width * rng.uniform(0.25, 0.7), height * rng.uniform(0.2, 0.9)
            radius = rng.uniform(0.02, 0.08)
            parts.append(bow(rng, *size, height * 0.93, radius, any_material(rng), y))
    return parts


def pile(rng: random.Random) -> Parts:
    """Two to four bodies on each other."""
    parts: Parts = []
    reached = 0.0
    for _ in range(rng.randint(2, 4)):
        width, height = of_any_size(rng, 0.6, 2.5), of_any_size(rng, 0.15, 1.2)
        depth = width * rng.uniform(0.6, 1.2)
        at = (rng.uniform(-0.1, 0.1), rng.uniform(-0.1, 0.1), reached)
        parts.append(tower(rng, width, depth, height, at))
        reached += height * 0.98
    return parts


def group(rng: random.Random) -> Parts:
    """Two to five bodies near each other, one in four off the ground."""
    parts: Parts = []
    for _ in range(rng.randint(2, 5)):
        width, height = of_any_size(rng, 0.4, 1.6), of_any_size(rng, 0.2, 2)
        depth, x, y = width * rng.uniform(0.5, 1.5), rng.uniform(-1, 1), rng.uniform(-0.7, 0.7)
        lift = 0.0 if rng.random() < 0.75 else rng.uniform(0.1, 0.6)
        parts.append(tower(rng, width, depth, height, (x, y, lift)))
    return parts


def lying(rng: random.Random) -> Parts:
    """A turned body on its side, or a flat one, some with a thing on it."""
    if rng.random() < 0.4:
        radius, length = of_any_size(rng, 0.15, 0.8), of_any_size(rng, 2, 4)
        body = turned(rng, radius, length)
        body.rotation_euler = (0, math.pi / 2, 0)
        return [body]
    size = of_any_size(rng, 2, 4), of_any_size(rng, 1.2, 3), of_any_size(rng, 0.05, 0.5)
    parts = [tower(rng, *size)]
    if rng.random() < 0.4:
        thick = rng.uniform(0.1, 0.5)
        parts.append(tower(rng, 1, 0.8, thick, (rng.uniform(-0.4, 0.4), 0, 0.15)))
    return parts


FAMILIES: tuple[Callable[[random.Random], Parts], ...] = (
    crate, crate, column, vessel, vessel, on_legs, on_legs, seat, seat, hull, pair_of_hulls, pair_of_hulls,
    on_wheels, on_wheels, on_a_pole, bag, bag, pile, group, lying,
)  # fmt: skip
"""Of which kind a thing is: its number's remainder. Twice is what shops sell most, or what is hardest to shade."""


EVERYDAY: tuple[Callable[[random.Random], Parts | Product], ...] = (
    everyday.modelled, everyday.vehicle, everyday.dish, everyday.couch, everyday.on_its_side, everyday.satchel,
    everyday.egg, everyday.modelled, everyday.wedge, everyday.two_apart, everyday.cup, everyday.tool,
    everyday.modelled, everyday.couch, everyday.screen, everyday.vehicle, everyday.dish, everyday.on_its_side, on_legs,
)  # fmt: skip
"""The kinds of those that are nearer to what shops sell."""
EVERYDAY_FROM = 3000
"""The first number of these."""


def any_setting(rng: random.Random, is_everyday: bool) -> Setting:
    """As packshots are taken: straight on, three quarters, seldom from anywhere; the camera a little above, one
    everyday thing in four from any height."""
    around = partial(rng.uniform, -45, 45)
    turn = 0.0 if rng.random() < 0.15 else rng.choice((around(), around(), rng.uniform(-180, 180)))
    if not is_everyday:
        height = min(24.0, max(5.0, rng.gauss(12.5, 3.5)))
    else:
        height = rng.uniform(3, 50) if rng.random() < 0.25 else min(24.0, max(4.0, rng.gauss(12.5, 4)))
    return Setting(turn=turn, height=height, fill=rng.uniform(0.55, 0.68), lift=rng.uniform(0.0, 0.05))


def assorted(seed: int) -> tuple[str, Product, Setting]:
    """The kind of the thing number `seed`, the thing in the scene, and how it is photographed."""
    rng = random.Random(seed)
    is_everyday = seed >= EVERYDAY_FROM
    families = EVERYDAY if is_everyday else FAMILIES
    family = families[seed % len(families)]
    made = family(rng)
    product = made if isinstance(made, Product) else Product(parts=made)
    return family.__name__, product, any_setting(rng, is_everyday)
