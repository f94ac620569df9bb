"""Finished pictures that are good and such that are damaged, made by a script from products with exact coverage.

A product is drawn (`product`) or given; `finish` places it in a scene as the workflows do, `DAMAGES` spoil the picture
at one place, and `disturb` does to it what may happen to a good one: JPEG, light, a shift below a pixel and a half.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from prodgen_nodes.imaging.colorspace import delta_e00, linear_to_srgb, srgb_to_lab, srgb_to_linear
from prodgen_nodes.imaging.pasting import paste_back
from prodgen_nodes.imaging.placement import Placement
from scipy import ndimage

from tests.imaging import handle_products
from tests.imaging.registration_scenes import Photo, Plane, clutter, placement_of, smooth_noise
from tests.support.jpeg import coded

TUNED = ("arch_bag", "jar", "shoe", "box", "chair", "grip_case")
HELD_OUT = ("twin_bag", "bottle", "mug", "headphones", "shoulder_bag", "ring")
DARK = 0.05


@dataclass(frozen=True)
class Finished:
    """A picture `[H,W,3]` sRGB with the product of `photo` where `placement` says; its coverage and the bare scene."""

    picture: Plane
    photo: Photo
    placement: Placement
    cover: Plane
    scene: Plane
    relit: bool = False
    spot: tuple[float, float] | None = None
    """Where it was damaged: x, y on the canvas."""


def product(kind: str, seed: int, side: int = 900) -> Photo:
    """A drawn product with a material, a print, a seam and rivets; one in six nearly black, one in six nearly white."""
    rng = np.random.default_rng(seed)
    drawn = getattr(handle_products, kind)(rng)
    alpha, handle = (mask.numpy().astype(np.float64) for mask in drawn.render(side))
    tone = seed % 6
    body = rng.uniform(0.12, 0.85, 3) if tone > 1 else rng.uniform(0.02, 0.1, 3) if tone else rng.uniform(0.86, 0.95, 3)
    ink = np.clip(body + rng.choice([-1, 1]) * rng.uniform(0.25, 0.5, 3), 0.03, 0.97)
    if np.abs(ink - body).max() < 0.2:
        ink = np.clip(body + np.where(body < 0.5, 0.35, -0.35), 0, 1)
    rgb = np.empty((side, side, 3))
    rgb[:] = body
    rgb += handle[..., None] * (body * rng.uniform(0.4, 1.3) - rgb)
    y, x = np.mgrid[0:side, 0:side] / side
    rgb *= (1.05 - 0.3 * x + 0.06 * np.sin(9 * y))[..., None]
    rgb *= (1 + _material(rng, side, x, y))[..., None]
    inner = ndimage.binary_erosion(alpha > 0.99, iterations=side // 40)
    rows, columns = np.nonzero(inner if inner.any() else alpha > 0.99)
    for _ in range(3):
        pick = rng.integers(len(rows))
        _print(rgb, rng, (columns[pick], rows[pick]), ink, side)
    distance = ndimage.distance_transform_edt(alpha > 0.5)
    seam = (np.abs(distance - side / 55) < side / 700) & (((x + y) * side / 9) % 2 < 1.2)
    rgb[seam] += 0.6 * (ink - rgb[seam])
    return Photo(np.clip(rgb, 0, 1), alpha)


def _material(rng: np.random.Generator, side: int, x: Plane, y: Plane) -> Plane:
    """Relative brightness: smooth, grained, woven or ribbed."""
    kind = rng.integers(4)
    if kind == 0:
        return 0.01 * smooth_noise((side, side), 1.5, rng)
    if kind == 1:
        return rng.uniform(0.04, 0.12) * smooth_noise((side, side), rng.uniform(1.5, 4), rng)
    if kind == 2:
        pitch = rng.uniform(0.25, 0.6) * 900
        return 0.12 * np.sin(pitch * (x + y)) * np.sin(pitch * (x - y)) + 0.01 * smooth_noise((side, side), 1.0, rng)
    return 0.08 * np.sin(rng.uniform(150, 400) * x) + 0.01 * smooth_noise((side, side), 1.0, rng)


def _print(rgb: Plane, rng: np.random.Generator, at: tuple[int, int], ink: Plane, side: int) -> None:
    """A word, a badge or a rivet, printed on `rgb`."""
    layer = Image.new("L", (side, side))
    pen = ImageDraw.Draw(layer)
    size = round(rng.uniform(0.03, 0.07) * side)
    choice = rng.integers(3)
    if choice == 0:
        text = "".join(rng.choice(list("ABDEGHKMNRSXZ"), 4))
        pen.text(at, text, fill=255, font=ImageFont.load_default(size), anchor="mm")
    elif choice == 1:
        pen.rounded_rectangle((at[0] - size, at[1] - size // 2, at[0] + size, at[1] + size // 2), size // 5, 255)
        pen.line((at[0] - size // 2, at[1], at[0] + size // 2, at[1]), 0, max(2, size // 8))
    else:
        pen.ellipse((at[0] - size // 3, at[1] - size // 3, at[0] + size // 3, at[1] + size // 3), 255)
        pen.ellipse((at[0] - size // 6, at[1] - size // 5, at[0], at[1]), 90)
    weight = np.asarray(layer)[..., None] / 255
    rgb += weight * (ink - rgb)


def finish(photo: Photo, seed: int, side: int = 1000, *, relit: bool = False) -> Finished:
    """The product pasted over white, grey, or a made-up room, with a contact shadow; relit: in another soft light."""
    rng = np.random.default_rng(seed)
    placement = placement_of(photo, side, side, fill=rng.uniform(0.6, 0.86))
    scene = _scene(rng, side)
    rgb, alpha = photo.tensors
    pasted = paste_back(torch.from_numpy(scene.astype(np.float32))[None], rgb, alpha, placement, 1.0)
    cover = pasted.mask[0].numpy().astype(np.float64)
    shade = np.roll(cover, side // 100, axis=0)
    shade = ndimage.gaussian_filter(shade, side / 90) * rng.uniform(0.2, 0.6)
    if rng.integers(3) == 0:  # a soft shadow on a wall beside it
        cast = np.roll(cover, (side // 30, rng.choice([-1, 1]) * side // 25), axis=(0, 1))
        shade = np.maximum(shade, 0.4 * ndimage.gaussian_filter(cast, side / 120))
    scene = _srgb(_linear(scene) * (1 - shade[..., None]))
    lit = replace(photo, rgb=photo.rgb)
    picture = paste_back(torch.from_numpy(scene.astype(np.float32))[None], rgb, alpha, placement, 1.0).image[0].numpy()
    done = Finished(picture.astype(np.float64), lit, placement, cover, scene, relit)
    return _relight(done, rng) if relit else done


def _scene(rng: np.random.Generator, side: int) -> Plane:
    kind = rng.integers(3)
    if kind == 0:
        return np.ones((side, side, 3))
    if kind == 1:
        fall = np.linspace(rng.uniform(0.6, 0.9), rng.uniform(0.3, 0.8), side)[:, None, None]
        return np.broadcast_to(fall * rng.uniform(0.9, 1.0, 3), (side, side, 3)).copy()
    return clutter(side, side, rng)


def _relight(done: Finished, rng: np.random.Generator) -> Finished:
    """The product under light that falls off, as `relight_original` leaves it: only its brightness changed."""
    side = done.picture.shape[0]
    y, x = np.mgrid[0:side, 0:side] / side
    angle = rng.uniform(0, 2 * math.pi)
    ramp = (x - 0.5) * math.cos(angle) + (y - 0.5) * math.sin(angle)
    blotch = smooth_noise((side, side), 0.06 * side, rng)
    ratio = rng.uniform(0.45, 1.2) * np.exp(rng.uniform(0.3, 1.2) * ramp + 0.12 * blotch)
    lit = np.clip(_linear(done.picture) * ratio[..., None], 0, 1)
    share = done.cover[..., None]
    scene = _linear(done.scene)
    return replace(done, picture=_srgb(lit * share + scene * (1 - share)), relit=True)


def disturb(done: Finished, seed: int) -> Finished:
    """What may happen to a good picture: a shift up to a pixel, light that the colour fix leaves, JPEG 4:2:0."""
    rng = np.random.default_rng(seed)
    picture = done.picture
    if rng.integers(3):
        move = rng.uniform(-1, 1, 2) if rng.integers(2) else rng.choice([-1.0, 0.0, 1.0], 2)
        picture = ndimage.shift(picture, (*move, 0), order=int(rng.choice([1, 3])), mode="nearest").clip(0, 1)
    if rng.integers(4):
        strength = 0.06
        gain = 1 + rng.uniform(-strength, strength)
        warm = np.array([1 + rng.uniform(-0.02, 0.02), 1.0, 1 + rng.uniform(-0.02, 0.02)])
        linear = (_linear(picture) * gain * warm).clip(0, 1)
        picture = _srgb(linear ** (1 + rng.uniform(-0.04, 0.04)))
    return replace(done, picture=coded(picture, int(rng.integers(75, 96))))


# Damages: each takes a finished picture and a generator, and returns the spoilt one, or None where it does not fit


Damage = Callable[[Finished, np.random.Generator], Finished | None]
SEEN = 6.0
"""Mean ΔE00 of the spoilt pixels from which a damage counts: less than that nobody sees at a glance."""


def _linear(srgb: Plane) -> Plane:
    return srgb_to_linear(torch.from_numpy(srgb)).numpy()


def _srgb(linear: Plane) -> Plane:
    return linear_to_srgb(torch.from_numpy(linear).clamp(0, 1)).numpy()


def as_picture(srgb: Plane) -> Image.Image:
    return Image.fromarray(np.rint(srgb.clip(0, 1) * 255).astype(np.uint8))


def _difference(first: Plane, second: Plane) -> Plane:
    """ΔE00 `[H,W]` as a person sees it: the screen's own glare takes the colour out of the blacks."""
    planes = [
        srgb_to_lab(linear_to_srgb((srgb_to_linear(torch.from_numpy(x)) + 0.005) / 1.005)) for x in (first, second)
    ]
    return delta_e00(*planes).numpy()


def _spoilt(done: Finished, picture: Plane, where: Plane) -> Finished | None:
    """`picture` instead of the finished one, where that can be seen at `where` `[H,W]` bool."""
    if where.sum() < 12 or _difference(done.picture, picture)[where].mean() < SEEN:
        return None
    y, x = np.nonzero(where)
    return replace(done, picture=picture, spot=(float(x.mean()), float(y.mean())))


def _place(done: Finished, rng: np.random.Generator, radius: float) -> tuple[int, int] | None:
    """A point whose surroundings of `radius` px are all product."""
    solid = ndimage.binary_erosion(done.cover > 0.99, iterations=max(1, math.ceil(radius)))
    ys, xs = np.nonzero(solid)
    if len(ys) == 0:
        return None
    pick = rng.integers(len(ys))
    return int(xs[pick]), int(ys[pick])


def _disc(done: Finished, at: tuple[float, float], radius: float) -> Plane:
    y, x = np.mgrid[0 : done.cover.shape[0], 0 : done.cover.shape[1]]
    return np.hypot(x - at[0], y - at[1]) <= radius


def removed_logo(done: Finished, rng: np.random.Generator) -> Finished | None:
    """The most printed place of the product, about 3 % of it, filled in smoothly from around."""
    radius = 0.1 * math.sqrt(done.cover.sum())
    detail = ndimage.gaussian_filter(done.picture.mean(axis=2), 1) - ndimage.gaussian_filter(
        done.picture.mean(axis=2), 6
    )
    solid = ndimage.binary_erosion(done.cover > 0.99, iterations=max(1, math.ceil(0.6 * radius)))
    if not solid.any():
        return None
    energy = ndimage.gaussian_filter(detail**2 * (done.cover > 0.99), radius / 2) * solid
    y, x = np.unravel_index(np.argmax(energy), energy.shape)
    hole = _disc(done, (x, y), radius) & (done.cover > 0.99)
    known = (~hole & (done.cover > 0.99)).astype(float)
    filled = done.picture.copy()
    for sigma in (radius, radius / 2):
        weight = ndimage.gaussian_filter(known, sigma)
        mean = ndimage.gaussian_filter(filled * known[..., None], (sigma, sigma, 0)) / weight.clip(1e-6)[..., None]
    soft = ndimage.gaussian_filter(hole.astype(float), 1.5)[..., None]
    picture = done.picture * (1 - soft) + soft * mean
    changed = hole & (_difference(done.picture, picture) > 4)
    return _spoilt(done, picture, changed if changed.sum() > 0.05 * hole.sum() else np.zeros_like(hole))


def mirrored_patch(done: Finished, rng: np.random.Generator) -> Finished | None:
    """80 px at 2000, turned left to right, at a place that is not the same both ways."""
    half = round(0.02 * done.picture.shape[0])
    for _ in range(20):
        at = _place(done, rng, half * 1.4)
        if at is None:
            return None
        area = (slice(at[1] - half, at[1] + half), slice(at[0] - half, at[0] + half))
        picture = done.picture.copy()
        picture[area] = picture[area][:, ::-1]
        where = np.zeros(done.cover.shape, bool)
        where[area] = True
        if np.abs(picture - done.picture)[area].mean() > 0.03:
            return _spoilt(done, picture, where)
    return None


def overpaint(done: Finished, rng: np.random.Generator) -> Finished | None:
    """40 px at 2000, painted in one colour that differs visibly from what is there."""
    half = round(0.01 * done.picture.shape[0])
    at = _place(done, rng, half * 1.4)
    if at is None:
        return None
    area = (slice(at[1] - half, at[1] + half), slice(at[0] - half, at[0] + half))
    picture = done.picture.copy()
    mean = picture[area].mean(axis=(0, 1))
    picture[area] = np.clip(mean + rng.uniform(-0.4, 0.4, 3), 0, 1)
    where = np.zeros(done.cover.shape, bool)
    where[area] = True
    return _spoilt(done, picture, where)


def blur(done: Finished, rng: np.random.Generator) -> Finished | None:
    """The whole product blurred at radius 2, where it has anything to lose."""
    soft = ndimage.gaussian_filter(done.picture, (2, 2, 0))
    share = done.cover[..., None] > 0.5
    picture = np.where(share, soft, done.picture)
    inside = ndimage.binary_erosion(done.cover > 0.99, iterations=5)
    lost = np.abs(soft - done.picture).mean(axis=2)[inside]
    if lost.size == 0 or np.sqrt((lost**2).mean()) < 0.012:
        return None
    return replace(done, picture=picture)


def ghost(done: Finished, rng: np.random.Generator) -> Finished | None:
    """What a model painted shows beside the pasted product: 8 to 50 px away at 1000, in another colour, softer."""
    side = done.picture.shape[0]
    away, angle = rng.uniform(0.008, 0.05) * side, rng.uniform(0, 2 * math.pi)
    move = (away * math.sin(angle), away * math.cos(angle))
    cover = ndimage.shift(done.cover, move, order=1)
    other = ndimage.shift(ndimage.gaussian_filter(done.picture, (1, 1, 0)), (*move, 0), order=1)
    turn = rng.uniform(0.6, 1.1, 3)
    other = np.clip(other * turn + rng.uniform(0.0, 0.15, 3), 0, 1)
    behind = done.scene * (1 - cover[..., None]) + other * cover[..., None]
    picture = done.picture * done.cover[..., None] + behind * (1 - done.cover[..., None])
    where = (cover > 0.5) & (done.cover < 0.02)
    spoilt = _spoilt(done, picture, where)
    return spoilt if where.sum() > 0.004 * side * math.sqrt(done.cover.sum()) else None


def flat_ghost(done: Finished, rng: np.random.Generator) -> Finished | None:
    """What a model painted shows beside the pasted product in one colour, as of another product of its shape."""
    side = done.picture.shape[0]
    away, angle = rng.uniform(0.02, 0.09) * side, rng.uniform(0, 2 * math.pi)
    cover = ndimage.shift(done.cover, (away * math.sin(angle), away * math.cos(angle)), order=1)[..., None]
    colour = np.array([(1.0, 0.5, 0.1), (0.2, 0.6, 0.2), (0.2, 0.3, 0.9)])[rng.integers(3)]
    opacity = rng.uniform(0.5, 1)
    behind = done.scene * (1 - opacity * cover) + opacity * colour * cover
    picture = done.picture * done.cover[..., None] + behind * (1 - done.cover[..., None])
    where = (cover[..., 0] > 0.5) & (done.cover < 0.02)
    spoilt = _spoilt(done, picture, where)
    return spoilt if where.sum() > 0.008 * side * math.sqrt(done.cover.sum()) else None


def bite(done: Finished, rng: np.random.Generator) -> Finished | None:
    """A piece of the outline, about a foot's size, shows the scene instead."""
    edge = np.argwhere((done.cover > 0.5) & ~ndimage.binary_erosion(done.cover > 0.5))
    y, x = edge[rng.integers(len(edge))]
    gone = _disc(done, (x, y), rng.uniform(0.02, 0.04) * done.picture.shape[0])
    soft = ndimage.gaussian_filter(gone.astype(float), 0.8)[..., None]
    picture = done.picture * (1 - soft) + done.scene * soft
    where = gone & (done.cover > 0.9)
    if where.sum() < 0.0004 * done.cover.size:
        return None
    return _spoilt(done, picture, where)


def recoloured_part(done: Finished, rng: np.random.Generator) -> Finished | None:
    """A part of the product in another hue, its structure untouched."""
    radius = rng.uniform(0.02, 0.05) * done.picture.shape[0]
    at = _place(done, rng, radius * 0.7)
    if at is None:
        return None
    soft = ndimage.gaussian_filter(_disc(done, at, radius).astype(float), 2)[..., None] * done.cover[..., None]
    turned = done.picture[..., rng.permutation(3)] if rng.integers(2) else done.picture * rng.uniform(0.5, 1.3, 3)
    picture = done.picture + soft * (turned.clip(0, 1) - done.picture)
    return _spoilt(done, picture, soft[..., 0] > 0.5)


DAMAGES: dict[str, Damage] = {
    "removed logo": removed_logo,
    "mirrored patch": mirrored_patch,
    "overpaint": overpaint,
    "blur": blur,
    "ghost": ghost,
    "ghost in one colour": flat_ghost,
    "bite": bite,
    "recoloured part": recoloured_part,
}
