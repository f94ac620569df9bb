"""Pictures that hold a given product, and pictures that do not: drawn ones, each with what is in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from tests.imaging.object_scenes import _TONES, _WIDTH, FLOOR, KINDS
from tests.imaging.segmentation_products import Scene, photographed

_SUPER = 3
TONES = len(_TONES)


@dataclass(frozen=True)
class Drawn:
    """A product: what it is, and the number of its colour; with a band of a second colour where `trim` says so."""

    kind: str
    tone: int
    trim: int | None = None


@dataclass(frozen=True)
class Sight:
    """A picture `photo` `[side,side,3]` with the `products` in it, and the coverage of each."""

    photo: Tensor
    products: tuple[Drawn, ...]
    alphas: list[NDArray[np.float32]]


def sight(products: tuple[Drawn, ...], seed: int, side: int = 384) -> Sight:
    """The products side by side on a studio floor; `seed` gives size, light, backdrop and a slight turn of each."""
    rng = np.random.default_rng(seed)
    fine = side * _SUPER
    y, x = (np.mgrid[0:fine, 0:fine] + 0.5) / fine
    heights = rng.uniform(0.7, 1.0, len(products))
    squeeze = rng.uniform(0.88, 1.05, len(products))
    widths = np.array([_WIDTH[one.kind] for one in products]) * heights * squeeze
    gap = 0.05
    scale = min((0.86 - gap * (len(products) - 1)) / widths.sum(), rng.uniform(0.4, 0.62))
    left = 0.5 - (widths.sum() * scale + gap * (len(products) - 1)) / 2
    light = rng.uniform(0.75, 1.25) * rng.uniform(0.95, 1.05, 3)
    colour, alphas = np.full((side, side, 3), 0.1, dtype=np.float32), []
    for one, height, width, squeezed in zip(products, heights, widths, squeeze, strict=True):
        size = height * scale
        middle = left + width * scale / 2 - (0.05 * size if one.kind == "mug" else 0.0)
        u, v = (x - middle) / size / squeezed, (FLOOR - y) / size
        alpha = _small(KINDS[one.kind](u, v), side)
        tone = np.broadcast_to(np.asarray(_TONES[one.tone]) * light, (side, side, 3))
        if one.trim is not None:
            band = _small((v > 0.18) & (v < 0.34), side)[..., None]
            tone = tone * (1 - band) + np.asarray(_TONES[one.trim]) * light * band
        colour = np.where(alpha[..., None] > 0, tone, colour).astype(np.float32)
        alphas.append(alpha)
        left += width * scale + gap
    together = np.clip(np.sum(alphas, axis=0), 0, 1).astype(np.float32)
    backdrop = [float(value) for value in rng.uniform(0.55, 0.9) * rng.uniform(0.92, 1.0, 3)]
    made: Scene = photographed(together, colour, rng, backdrop=(backdrop[0], backdrop[1], backdrop[2]), floor=FLOOR)
    return Sight(made.photo, products, alphas)


def _small(fine: NDArray[np.bool_], side: int) -> NDArray[np.float32]:
    small: NDArray[np.float32] = fine.astype(np.float32).reshape(side, _SUPER, side, _SUPER).mean(axis=(1, 3))
    return small


def drawn_product(rng: np.random.Generator) -> Drawn:
    tone = int(rng.integers(TONES))
    trim = int((tone + rng.integers(1, TONES)) % TONES) if rng.random() < 0.5 else None
    return Drawn(str(rng.choice(list(KINDS))), tone, trim)


def rival(product: Drawn, rng: np.random.Generator) -> Drawn:
    """Another product: often of the same kind in another colour, or another kind in the same colour."""
    kinds = [kind for kind in KINDS if kind != product.kind]
    what = rng.random()
    if what < 0.35:
        return Drawn(product.kind, int((product.tone + rng.integers(1, TONES)) % TONES), product.trim)
    if what < 0.7:
        return Drawn(str(rng.choice(kinds)), product.tone, product.trim)
    return Drawn(str(rng.choice(kinds)), int((product.tone + rng.integers(1, TONES)) % TONES))
