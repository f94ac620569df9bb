"""Cut-outs that hold all of a product and such that lack a piece, made by a script from photos with a known mask.

`scene` draws a product on a ground: standing in its shadow, in hard light, on gloss, on cloth, hanging, on a ground of
its own colour. `bite` takes a piece from a mask, as a bad one lacks it; `cropped`, `shifted`, `softened` and
`developed` do what may happen to a good one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from prodgen_nodes.imaging.colorspace import delta_e00, srgb_to_lab
from scipy import ndimage

from tests.imaging import fidelity_scenes
from tests.imaging.registration_scenes import Photo, Plane, smooth_noise, to_linear, to_srgb
from tests.support.jpeg import coded

Where = NDArray[np.bool_]
SMALLEST, LARGEST = 0.003, 0.08
"""A piece's share of the product."""
SEEN = 5.0
"""Median ΔE00 between a piece and the ground beside it from which a person sees that it is missing."""


# Photos


def _standing(alpha: Plane, rng: np.random.Generator) -> Plane:
    """Light that a soft contact shadow leaves `[h,w]`."""
    side = len(alpha)
    wide = ndimage.gaussian_filter(np.roll(alpha, side // 80, axis=0), (0.012 * side, 0.02 * side))
    tight = ndimage.gaussian_filter(np.roll(alpha, side // 160, axis=0), 0.004 * side)
    return 1 - np.clip(rng.uniform(0.3, 0.6) * wide + rng.uniform(0.2, 0.4) * tight, 0, 0.9) * _below(alpha)


def _below(alpha: Plane) -> Plane:
    rows = np.nonzero((alpha > 0.5).any(axis=1))[0]
    low, tall = rows[-1], np.ptp(rows)
    return np.clip((np.arange(len(alpha)) - low + 0.3 * tall) / (0.2 * tall + 1), 0, 1)[:, None]


def _cast(alpha: Plane, rng: np.random.Generator) -> Plane:
    """Light that a hard cast shadow leaves: the silhouette sheared to a side and flattened."""
    rows = np.nonzero((alpha > 0.5).any(axis=1))[0]
    low, slope, flat = rows[-1], rng.choice([-1, 1]) * rng.uniform(0.4, 1.2), rng.uniform(0.25, 0.5)
    y, x = np.mgrid[0 : alpha.shape[0], 0 : alpha.shape[1]]
    up = (low - y) / flat
    thrown = ndimage.map_coordinates(alpha, [low - up, x - slope * (low - y) / flat], order=1) * (up >= -2)
    soft = ndimage.gaussian_filter(thrown, rng.uniform(1.0, 8.0))
    return np.minimum(1 - rng.uniform(0.3, 0.7) * soft, _standing(alpha, rng))


GROUNDS = ("standing", "cast", "gloss", "cloth", "hanging", "alike")
"""What is around a drawn product."""


def scene(kind: str, ground: str, seed: int, side: int = 900) -> Photo:
    """A drawn product (`fidelity_scenes.product`) photographed on a ground; its own colours and exact coverage."""
    rng = np.random.default_rng(seed)
    drawn = fidelity_scenes.product(kind, seed, side)
    own = to_linear(drawn.rgb)
    backdrop = to_linear(rng.uniform(0.55, 0.97, 3) * rng.uniform(0.5, 1.0))
    if ground == "alike":
        backdrop = np.median(own[drawn.alpha > 0.9], axis=0) * rng.uniform(0.8, 1.25, 3) * rng.choice([0.6, 1.5])
    y, x = np.mgrid[0:side, 0:side] / side
    horizon = 1 / (1 + np.exp(-(y - rng.uniform(0.4, 0.7)) / rng.uniform(0.01, 0.08)))
    light = (1 - rng.uniform(0, 0.5) * ((x - 0.5) ** 2 + (y - 0.5) ** 2)) * (1 + rng.uniform(-0.15, 0.15) * horizon)
    under = backdrop * light[..., None]
    if ground == "cloth":
        under = under * (1 + rng.uniform(0.02, 0.06) * smooth_noise((side, side), rng.uniform(1, 3), rng))[..., None]
    if ground == "gloss":
        low = np.nonzero((drawn.alpha > 0.5).any(axis=1))[0][-1]
        rows = np.clip(2 * low - np.arange(side), 0, side - 1)
        fade = np.clip(1 - (np.arange(side) - low) / (0.25 * side), 0, 1) * (np.arange(side) > low)
        share = 0.3 * (drawn.alpha[rows] * fade[:, None])[..., None]
        under = under + share * (own[rows] - under)
    if ground != "hanging":
        under = under * (_cast if ground == "cast" else _standing)(drawn.alpha, rng)[..., None]
    mixed = under + drawn.alpha[..., None] * (own - under)
    grain = rng.normal(0, rng.uniform(0.5, 2.5) / 255, mixed.shape)
    return Photo(np.clip(to_srgb(mixed) + grain, 0, 1), drawn.alpha)


# Good masks


def developed(photo: Photo, rng: np.random.Generator) -> Photo:
    """The photo in another exposure, as a JPEG with halved chroma."""
    linear = to_linear(photo.rgb) * rng.uniform(0.8, 1.2) * rng.uniform(0.96, 1.04, 3)
    picture = to_srgb(linear ** rng.uniform(0.92, 1.08))
    return Photo(coded(picture, int(rng.integers(70, 96))), photo.alpha)


def shifted(photo: Photo, rng: np.random.Generator) -> Photo:
    """The mask a pixel off."""
    move = rng.choice([-1, 0, 1], 2) if rng.integers(2) else rng.uniform(-1, 1, 2)
    return Photo(photo.rgb, ndimage.shift(photo.alpha, move, order=1, mode="nearest"))


def softened(photo: Photo, rng: np.random.Generator) -> Photo:
    """The mask with softer edges, and a pixel wider or narrower."""
    soft = ndimage.gaussian_filter(photo.alpha, rng.uniform(0.8, 1.6))
    return Photo(photo.rgb, soft ** rng.uniform(0.6, 1.6))


def cropped(photo: Photo, rng: np.random.Generator) -> Photo:
    """A photo whose frame cuts the product off."""
    rows, columns = (np.nonzero((photo.alpha > 0.5).any(axis=axis))[0] for axis in (1, 0))
    (top, bottom), (left, right) = ((int(line[0]), int(line[-1])) for line in (rows, columns))
    cut = rng.uniform(0.08, 0.35)
    tall, wide = round(cut * (bottom - top)), round(cut * (right - left))
    area = [slice(None, bottom - tall), slice(None)], [slice(None), slice(left + wide, None)], [
        slice(None), slice(None, right - wide)], [slice(top + tall, None), slice(None)]  # fmt: skip
    down, across = area[int(rng.integers(4))]
    return Photo(photo.rgb[down, across].copy(), photo.alpha[down, across].copy())


GOOD: dict[str, Callable[[Photo, np.random.Generator], Photo]] = {
    "as it is": lambda photo, _: photo,
    "JPEG and light": developed,
    "a pixel off": shifted,
    "soft": softened,
    "cropped": cropped,
}


# Bites


@dataclass(frozen=True)
class Bitten:
    """A photo with a mask that lacks a piece: where (`gone` `[h,w]`, the coverage taken), how, and its share.

    `seen` is the median ΔE00 between the piece and the ground beside it.
    """

    photo: Photo
    gone: Plane
    place: str
    cut: str
    share: float
    seen: float


def _foot(solid: Where, rng: np.random.Generator) -> tuple[float, float]:
    """The lowest point nearby of the outline below a random column."""
    columns = np.nonzero(solid.any(axis=0))[0]
    lowest = len(solid) - 1 - solid[::-1].argmax(axis=0)
    at = int(rng.choice(columns))
    near = columns[np.abs(columns - at) < 0.15 * np.ptp(columns) + 1]
    best = near[lowest[near] >= lowest[near].max() - 1]
    column = int(rng.choice(best))
    return float(column), float(lowest[column])


def _corner(solid: Where, rng: np.random.Generator) -> tuple[float, float]:
    """The point farthest out in a random direction."""
    y, x = np.nonzero(solid & ~ndimage.binary_erosion(solid))
    angle = rng.uniform(0, 2 * np.pi)
    best = int(np.argmax(x * np.cos(angle) + y * np.sin(angle)))
    return float(x[best]), float(y[best])


def _side(solid: Where, rng: np.random.Generator) -> tuple[float, float]:
    y, x = np.nonzero(solid & ~ndimage.binary_erosion(solid))
    pick = int(rng.integers(len(x)))
    return float(x[pick]), float(y[pick])


def _thin(solid: Where, rng: np.random.Generator) -> tuple[float, float] | None:
    """A point of a strap, a handle, a leg or a spout."""
    width = max(3, round(0.06 * max(np.ptp(np.nonzero(solid), axis=1))))
    deep = ndimage.distance_transform_edt(solid) > width
    thin = solid & ~(ndimage.distance_transform_edt(~deep) <= width + 2)
    y, x = np.nonzero(thin)
    if len(x) < 0.004 * solid.sum():
        return None
    pick = int(rng.integers(len(x)))
    return float(x[pick]), float(y[pick])


PLACES: dict[str, Callable[[Where, np.random.Generator], tuple[float, float] | None]] = {
    "foot": _foot,
    "base": _foot,
    "corner": _corner,
    "side": _side,
    "thin part": _thin,
}
CUTS = ("sharp", "feathered", "by brightness")


def _measure(place: str, at: tuple[float, float], solid: Where, rng: np.random.Generator) -> Plane:
    """How far every pixel is from the bite's middle, in the shape of the bite: a disc, a torn disc, a strip, a cut."""
    y, x = np.mgrid[0 : solid.shape[0], 0 : solid.shape[1]]
    dx, dy = x - at[0], y - at[1]
    disc = np.hypot(dx, dy)
    torn = disc * (1 + 0.35 * smooth_noise(solid.shape, 0.02 * len(solid), rng).clip(-1.5, 1.5))
    if place == "base":  # a strip along the base, as long as 3 to 12 times its height
        return np.maximum(np.abs(dy) * rng.uniform(3, 12), np.abs(dx))
    if place == "corner" and rng.integers(2):  # a straight cut across
        out = np.array([dx[solid].mean(), dy[solid].mean()])
        out = -out / max(1.0, float(np.hypot(*out)))
        return np.where(disc < 0.4 * max(solid.shape), np.abs(dx * out[0] + dy * out[1]) + 0.15 * disc, np.inf)
    return disc if rng.integers(2) else torn


def bite(photo: Photo, place: str, rng: np.random.Generator) -> Bitten | None:
    """`photo` with a mask that lacks a piece of the product; None where the place or the size cannot be had."""
    solid = photo.alpha > 0.5
    at = PLACES[place](solid, rng)
    if at is None:
        return None
    wanted = float(np.exp(rng.uniform(np.log(SMALLEST * 1.2), np.log(LARGEST * 0.9))))
    away = _measure(place, at, solid, rng)
    cut = str(rng.choice(CUTS, p=(0.45, 0.25, 0.3)))
    size = float(photo.alpha.sum())
    order = np.sort(away[solid])
    reach = order[min(len(order) - 1, round(wanted * (1.8 if cut == "by brightness" else 1.0) * len(order)))]
    where = solid & (away < reach)
    if cut == "by brightness":
        where = _followed(photo, where)
    where = _piece(where | (ndimage.binary_dilation(where, iterations=3) & ~solid), at)
    soft = ndimage.gaussian_filter(where.astype(np.float64), rng.uniform(2, 4) if cut == "feathered" else 0.7)
    gone = photo.alpha * np.minimum(1.0, soft)
    share = float(gone.sum()) / size
    if not SMALLEST <= share <= LARGEST:
        return None
    return Bitten(Photo(photo.rgb, photo.alpha - gone), gone, place, cut, share, _contrast(photo, where & solid))


def _followed(photo: Photo, where: Where) -> Where:
    """The darker or lighter part of a bite: what a mask lacks that takes it for shadow or for the ground."""
    luma = ndimage.gaussian_filter(photo.rgb.mean(axis=2), 2.0)
    beyond = ndimage.binary_dilation(where, iterations=12) & (photo.alpha < 0.05)
    if not where.any() or not beyond.any():
        return where
    inside, ground = float(np.median(luma[where])), float(np.median(luma[beyond]))
    part = where & (luma >= inside if ground > inside else luma <= inside)
    return ndimage.binary_opening(ndimage.binary_closing(part, iterations=3), iterations=2) & where


def _piece(where: Where, at: tuple[float, float]) -> Where:
    """The largest connected part of a bite."""
    labels, count = ndimage.label(where)
    if not count:
        return where
    return np.asarray(labels == 1 + int(np.argmax(ndimage.sum_labels(where, labels, range(1, count + 1)))))


def _contrast(photo: Photo, piece: Where) -> float:
    """Median ΔE00 between the pixels of a piece and the nearest ground, a few pixels beyond the product."""
    ground = ~ndimage.binary_dilation(photo.alpha > 0.02, iterations=3)
    if not piece.any() or not ground.any():
        return 0.0
    rgb = ndimage.gaussian_filter(photo.rgb, (1.5, 1.5, 0))
    _, (rows, columns) = ndimage.distance_transform_edt(~ground, return_indices=True)
    own, other = (srgb_to_lab(torch.from_numpy(colors)) for colors in (rgb[piece], rgb[rows[piece], columns[piece]]))
    return float(delta_e00(own, other).median())
