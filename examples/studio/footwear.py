"""A low sneaker: rubber sole, leather upper round an opening, laces, a stripe and a heel tab."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import numpy as np

from . import geometry as g
from . import materials as m
from .product import Colors, Product

SOLE = 0.32
"""How high the sole's edge stands."""


class Upper:
    """A shoe's upper: from the sole's outline up to the opening. `turn` goes round the foot (0 the toe, π the heel, the
    camera's side negative), `up` from the sole (0) to the opening's edge (1)."""

    def __init__(self, long: float) -> None:
        self.half = long / 2

    def outline(self, turn: float, grow: float = 0.0) -> g.Points:
        """The foot's outline on the ground, `grow` wider."""
        c, s = math.cos(turn), math.sin(turn)
        wide = 0.49 + 0.075 * c + 0.05 * math.cos(2 * turn)
        return np.array(((self.half + grow) * c, (wide + grow) * math.copysign(abs(s) ** 0.72, s), 0.0))

    def spring(self, x: float) -> float:
        """How far the sole lifts off the ground towards the toe."""
        return 0.16 * max(0.0, x / self.half - 0.35) ** 2

    def edge(self, turn: float) -> g.Points:
        """The opening's edge: high at the heel, low at the ankle."""
        c = math.cos(turn)
        high = 1.2 + (0.2 * c * c if c > 0 else 0.3 * c * c)
        return np.array((self.half * (-0.45 + 0.43 * c), 0.27 * math.sin(turn), high))

    def at(self, turn: float, up: float, out: float = 0.0) -> g.Points:
        """A point of the surface, `out` above it."""
        point = self._point(turn, up)
        if out:
            along = self._point(turn + 0.01, up) - self._point(turn - 0.01, up)
            rise = self._point(turn, min(up + 0.01, 1.0)) - self._point(turn, max(up - 0.01, 0.0))
            normal = np.cross(along, rise)
            point = point + normal / np.linalg.norm(normal) * out
        return point

    def _point(self, turn: float, up: float) -> g.Points:
        toe = (1 + math.cos(turn)) / 2
        low, high = self.outline(turn), self.edge(turn)
        low[2] = SOLE - 0.08 + self.spring(low[0])
        above = low * np.array((1.0, 1.03, 1.0)) + np.array((0, 0, 0.62 - 0.2 * toe**2))
        before = high + (low - high) * np.array((0.28, 0.42, 0.0)) + np.array((0, 0, -0.32 + 0.16 * toe**2))
        return (
            (1 - up) ** 3 * low
            + 3 * (1 - up) ** 2 * up * above
            + 3 * (1 - up) * up**2 * before
            + up**3 * high
        )  # fmt: skip

    def patch(self, turns: tuple[float, float], ups: tuple[float, float], lean: float, out: float) -> g.Points:
        """A piece that lies on the surface; `lean` moves its upper end round the foot."""
        return np.array(
            [
                [
                    self.at(turn + lean * share, ups[0] + (ups[1] - ups[0]) * share, out)
                    for turn in np.linspace(*turns, 24)
                ]
                for share in np.linspace(0, 1, 24)
            ]
        )


def shoe(rng: random.Random, colors: Colors) -> Product:
    """A low sneaker, seen from its side."""
    product = Product()
    upper = Upper(rng.uniform(3.3, 3.7))
    leather, rubber = m.leather(colors.body, grain=46, depth=0.16), m.plastic(colors.trim, 0.5)
    turns = np.linspace(0, 2 * math.pi, 120, endpoint=False)
    rings = [np.array([upper.at(turn, up) for turn in turns]) for up in np.linspace(0, 1, 40)]
    product.add(g.loft("upper", rings, leather, caps=False))
    edge = rings[-1]
    middle = edge.mean(axis=0)
    lining = [
        middle + (edge - middle) * np.array((size, size, 1)) - np.array((0, 0, deep))
        for size, deep in ((1.0, 0.0), (0.93, 0.05), (0.9, 0.3), (0.88, 0.75))
    ]
    product.add(g.loft("lining", lining, m.canvas("#3a3734"), caps=False))
    product.add(g.strap("insole", _insole(upper), 0.5, 0.04, m.canvas("#55504a"), np.array((0.0, 1.0, 0.0))))
    product.add(g.tube("collar", [edge], 0.045, leather, cyclic=True))
    sole = []
    for z, grow in ((0.0, 0.01), (0.03, 0.055), (0.2, 0.06), (SOLE - 0.02, 0.05), (SOLE, 0.03), (SOLE, -0.1)):
        ring = np.array([upper.outline(turn, grow) for turn in turns])
        ring[:, 2] = [z + upper.spring(x) for x in ring[:, 0]]
        sole.append(ring)
    product.add(g.loft("sole", sole, rubber))
    line = np.array([upper.outline(turn, 0.062) for turn in turns])
    line[:, 2] = [0.21 + upper.spring(x) for x in line[:, 0]]
    product.add(g.tube("line", [line], 0.014, m.plastic(colors.body, 0.5), cyclic=True))
    product.add(
        g.sheet("heel tab", upper.patch((math.pi - 0.5, math.pi + 0.5), (0.42, 0.97), 0.0, 0.012), rubber, 0.03)
    )
    for side in (-1, 1):
        for turn in (1.35, 1.55):
            stripe = upper.patch((side * turn, side * (turn + 0.11)), (0.06, 0.8), side * 0.34, 0.008)
            product.add(g.sheet("stripe", stripe, rubber, 0.02))
    cap = np.array([upper.at(turn, 0.4 - 0.34 * (turn / 0.95) ** 2, 0.008) for turn in np.linspace(-0.95, 0.95, 90)])
    product.add(g.stitches("cap seam", cap, m.thread(colors.thread), length=0.05, gap=0.028))
    _lace(product, upper, colors)
    return product


def _insole(upper: Upper) -> g.Points:
    return np.array([(upper.half * x, 0.0, 0.62) for x in np.linspace(-0.86, 0.1, 20)])


def _lace(product: Product, upper: Upper, colors: Colors) -> None:
    """A tongue that stands up in front of the opening, and crossed laces over it."""
    tongue = []
    for share in np.linspace(0, 1, 20):
        high = upper.at(0.0, 0.62 + 0.38 * min(share / 0.75, 1.0), 0.03)
        high = high + max(0.0, share - 0.75) / 0.25 * np.array((-0.1, 0.0, 0.3))
        wide = 0.15 + 0.05 * share
        tongue.append([high + np.array((0, wide * k, -0.05 * k * k)) for k in np.linspace(-1, 1, 16)])
    product.add(g.sheet("tongue", np.array(tongue), m.leather(colors.body, grain=46, depth=0.16), 0.045))
    rows = np.linspace(0.6, 0.95, 6)
    spread = np.interp(rows, (0.6, 0.95), (0.3, 0.62))
    laces = []
    for row, (low, high) in enumerate(pairwise(rows)):
        for side in (-1, 1):
            path = []
            for k in np.linspace(0, 1, 32):
                arc = math.sin(math.pi * k)
                turn = side * (spread[row] - (spread[row] + spread[row + 1]) * k)
                path.append(upper.at(turn, low + (high - low) * k, 0.07 * arc**0.4 + 0.02 * side * arc - 0.035))
            laces.append(np.array(path))
    product.add(g.tube("laces", laces, 0.023, m.thread("#efece4")))
    for row, turn in zip(rows, spread, strict=True):
        for side in (-1, 1):
            eye = g.tube(
                "eyelet", [np.array([upper.at(side * turn, row, h) for h in (0.0, 0.03)])], 0.045, m.metal(colors.metal)
            )
            product.add(eye)
