"""A terrace above a town at dusk: a low sun from the left, boards, shrubs and lights out of focus."""

from __future__ import annotations

import math
import random

import bpy
import numpy as np
from mathutils import Vector

from . import geometry as g
from . import materials as m
from .plants import shrub
from .stage import Setting

SUN = "#ffa45c"
LIGHT_COLOR = "#a8835c"
"""What the colours of things tend to in this light."""
HORIZON, LOW_SKY, HIGH_SKY, DUSK = "#ffb469", "#e88f78", "#8f7fa3", "#3d4a78"
SEEN = (
    -0.1, 0.1,
    [(0.0, "#33304a"), (0.4, "#6d5568"), (0.5, HORIZON), (0.62, LOW_SKY), (0.8, HIGH_SKY), (1.0, DUSK)],
)  # fmt: skip
LIGHTING = (
    -0.3, 1.0,
    [(0.0, "#2d2723"), (0.22, "#3b3029"), (0.26, HORIZON), (0.45, LOW_SKY), (0.7, HIGH_SKY), (1.0, "#6f7ba6")],
)  # fmt: skip
"""The sky: sines of the elevations at which it begins and ends, and its colours between them (0..1)."""
EDGE = 7.0
"""How far behind the product the terrace ends."""


def terrace(_setting: Setting, _middle: Vector, size: float) -> list[bpy.types.Object]:
    rng = random.Random(11)
    _sun(7.6)
    _sky()
    around = _boards(rng)
    around += _hills(rng)
    for x, y, height in ((-3.5, 5.6, 3.4), (3.5, 6.0, 2.3), (-4.6, 6.3, 4.8), (4.6, 5.4, 3.2)):
        around += shrub(rng, x, y, height)
    around += _town_lights(rng, size)
    around += _string_of_lights(size)
    return around


def _sun(strength: float) -> None:
    data = bpy.data.lights.new("sun", "SUN")
    data.energy, data.angle, data.color = strength, math.radians(3.0), m.linear(SUN)[:3]
    sun = bpy.data.objects.new("sun", data)
    sun.rotation_euler = Vector((0.90, 0.32, -0.36)).to_track_quat("-Z", "Y").to_euler()
    bpy.context.scene.collection.objects.link(sun)


def _ramp(nodes: bpy.types.Nodes, stops: list[tuple[float, str]]) -> bpy.types.Node:
    ramp = nodes.new("ShaderNodeValToRGB")
    elements = ramp.color_ramp.elements
    while len(elements) < len(stops):
        elements.new(0.5)
    for element, (at, color) in zip(elements, stops, strict=True):
        element.position, element.color = at, m.linear(color)
    return ramp


def _sky() -> None:
    """What is seen behind the terrace fills a few degrees; what lights the scene is the whole sky, dim and violet."""
    world = bpy.data.worlds.new("dusk")
    world.use_nodes = True
    nodes, links = world.node_tree.nodes, world.node_tree.links
    nodes.clear()
    direction = nodes.new("ShaderNodeTexCoord")
    split = nodes.new("ShaderNodeSeparateXYZ")
    links.new(direction.outputs["Generated"], split.inputs[0])
    shares = []
    for low, high, stops in (SEEN, LIGHTING):
        place = nodes.new("ShaderNodeMapRange")
        place.inputs["From Min"].default_value, place.inputs["From Max"].default_value = low, high
        links.new(split.outputs["Z"], place.inputs["Value"])
        ramp = _ramp(nodes, stops)
        links.new(place.outputs["Result"], ramp.inputs["Fac"])
        shares.append(ramp.outputs["Color"])
    backgrounds = []
    for color, strength in zip(shares, (0.85, 0.5), strict=True):
        background = nodes.new("ShaderNodeBackground")
        background.inputs["Strength"].default_value = strength
        links.new(color, background.inputs["Color"])
        backgrounds.append(background)
    seen, mix = nodes.new("ShaderNodeLightPath"), nodes.new("ShaderNodeMixShader")
    end = nodes.new("ShaderNodeOutputWorld")
    links.new(seen.outputs["Is Camera Ray"], mix.inputs["Fac"])
    links.new(backgrounds[1].outputs[0], mix.inputs[1])
    links.new(backgrounds[0].outputs[0], mix.inputs[2])
    links.new(mix.outputs[0], end.inputs[0])
    bpy.context.scene.world = world


def _boards(rng: random.Random) -> list[bpy.types.Object]:
    """A deck of boards, turned a little."""
    wood = m.wood("#8c7867")
    turn = math.radians(7)
    boards = []
    width, gap, front = 0.78, 0.03, -16.0
    for index in range(-22, 23):
        x, raised = index * (width + gap), rng.uniform(-0.012, 0.0)
        long = EDGE - front
        board = g.box("board", (width, long, 0.3), (x, (EDGE + front) / 2, -0.15 + raised), wood, 0.03)
        board.rotation_euler = (0, 0, turn)
        boards.append(board)
    return boards


def _hills(rng: random.Random) -> list[bpy.types.Object]:
    """Ridges, the farther the paler."""
    hills = []
    for distance, height, color in ((420.0, 7.0, "#c9958a"), (310.0, -3.0, "#93748a"), (220.0, -13.0, "#5d5272")):
        x = np.linspace(-160, 160, 200)
        z = np.full_like(x, height)
        for octave in range(7):
            swing = distance / 200 * 3.2 * 0.62**octave
            z += swing * np.sin(x * 0.022 * 1.7**octave * rng.uniform(0.8, 1.2) + rng.uniform(0, 7))
        ridge = [np.stack((x, np.full_like(x, distance), level), axis=1) for level in (np.full_like(x, -160.0), z)]
        hills.append(g.loft("hill", ridge, m.glow(color, 0.55), caps=False, closed=False))
    for hill in hills:
        _only_seen(hill)
    return hills


def _only_seen(thing: bpy.types.Object) -> None:
    thing.visible_diffuse = thing.visible_glossy = thing.visible_shadow = thing.visible_transmission = False


def _disc(at: Vector, nearer: float, share: float, color: str, strength: float) -> bpy.types.Object:
    """A light far away as a lens sees it that is focused nearer: a disc of `share` of the frame.

    It stands `nearer` to the camera on the line to `at` than the point itself, so that it is drawn sharply.
    """
    camera = bpy.context.scene.camera
    start = camera.matrix_world.translation
    point = start + (at - start) * nearer
    radius = share * 36.0 / camera.data.lens * (point - start).length / 2
    angles = np.linspace(0, 2 * math.pi, 40, endpoint=False)
    flat = [camera.matrix_world.to_3x3() @ Vector((radius * math.cos(a), radius * math.sin(a), 0)) for a in angles]
    material = m.out_of_focus_light(color, strength)
    disc = g.mesh("light", np.array([tuple(point + f) for f in flat]), [tuple(range(40))], material)
    _only_seen(disc)
    return disc


def _near(at: Vector, size: float) -> float:
    """How much nearer a point has to come to stand just behind a product of this extent."""
    start = bpy.context.scene.camera.matrix_world.translation
    return (abs(start.y) + 0.8 * size) / (at.y - start.y)


def _town_lights(rng: random.Random, size: float) -> list[bpy.types.Object]:
    lights = []
    for _ in range(56):
        at = Vector((rng.uniform(-15.5, 16), 170.0, rng.uniform(-23.5, -11.5)))
        color = rng.choice(("#ffb765", "#ffd08a", "#ff9a55", "#ffe3b8", "#ff8a5a"))
        lights.append(_disc(at, _near(at, size), rng.uniform(0.014, 0.03), color, rng.uniform(0.08, 0.5)))
    return lights


def _string_of_lights(size: float) -> list[bpy.types.Object]:
    x = np.linspace(-9, 9, 120)
    z = 1.27 * size + 0.05 * (x - 0.8) ** 2
    cable = np.stack((x, np.full_like(x, EDGE), z), axis=1)
    around = [g.tube("cable", [cable], 0.02, m.plastic("#15131a"))]
    for index in range(3, 120, 7):
        at = Vector(cable[index]) + Vector((0, 0, -0.12))
        around.append(_disc(at, _near(at, size), 0.034, "#ffc47a", 0.9))
    return around
