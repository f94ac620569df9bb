"""How like two products are, by their looks: colours, outline, and which colour is where.

Each is a figure that light and a slight turn leave nearly alone, and each finds what the others do not: another thing
in the same colour has another outline, the same thing in another colour has other colours, and a print or a trim that
sits elsewhere has another layout. The score is that of the worst of the three: what differs plainly in one is another
product, however like it is in the rest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import linprog
from torch import Tensor

from ..colorspace import delta_e00
from .looks import Looks

_TURNS = tuple(range(-24, 25, 6))
_WIDTHS = (0.8, 0.9, 1.0, 1.12, 1.25)
"""Degrees by which, and shares to which, the second outline is turned and widened for the best fit: a product seen from
another side is narrower."""
_LIGHTNESS = 0.5
"""Weight of a difference of lightness: as for textiles (kL = 2 of CIEDE2000), for folds and light change it most."""
_MOST_LIGHT = 15.0
"""L* by which a product as a whole may be lighter or darker in another light."""
_PLACES = 12
"""Cells along each side in which colours are compared: coarse, for a turn moves them."""
_LIMITS = {"colors": (6.5, 12.0), "outline": (0.82, 0.66), "layout": (7.5, 13.0)}
"""What scores 0.5 (found from here) and 0 (certainly another), of each figure. Measured (`benchmarks/README.md`): the
same product, turned by 22 degrees and in other light, stays below 4.4, above 0.83 and below 6.1. The nearest of 700
pairs of other products on photographs has 7.1, 0.76 and 6.1; another bag in the same colour 3.5, 0.81 and 4.3."""


_ALIKE = {"colors": 0.0, "outline": 1.0, "layout": 0.0}
"""What scores 1: no difference."""


@dataclass(frozen=True)
class Likeness:
    """`colors`: what of one palette must be recoloured to be the other, mean dE00; `outline`: overlap (IoU) of the
    outlines at their best fit; `layout`: mean dE00 of the colours in their places."""

    colors: float
    outline: float
    layout: float

    @property
    def scores(self) -> dict[str, float]:
        """Of each figure, 0..1; 0.5 is where two photos of one product end."""
        by_name = {}
        for name, (half, zero) in _LIMITS.items():
            value, alike = getattr(self, name), _ALIKE[name]
            low, share = 0.0, (value - zero) / (half - zero)
            if share > 1:
                low, share = 0.5, (value - half) / (alike - half)
            by_name[name] = min(1.0, max(0.0, low + 0.5 * share))
        return by_name

    @property
    def score(self) -> float:
        return min(self.scores.values())

    @property
    def differs(self) -> str:
        """What differs most, in words; "" where nothing does much."""
        name = min(self.scores, key=lambda key: self.scores[key])
        words = {
            "colors": "its colours differ",
            "outline": "its outline differs",
            "layout": "its colours sit elsewhere",
        }
        return words[name] if self.scores[name] < 0.5 else ""

    def as_dict(self) -> dict[str, float]:
        return {"colors": self.colors, "outline": self.outline, "layout": self.layout}


def compare(first: Looks, second: Looks) -> Likeness:
    """How like `second` is to `first`."""
    light = _light(first, second)
    outline, moved = _fitted(first, second)
    return Likeness(_recoloured(first, second, light), outline, _misplaced(first, moved, light))


def _light(first: Looks, second: Looks) -> float:
    """L* by which the light on the second is darker as a whole."""
    one, other = (float((looks.colors[:, 0] * looks.shares).sum()) for looks in (first, second))
    return max(-_MOST_LIGHT, min(_MOST_LIGHT, one - other))


def _difference(one: Tensor, other: Tensor, light: float) -> Tensor:
    """dE00 of CIELAB `[...,3]`, the second made lighter by `light`, lightness at half weight."""
    one, other = torch.broadcast_tensors(one, other)  # type: ignore[no-untyped-call]  # torch leaves it so
    nearer = one[..., :1] + (other[..., :1] + light - one[..., :1]) * _LIGHTNESS
    return delta_e00(one, torch.cat((nearer, other[..., 1:]), dim=-1))


def _recoloured(first: Looks, second: Looks, light: float) -> float:
    """The earth mover's distance of two palettes in dE00 (Rubner, Tomasi, Guibas 2000)."""
    cost = _difference(first.colors.unsqueeze(1), second.colors.unsqueeze(0), light).double().numpy()
    rows, columns = cost.shape
    sums = np.zeros((rows + columns, rows * columns))
    for row in range(rows):
        sums[row, row * columns : (row + 1) * columns] = 1
    for column in range(columns):
        sums[rows + column, column::columns] = 1
    shares = torch.cat((first.shares / first.shares.sum(), second.shares / second.shares.sum())).double().numpy()
    # One sum follows from the others.
    solved = linprog(cost.ravel(), A_eq=sums[:-1], b_eq=shares[:-1])
    return float(solved.fun) if solved.success else float(cost.max())


def _fitted(first: Looks, second: Looks) -> tuple[float, Looks]:
    """The best overlap of the two outlines, and the second as it lies then."""
    planes = torch.cat((second.lab * second.cover.unsqueeze(-1), second.cover.unsqueeze(-1)), dim=-1)
    maps = []
    for mirrored in (1.0, -1.0):
        for turn in _TURNS:
            cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
            for width in _WIDTHS:
                wide = math.sqrt(width)  # at the same area
                maps.append([[mirrored * cos / wide, -mirrored * sin / wide, 0.0], [sin * wide, cos * wide, 0.0]])
    places = F.affine_grid(torch.tensor(maps), [len(maps), 4, *second.cover.shape], align_corners=False)
    every = planes.permute(2, 0, 1).unsqueeze(0).expand(len(maps), -1, -1, -1)
    moved = F.grid_sample(every, places, align_corners=False)
    covers = moved[:, 3]
    both = torch.minimum(covers, first.cover).sum(dim=(1, 2))
    overlap = both / torch.maximum(covers, first.cover).sum(dim=(1, 2))
    best = int(overlap.argmax())
    lab = (moved[best, :3] / moved[best, 3:].clamp(min=1e-3)).permute(1, 2, 0)
    return float(overlap[best]), Looks(covers[best], lab, second.colors, second.shares, second.area)


def _misplaced(first: Looks, second: Looks, light: float) -> float:
    (one, here), (other, there) = _coarse(first), _coarse(second)
    weight = torch.minimum(here, there)
    difference = _difference(one, other, light)
    return float((difference * weight).sum() / weight.sum().clamp(min=1e-3))


def _coarse(looks: Looks) -> tuple[Tensor, Tensor]:
    """CIELAB `[n,n,3]` and cover `[n,n]` in few places."""
    planes = torch.cat((looks.lab * looks.cover.unsqueeze(-1), looks.cover.unsqueeze(-1)), dim=-1)
    small = F.adaptive_avg_pool2d(planes.permute(2, 0, 1).unsqueeze(0), _PLACES)[0]
    return (small[:3] / small[3:].clamp(min=1e-3)).permute(1, 2, 0), small[3]
