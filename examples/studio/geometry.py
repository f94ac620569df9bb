"""Meshes and curves from arrays of points: lofts, lathes, sheets, tubes, straps, stitches, metal parts.

Lengths are decimetres (a bag is about 3 wide), +z is up, the camera looks along +y.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import bmesh
import bpy
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


def _link(name: str, data: bpy.types.ID, material: bpy.types.Material) -> bpy.types.Object:
    thing = bpy.data.objects.new(name, data)
    data.materials.append(material)
    bpy.context.scene.collection.objects.link(thing)
    return thing


def mesh(name: str, vertices: Points, faces: list[tuple[int, ...]], material: bpy.types.Material) -> bpy.types.Object:
    """A smooth-shaded mesh object with outward normals."""
    data = bpy.data.meshes.new(name)
    data.from_pydata([tuple(v) for v in vertices], [], faces)
    work = bmesh.new()
    work.from_mesh(data)
    bmesh.ops.remove_doubles(work, verts=work.verts, dist=1e-5)
    bmesh.ops.recalc_face_normals(work, faces=work.faces)
    work.to_mesh(data)
    work.free()
    data.polygons.foreach_set("use_smooth", [True] * len(data.polygons))
    return _link(name, data, material)


def rounded_rectangle(width: float, depth: float, radius: float, side: int = 20, arc: int = 8) -> Points:
    """A closed ring `[n,2]` with the same number of points whatever its size, so that rings can be lofted."""
    radius = max(1e-4, min(radius, width / 2 - 1e-4, depth / 2 - 1e-4))
    inner_x, inner_y = width / 2 - radius, depth / 2 - radius
    corners = [(inner_x, inner_y), (-inner_x, inner_y), (-inner_x, -inner_y), (inner_x, -inner_y)]
    points: list[tuple[float, float]] = []
    for index, (x, y) in enumerate(corners):
        angles = np.linspace(index * math.pi / 2, (index + 1) * math.pi / 2, arc)
        points += [(x + radius * math.cos(a), y + radius * math.sin(a)) for a in angles]
        nx, ny = corners[(index + 1) % 4]
        end = (index + 1) * math.pi / 2
        start = np.array(points[-1])
        stop = np.array((nx + radius * math.cos(end), ny + radius * math.sin(end)))
        points += [tuple(start + (stop - start) * t) for t in np.linspace(0, 1, side + 2)[1:-1]]
    return np.array(points)


def loft(
    name: str, rings: Sequence[Points], material: bpy.types.Material, *, caps: bool = True, closed: bool = True
) -> bpy.types.Object:
    """A skin over rings `[n,3]` of equal length; `caps` closes both ends, `closed` joins each ring's ends."""
    count = len(rings[0])
    faces: list[tuple[int, ...]] = []
    for row in range(len(rings) - 1):
        for i in range(count if closed else count - 1):
            j = (i + 1) % count
            faces.append((row * count + i, row * count + j, (row + 1) * count + j, (row + 1) * count + i))
    if caps:
        faces.append(tuple(reversed(range(count))))
        faces.append(tuple(range((len(rings) - 1) * count, len(rings) * count)))
    return mesh(name, np.concatenate(rings), faces, material)


def lathe(
    name: str, profile: Sequence[tuple[float, float]], material: bpy.types.Material, segments: int = 128
) -> bpy.types.Object:
    """A turned body from `(radius, z)` points, bottom to top."""
    angles = np.linspace(0, 2 * math.pi, segments, endpoint=False)
    rings = [np.stack((r * np.cos(angles), r * np.sin(angles), np.full(segments, z)), axis=1) for r, z in profile]
    return loft(name, rings, material, caps=True)


def smooth_profile(points: Sequence[tuple[float, float]], radius: float, steps: int = 6) -> list[tuple[float, float]]:
    """A polyline with its corners rounded by `radius` (as much as its legs allow)."""
    path = [np.array(p, dtype=float) for p in points]
    done: list[tuple[float, float]] = [tuple(path[0])]
    for before, corner, after in zip(path, path[1:], path[2:], strict=False):
        a, b = before - corner, after - corner
        reach = min(radius, np.linalg.norm(a) * 0.49, np.linalg.norm(b) * 0.49)
        start, end = corner + a / np.linalg.norm(a) * reach, corner + b / np.linalg.norm(b) * reach
        for t in np.linspace(0, 1, steps):
            done.append(tuple((1 - t) ** 2 * start + 2 * t * (1 - t) * corner + t**2 * end))
    done.append(tuple(path[-1]))
    return done


def sheet(name: str, grid: Points, material: bpy.types.Material, thickness: float) -> bpy.types.Object:
    """A piece of leather: an open grid `[rows, columns, 3]` given `thickness` outwards and soft edges."""
    rows, columns = grid.shape[:2]
    faces = [
        (r * columns + c, r * columns + c + 1, (r + 1) * columns + c + 1, (r + 1) * columns + c)
        for r in range(rows - 1)
        for c in range(columns - 1)
    ]
    thing = mesh(name, grid.reshape(-1, 3), faces, material)
    solid = thing.modifiers.new("thickness", "SOLIDIFY")
    solid.thickness, solid.offset = thickness, 0.0
    bevel(thing, thickness * 0.35)
    return thing


def bevel(thing: bpy.types.Object, width: float, segments: int = 3) -> bpy.types.Object:
    soft = thing.modifiers.new("bevel", "BEVEL")
    soft.width, soft.segments, soft.limit_method, soft.angle_limit = width, segments, "ANGLE", math.radians(40)
    soft.harden_normals = False
    return thing


def box(
    name: str,
    size: tuple[float, float, float],
    at: tuple[float, float, float],
    material: bpy.types.Material,
    edge: float,
) -> bpy.types.Object:
    """A box with rounded edges, centred at `at`."""
    x, y, z = (s / 2 for s in size)
    corners = np.array([(i, j, k) for k in (-z, z) for j in (-y, y) for i in (-x, x)])
    faces = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]
    thing = mesh(name, corners + np.array(at), [tuple(f) for f in faces], material)
    return bevel(thing, edge, 5)


def ring(
    name: str,
    at: Points,
    radius: float,
    thickness: float,
    material: bpy.types.Material,
    turn: tuple[float, float, float],
) -> bpy.types.Object:
    """A metal ring (torus), turned by Euler angles; flat towards +z when not turned."""
    big = np.linspace(0, 2 * math.pi, 48, endpoint=False)
    small = np.linspace(0, 2 * math.pi, 16, endpoint=False)
    rings = []
    for a in big:
        r = radius + thickness * np.cos(small)
        rings.append(np.stack((r * math.cos(a), r * math.sin(a), thickness * np.sin(small)), axis=1))
    rings.append(rings[0])
    thing = loft(name, rings, material, caps=False)
    thing.location, thing.rotation_euler = tuple(at), turn
    return thing


def tube(
    name: str, paths: Sequence[Points], radius: float, material: bpy.types.Material, *, cyclic: bool = False
) -> bpy.types.Object:
    """Round tubes with closed ends along one or more point paths `[n,3]`; one object."""
    curve = bpy.data.curves.new(name, "CURVE")
    curve.dimensions, curve.bevel_depth, curve.bevel_resolution, curve.use_fill_caps = "3D", radius, 6, True
    for path in paths:
        spline = curve.splines.new("POLY")
        spline.points.add(len(path) - 1)
        spline.points.foreach_set("co", np.concatenate((path, np.ones((len(path), 1))), axis=1).ravel())
        spline.use_cyclic_u, spline.use_smooth = cyclic, True
    return _link(name, curve, material)


def strap(
    name: str, path: Points, width: float, thickness: float, material: bpy.types.Material, across: Points
) -> bpy.types.Object:
    """A flat strap along `path` `[n,3]`; `across` (`[3]` or `[n,3]`) is the direction of its width."""
    across = np.broadcast_to(across, path.shape)
    tangent = np.gradient(path, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    side = across - tangent * (across * tangent).sum(1, keepdims=True)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    normal = np.cross(tangent, side)
    profile = rounded_rectangle(width, thickness, thickness * 0.42, side=6, arc=5)
    rings = [p + profile[:, :1] * s + profile[:, 1:] * n for p, s, n in zip(path, side, normal, strict=True)]
    return loft(name, rings, material)


def resample(path: Points, step: float) -> Points:
    """`path` `[n,3]` at equal distances of about `step`."""
    along = np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))))
    count = max(2, round(along[-1] / step) + 1)
    at = np.linspace(0, along[-1], count)
    return np.stack([np.interp(at, along, path[:, k]) for k in range(3)], axis=1)


def stitches(
    name: str,
    path: Points,
    material: bpy.types.Material,
    *,
    length: float = 0.06,
    gap: float = 0.032,
    radius: float = 0.0105,
) -> bpy.types.Object:
    """A seam: short threads along `path` `[n,3]`, their ends pulled into the leather."""
    step = length + gap
    points = resample(path, step)
    direction = np.diff(points, axis=0)
    threads = [
        p + d[None] * np.array([[0.0], [0.35], [0.65], [1.0]]) * (length / step)
        for p, d in zip(points, direction, strict=False)
    ]
    return tube(name, threads, radius, material)


def arch(
    half_width: float,
    height: float,
    base: tuple[float, float, float],
    power: float = 2.0,
    lean: float = 0.0,
    shift: float = 0.0,
    count: int = 121,
) -> Points:
    """A handle's line `[count,3]`, left to right: half a superellipse standing on `base`; `lean` tips it along y."""
    angles = np.linspace(math.pi, 0, count)
    c, s = np.cos(angles), np.sin(angles)
    x = half_width * np.sign(c) * np.abs(c) ** (2 / power)
    z = height * np.abs(s) ** (2 / power)
    return np.stack((base[0] + x + shift * z / height, base[1] + lean * z / height, base[2] + z), axis=1)
