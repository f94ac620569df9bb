"""Openings of a product mask, the thin walls around them, and the body that carries them.

Everything here works on one reduced boolean mask (numpy). The centre lines come from the skeleton by influence zones
(Lantuéjoul 1978): product pixels where the nearest background *region* changes. Unlike a thinning skeleton it has no
spurs: a tag or a loose end borders the same region on both sides and leaves no line, a strap always separates two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Bools: TypeAlias = NDArray[np.bool_]
Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

OUTSIDE = 1
"""Label of the background that reaches the frame; openings are 2, 3, …"""
EIGHT = np.ones((3, 3), dtype=bool)
"""Pixels that touch at a corner belong together: a strap of one pixel is one line."""

_SMALLEST_OPENING = 3e-4  # of the mask's bounding box: less is a pinhole of the cut-out, not an opening
_CLEAR = 0.25  # an opening shows the backdrop: at least a part of it has less alpha than this


@dataclass(frozen=True)
class Survey:
    """What the mask's topology says, on the working grid.

    `product` the mask without pinholes; `regions` label of each background pixel (0 on the product); `depth` distance
    to the background; `nearest` label of the nearest background region; `ridge` the centre lines between regions;
    `openings` the labels of the openings, largest first; `areas` pixels of each label.
    """

    product: Bools
    regions: Ints
    depth: Floats
    nearest: Ints
    ridge: Bools
    openings: tuple[int, ...]
    areas: Ints


def survey(alpha: Floats, product: Bools) -> Survey:
    """Label openings of `product` `[h,w]` (a margin of background around it), distances and centre lines."""
    regions, count = ndimage.label(~product)
    first = int(regions[0, 0])
    areas = np.bincount(regions.ravel(), minlength=count + 1)
    smallest = max(9.0, _SMALLEST_OPENING * product.size)
    holes = [label for label in range(1, count + 1) if label != first]
    clear = ndimage.minimum(alpha, regions, holes) if holes else []
    real = [label for label, low in zip(holes, clear, strict=True) if areas[label] >= smallest and low < _CLEAR]
    real.sort(key=lambda label: -int(areas[label]))
    rename = np.zeros(count + 1, dtype=np.int64)
    rename[first] = OUTSIDE
    for new, label in enumerate(real, start=OUTSIDE + 1):
        rename[label] = new
    named = rename[regions]
    solid = named == 0
    depth, index = ndimage.distance_transform_edt(solid, return_indices=True)
    nearest = named[tuple(index)]
    labels = tuple(range(OUTSIDE + 1, OUTSIDE + 1 + len(real)))
    return Survey(
        product=solid,
        regions=named,
        depth=depth,
        nearest=nearest,
        ridge=_zone_borders(nearest) & solid,
        openings=labels,
        areas=np.bincount(named.ravel(), minlength=OUTSIDE + 1 + len(real)),
    )


def _zone_borders(zones: Ints) -> Bools:
    border = np.zeros(zones.shape, dtype=bool)
    for axis in (0, 1):
        step = np.diff(zones, axis=axis) != 0
        before = tuple(slice(None, -1) if a == axis else slice(None) for a in (0, 1))
        after = tuple(slice(1, None) if a == axis else slice(None) for a in (0, 1))
        border[before] |= step
        border[after] |= step
    return border


def wall_half_thickness(survey: Survey, opening: int) -> float:
    """Typical half thickness of the thinner part of the wall around `opening`, in working pixels."""
    wall = survey.depth[survey.ridge & (survey.nearest == opening)]
    return float(np.percentile(wall, 25)) if wall.size else float("inf")


@dataclass(frozen=True)
class Anatomy:
    """The product split at one thickness: `body` the main thick part, `beads` other thick parts, `area` of the body.

    `thick` labels all thick parts, 0 elsewhere; `others` are labels of thick parts so large that they are bodies too.
    """

    radius: float
    body: Bools
    beads: Bools
    thick: Ints
    main: int
    others: tuple[int, ...]


def split_at(survey: Survey, radius: float) -> Anatomy | None:
    """Open the product with a disc of `radius`: what survives is body or beads. None when nothing is that thick."""
    core = survey.depth > radius
    if not core.any():
        return None
    thick, count = ndimage.label((ndimage.distance_transform_edt(~core) <= radius) & survey.product, EIGHT)
    sizes = np.bincount(thick.ravel(), minlength=count + 1)
    sizes[0] = 0
    main = int(sizes.argmax())
    # A quarter of the main body: a second product rather than a bead or a buckle.
    others = tuple(label for label in range(1, count + 1) if label != main and sizes[label] > 0.25 * sizes[main])
    body = thick == main
    return Anatomy(radius, body, (thick > 0) & ~body, thick.astype(np.int64), main, others)


def neighbours(shape: tuple[int, ...], rows: Ints, columns: Ints) -> tuple[Ints, Ints, Floats]:
    """Which of the pixels `rows`, `columns` of a grid of `shape` touch, each pair once: two indices and a distance."""
    # One row and one column on either side that hold nothing: a pixel may lie on the grid's border.
    number = np.full((shape[0] + 1, shape[1] + 2), -1, dtype=np.int64)
    number[rows, columns + 1] = np.arange(rows.size)
    sources, targets, distances = [], [], []
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        other = number[rows + down, columns + 1 + right]
        linked = np.flatnonzero(other >= 0)
        sources.append(linked)
        targets.append(other[linked])
        distances.append(np.full(linked.size, np.hypot(down, right)))
    return np.concatenate(sources), np.concatenate(targets), np.concatenate(distances)
