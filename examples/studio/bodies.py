"""Bodies that no product has: upright, turned and arched ones of random shape, and what they are made of.

A seed gives the same body for good, so the order in which the functions here draw from their random numbers is part of
what they do.
"""

from __future__ import annotations

import math
import random

import bpy
import numpy as np

from . import geometry as g

Place = tuple[float, float, float]
DARKEST, BRIGHTEST = 0.01, 0.9
"""Albedo of what is made up here: nothing real is blacker than black velvet or whiter than fresh paper."""
_ON_A_BEND = 6
"""Rings of an upright body's rounded edge, and points of a turned one's."""
_BETWEEN_BENDS = 10
"""Rings of its side from bend to bend, both ends of which are the bends'."""


def of_any_size(rng: random.Random, low: float, high: float) -> float:
    """A length from `low` to `high`: half of one is as likely as twice that."""
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def seldom(rng: random.Random, low: float, high: float) -> float:
    """0 in two cases of three, else anything from `low` to `high`."""
    return rng.choice((0.0, 0.0, rng.uniform(low, high)))


def _beside(rng: random.Random, color: list[float], low: float, high: float) -> list[float]:
    """A linear colour whose channels are `low` to `high` times those of `color`."""
    return [min(BRIGHTEST, max(DARKEST, channel * rng.uniform(low, high))) for channel in color]


def any_material(rng: random.Random) -> bpy.types.Material:
    """Rather dark than bright and rather grey than coloured, half glossy to matt; one in eight is metal, and one in
    three has clouds or checks of a second tone."""
    material = bpy.data.materials.new("any")
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    shader = nodes["Principled BSDF"]
    color = _beside(rng, [rng.random() ** 1.5] * 3, 0.6, 1.4)
    shader.inputs["Base Color"].default_value = (*color, 1)
    shader.inputs["Roughness"].default_value = rng.uniform(0.25, 1.0)
    if rng.random() < 0.12:
        shader.inputs["Metallic"].default_value = 1.0
    if rng.random() < 0.35:
        pattern = nodes.new(rng.choice(("ShaderNodeTexNoise", "ShaderNodeTexChecker")))
        pattern.inputs["Scale"].default_value = rng.uniform(0.6, 6)
        links.new(nodes.new("ShaderNodeTexCoord").outputs["Object"], pattern.inputs["Vector"])
        mixed = nodes.new("ShaderNodeMix")
        mixed.data_type = "RGBA"
        links.new(pattern.outputs["Fac"], mixed.inputs["Factor"])
        mixed.inputs["A"].default_value = (*color, 1)
        mixed.inputs["B"].default_value = (*_beside(rng, color, 0.3, 2.5), 1)
        links.new(mixed.outputs["Result"], shader.inputs["Base Color"])
    return material


def superellipse(width: float, depth: float, power: float, count: int = 72) -> g.Points:
    """A closed ring `[count,2]`: an ellipse at `power` 2, a rectangle with ever sharper corners above."""
    angles = np.linspace(0, 2 * math.pi, count, endpoint=False)
    across, along = np.cos(angles), np.sin(angles)
    return np.stack(
        (
            width / 2 * np.sign(across) * np.abs(across) ** (2 / power),
            depth / 2 * np.sign(along) * np.abs(along) ** (2 / power),
        ),
        axis=1,
    )


def tower(
    rng: random.Random,
    width: float,
    depth: float,
    height: float,
    at: Place = (0, 0, 0),
    *,
    power: float | None = None,
    taper: float | None = None,
    bulge: float | None = None,
    edge: float | None = None,
    material: bpy.types.Material | None = None,
) -> bpy.types.Object:
    """An upright body on `at`, as narrow at the top and as round in the middle and at its lower and upper edges as
    `taper`, `bulge` and `edge` say; what is not said is drawn. One in five leans."""
    power = power or rng.choice((2, 2.5, 4, 8, 20))
    least = min(width, depth, height)
    if edge is None:
        edge = of_any_size(rng, 0.004, 0.25) * least
    edge = min(edge, 0.45 * least)
    if taper is None:
        taper = seldom(rng, -0.5, 0.5)
    if bulge is None:
        bulge = seldom(rng, -0.2, 0.35)
    lean = rng.uniform(-0.15, 0.15) if rng.random() < 0.2 else 0.0
    bend = np.linspace(0, math.pi / 2, _ON_A_BEND)
    up, inward = edge * (1 - np.cos(bend)), edge * (1 - np.sin(bend))
    between = np.linspace(edge, height - edge, _BETWEEN_BENDS)[1:-1]
    heights = np.concatenate((up, between, height - up[::-1]))
    insets = np.concatenate((inward, np.zeros(len(between)), inward[::-1]))
    rings = []
    for z, inset in zip(heights, insets, strict=True):
        share = z / height
        # Upwards a body widens less than it narrows: few things are wider at the top.
        wide = 1 + taper * share * (1 if taper < 0 else 0.6) + bulge * math.sin(math.pi * share)
        ring = superellipse(max(1e-3, width * wide - 2 * inset), max(1e-3, depth * wide - 2 * inset), power)
        rings.append(
            np.column_stack((ring[:, 0] + at[0] + lean * z, ring[:, 1] + at[1], np.full(len(ring), z + at[2])))
        )
    return g.loft("tower", rings, material or any_material(rng))


def turned(rng: random.Random, radius: float, height: float, at: Place = (0, 0, 0)) -> bpy.types.Object:
    """A turned body with two to six bends on `at`."""
    bends = rng.randint(2, 6)
    shares = [0.0, *sorted(rng.uniform(0.05, 0.95) for _ in range(bends)), 1.0]
    foot = rng.uniform(0.35, 1)
    outline = [(0.001, 0.0), (radius * foot, 0.0)]
    outline += [(radius * rng.uniform(0.25, 1), share * height) for share in shares[1:]]
    outline.append((0.001, height))
    rng.random()  # once chose between two feet; what is drawn after it keeps its place
    profile = g.smooth_profile(outline, of_any_size(rng, 0.01, 0.4) * radius, _ON_A_BEND)
    body = g.lathe("turned", profile, any_material(rng), 64)
    body.location = at
    return body


def bow(
    rng: random.Random, width: float, height: float, base: float, radius: float, material: bpy.types.Material,
    behind: float = 0.0,
) -> bpy.types.Object:  # fmt: skip
    """A handle: a round or boxy arch of a tube of `radius` that stands on the height `base`."""
    line = g.arch(width / 2, height, (0, behind, base), rng.choice((2, 2.5, 4)), count=60)
    return g.tube("bow", [line], radius, material)
