"""What a product takes of the light on a white ground: the truth that a drawn shadow is measured against.

The same scene is exposed with the product, with the product unseen but still in the light's way, and without it. The
last two give the ground's loss of light at every pixel, also behind the product's soft edge and under the product.
"""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector

from . import materials as m
from . import stage
from .geometry import Points, loft
from .product import Product

LUMINANCE = np.array((0.2126, 0.7152, 0.0722))


@dataclass(frozen=True)
class Lamp:
    """One soft box over a white ground in a white room. Angles as the node has them (0 = behind, 90 = right, 180 = at
    the camera), `size` is its side over its distance, `room` the share of the ground's light that the room gives."""

    angle: float = 180.0
    height: float = 68.0
    size: float = 1.0
    room: float = 0.45


PACKSHOT = Lamp()
"""A large box above the camera: what packshots are lit with; the shadow proper falls behind the product."""


@dataclass(frozen=True)
class Samples:
    """Samples a pixel of each exposure: the product's coverage, its photo, the shaded ground, the empty one."""

    coverage: int
    photo: int
    shaded: int
    clear: int

    @classmethod
    def of(cls, samples: int) -> Samples:
        """Of a photo of that many: its coverage is exact, and an empty ground has little that could be noise."""
        return cls(stage.SHARP, samples, samples, max(4, samples // 4))


@dataclass(frozen=True)
class Shaded:
    """`photo` of the product on the ground in linear light `[H,W,3]`, its exact `alpha`, the ground's lost share
    `shade`."""

    photo: Points
    alpha: Points
    shade: Points


def _white_room(lamp: Lamp, middle: Vector, size: float) -> list[bpy.types.Object]:
    world = bpy.data.worlds.new("room")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs["Color"].default_value = (1, 1, 1, 1)
    world.node_tree.nodes["Background"].inputs["Strength"].default_value = lamp.room
    bpy.context.scene.world = world
    distance = 8.0 * size
    azimuth, height = math.radians(lamp.angle), math.radians(lamp.height)
    towards = Vector((math.sin(azimuth) * math.cos(height), math.cos(azimuth) * math.cos(height), math.sin(height)))
    side = lamp.size * distance
    # Cycles gives a square of power P and area A the radiance P/4A; the room's ground gets π times its radiance.
    power = (1 - lamp.room) * math.pi * 4 * distance**2 / math.sin(height)
    stage._lamp("box", tuple(middle + towards * distance), (side, side), power, middle)
    far = 60.0 * size
    ground = [np.array([(x, y, 0.0) for x in (-far, far)]) for y in (-far, far)]
    return [loft("ground", ground, m.backdrop("#f0f0f0", 1.0), caps=False, closed=False)]


def expose_shade(
    product: Product, setting: stage.Setting, size: tuple[int, int], samples: Samples, lamp: Lamp = PACKSHOT
) -> Shaded:
    """The product on a white ground, its exact coverage and its exact shade."""
    width, height = size
    stage._engine(width, height, samples.photo)
    cycles = bpy.context.scene.cycles
    cycles.max_bounces = 4
    points = stage.stand(product, setting.turn)
    stage._camera(setting, points, width, height)
    extent = max(max(p[i] for p in points) - min(p[i] for p in points) for i in range(3))
    around = _white_room(lamp, Vector((0, 0, 0)), extent)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        alpha = stage._coverage(folder, "alpha", product, around, product.parts, samples.coverage)
        photo = stage._expose(folder, "photo")[..., :3]
        for part in product.parts:
            part.visible_camera = False
        cycles.samples = samples.shaded
        shaded = stage._expose(folder, "shaded")[..., :3] @ LUMINANCE
        for part in product.parts:
            part.hide_render = True
        cycles.samples = samples.clear
        clear = stage._expose(folder, "clear")[..., :3] @ LUMINANCE
    shade = np.clip(1 - shaded / np.maximum(clear, 1e-6), 0, 1)
    # The picture is developed so that the empty ground is exactly white, as a retoucher levels it.
    return Shaded(np.clip(photo / np.maximum(clear[..., None], 1e-6), 0, 1), alpha, shade)
