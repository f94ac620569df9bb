"""The photo studio: sweep, lights, camera, and the three exposures (photo, coverage, coverage of the handle)."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector

from . import materials as m
from .geometry import Points, loft
from .product import Product

SHARP = 128
"""Samples a pixel of an exact coverage: what it lacks then is less than a level of 255."""


@dataclass(frozen=True)
class Setting:
    """How a product is photographed. Angles in degrees, `fill` is the product's longest side over the frame's."""

    backdrop: str = "#e8e6e2"
    wall: str | None = None  # a wall of another colour behind a table edge gives a visible horizon
    turn: float = -18.0
    height: float = 9.0
    fill: float = 0.62
    lift: float = 0.0  # where the product's middle stands above (+) or below (−) the frame's, as a share of the frame
    key: float = 1.0
    fill_light: float = 0.35
    rim: float = 0.6
    ambient: float = 0.16
    vignette: float = 0.18
    warmth: float = 0.0
    noise: float = 0.0035
    exposure: float = 1.0
    blur: float = 0.0  # how large a point far behind the product becomes, as a share of the frame; 0: all is sharp


def reset() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)


def _engine(width: int, height: int, samples: int) -> None:
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = width, height, 100
    scene.cycles.device, scene.cycles.samples = "CPU", samples
    scene.cycles.use_adaptive_sampling, scene.cycles.adaptive_threshold = True, 0.015
    scene.cycles.use_denoising, scene.cycles.denoiser = True, "OPENIMAGEDENOISE"
    scene.cycles.max_bounces, scene.cycles.transmission_bounces, scene.cycles.glossy_bounces = 8, 8, 4
    scene.cycles.caustics_reflective = scene.cycles.caustics_refractive = False
    scene.cycles.sample_clamp_indirect = 4.0
    scene.render.threads_mode, scene.render.threads = "FIXED", 2
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.image_settings.color_depth, scene.render.image_settings.color_mode = "32", "RGBA"
    scene.view_settings.view_transform = "Standard"


def _sweep(setting: Setting) -> list[bpy.types.Object]:
    """Seamless paper that rises behind the table; with `wall`, a table whose far edge shows against a wall."""
    wide, front, back, radius = 40.0, -18.0, 5.5, 4.0
    if setting.wall is None:
        profile = [(front, 0.0), (back, 0.0)]
        profile += [
            (back + radius * math.sin(a), radius - radius * math.cos(a)) for a in np.linspace(0, math.pi / 2, 40)[1:]
        ]
        profile.append((back + radius, 30.0))
        rings = [np.array([(x, y, z) for x in (-wide / 2, wide / 2)]) for y, z in profile]
        return [loft("sweep", rings, m.backdrop(setting.backdrop), caps=False, closed=False)]
    table = [np.array([(x, y, 0.0) for x in (-wide / 2, wide / 2)]) for y in (front, back)]
    wall = [np.array([(x, back + 1.5, z) for x in (-wide / 2, wide / 2)]) for z in (-6.0, 30.0)]
    return [
        loft("table", table, m.backdrop(setting.backdrop, 0.6), caps=False, closed=False),
        loft("wall", wall, m.backdrop(setting.wall), caps=False, closed=False),
    ]


def _lamp(
    name: str,
    at: tuple[float, float, float],
    size: tuple[float, float],
    power: float,
    target: Vector,
    color: float = 0.0,
) -> None:
    data = bpy.data.lights.new(name, "AREA")
    data.shape, data.size, data.size_y, data.energy = "RECTANGLE", size[0], size[1], power
    data.color = (1.0, 1.0 - 0.06 * color, 1.0 - 0.16 * color)
    lamp = bpy.data.objects.new(name, data)
    lamp.location = at
    lamp.rotation_euler = (target - Vector(at)).to_track_quat("-Z", "Y").to_euler()
    bpy.context.scene.collection.objects.link(lamp)


def _lights(setting: Setting, middle: Vector, size: float) -> None:
    s = size / 3.5
    power = 1100.0 * s * s * setting.exposure
    _lamp("key", (-5.5 * s, -5.5 * s, 8.0 * s), (5.0 * s, 4.0 * s), power * setting.key, middle, setting.warmth)
    _lamp("fill", (7.5 * s, -5.0 * s, 4.5 * s), (5.0 * s, 6.0 * s), power * 0.5 * setting.fill_light, middle)
    _lamp(
        "rim", (4.5 * s, 4.0 * s, 7.0 * s), (2.0 * s, 5.0 * s), power * 0.6 * setting.rim, middle, setting.warmth * 0.5
    )
    _lamp("top", (0.0, -0.5 * s, 10.0 * s), (8.0 * s, 6.0 * s), power * 0.42, Vector((0, 0, 0)))
    world = bpy.data.worlds.new("room")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs["Color"].default_value = (1, 1, 1, 1)
    world.node_tree.nodes["Background"].inputs["Strength"].default_value = setting.ambient * setting.exposure
    bpy.context.scene.world = world


def studio(setting: Setting, middle: Vector, size: float) -> list[bpy.types.Object]:
    _lights(setting, middle, size)
    return _sweep(setting)


Surroundings = Callable[[Setting, Vector, float], list[bpy.types.Object]]
"""Builds what is around a product: lights, and the objects it returns. Gets the product's middle and its extent, and
finds the camera in the scene."""


def _corners(product: Product) -> list[Vector]:
    depsgraph = bpy.context.evaluated_depsgraph_get()
    points: list[Vector] = []
    for part in product.parts:
        data = part.evaluated_get(depsgraph).to_mesh()
        step = max(1, len(data.vertices) // 400)
        points += [part.matrix_world @ data.vertices[i].co for i in range(0, len(data.vertices), step)]
    return points


def _camera(setting: Setting, points: list[Vector], width: int, height: int) -> None:
    """A short telephoto, level enough to keep verticals upright, framed so that the product has `fill`."""
    low = Vector(min(p[i] for p in points) for i in range(3))
    high = Vector(max(p[i] for p in points) for i in range(3))
    middle = (low + high) / 2
    distance = 5.2 * max(high - low)
    pitch = math.radians(setting.height)
    data = bpy.data.cameras.new("camera")
    camera = bpy.data.objects.new("camera", data)
    camera.location = middle + Vector((0, -distance * math.cos(pitch), distance * math.sin(pitch)))
    camera.rotation_euler = (middle - camera.location).to_track_quat("-Z", "Y").to_euler()
    bpy.context.scene.collection.objects.link(camera)
    bpy.context.scene.camera = camera
    bpy.context.view_layer.update()
    data.sensor_fit, data.sensor_width = "AUTO", 36.0
    view = [camera.matrix_world.inverted() @ p for p in points]
    xs, ys = [v.x / -v.z for v in view], [v.y / -v.z for v in view]
    longest = max(
        (max(xs) - min(xs)) / (width / max(width, height)), (max(ys) - min(ys)) / (height / max(width, height))
    )
    data.lens = 36.0 * setting.fill / longest
    frame = 36.0 / data.lens
    data.shift_x = (max(xs) + min(xs)) / 2 / frame
    data.shift_y = (max(ys) + min(ys)) / 2 / frame - setting.lift
    if setting.blur:
        _focus(data, [-v.z for v in view], setting.blur)


def _focus(camera: bpy.types.Camera, depths: list[float], blur: float) -> None:
    """Sharp on the product's front half; a point far behind becomes a disc of `blur` times the frame."""
    distance = (float(np.mean(depths)) + min(depths)) / 2
    camera.dof.use_dof, camera.dof.focus_distance = True, distance
    camera.dof.aperture_fstop = (camera.lens / 1000) ** 2 / (blur * camera.sensor_width / 1000 * distance)


def _expose(folder: Path, name: str) -> Points:
    """Render the scene as it stands; linear RGBA `[H,W,4]`, top row first."""
    path = folder / f"{name}.exr"
    bpy.context.scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    picture = bpy.data.images.load(str(path))
    picture.colorspace_settings.name = "Non-Color"
    width, height = picture.size
    values = np.empty(width * height * 4, np.float32)
    picture.pixels.foreach_get(values)
    bpy.data.images.remove(picture)
    return values.reshape(height, width, 4)[::-1].astype(np.float64)


def _coverage(
    folder: Path,
    name: str,
    product: Product,
    hidden: list[bpy.types.Object],
    shown: list[bpy.types.Object],
    samples: int = SHARP,
) -> Points:
    """Exact pixel coverage `[H,W]` of the visible part of `shown`: same camera and pixel filter, nothing but shape."""
    scene = bpy.context.scene
    plain = bpy.data.materials.new("plain")
    plain.use_nodes = True
    nodes = plain.node_tree.nodes
    nodes.clear()
    emission, end = nodes.new("ShaderNodeEmission"), nodes.new("ShaderNodeOutputMaterial")
    plain.node_tree.links.new(emission.outputs[0], end.inputs[0])
    scene.view_layers[0].material_override = plain
    scene.render.film_transparent = True
    denoise, before, bounces = scene.cycles.use_denoising, scene.cycles.samples, scene.cycles.max_bounces
    scene.cycles.use_denoising, scene.cycles.use_adaptive_sampling = False, False
    scene.cycles.samples, scene.cycles.max_bounces = samples, 0
    for thing in hidden:
        thing.hide_render = True
    for part in product.parts:
        part.is_holdout = part not in shown
    alpha = _expose(folder, name)[..., 3]
    for part in product.parts:
        part.is_holdout = False
    for thing in hidden:
        thing.hide_render = False
    scene.view_layers[0].material_override = None
    scene.render.film_transparent = False
    scene.cycles.use_denoising, scene.cycles.use_adaptive_sampling = denoise, True
    scene.cycles.samples, scene.cycles.max_bounces = before, bounces
    return np.clip(alpha, 0, 1)


def encode(linear: Points) -> Points:
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055)


def shoulder(linear: Points, start: float = 0.8) -> Points:
    """Film's soft shoulder: identity up to `start`, then bends towards 1 instead of clipping."""
    over = np.maximum(linear - start, 0) / (1 - start)
    return np.where(linear > start, start + (1 - start) * (1 - np.exp(-over)), linear)


def develop(linear: Points, setting: Setting, seed: int) -> Points:
    """sRGB 0..1 of the exposure: lens vignette, shoulder, sensor noise.

    The denoiser knows nothing beyond the frame and errs in its outermost pixels: they take their neighbours' light.
    """
    linear = np.pad(linear[1:-1, 1:-1], ((1, 1), (1, 1), (0, 0)), mode="edge")
    height, width = linear.shape[:2]
    y, x = np.mgrid[0:height, 0:width]
    radius = np.hypot((x - width / 2) / (width / 2), (y - height / 2) / (height / 2)) / math.sqrt(2)
    light = linear * (1 - setting.vignette * radius[..., None] ** 2.2)
    picture = encode(shoulder(np.clip(light, 0, None)))
    noise = np.random.default_rng(seed).normal(0, setting.noise, picture.shape)
    return np.clip(picture + noise * np.sqrt(np.clip(1.15 - picture, 0.1, 1)), 0, 1)


def stand(product: Product, turn: float) -> list[Vector]:
    """Turn the product by `turn` degrees and put it on the ground; points of its surface."""
    pivot = bpy.data.objects.new("turntable", None)
    bpy.context.scene.collection.objects.link(pivot)
    for part in product.parts:
        part.parent = pivot
    pivot.rotation_euler, pivot.scale = (0, 0, math.radians(turn)), product.scale
    bpy.context.view_layer.update()
    pivot.location.z = -min(p.z for p in _corners(product))
    bpy.context.view_layer.update()
    return _corners(product)


def photograph(
    product: Product, setting: Setting, size: tuple[int, int], samples: int, seed: int, *, coverage: bool,
    surroundings: Surroundings = studio,
) -> tuple[Points, Points | None, Points | None]:  # fmt: skip
    """Photo `[H,W,3]` in sRGB and, with `coverage`, alpha and handle `[H,W]`. The product stands at the same pixels
    whatever the `surroundings`."""
    width, height = size
    _engine(width, height, samples)
    points = stand(product, setting.turn)
    extent = max(max(p[i] for p in points) - min(p[i] for p in points) for i in range(3))
    middle = Vector((0, 0, max(p.z for p in points) / 2))
    _camera(setting, points, width, height)
    around = surroundings(setting, middle, extent)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        alpha = _coverage(folder, "alpha", product, around, product.parts) if coverage else None
        handle = None
        if coverage:
            handle = (
                _coverage(folder, "handle", product, around, product.handle)
                if product.handle
                else np.zeros((height, width))
            )
        photo = develop(_expose(folder, "photo")[..., :3], setting, seed)
    return photo, alpha, handle
