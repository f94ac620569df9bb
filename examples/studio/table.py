"""A table by a window: planks with grain, books and a plant out of focus, the sun through the panes in hard patches.

`Setting.backdrop` is the wood's colour and `Setting.wall` the wall's.
"""

from __future__ import annotations

import math
import random

import bpy
import numpy as np
from mathutils import Matrix, Vector

from . import geometry as g
from . import materials as m
from .plants import shrub
from .stage import Setting

WALL = "#b9b0a2"
SUN, SUN_COLOR = (0.72, 0.42, -0.55), (1.0, 0.9, 0.76)
"""Where the sunlight goes, and its colour."""
DAYLIGHT = "#b9a184"
"""What the colours of things tend to in this light."""
SPINES = ("#7b2d26", "#24466b", "#d9cdb0", "#3d5a45", "#c08a2d", "#1f1f24", "#8b5e83", "#e4e0d6", "#5a7f93")


def table(setting: Setting, middle: Vector, size: float) -> list[bpy.types.Object]:
    rng = random.Random(5)
    s = size / 3.5
    around = _planks(rng, setting.backdrop)
    around += _wall(rng, setting.wall or WALL)
    around += _pile(rng, (-1.9 * s, 3.4 * s), 5, s, lying=True)
    around += _pile(rng, (2.6 * s, 4.3 * s), 7, s, lying=False)
    around += _pot(rng, (-3.3 * s, 4.6 * s), s)
    around += _sheets(rng, s)
    scale = Matrix.Scale(s, 4)
    around += [_placed(thing, scale) for thing in _window(middle / s)]
    _daylight(setting)
    return around


def _placed(thing: bpy.types.Object, matrix: Matrix) -> bpy.types.Object:
    thing.matrix_basis = matrix @ thing.matrix_basis
    return thing


def _place(x: float, y: float, turn: float, s: float, z: float = 0.0) -> Matrix:
    """To a place on the table, turned by `turn` radians, `s` as large."""
    return Matrix.Translation((x, y, z * s)) @ Matrix.Rotation(turn, 4, "Z") @ Matrix.Scale(s, 4)


def _planks(rng: random.Random, color: str) -> list[bpy.types.Object]:
    """Planks across the picture, a little askew, with dark joints."""
    wood, width, turn = m.wood(color), 1.15, math.radians(84)
    planks = [g.box("under", (60.0, 34.0, 0.2), (0, -4.0, -0.3), m.plastic("#1b1410", 0.9), 0.02)]
    for row in range(-9, 10):
        start = rng.uniform(-5, 5)
        for part in (-1, 0, 1):
            plank = g.box("plank", (width - 0.03, 10.97, 0.24), (0, 0, -0.12), wood, 0.02)
            plank.matrix_basis = Matrix.Rotation(turn, 4, "Z") @ Matrix.Translation((row * width, start + 11 * part, 0))
            planks.append(plank)
    return planks


def _wall(rng: random.Random, color: str) -> list[bpy.types.Object]:
    """A wall some way behind, with a shelf of books and two pictures on it."""
    far = 16.0
    flat = [np.array([(x, far, z) for x in (-40, 40)]) for z in (-12.0, 30.0)]
    around = [g.loft("wall", flat, m.backdrop(color), caps=False, closed=False)]
    for x, z, wide, high, tone in ((-4.4, 4.4, 2.6, 3.4, "#33485e"), (5.2, 4.9, 3.4, 2.4, "#a8552f")):
        around.append(g.box("frame", (wide, 0.14, high), (x, far - 0.1, z), m.plastic("#221a14", 0.4), 0.03))
        around.append(g.box("mount", (wide - 0.3, 0.1, high - 0.3), (x, far - 0.16, z), m.paper("#efe9dc"), 0.01))
        around.append(g.box("print", (wide - 1.1, 0.1, high - 1.1), (x, far - 0.2, z), m.paper(tone), 0.01))
    around.append(g.box("shelf", (16.0, 1.4, 0.16), (0, far - 0.7, 1.2), m.wood("#6b4a32"), 0.03))
    x = -7.0
    while x < 7.0:
        thick, high = rng.uniform(0.22, 0.5), rng.uniform(1.3, 1.95)
        if rng.random() < 0.85:
            at = (x + thick / 2, far - 0.75, 1.28 + high / 2)
            around.append(g.box("book", (thick, 1.0, high), at, m.canvas(rng.choice(SPINES)), 0.03))
        x += thick + 0.02
    return around


def _book(rng: random.Random, size: tuple[float, float, float]) -> list[bpy.types.Object]:
    """A book that lies on its back: cover, pages, a bar of print on the spine."""
    wide, deep, thick = size
    cover = m.plastic(rng.choice(SPINES), 0.5)
    lids = [g.box("cover", (wide, deep, 0.05), (0, 0, z), cover, 0.015) for z in (0.025, thick - 0.025)]
    spine = g.box("spine", (wide, 0.06, thick), (0, -deep / 2 + 0.03, thick / 2), cover, 0.02)
    pages = g.box("pages", (wide - 0.12, deep - 0.1, thick - 0.1), (0, 0.02, thick / 2), m.paper("#efe6d2"), 0.01)
    bar = g.box("print", (wide * 0.4, 0.02, thick * 0.3), (0, -deep / 2, thick / 2), m.paper("#e9d9a8"), 0.005)
    return [*lids, spine, pages, bar]


def _pile(rng: random.Random, at: tuple[float, float], count: int, s: float, *, lying: bool) -> list[bpy.types.Object]:
    """Books in a stack (`lying`), or side by side on their ends."""
    things, way = [], 0.0
    for _ in range(count):
        thick = rng.uniform(0.22, 0.42)
        size = (rng.uniform(1.7, 2.2), rng.uniform(1.2, 1.5), thick)
        place = _place(*at, 0.0, s)
        if lying:
            place @= Matrix.Translation((rng.uniform(-0.1, 0.1), 0, way)) @ Matrix.Rotation(
                rng.uniform(-0.3, 0.3), 4, "Z"
            )
        else:
            place @= Matrix.Translation((way, 0, size[0] / 2)) @ Matrix.Rotation(math.pi / 2, 4, "Y")
        things += [_placed(thing, place) for thing in _book(rng, size)]
        way += thick + 0.01
    return things


def _pot(rng: random.Random, at: tuple[float, float], s: float) -> list[bpy.types.Object]:
    pot = g.lathe(
        "pot",
        g.smooth_profile([(0.0, 0.0), (0.55, 0.0), (0.75, 1.1), (0.66, 1.1), (0.6, 0.9), (0.0, 0.9)], 0.04, 5),
        m.plastic("#b3623f", 0.7),
    )
    bush = shrub(rng, 0.0, 0.0, 2.3)
    place = _place(*at, 0.0, s)
    return [_placed(pot, place)] + [_placed(leaves, place @ Matrix.Translation((0, 0, 0.8))) for leaves in bush]


def _sheets(rng: random.Random, s: float) -> list[bpy.types.Object]:
    """Letters and a pencil that lie beside and behind the product."""
    around = []
    letters = ((2.5, 1.9, 0.4, "#f3efe4"), (2.9, 2.1, -0.2, "#e8edf0"), (-2.9, 1.7, 0.9, "#efe1c4"))
    for index, (x, y, turn, color) in enumerate(letters):
        place = _place(x * s, y * s, turn, s, 0.014 * index)
        around.append(_placed(g.box("sheet", (1.5, 2.1, 0.008), (0, 0, 0.004), m.paper(color), 0.001), place))
        for line in range(6):
            at = (-0.1, 0.7 - 0.24 * line, 0.009)
            row = g.box("print", (rng.uniform(0.6, 1.1), 0.05, 0.002), at, m.paper("#3a3a42"), 0.0005)
            around.append(_placed(row, place))
    line = np.array([(x, 0.0, 0.06) for x in np.linspace(-0.9, 0.9, 8)])
    pencil = g.tube("pencil", [line], 0.055, m.plastic("#d9a321", 0.35))
    return [*around, _placed(pencil, _place(-2.4 * s, 0.9 * s, 0.7, s))]


def _window(middle: Vector) -> list[bpy.types.Object]:
    """What stands between sun and table, a wall with six panes and a branch: only its shadow shows."""
    away = -Vector(SUN).normalized()
    frame = Matrix.Translation(middle + away * 9.0) @ away.to_track_quat("Z", "Y").to_matrix().to_4x4()
    dark = m.plastic("#202020", 0.9)
    bars = [
        ((30.0, 12.0), (0.0, 8.6)), ((30.0, 12.0), (0.0, -8.4)),
        ((12.0, 30.0), (8.0, 0.0)), ((12.0, 30.0), (-8.4, 0.0)),
        ((0.2, 6.0), (-0.9, 0.0)), ((0.2, 6.0), (0.9, 0.0)), ((6.0, 0.22), (0.0, 0.5)),
    ]  # fmt: skip
    panes = [_placed(g.box("bar", (*size, 0.1), (*at, 0.0), dark, 0.01), frame) for size, at in bars]
    branch = shrub(random.Random(3), 0.0, 0.0, 1.6)
    panes += [_placed(leaves, Matrix.Translation(middle + away * 6.0 + Vector((-1.7, 0.0, -1.4)))) for leaves in branch]
    for thing in panes:
        thing.visible_camera = thing.visible_diffuse = thing.visible_glossy = thing.visible_transmission = False
    return panes


def _daylight(setting: Setting) -> None:
    """The sun, hard, and the room's own dim light."""
    data = bpy.data.lights.new("sun", "SUN")
    data.energy, data.angle, data.color = 6.0 * setting.key * setting.exposure, math.radians(0.6), SUN_COLOR
    sun = bpy.data.objects.new("sun", data)
    sun.rotation_euler = Vector(SUN).to_track_quat("-Z", "Y").to_euler()
    bpy.context.scene.collection.objects.link(sun)
    world = bpy.data.worlds.new("room")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs["Color"].default_value = m.linear("#c3cede")
    world.node_tree.nodes["Background"].inputs["Strength"].default_value = (setting.ambient + 0.55) * setting.exposure
    bpy.context.scene.world = world
