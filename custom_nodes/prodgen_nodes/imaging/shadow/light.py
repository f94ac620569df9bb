"""How the ground of a picture is lit, and from where: what a shadow is drawn from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch

from ..colorspace import srgb_to_linear
from ..tensors import check_range

ROOM = 0.45
"""Share of the ground's light that comes evenly from the whole room at medium softness; the rest is one soft box."""
BOX_HEIGHT = 68.0
BOX_HALF = 26.0
"""The packshot's soft box: above the camera, so many degrees up, so many to each side."""


@dataclass(frozen=True)
class Light:
    """How the ground is lit. Angles in degrees; `softness` and `opacity` 0..1.

    `angle`: where the light comes from, clockwise as on a clock seen from above: 0 = behind the product (the shadow
    falls towards the viewer), 90 = from the right, 180 = from the camera, 270 = from the left. `height`: its elevation
    above the ground, 90 = straight above. Both are the cast shadow's; the contact shadow is that of a soft box above
    the camera in a white room. `opacity` is meant as in a picture editor: a layer of black of that opacity, on the
    picture's own values, is as dark as the darkest point of the shadow.
    """

    angle: float = 330.0
    height: float = 60.0
    softness: float = 0.5
    opacity: float = 0.7
    contact_only: bool = True

    def check(self) -> None:
        check_range(self.angle, -360.0, 360.0, "light_angle")
        check_range(self.height, 5.0, 90.0, "light_height")
        check_range(self.softness, 0.0, 1.0, "softness")
        check_range(self.opacity, 0.0, 1.0, "opacity")

    @property
    def darkest(self) -> float:
        """Share of linear light that the darkest point of the shadow loses."""
        return 1.0 - float(srgb_to_linear(torch.tensor(1.0 - self.opacity, dtype=torch.float64)))


@dataclass(frozen=True)
class Ray:
    """One direction that light comes from: how far a point moves over the ground per unit of height on its way to the
    light (right, away from the camera), and the share of the ground's light."""

    right: float
    away: float
    share: float
    seen: float = 0.0
    """Its share of all directions that the ground sees: a lamp is bright and small."""
    returned: float = 0.0
    """How bright what hides it is itself, beside the white ground: that light comes from there instead."""


def _ray(azimuth: float, height: float, share: float, seen: float) -> Ray:
    reach = 1.0 / math.tan(height)
    return Ray(math.sin(azimuth) * reach, math.cos(azimuth) * reach, share, seen)


def room_share(softness: float) -> float:
    """Share of the ground's light that comes from the whole room; a harder light is more of a lamp."""
    return min(1.0, 2 * ROOM * softness) if softness < 0.5 else ROOM + (softness - 0.5) * 2 * (1 - ROOM)


@cache
def studio_rays(softness: float) -> tuple[Ray, ...]:
    """The white room and the soft box above the camera as directions whose shares sum to 1; mirror-symmetric."""
    room = room_share(softness)
    rays: list[Ray] = []
    # Equal shares of a cosine-weighted hemisphere: sin² of the zenith angle is uniform. Rings are turned against each
    # other so that few directions leave no pattern, each ring symmetric to the picture's vertical.
    rings, around = 4, 14
    for ring in range(rings):
        zenith = math.asin(math.sqrt((ring + 0.5) / rings))
        turn = (0.5 if ring % 2 else 0.0) * 2 * math.pi / around
        for step in range(around):
            azimuth = turn + step * 2 * math.pi / around
            rays.append(_ray(azimuth, math.pi / 2 - zenith, room / (rings * around), 1 / (rings * around)))
    grid = np.linspace(-1, 1, 3) * (BOX_HALF * 0.75)
    for up in grid:
        for aside in grid:
            # Small angles off the box's middle: turned over its own upright axis, then lifted to its height.
            vector = np.array((math.tan(math.radians(aside)), math.tan(math.radians(up)), 1.0))
            vector /= np.linalg.norm(vector)
            lift = math.radians(BOX_HEIGHT)
            z = vector[2] * math.sin(lift) + vector[1] * math.cos(lift)
            back = -(vector[2] * math.cos(lift) - vector[1] * math.sin(lift))
            rays.append(Ray(vector[0] / z, back / z, (1 - room) / grid.size**2))
    return tuple(rays)


def cast_rays(light: Light, count: int = 24) -> tuple[Ray, ...]:
    """The cast shadow's light, a disc that grows with softness, as directions of equal share; mirror-symmetric pairs
    for mirrored angles."""
    radius = math.radians(1.0 + 13.0 * light.softness)
    azimuth, height = math.radians(light.angle), math.radians(light.height)
    towards = np.array((math.sin(azimuth) * math.cos(height), math.cos(azimuth) * math.cos(height), math.sin(height)))
    level = np.array((math.cos(azimuth), -math.sin(azimuth), 0.0))
    upright = np.cross(level, towards)
    rays: list[Ray] = []
    golden = math.pi * (3 - math.sqrt(5))
    for index in range(count // 2):
        distance = radius * math.sqrt((index + 0.5) / (count // 2))
        for side in (-1, 1):
            offset = distance * (side * math.sin(golden * index) * level + math.cos(golden * index) * upright)
            vector = towards + offset
            vector[2] = max(vector[2], 0.06)
            rays.append(Ray(vector[0] / vector[2], vector[1] / vector[2], 1.0 / (2 * (count // 2))))
    return tuple(rays)
