"""Shrubs: leaves around a few stems."""

from __future__ import annotations

import math
import random

import bpy
import numpy as np
from mathutils import Vector

from . import geometry as g
from . import materials as m


def shrub(rng: random.Random, x: float, y: float, height: float) -> list[bpy.types.Object]:
    """Leaves around a few stems."""
    material = m.leaf(rng.choice(("#3f5a35", "#4d6336", "#35503c")))
    vertices: list[tuple[float, ...]] = []
    faces: list[tuple[int, ...]] = []
    for _ in range(int(420 * height)):
        up = rng.random() ** 0.8
        radius = 1.15 * math.sin(math.pi * (0.15 + 0.8 * up)) * rng.random() ** 0.4
        around = rng.uniform(0, 2 * math.pi)
        at = Vector((x + radius * math.cos(around), y + radius * math.sin(around), up * height))
        along = Vector((rng.uniform(-1, 1), rng.uniform(-1, 1), rng.uniform(-0.2, 1))).normalized()
        across = along.orthogonal().normalized() * rng.uniform(0.05, 0.1)
        long = along * rng.uniform(0.2, 0.38)
        first = len(vertices)
        vertices += [tuple(at), tuple(at + long * 0.5 + across), tuple(at + long), tuple(at + long * 0.5 - across)]
        faces.append((first, first + 1, first + 2, first + 3))
    return [g.mesh("shrub", np.array(vertices), faces, material)]
