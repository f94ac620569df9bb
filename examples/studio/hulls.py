"""Long bodies of random shape, as shoes and boats have them."""

from __future__ import annotations

import math
import random

import bpy
import numpy as np

from . import geometry as g
from .bodies import any_material, of_any_size, seldom, superellipse

_SECTIONS = 36
"""Sections along a hull, from which it is lofted."""
_SIDES = (-1, 1)


def along(values: list[float], places: g.Points, window: int = 9) -> g.Points:
    """`values` at equal distances from 0 to 1, at `places` and averaged over a `window` of these: without bends."""
    weights = np.hanning(window)
    between = np.interp(places, np.linspace(0, 1, len(values)), values)
    return np.convolve(np.pad(between, len(weights) // 2, mode="edge"), weights / weights.sum(), "valid")


def _sole(rng: random.Random, length: float, places: g.Points, widths: g.Points) -> bpy.types.Object:
    """A flat sheet on the ground of a hull's outline."""
    rings = [
        np.column_stack((np.full(2, (place - 0.5) * length), np.array(_SIDES) * width * 0.5, np.zeros(2)))
        for place, width in zip(places, widths, strict=True)
    ]
    sole = g.loft("sole", rings, any_material(rng), caps=False, closed=False)
    thick = sole.modifiers.new("thickness", "SOLIDIFY")
    thick.thickness, thick.offset = rng.uniform(0.05, 0.25), -1
    return sole


def hull(rng: random.Random) -> list[bpy.types.Object]:
    """A long body, wide and high as it pleases along its length, flat or arched underneath; half of them on a sole."""
    count, length, widest = rng.randint(4, 7), of_any_size(rng, 2, 4), of_any_size(rng, 0.5, 1.4)
    heights = [rng.uniform(0.25, 1.6) for _ in range(count)]
    widths = [rng.uniform(0.6, 1) * widest for _ in range(count)]
    gap = seldom(rng, 0.05, 0.5)
    places = np.linspace(0, 1, _SECTIONS)
    tall, wide = along(heights, places), along(widths, places)
    ends = np.sqrt(np.clip(1 - (2 * places - 1) ** rng.choice((4, 8, 16)), 0, 1))
    waist = gap * np.clip(np.sin(np.pi * np.clip((places - 0.15) / 0.6, 0, 1)), 0, 1)
    toe = rng.uniform(0, 0.2) * np.clip((places - 0.75) / 0.25, 0, 1) ** 2
    ends, under = np.maximum(ends, 0.02), waist + toe
    power, bend = rng.choice((2.5, 4, 8)), rng.uniform(-0.2, 0.2)
    rings = []
    for place, high, broad, end, clear in zip(places, tall, wide, ends, under, strict=True):
        ring = superellipse(broad * end, max(0.05, high * (0.4 + 0.6 * end) - clear), power, 48)
        z = ring[:, 1] - ring[:, 1].min() + clear
        share = (z - clear) / max(z.max() - clear, 1e-3)
        narrowed = 1 - rng.uniform(0, 0.02) - 0.4 * share**2
        x = np.full(len(ring), (place - 0.5) * length)
        rings.append(np.column_stack((x, ring[:, 0] * narrowed + bend * math.sin(3 * place), z)))
    parts = [g.loft("hull", rings, any_material(rng))]
    if rng.random() < 0.5:
        parts.append(_sole(rng, length, places, wide * ends))
        parts[0].location.z = 0 if gap else 0.03
    return parts


def set_apart(
    first: list[bpy.types.Object], second: list[bpy.types.Object], apart: float, turns: tuple[float, float],
    shift: float,
) -> list[bpy.types.Object]:  # fmt: skip
    """Two things so far `apart`, each turned, the second shifted along."""
    for parts, side, turn, aside in zip((first, second), _SIDES, turns, (0, shift), strict=True):
        for part in parts:
            part.location.y += side * apart / 2
            part.location.x += aside
            part.rotation_euler = (0, 0, turn)
    return first + second
