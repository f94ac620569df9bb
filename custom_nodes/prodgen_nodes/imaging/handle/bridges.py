"""Handles the mask shows in pieces: small breaks are closed, facing loose ends are joined by the curve they suggest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra

from .topology import EIGHT, Bools, Floats, Ints, neighbours

_BREAK = 0.012  # of the longest side: what closing joins
_THIN = (0.02, 0.035, 0.055)  # half thicknesses, of the longest side, at which loose ends are looked for
_WIDEST = 0.4  # of the longest side: the widest gap that is joined
_FACING = 0.35  # cosine between an end's direction and the line to the other end
_ALIKE = 1.8  # ratio of their thicknesses
_SLENDER = 2.0  # a loose end is this many times longer than thick


@dataclass(frozen=True)
class _Tip:
    """A loose end: position `[x, y]`, unit direction it points in, half thickness, label of its part."""

    at: Floats
    direction: Floats
    half: float
    part: int


def closed_breaks(product: Bools) -> Bools:
    """`product` with breaks up to about twice `_BREAK` of its longest side closed."""
    radius = max(1.5, _BREAK * max(product.shape))
    room = int(radius) + 2
    grown = ndimage.distance_transform_edt(~np.pad(product, room)) <= radius
    kept: Bools = ndimage.distance_transform_edt(grown) > radius
    return product | kept[room:-room, room:-room]


def joined_ends(product: Bools, framed: Bools) -> list[Bools]:
    """`product` with each plausible set of facing loose ends joined; empty when there are none.

    `framed` marks where the picture ends: a loose end there is a handle that goes on outside, with no gap to join.
    """
    depth = ndimage.distance_transform_edt(product)
    results: list[Bools] = []
    for share in _THIN:
        radius = share * max(product.shape)
        core = depth > radius
        if not core.any():
            break
        thick = (ndimage.distance_transform_edt(~core) <= radius) & product
        tips = [
            tip
            for tip in _tips(product & ~thick, ndimage.binary_dilation(thick, EIGHT), depth)
            if not _near(framed, tip)
        ]
        bands = [_band(a, b, product.shape) for a, b in _pairs(tips, _WIDEST * max(product.shape))]
        if bands:
            results.append(product | np.any(bands, axis=0))
    return results


def _near(marked: Bools, tip: _Tip) -> bool:
    x, y, room = int(tip.at[0]), int(tip.at[1]), int(3 * tip.half) + 1
    return bool(marked[max(0, y - room) : y + room + 1, max(0, x - room) : x + room + 1].any())


def _tips(thin: Bools, body: Bools, depth: Floats) -> list[_Tip]:
    labels, _ = ndimage.label(thin, EIGHT)
    tips: list[_Tip] = []
    for part, place in enumerate(ndimage.find_objects(labels), start=1):
        window = tuple(slice(max(0, s.start - 1), s.stop + 1) for s in place)
        mine = labels[window] == part
        half = float(np.percentile(depth[window][mine], 90))
        if mine.sum() < 2 * half * 2 * half * _SLENDER:
            continue
        rows, columns = np.nonzero(mine)
        offset = np.array([window[1].start + 0.5, window[0].start + 0.5])
        points: Floats = np.column_stack((columns, rows)).astype(np.float64) + offset
        start = np.flatnonzero(body[window][mine])
        floating = start.size == 0
        distance = _distances(mine, rows, columns, start if not floating else np.array([0]))
        ends = [int(np.argmax(distance))]
        if floating:
            distance = _distances(mine, rows, columns, np.array(ends))
            ends.append(int(np.argmax(distance)))
        for end in ends:
            tip = _tip(points, _distances(mine, rows, columns, np.array([end])), half, part)
            if tip is not None:
                tips.append(tip)
    return tips


def _tip(points: Floats, away: Floats, half: float, part: int) -> _Tip | None:
    if float(away.max()) < 2 * half * _SLENDER:
        return None
    end = points[away <= 2 * half].mean(axis=0)
    before = points[(away > 3 * half) & (away <= 6 * half)]
    if before.size == 0:
        return None
    direction = end - before.mean(axis=0)
    direction = direction / max(float(np.hypot(*direction)), 1e-6)
    return _Tip(end + direction * half / 2, direction, half, part)


def _distances(mine: Bools, rows: Ints, columns: Ints, starts: Ints) -> Floats:
    sources, targets, lengths = neighbours(mine.shape, rows, columns)
    graph = coo_matrix((lengths, (sources, targets)), shape=(rows.size, rows.size)).tocsr()
    distances: Floats = dijkstra(graph, directed=False, indices=starts, min_only=True)
    return distances


def _pairs(tips: list[_Tip], widest: float) -> list[tuple[_Tip, _Tip]]:
    candidates = []
    for i, a in enumerate(tips):
        for b in tips[i + 1 :]:
            between = b.at - a.at
            apart = float(np.hypot(*between))
            if a.part == b.part or apart > widest or max(a.half, b.half) > _ALIKE * min(a.half, b.half):
                continue
            facing = min(float(a.direction @ between), -float(b.direction @ between)) / max(apart, 1e-6)
            if facing > _FACING:
                candidates.append((apart * (2 - facing), a, b))
    pairs: list[tuple[_Tip, _Tip]] = []
    for _, a, b in sorted(candidates, key=lambda candidate: candidate[0]):
        if not any(a is used or b is used for pair in pairs for used in pair):
            pairs.append((a, b))
    return pairs


def _band(a: _Tip, b: _Tip, shape: tuple[int, ...]) -> Bools:
    """A cubic from tip to tip that leaves and arrives in the tips' directions, as thick as they are."""
    apart = float(np.hypot(*(b.at - a.at)))
    t = np.linspace(0, 1, max(8, int(apart)))[:, None]
    start, stop = a.at - a.direction * a.half, b.at - b.direction * b.half
    curve = (
        (2 * t**3 - 3 * t**2 + 1) * start
        + (t**3 - 2 * t**2 + t) * a.direction * apart
        + (3 * t**2 - 2 * t**3) * stop
        - (t**3 - t**2) * b.direction * apart
    )
    half = (a.half + b.half) / 2
    picture = Image.new("1", (shape[1], shape[0]))
    pen = ImageDraw.Draw(picture)
    for x, y in curve:
        pen.ellipse((x - half, y - half, x + half, y + half), fill=1)
    return np.asarray(picture)
