"""How alike a painted product is to the photos, and how alike its backdrop is to theirs: colours and shape, in numpy.

It stands in where no CLIP vision model is asked: colours are compared as distributions in CIELAB, shapes as outlines.
It sees neither a logo nor a seam.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from PIL import Image, ImageCms

Pixels = np.ndarray[Any, np.dtype[np.float64]]
_SIDE, _SHAPE, _LEAST = 96, 32, 40
"""Pixels: the longer side for colours, each side of a silhouette, the least area whose colours are compared."""
_QUANTILES = np.linspace(0.02, 0.98, 25)
_DIRECTIONS = np.random.default_rng(7).normal(size=(24, 3))
_DIRECTIONS /= np.linalg.norm(_DIRECTIONS, axis=1, keepdims=True)
ALIKE = 12.0
"""Mean CIELAB distance of two colour distributions at which they count as half alike: the bag in another colour."""


@dataclass(frozen=True)
class Figure:
    """What is compared of a picture: colours of product and backdrop (None: too little of it), silhouette."""

    product: Pixels | None
    backdrop: Pixels | None
    shape: np.ndarray[Any, np.dtype[np.bool_]] | None


def figure_of(picture: Image.Image, alpha: Image.Image) -> Figure:
    """`alpha`: white is product, of the picture's size."""
    scale = _SIDE / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    colours = _lab(picture.convert("RGB").resize(size, Image.Resampling.BOX))
    solid = np.asarray(alpha.resize(size, Image.Resampling.BOX))
    box = alpha.point(lambda level: 255 if level > 127 else 0).getbbox()
    shape = None
    if box is not None:
        outline = alpha.crop(box).resize((_SHAPE, _SHAPE), Image.Resampling.BOX)
        shape = np.asarray(outline) > 127
    return Figure(_distribution(colours[solid > 200]), _distribution(colours[solid < 20]), shape)


def _lab(picture: Image.Image) -> Pixels:
    """CIELAB `[H,W,3]`, D50."""
    converted = ImageCms.profileToProfile(
        picture, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert converted is not None  # noqa: S101 - only where it works in place
    values = np.asarray(converted, dtype=np.float64)
    light, others = values[..., :1] * 100 / 255, np.asarray(converted).view(np.int8)[..., 1:].astype(np.float64)
    return np.concatenate([light, others], axis=-1)


def _distribution(colours: Pixels) -> Pixels | None:
    """The quantiles of colours `[N,3]` along fixed directions."""
    if len(colours) < _LEAST:
        return None
    along: Pixels = np.quantile(colours @ _DIRECTIONS.T, _QUANTILES, axis=0)
    return along


def colour_likeness(one: Pixels | None, other: Pixels | None) -> float:
    """1 the same, 0 nothing alike: the sliced Wasserstein distance of two colour distributions, through `ALIKE`."""
    if one is None or other is None:
        return 0.0
    return float(2 ** (-np.abs(one - other).mean() * 3**0.5 / ALIKE))


def product_likeness(painted: Figure, photos: Sequence[Figure]) -> float:
    """Half colour, half silhouette, to the photo it is most like; 0 where no product was found."""
    return max((_likeness(painted, photo) for photo in photos), default=0.0)


def _likeness(one: Figure, other: Figure) -> float:
    if one.shape is None or other.shape is None or one.product is None:
        return 0.0
    both = np.logical_or(one.shape, other.shape).sum()
    overlap = float(np.logical_and(one.shape, other.shape).sum() / both) if both else 0.0
    return (colour_likeness(one.product, other.product) + overlap) / 2


def backdrop_likeness(painted: Figure, photos: Sequence[Figure]) -> float:
    """How much more its backdrop is that of a photo than the photos' backdrops are each other's: learnt by heart."""
    return learnt_by_heart(painted.backdrop, [photo.backdrop for photo in photos], colour_likeness)


_Seen = TypeVar("_Seen")


def learnt_by_heart(painted: _Seen, photos: Sequence[_Seen], alike: Callable[[_Seen, _Seen], float]) -> float:
    """How much more alike it is to one of them than they are to each other, at least 0."""
    own = max((alike(painted, photo) for photo in photos), default=0.0)
    among = [alike(one, other) for number, one in enumerate(photos) for other in photos[number + 1 :]]
    return max(0.0, own - (sum(among) / len(among) if among else 0.0))


class Yardstick(Protocol):
    """What likeness is measured by. What `figure` makes of a picture, only the same yardstick can compare."""

    name: str
    said: str
    """A sentence for the user: what was measured by, and what that does not see."""

    def figure(self, picture: Image.Image, alpha: Image.Image) -> Any: ...

    def product(self, painted: Any, photos: Sequence[Any]) -> float: ...

    def backdrop(self, painted: Any, photos: Sequence[Any]) -> float: ...


class Colours:
    """This project's own measures, which need nothing installed."""

    name = "colours and silhouette"
    said = (
        "Measured by colours and silhouette of the product, not by a CLIP vision model (--clip-vision), so a "
        "wrong logo is not seen. Look at the grid, too."
    )

    def figure(self, picture: Image.Image, alpha: Image.Image) -> Figure:
        return figure_of(picture, alpha)

    def product(self, painted: Figure, photos: Sequence[Figure]) -> float:
        return product_likeness(painted, photos)

    def backdrop(self, painted: Figure, photos: Sequence[Figure]) -> float:
        return backdrop_likeness(painted, photos)
