"""Two of a product in one photo, as shoes and bottles are sold."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from mathutils import Matrix

from .product import Colors, Product

Builder = Callable[[random.Random, Colors], Product]


def pair(builder: Builder, apart: tuple[float, float], turn: float = 0.0) -> Builder:
    """The builder of two alike: the second stands `apart` (right, behind) from the first, turned by `turn` degrees."""

    def both(rng: random.Random, colors: Colors) -> Product:
        state = rng.getstate()
        first = builder(rng, colors)
        rng.setstate(state)
        second = builder(rng, colors)
        move = Matrix.Translation((*apart, 0.0)) @ Matrix.Rotation(math.radians(turn), 4, "Z")
        for part in second.parts:
            part.matrix_basis = move @ part.matrix_basis
        return Product(first.parts + second.parts, first.handle + second.handle)

    return both
