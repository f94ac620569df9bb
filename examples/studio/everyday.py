"""More made-up things, nearer to what shops sell: vehicles, sofas, bags on small feet, cups, dishes, screens, tools,
things that lie, and the modelled products that no shadow is measured on, stretched at random.

As in `bodies`, the order of the random numbers is part of what a seed means.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import bpy
import numpy as np

from . import bags, furniture, household, toys, vessels, worn
from . import geometry as g
from .bodies import any_material, bow, of_any_size, superellipse, tower, turned
from .hulls import along, hull, set_apart
from .product import Colors, Product

Parts = list[bpy.types.Object]
_SIDES = (-1, 1)
_STRETCHED = 0.3
"""Spread (of its logarithm) of a modelled product's size along each axis."""
_SECTIONS, _AROUND, _WINDOW = 40, 40, 11
"""Sections along a vehicle's body, points of each, and sections over which its shape is averaged."""
MODELLED: tuple[Callable[[random.Random, Colors], Product], ...] = (
    bags.handbag, bags.handbag, bags.briefcase, bags.shoulder_bag, bags.duffel, toys.toy_car, toys.toy_car,
    toys.toy_car, household.carton, household.suitcase, household.suitcase, furniture.chair, furniture.chair,
    vessels.jar, vessels.perfume, worn.sunglasses,
)  # fmt: skip
"""Of the products of this folder those that a drawn shadow was tuned on, or that it is not measured on."""


def _hex(rng: random.Random, value: float) -> str:
    channels = [min(0.95, max(0.02, value * rng.uniform(0.6, 1.4))) for _ in range(3)]
    return "#" + "".join(f"{int(255 * channel):02x}" for channel in channels)


def modelled(rng: random.Random) -> Product:
    """A product of this folder in any colours, wider, deeper or higher than it is."""
    scale = [math.exp(rng.uniform(-_STRETCHED, _STRETCHED)) for _ in range(3)]
    colors = Colors(*[_hex(rng, rng.random() ** 1.2) for _ in range(4)])
    product = rng.choice(MODELLED)(rng, colors)
    product.scale = (scale[0], scale[1], scale[2])
    return product


def vehicle(rng: random.Random) -> Parts:
    """A body above the ground on four wheels, seldom six, that reach into it; most have a cabin, half have bumpers."""
    width, depth = of_any_size(rng, 2.2, 4.2), of_any_size(rng, 0.9, 2.0)
    radius = rng.uniform(0.09, 0.16) * width
    clear, height = rng.uniform(0.35, 1.1) * radius, rng.uniform(0.25, 0.6) * depth
    paint, rubber = any_material(rng), any_material(rng)
    rng.random()  # once chose between two bodies; what is drawn after it keeps its place
    inner = rng.randint(5, 8) - 2
    places = np.linspace(0, 1, _SECTIONS)
    tall = [rng.uniform(0.6, 1), *(rng.uniform(0.8, 1.25) for _ in range(inner)), rng.uniform(0.5, 1)]
    tops = along(tall, places, _WINDOW) * height
    broad = [rng.uniform(0.8, 1), *[1.0] * inner, rng.uniform(0.8, 1)]
    widths = along(broad, places, _WINDOW) * depth
    ends = np.sqrt(np.clip(1 - (2 * places - 1) ** rng.choice([10, 20, 40]), 0, 1))
    power = rng.choice([5, 10, 20])
    rings = []
    for place, top, wide, end in zip(places, tops, widths, np.maximum(ends, 0.3), strict=True):
        ring = superellipse(wide * (0.6 + 0.4 * end), top * (0.7 + 0.3 * end), power, _AROUND)
        z = ring[:, 1] - ring[:, 1].min() + clear + (1 - end) * 0.1 * height
        across = ring[:, 0] * (1 - 0.12 * (z > clear + 0.6 * top))
        rings.append(np.column_stack((np.full(_AROUND, (place - 0.5) * width), across, z)))
    parts = [g.loft("body", rings, paint)]
    if rng.random() < 0.75:
        tall_cabin = rng.uniform(0.5, 1.1) * height
        size = width * rng.uniform(0.35, 0.75), depth * rng.uniform(0.75, 0.95), tall_cabin
        at = (rng.uniform(-0.12, 0.12) * width, 0, clear + height * 0.9)
        corners, taper = rng.choice([6, 10, 20]), rng.uniform(-0.45, -0.1)
        cabin_paint = rng.choice([paint, any_material(rng)])
        parts.append(tower(rng, *size, at, power=corners, taper=taper, bulge=0, material=cabin_paint))
    if rng.random() < 0.5:
        for side in _SIDES:
            size = rng.uniform(0.03, 0.06) * width, depth * rng.uniform(0.9, 1.05), rng.uniform(0.15, 0.3) * height
            at = (side * width * 0.5, 0, clear + rng.uniform(0.1, 0.3) * height)
            parts.append(g.box("bumper", size, at, any_material(rng), 0.02))
    thick, axle = rng.uniform(0.12, 0.28) * depth, rng.uniform(0.28, 0.4)
    outline = [(0.001, -thick / 2), (radius, -thick / 2), (radius, thick / 2), (0.001, thick / 2)]
    for x in (-axle, axle) if rng.random() < 0.9 else (-axle, 0, axle):
        for y in _SIDES:
            wheel = g.lathe("wheel", g.smooth_profile(outline, 0.2 * thick, 5), rubber, 48)
            wheel.rotation_euler = (math.pi / 2, 0, 0)
            wheel.location = (x * width, y * (depth * 0.5 - thick * rng.uniform(0.2, 0.6)), radius)
            parts.append(wheel)
    return parts


def couch(rng: random.Random) -> Parts:
    """A wide low body on short splayed legs, most with a back, arms and a cushion."""
    width, depth = of_any_size(rng, 2, 4.8), of_any_size(rng, 1, 2.1)
    low, height = of_any_size(rng, 0.08, 0.6), of_any_size(rng, 0.25, 0.7)
    cloth, timber = any_material(rng), any_material(rng)
    edge = rng.uniform(0.04, 0.16)
    parts = [g.box("base", (width - 0.1, depth - 0.05, height), (0, 0, low + height / 2), cloth, edge * 0.8)]
    if rng.random() < 0.8:
        size = (width - 0.1, rng.uniform(0.25, 0.5), height * rng.uniform(1.6, 3.4))
        parts.append(g.box("back", size, (0, depth / 2 - 0.22, low + height * 1.4), cloth, edge))
    if rng.random() < 0.75:
        tall = height * rng.uniform(1.3, 2.6)
        for side in _SIDES:
            size = (rng.uniform(0.2, 0.45), depth * rng.uniform(0.85, 1), tall)
            parts.append(g.box("arm", size, (side * (width / 2 - 0.18), 0, low + tall / 2), cloth, edge))
    if rng.random() < 0.7:
        at = (0, -0.1, low + height + 0.12)
        parts.append(g.box("seat", (width * 0.78, depth * 0.8, 0.3), at, rng.choice([cloth, any_material(rng)]), 0.1))
    leg, out, inset = rng.uniform(0.03, 0.12), rng.uniform(-0.02, 0.2), rng.uniform(0.05, 0.4)
    for x in _SIDES if rng.random() < 0.85 else (-1, 0, 1):
        for y in _SIDES:
            top = np.array((x * (width / 2 - inset), y * (depth / 2 - inset * 0.7), low * 1.05))
            foot = np.array((x * (width / 2 - inset + out), y * (depth / 2 - inset * 0.7 + out * 0.7), 0))
            ring = superellipse(leg * 2, leg * 2, rng.choice([2, 2, 8]), 24)
            rings = [
                np.column_stack((ring * size, np.zeros(len(ring)))) + end
                for end, size in ((foot, rng.uniform(0.5, 1)), (top, 1))
            ]
            parts.append(g.loft("leg", rings, timber))
    return parts


def satchel(rng: random.Random) -> Parts:
    """A bag with a more or less rounded base, two in three on small feet."""
    width, depth, height = of_any_size(rng, 1.5, 3.5), of_any_size(rng, 0.4, 1.5), of_any_size(rng, 0.9, 3)
    leather = any_material(rng)
    lift = rng.choice([0, rng.uniform(0.01, 0.07), rng.uniform(0.01, 0.07)])
    power, edge = rng.choice([5, 8, 12, 20]), of_any_size(rng, 0.02, 0.3) * depth
    taper, bulge = rng.uniform(-0.4, 0.05), rng.uniform(-0.04, 0.15)
    body = tower(
        rng, width, depth, height, (0, 0, lift), power=power, edge=edge, taper=taper, bulge=bulge, material=leather
    )
    parts = [body]
    if lift:
        foot = rng.uniform(0.04, 0.12)
        for x in _SIDES:
            for y in _SIDES:
                at = (x * width * 0.4, y * depth * 0.33, 0)
                of_foot = any_material(rng)
                parts.append(tower(rng, foot, foot, lift * 1.3, at, power=2, taper=0, bulge=0, material=of_foot))
    if rng.random() < 0.85:
        for y in (0,) if rng.random() < 0.5 else (-0.25 * depth, 0.25 * depth):
            size = width * rng.uniform(0.25, 0.6), height * rng.uniform(0.2, 0.8)
            radius = rng.uniform(0.02, 0.07)
            parts.append(bow(rng, *size, height * 0.92, radius, any_material(rng), y))
    if rng.random() < 0.4:
        size = (width * rng.uniform(0.4, 0.8), 0.1, height * rng.uniform(0.3, 0.6))
        at = (0, -depth * 0.47, height * rng.uniform(0.3, 0.5))
        parts.append(g.box("pocket", size, at, rng.choice([leather, any_material(rng)]), 0.04))
    return parts


def cup(rng: random.Random) -> Parts:
    """A turned vessel, three in five with an ear, some with two."""
    radius, height = of_any_size(rng, 0.5, 1.1), of_any_size(rng, 0.7, 2.4)
    material = any_material(rng)
    foot, edge = rng.uniform(0.55, 1.05), rng.uniform(0.02, 0.4) * radius
    outline = [
        (0.001, rng.uniform(0, 0.05) * height),
        (radius * foot * 0.85, rng.uniform(0, 0.05) * height),
        (radius * foot, 0.0),
        (radius * foot, 0.06 * height),
        (radius, height * rng.uniform(0.4, 0.8)),
        (radius * rng.uniform(0.75, 1.05), height),
        (0.001, height),
    ]
    parts = [g.lathe("cup", g.smooth_profile(outline, max(0.02, edge), 6), material, 64)]
    for number in range(rng.choice([0, 1, 1, 1, 2])):
        angles = np.linspace(-math.pi / 2, math.pi / 2, 30)
        out = radius * 0.9 + np.cos(angles) * radius * rng.uniform(0.4, 0.8)
        up = height * rng.uniform(0.5, 0.62) + np.sin(angles) * height * rng.uniform(0.22, 0.36)
        line = np.stack((out, angles * 0, up), axis=1)
        ear = g.tube("ear", [line], rng.uniform(0.06, 0.14) * radius, material)
        ear.rotation_euler = (0, 0, number * math.pi)
        parts.append(ear)
    return parts


def two_apart(rng: random.Random) -> Parts:
    """Two hulls alike, apart and shifted, as a pair of shoes is set down."""
    seed = rng.getrandbits(30)
    first, second = hull(random.Random(seed)), hull(random.Random(seed))
    apart, shift = rng.uniform(1.0, 2.0), rng.uniform(-1.2, 1.2)
    turns = rng.uniform(-0.15, 0.15), rng.uniform(-0.15, 0.15)
    return set_apart(first, second, apart, turns, shift)


def dish(rng: random.Random) -> Parts:
    """A plate, a bowl or a cake stand: wide above a narrower foot."""
    radius = 1.5
    height = radius * of_any_size(rng, 0.12, 1.3)
    foot, ring, thick = rng.uniform(0.25, 0.8), rng.uniform(0.0, 0.06) * radius, rng.uniform(0.03, 0.08) * radius
    power = rng.choice([1, 1.5, 2, 3])
    shares = np.linspace(0, 1, 8)
    if rng.random() < 0.5:
        bent = shares**power
        for _ in shares:
            rng.random()  # once bent every second point; what is drawn after them keeps its place
    else:
        bent = shares ** (1 / power)
    outer = [
        (radius * (foot + (1 - foot) * share), ring + (height - ring) * up)
        for share, up in zip(bent, shares, strict=True)
    ]
    outline = [(0.001, ring * 0.8), (radius * foot * 0.85, ring * 0.8), (radius * foot * 0.9, 0), (radius * foot, 0)]
    outline += outer + [(x - thick, z) for x, z in outer[::-1]] + [(0.001, ring + thick)]
    return [g.lathe("dish", [(max(0.001, x), z) for x, z in outline], any_material(rng), 96)]


def on_its_side(rng: random.Random) -> Parts:
    """A turned body, a roll or a cone that lies, turned any way."""
    kind = rng.random()
    radius, length = of_any_size(rng, 0.25, 1.1), of_any_size(rng, 1.2, 4.5)
    if kind < 0.35:
        body = turned(rng, radius, length)
    else:
        end = radius * rng.uniform(0.6, 1.0) if kind < 0.6 else radius
        outline = [(0.001, 0), (radius, 0), (end, length), (0.001, length)]
        profile = g.smooth_profile(outline, of_any_size(rng, 0.01, 0.3) * radius, 6)
        body = g.lathe("rod", profile, any_material(rng), 64)
    body.rotation_euler = (0, math.pi / 2, rng.uniform(0, 2 * math.pi))
    return [body]


def egg(rng: random.Random) -> Parts:
    """A ball, or one that is longer along an axis."""
    deep, tall = rng.choice([1, 1, rng.uniform(0.7, 1.2)]), rng.choice([1, 1, rng.uniform(0.6, 1.4)])
    profile = [(max(0.001, math.sin(angle)), -math.cos(angle)) for angle in np.linspace(0, math.pi, 40)]
    body = g.lathe("egg", profile, any_material(rng), 64)
    body.scale = (1, deep, tall)
    return [body]


def wedge(rng: random.Random) -> Parts:
    """A pyramid, a cone or what is left of one, upright or leaning."""
    width, depth, height = of_any_size(rng, 1, 3), of_any_size(rng, 1, 3), of_any_size(rng, 0.5, 3)
    corners, top = rng.choice([3, 4, 4, 5, 6, 40]), rng.choice([0.01, 0.01, rng.uniform(0.1, 0.8)])
    angles = np.linspace(0, 2 * math.pi, corners, endpoint=False) + rng.uniform(0, 6)
    ring = np.stack((width / 2 * np.cos(angles), depth / 2 * np.sin(angles)), axis=1)
    leans = np.array((rng.uniform(-0.3, 0.3) * width, rng.uniform(-0.3, 0.3) * depth)) * rng.choice([0, 1])
    rings = [
        np.column_stack((ring, np.zeros(corners))),
        np.column_stack((ring * top + leans, np.full(corners, height))),
    ]
    return [g.loft("wedge", rings, any_material(rng))]


def tool(rng: random.Random) -> Parts:
    """Long and thin, lying: a knife, a brush, a pen."""
    length, wide, thick = 3, rng.uniform(0.05, 0.5), of_any_size(rng, 0.03, 0.3)
    of_grip, of_blade = any_material(rng), any_material(rng)
    grip, thin = rng.uniform(0.25, 0.6), thick * rng.uniform(0.1, 1)
    rise = rng.uniform(0, 1) * (thick - thin)
    edge = 0.3 * min(thick, wide) * rng.uniform(0.2, 1)
    handle = g.box("grip", (length * grip, wide, thick), (-length * (1 - grip) / 2, 0, thick / 2), of_grip, edge)
    size = (length * (1 - grip), wide * rng.uniform(0.4, 1.2), thin)
    return [handle, g.box("blade", size, (length * grip / 2, 0, rise + thin / 2), of_blade, 0.2 * thin)]


def screen(rng: random.Random) -> Parts:
    """A flat upright thing on a neck and a round or square foot."""
    width, height, lift = rng.uniform(2, 3.5), rng.uniform(1, 2.6), rng.uniform(0.2, 1.0)
    radius = rng.uniform(0.4, 1.1)
    of_foot, of_screen = any_material(rng), any_material(rng)
    if rng.random() < 0.6:
        outline = [(0.001, 0), (radius, 0), (radius * rng.uniform(0.8, 1), rng.uniform(0.03, 0.12)), (0.001, 0.13)]
        foot = g.lathe("foot", g.smooth_profile(outline, 0.02, 4), of_foot, 64)
    else:
        foot = g.box("foot", (radius * 2, radius * rng.uniform(0.7, 1.3), 0.08), (0, 0, 0.04), of_foot, 0.02)
    size = (width, rng.uniform(0.06, 0.25), height)
    panel = g.box("screen", size, (0, -rng.uniform(0, 0.15), lift + height / 2), of_screen, 0.03)
    panel.rotation_euler = (-rng.uniform(0, 0.2), 0, 0)
    neck = np.array([(0, 0.05, 0.03), (0, 0.02, lift + height * 0.4)])
    return [foot, g.tube("neck", [neck], rng.uniform(0.05, 0.14), of_foot), panel]
