"""The body that every bag has."""

from __future__ import annotations

import math
from collections.abc import Callable

import bpy
import numpy as np

from . import geometry as g


class Shell:
    """A bag's body: rounded-rectangle sections whose width and depth change with height, faces a little bulged."""

    def __init__(
        self,
        width: Callable[[float], float],
        depth: Callable[[float], float],
        height: float,
        corner: float,
        *,
        foot: float = 0.14,
        crown: float = 0.3,
        bulge: float = 0.05,
    ) -> None:
        self.width_at, self.depth_at, self.height = width, depth, height
        self.corner, self.foot, self.crown, self.bulge = corner, foot, crown, bulge

    def _inset(self, z: float) -> float:
        return self.foot * (1 - math.sqrt(1 - (1 - z / self.foot) ** 2)) if z < self.foot else 0.0

    def width(self, z: float) -> float:
        top = max(0.0, (z - (self.height - self.crown)) / self.crown) if self.crown else 0.0
        return self.width_at(z) - 2 * self._inset(z) - self.crown * 0.3 * (1 - math.sqrt(1 - min(top, 1.0) ** 2))

    def depth(self, z: float) -> float:
        full = self.depth_at(z) - 2 * self._inset(z)
        if not self.crown or z <= self.height - self.crown:
            return full
        return full * math.sqrt(max(1e-4, 1 - ((z - (self.height - self.crown)) / self.crown) ** 2))

    def swell(self, u: float, z: float) -> float:
        return 1 + self.bulge * math.cos(u * math.pi / 2) * math.sin(math.pi * min(max(z / self.height, 0), 1)) ** 0.7

    def body(self, name: str, material: bpy.types.Material) -> bpy.types.Object:
        levels = sorted(
            {self.foot * (1 - math.cos(a)) for a in np.linspace(0, math.pi / 2, 10)}
            | set(np.linspace(self.foot, self.height - self.crown, 40))
            | {self.height - self.crown + self.crown * math.sin(a) for a in np.linspace(0, math.pi / 2, 16)}
        )
        rings = []
        for z in levels:
            width, depth = self.width(z), self.depth(z)
            flat = g.rounded_rectangle(width, depth, min(self.corner, depth * 0.45))
            swell = np.array([self.swell(2 * x / width, z) for x, _ in flat])
            rings.append(np.stack((flat[:, 0], flat[:, 1] * swell, np.full(len(flat), z)), axis=1))
        return g.loft(name, rings, material)

    def face(self, u: float, z: float, side: int = -1) -> g.Points:
        """A point of the front (`side` −1) or back (+1) face; `u` −1..1 over its straight part."""
        width, depth = self.width(z), self.depth(z)
        flat = width / 2 - min(self.corner, depth * 0.45)
        x = u * flat
        return np.array((x, side * depth / 2 * self.swell(2 * x / width, z), z))

    def over_the_top(self, u: float, t: float, low_back: float, low_front: float, lift: float) -> g.Points:
        """A point of a flap: `t` 0 at height `low_back` behind, over the crown, 1 at height `low_front` in front."""
        ridge = self.height
        # Equal steps of the angle round the crown, then straight down: the sheet bends evenly.
        back, front = ridge - low_back, ridge - low_front
        bend = 0.62 * self.crown * math.pi
        total = (back - self.crown) + bend + (front - self.crown)
        at = t * total
        if at < back - self.crown:
            point, normal = self.face(u, low_back + at, 1), np.array((0.0, 1.0, 0.0))
        elif at < back - self.crown + bend:
            angle = (at - (back - self.crown)) / bend * math.pi
            z = ridge - self.crown + self.crown * math.sin(angle)
            point = self.face(u, z, 1 if angle < math.pi / 2 else -1)
            depth = self.depth_at(ridge - self.crown) / 2
            normal = np.array((0.0, math.cos(angle) / depth, math.sin(angle) / self.crown))
        else:
            z = ridge - self.crown - (at - (back - self.crown) - bend)
            point, normal = self.face(u, z, -1), np.array((0.0, -1.0, 0.08))
        return point + normal / np.linalg.norm(normal) * lift
