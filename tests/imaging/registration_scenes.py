"""Generated pictures with known truth: a product moved, scaled and turned over an unrelated scene, relit and disturbed.

Nothing here uses the pack's own resampling: the product is sampled with NumPy and SciPy, several times per pixel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from prodgen_nodes.imaging.placement import Affine, Placement
from prodgen_nodes.imaging.tensors import bounding_box
from scipy import ndimage
from torch import Tensor

from tests.imaging.handle_products import Product, arch, bag_body, jar, rounded
from tests.support.jpeg import coded

Plane = NDArray[np.float64]


def to_linear(srgb: Plane) -> Plane:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def to_srgb(linear: Plane) -> Plane:
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


@dataclass(frozen=True)
class Photo:
    """A product photo: sRGB `[h,w,3]` and exact coverage `[h,w]`, both 0..1."""

    rgb: Plane
    alpha: Plane

    @property
    def tensors(self) -> tuple[Tensor, Tensor]:
        return (
            torch.from_numpy(self.rgb.astype(np.float32))[None],
            torch.from_numpy(self.alpha.astype(np.float32))[None],
        )

    @property
    def mirrored(self) -> Photo:
        return Photo(self.rgb[:, ::-1].copy(), self.alpha[:, ::-1].copy())


@dataclass(frozen=True)
class Drift:
    """What the model did to the product's place: shift as shares of the canvas, scale, rotation in degrees."""

    dx: float = 0.0
    dy: float = 0.0
    scale: float = 1.0
    rotation: float = 0.0


@dataclass(frozen=True)
class Disturbance:
    """What else it did. `covered` is the share of the product behind a hand; `redraw` an sRGB amplitude."""

    light: float = 0.5
    gamma: float = 1.0
    tint: float = 0.05
    covered: float = 0.0
    redraw: float = 0.0
    blur: float = 0.7
    noise: float = 0.01
    jpeg: int | None = 88


@dataclass(frozen=True)
class Case:
    """One generated picture `[1,H,W,3]` with where the product was meant to be and where it is (product to scene)."""

    generated: Tensor
    placement: Placement
    truth: Affine
    hand: Plane


def smooth_noise(shape: tuple[int, int], sigma: float, rng: np.random.Generator) -> Plane:
    """Low-pass noise with mean 0 and standard deviation 1."""
    factor = max(1, int(sigma / 4))
    small = rng.normal(size=(math.ceil(shape[0] / factor) + 4, math.ceil(shape[1] / factor) + 4))
    field = ndimage.gaussian_filter(small, sigma / factor, mode="wrap")
    field = (field - field.mean()) / field.std()
    if factor > 1:
        field = ndimage.zoom(field, factor, order=1)
    return np.asarray(field[: shape[0], : shape[1]])


def clutter(width: int, height: int, rng: np.random.Generator) -> Plane:
    """An unrelated scene: a wall and a floor, furniture-like shapes, cloth-like texture. sRGB `[h,w,3]`."""
    y, x = np.mgrid[0:height, 0:width]
    side = min(width, height)
    scene = np.empty((height, width, 3))
    horizon = rng.uniform(0.3, 0.8) * height
    scene[:] = rng.uniform(0.2, 0.9, 3)
    scene[y > horizon] = rng.uniform(0.15, 0.85, 3)
    for _ in range(rng.integers(8, 20)):
        cx, cy = rng.uniform(0, width), rng.uniform(0, height)
        rx, ry = rng.uniform(0.04, 0.3, 2) * side
        angle = rng.uniform(0, np.pi)
        power = rng.choice([2.0, 8.0])
        color = rng.uniform(0.1, 0.95, 3)
        part = _around(cx, cy, rx, ry, angle, 1 + 40 / side, (height, width))
        here_x, here_y = x[part] - cx, y[part] - cy
        u = here_x * np.cos(angle) + here_y * np.sin(angle)
        v = here_y * np.cos(angle) - here_x * np.sin(angle)
        inside = np.clip(
            0.5 + side / 80 * (1 - (np.abs(u / rx) ** power + np.abs(v / ry) ** power) ** (1 / power)), 0, 1
        )
        scene[part] += inside[..., None] * (color - scene[part])
    texture = smooth_noise((height, width), rng.uniform(0.8, 3), rng) * rng.uniform(0.005, 0.03)
    stripes = 0.03 * rng.uniform(0, 1) * np.sin(2 * np.pi * (x * rng.uniform(-1, 1) + y * rng.uniform(-1, 1)) / 23)
    return np.clip(scene + (texture + stripes)[..., None], 0, 1)


def _around(
    cx: float, cy: float, rx: float, ry: float, angle: float, reach: float, shape: tuple[int, int]
) -> tuple[slice, slice]:
    """The rows and columns of a turned shape of these radii, `reach` times as large: beyond them it is nothing."""
    across = reach * (rx * abs(math.cos(angle)) + ry * abs(math.sin(angle))) + 1
    down = reach * (rx * abs(math.sin(angle)) + ry * abs(math.cos(angle))) + 1
    rows, columns = (
        slice(max(0, math.floor(middle - half)), max(0, min(end, math.ceil(middle + half) + 1)))
        for middle, half, end in ((cy, down, shape[0]), (cx, across, shape[1]))
    )
    return rows, columns


def warped(photo: Photo, transform: Affine, width: int, height: int, samples: int = 3) -> tuple[Plane, Plane]:
    """Linear-light premultiplied colour `[h,w,3]` and coverage `[h,w]` of `photo` under `transform`.

    Bilinear samples, several per pixel, averaged.
    """
    matrix = np.array([[transform.a, transform.b], [transform.c, transform.d]])
    inverse = np.linalg.inv(matrix)
    planes = np.dstack((to_linear(photo.rgb) * photo.alpha[..., None], photo.alpha))
    scale = math.sqrt(np.linalg.det(matrix))
    if scale < 0.6:  # several samples per pixel no longer reach every source pixel
        planes = ndimage.gaussian_filter(planes, (0.3 / scale, 0.3 / scale, 0))
    source = torch.from_numpy(planes.astype(np.float32)).permute(2, 0, 1)[None]
    side = torch.tensor([photo.rgb.shape[1], photo.rgb.shape[0]], dtype=torch.float64)
    total = torch.zeros((4, height, width))
    rows, columns = _reached(planes[..., 3], transform, width, height)
    y, x = torch.meshgrid(
        torch.arange(rows.start, rows.stop).double(), torch.arange(columns.start, columns.stop).double(), indexing="ij"
    )
    for i in range(samples):
        for j in range(samples):
            px, py = x + (j + 0.5) / samples - transform.tx, y + (i + 0.5) / samples - transform.ty
            u, v = inverse[0, 0] * px + inverse[0, 1] * py, inverse[1, 0] * px + inverse[1, 1] * py
            grid = (torch.stack((u, v), dim=-1) * (2 / side) - 1).float()[None]
            total[:, rows, columns] += F.grid_sample(source, grid, mode="bilinear", align_corners=False)[0]
    result = (total / samples**2).permute(1, 2, 0).double().numpy()
    return result[..., :3], result[..., 3]


def _reached(alpha: Plane, transform: Affine, width: int, height: int) -> tuple[slice, slice]:
    """The canvas' rows and columns that anything of `alpha` is moved to: all others stay empty."""
    box = [(found.start - 1, found.stop + 1) for found in ndimage.find_objects((alpha > 0).astype(np.uint8))[0]]
    corners = [transform.apply(x, y) for x in box[1] for y in box[0]]
    columns, rows = (
        slice(
            max(0, math.floor(min(corner[axis] for corner in corners)) - 2),
            max(0, min(end, math.ceil(max(corner[axis] for corner in corners)) + 2)),
        )
        for axis, end in ((0, width), (1, height))
    )
    return rows, columns


def placement_of(photo: Photo, width: int, height: int, fill: float = 0.6) -> Placement:
    """The photo's product in the middle of a canvas."""
    _, alpha = photo.tensors
    box = bounding_box(alpha[0])
    scale = fill * max(width, height) / max(box.width, box.height)
    scale = min(scale, 0.85 * width / box.width, 0.85 * height / box.height)
    tx = width / 2 - scale * (box.left + box.right) / 2
    ty = height / 2 - scale * (box.top + box.bottom) / 2
    transform = Affine.scale_translate(scale, tx, ty)
    return Placement(width, height, photo.rgb.shape[1], photo.rgb.shape[0], (transform,), (box,))


def drifted(placement: Placement, drift: Drift) -> Affine:
    """The placement's transform after the model moved the product, about the product's own centre."""
    left, top, right, bottom = placement.canvas_box(0)
    x, y = (left + right) / 2, (top + bottom) / 2
    cosine = drift.scale * math.cos(math.radians(drift.rotation))
    sine = drift.scale * math.sin(math.radians(drift.rotation))
    dx, dy = drift.dx * placement.canvas_width, drift.dy * placement.canvas_height
    move = Affine(cosine, -sine, x + dx - cosine * x + sine * y, sine, cosine, y + dy - sine * x - cosine * y)
    return move.after(placement.transform(0))


def hand_over(alpha: Plane, share: float, rng: np.random.Generator) -> Plane:
    """Coverage `[h,w]` of fingers that reach over the product from outside until they cover `share` of it."""
    ys, xs = np.nonzero(alpha > 0.5)
    pick = rng.integers(len(xs))
    cx, cy = xs.mean(), ys.mean()
    angle = math.atan2(ys[pick] - cy, xs[pick] - cx)
    size = math.hypot(np.ptp(xs), np.ptp(ys))
    thick = 0.05 * size

    def fingers(depth: float, step: int) -> Plane:
        y, x = np.mgrid[0 : alpha.shape[0] : step, 0 : alpha.shape[1] : step]
        u = (x - cx) * math.cos(angle) + (y - cy) * math.sin(angle)
        v = (y - cy) * math.cos(angle) - (x - cx) * math.sin(angle)
        hand = np.zeros(x.shape)
        for finger in range(4):
            aside = v - (finger - 1.5) * 1.7 * thick
            tip = 0.55 * size - depth * (1 - 0.06 * (finger - 1.5) ** 2)
            distance = np.where(u > tip, np.abs(aside), np.hypot(u - tip, aside)) - thick * 0.85
            hand = np.maximum(hand, np.clip(0.5 - distance, 0, 1))
        return hand

    low, high = 0.0, size
    few = alpha[::8, ::8]
    for _ in range(12):  # how far in the finger tips reach
        depth = (low + high) / 2
        if (fingers(depth, 8) * few).sum() / few.sum() < share:
            low = depth
        else:
            high = depth
    return fingers(low, 1)


def generate(
    photo: Photo | None,
    placement: Placement,
    drift: Drift = Drift(),
    disturbance: Disturbance = Disturbance(),
    seed: int = 0,
    size: tuple[int, int] | None = None,
) -> Case:
    """What a model could have made; without a photo there is no product in it. `size` is (width, height)."""
    rng = np.random.default_rng(seed)
    width, height = size or (placement.canvas_width, placement.canvas_height)
    fit = Affine(width / placement.canvas_width, 0, 0, 0, height / placement.canvas_height, 0)
    truth = fit.after(drifted(placement, drift))
    scene = to_linear(clutter(width, height, rng))
    hand = np.zeros((height, width))
    if photo is not None:
        color, alpha = warped(photo, truth, width, height)
        side = min(width, height)
        light = np.exp(disturbance.light * 0.5 * smooth_noise((height, width), 0.2 * side, rng))
        color = color * light[..., None] * np.exp(disturbance.tint * rng.normal(size=3))
        if disturbance.gamma != 1.0:
            straight = color / np.maximum(alpha, 1e-4)[..., None]
            color = np.clip(straight, 0, None) ** disturbance.gamma * alpha[..., None]
        if disturbance.redraw:
            grain = smooth_noise((height, width), 2.0, rng) * disturbance.redraw
            shown = to_srgb(color / np.maximum(alpha, 1e-4)[..., None])
            blurred = ndimage.gaussian_filter(shown * alpha[..., None], (1.5, 1.5, 0))
            blurred /= np.maximum(ndimage.gaussian_filter(alpha, 1.5), 1e-3)[..., None]
            color = to_linear(np.clip(blurred + grain[..., None], 0, 1)) * alpha[..., None]
        scene = scene * (1 - alpha[..., None]) + np.clip(color, 0, 1)
        if disturbance.covered:
            hand = hand_over(alpha, disturbance.covered, rng)
            skin = to_linear(np.array([0.85, 0.66, 0.55]) * rng.uniform(0.35, 1.05))
            shade = 0.85 + 0.1 * smooth_noise((height, width), 0.03 * side, rng)
            scene = scene * (1 - hand[..., None]) + np.clip(skin * shade[..., None], 0, 1) * hand[..., None]
    picture = to_srgb(scene)
    if disturbance.blur:
        picture = ndimage.gaussian_filter(picture, (disturbance.blur, disturbance.blur, 0))
    picture = np.clip(picture + rng.normal(0, max(disturbance.noise, 1e-6), picture.shape), 0, 1)
    if disturbance.jpeg:
        picture = coded(picture, disturbance.jpeg)
    return Case(torch.from_numpy(picture.astype(np.float32))[None], placement, truth, hand)


def random_drift(seed: int) -> Drift:
    rng = np.random.default_rng(1000 + seed)
    dx, dy = rng.uniform(-0.08, 0.08, 2)
    return Drift(dx, dy, rng.uniform(0.85, 1.15), rng.uniform(-5, 5))


def random_disturbance(seed: int) -> Disturbance:
    rng = np.random.default_rng(2000 + seed)
    return Disturbance(
        light=rng.uniform(0.2, 0.8),
        gamma=rng.uniform(0.8, 1.3),
        tint=rng.uniform(0, 0.12),
        covered=rng.choice([0.0, rng.uniform(0.1, 0.25)]),
        redraw=rng.choice([0.0, 0.015]),
        blur=rng.uniform(0.4, 1.0),
        noise=rng.uniform(0.003, 0.015),
        jpeg=int(rng.integers(80, 96)),
    )


def error_of(found: Affine, truth: Affine, placement: Placement) -> tuple[float, float]:
    """Largest distance in pixels over the corners of the product's box, and the error of scale as a share."""
    box = placement.box(0)
    corners = [(x, y) for x in (box.left, box.right) for y in (box.top, box.bottom)]
    worst = max(math.dist(found.apply(*c), truth.apply(*c)) for c in corners)
    scale = math.sqrt(abs(found.a * found.d - found.b * found.c) / abs(truth.a * truth.d - truth.b * truth.c))
    return worst, abs(scale - 1)


def _painted(
    product: Product, colors: dict[str, tuple[float, float, float]], side: int, rng: np.random.Generator
) -> Photo:
    alpha, handle = (mask.numpy().astype(np.float64) for mask in product.render(side))
    rgb = np.empty((side, side, 3))
    rgb[:] = colors["body"]
    rgb += handle[..., None] * (np.array(colors["handle"]) - rgb)
    y, x = np.mgrid[0:side, 0:side] / side
    shade = 1.05 - 0.25 * x + 0.05 * np.sin(9 * y)
    return Photo(np.clip(rgb * shade[..., None], 0, 1), alpha)


Box = tuple[float, float, float, float]
"""Left, top, right and lower side, as shares of the picture's."""


def _with(photo: Photo, box: Box, color: tuple[float, float, float]) -> Photo:
    """The photo with a mark of this colour on its product."""
    side, rgb = len(photo.rgb), photo.rgb.copy()
    left, top, right, bottom = (share * side for share in box)
    rows = slice(max(0, math.floor(top) - 2), math.ceil(bottom) + 2)
    columns = slice(max(0, math.floor(left) - 2), math.ceil(right) + 2)
    y, x = np.mgrid[0:side, 0:side][:, rows, columns] + 0.5
    inside = np.minimum.reduce((x - left, right - x, y - top, bottom - y))
    mark = np.clip(inside + 0.5, 0, 1) * photo.alpha[rows, columns]
    rgb[rows, columns] += mark[..., None] * (np.array(color) - rgb[rows, columns])
    return replace(photo, rgb=rgb)


def bag_photo(seed: int = 0, side: int = 900) -> Photo:
    """A bag with grain, an off-centre label and a buckle: nothing about it is symmetric."""
    rng = np.random.default_rng(seed)
    outline, top, left, right = bag_body(rng)
    inset = 0.2 * (right - left)
    product = Product("bag").line(arch(left + inset, right - inset, top + 0.012, 0.22), 0.025).solid(outline)
    body = tuple(rng.uniform(0.15, 0.8, 3))
    photo = _painted(product, {"body": body, "handle": tuple(rng.uniform(0.1, 0.7, 3))}, side, rng)
    grain = 0.015 * smooth_noise((side, side), 2.0, rng)
    photo = replace(photo, rgb=np.clip(photo.rgb + grain[..., None], 0, 1))
    photo = _with(photo, (left + 0.05, top + 0.06, left + 0.17, top + 0.11), tuple(rng.uniform(0, 1, 3)))
    photo = _with(photo, (right - 0.1, top + 0.02, right - 0.07, top + 0.1), (0.8, 0.7, 0.3))
    return _with(photo, (left + 0.03, top + 0.155, right - 0.06, top + 0.16), (0.9, 0.85, 0.7))


def plain_jar(seed: int = 0, side: int = 900) -> Photo:
    """A jar without a mark and mirror symmetric: only its outline speaks."""
    rng = np.random.default_rng(seed)
    product = jar(rng)
    color = tuple(rng.uniform(0.2, 0.8, 3))
    alpha, _ = (mask.numpy().astype(np.float64) for mask in product.render(side))
    return Photo(np.broadcast_to(np.array(color), (side, side, 3)).copy(), alpha)


def labelled_jar(seed: int = 0, side: int = 900) -> Photo:
    """A jar with lines of print: mirrored, its outline is the same."""
    photo = plain_jar(seed, side)
    rng = np.random.default_rng(seed + 5)
    ink = (0.95, 0.95, 0.9) if photo.rgb[0, 0].mean() < 0.55 else (0.05, 0.05, 0.1)
    for row in range(4):
        start = 0.39
        for _ in range(5):
            length = rng.uniform(0.01, 0.05)
            photo = _with(photo, (start, 0.5 + 0.04 * row, start + length, 0.515 + 0.04 * row), ink)
            start += length + rng.uniform(0.008, 0.02)
    return _with(photo, (0.38, 0.46, 0.45, 0.485), (0.8, 0.2, 0.2))


def plain_box(side: int = 900) -> Photo:
    """A plain, wholly symmetric rectangle with round corners."""
    product = Product("block").solid(rounded(0.25, 0.3, 0.75, 0.7, 0.03))
    alpha, _ = (mask.numpy().astype(np.float64) for mask in product.render(side))
    return Photo(np.broadcast_to(np.array([0.75, 0.6, 0.2]), (side, side, 3)).copy(), alpha)
