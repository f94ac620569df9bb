"""From centre lines to strands: where a handle starts and ends, how long it is, how far along it a point lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra

from .topology import EIGHT, OUTSIDE, Anatomy, Bools, Floats, Ints, Survey

_UNSEEN = 0.02  # weight of a step under a bead or a bridge: it joins the strand's visible parts and adds no length
_DETOUR = 1.6  # a second strand may be this much longer than the shortest way from end to end
_TWIN_RANGE = 0.2  # an opening between two strands spans at least this part of their length


@dataclass(frozen=True)
class Strand:
    """One connected set of centre lines from the left end to the right end (twin straps that touch are one set).

    `rows`, `columns` of its pixels; `along` 0..1 of each; `half` half thickness there, `seen` whether the mask shows
    the strand there (no bead, no bridge); `path` `[n,2]` x, y of the
    shortest way (pixel centres at .5), `path_along` 0..1 of its points; `left`, `right` the ends `[x, y]`;
    `length` visible working pixels; `openings` labels it borders; `doubled` whether it holds two strands.
    """

    rows: Ints
    columns: Ints
    along: Floats
    half: Floats
    seen: Bools
    path: Floats
    path_along: Floats
    left: Floats
    right: Floats
    length: float
    openings: frozenset[int]
    doubled: bool
    bodies: frozenset[int]

    @property
    def span(self) -> float:
        return float(np.hypot(*(self.right - self.left)))

    @property
    def center(self) -> Floats:
        return np.array([self.columns.mean() + 0.5, self.rows.mean() + 0.5])

    @property
    def half_thickness(self) -> float:
        return float(np.median(self.half))


def strands_of(found: Survey, anatomy: Anatomy, opening: int, unseen: Bools) -> list[Strand]:
    """All strands around `opening` and around openings that share a strand with it.

    `unseen` marks product pixels that only bridge a gap in the mask.
    """
    ends_in = np.isin(anatomy.thick, (anatomy.main, *anatomy.others))
    lines = found.ridge & ~ends_in
    labels, count = ndimage.label(lines, EIGHT)
    borders: list[frozenset[int]] = [frozenset()]
    for index in range(1, count + 1):
        borders.append(frozenset(np.unique(found.nearest[labels == index]).tolist()) - {OUTSIDE})
    wanted, members = {opening}, set[int]()
    while True:
        more = {i for i in range(1, count + 1) if i not in members and borders[i] & wanted}
        if not more:
            break
        members |= more
        wanted |= frozenset().union(*(borders[i] for i in more))
    anchors = found.ridge & ends_in
    made = (
        _strand(
            found,
            anatomy,
            labels == index,
            anchors=anchors,
            unseen=unseen | anatomy.beads,
            openings=borders[index],
        )
        for index in members
    )
    return [strand for strand in made if strand is not None]


def _strand(
    found: Survey, anatomy: Anatomy, line: Bools, *, anchors: Bools, unseen: Bools, openings: frozenset[int]
) -> Strand | None:
    touching = line & ndimage.binary_dilation(anchors, EIGHT)
    clusters, count = ndimage.label(ndimage.binary_dilation(touching, EIGHT, iterations=2), EIGHT)
    if count < 2:
        return None
    rows, columns = np.nonzero(line)
    cluster = np.where(touching[rows, columns], clusters[rows, columns], 0)
    points: Floats = np.column_stack((columns, rows)).astype(np.float64) + 0.5
    centers = np.array([points[cluster == i].mean(axis=0) for i in range(1, count + 1)])
    on_left = _left_ends(centers)
    starts = np.flatnonzero(np.isin(cluster, 1 + np.flatnonzero(on_left)))
    stops = np.flatnonzero(np.isin(cluster, 1 + np.flatnonzero(~on_left)))
    graph = _graph(line, rows, columns, unseen)
    from_left, previous, _ = dijkstra(graph, indices=starts, min_only=True, return_predecessors=True)
    from_right = dijkstra(graph, indices=stops, min_only=True)
    total = from_left + from_right
    if not np.isfinite(total).any() or float(total.min()) <= 1.0:
        return None
    keep = total <= _DETOUR * total.min() + 4
    along = np.where(keep, from_left / np.maximum(total, 1e-9), 0.0)
    path, path_along = _walk(points, along, previous, int(stops[np.argmin(from_left[stops])]))
    step = np.hypot(*np.diff(path, axis=0).T)
    seen = ~unseen[path[:, 1].astype(int), path[:, 0].astype(int)]
    length = float((step * seen[1:]).sum())
    near = found.nearest[rows, columns]
    ranges = [np.ptp(along[keep & (near == label)]) if (keep & (near == label)).any() else 0.0 for label in openings]
    reached = ndimage.binary_dilation(touching, EIGHT, iterations=2)
    bodies = frozenset(np.unique(anatomy.thick[reached & (anatomy.thick > 0)]).tolist())
    return Strand(
        rows=rows[keep],
        columns=columns[keep],
        along=along[keep],
        half=found.depth[rows, columns][keep],
        seen=~unseen[rows, columns][keep],
        path=path,
        path_along=path_along,
        left=centers[on_left].mean(axis=0),
        right=centers[~on_left].mean(axis=0),
        length=length,
        openings=openings,
        doubled=sum(r > _TWIN_RANGE for r in ranges) > 1,
        bodies=bodies & frozenset((anatomy.main, *anatomy.others)),
    )


def _left_ends(centers: Floats) -> Bools:
    """Which contacts are the left (or upper) ends: halves of an even row of contacts, else split at the widest gap."""
    apart = np.hypot(*(centers[:, None] - centers[None]).transpose(2, 0, 1))
    first, second = np.unravel_index(int(apart.argmax()), apart.shape)
    direction = centers[second] - centers[first]
    if direction[0] < 0 or (abs(direction[0]) < abs(direction[1]) / 4 and direction[1] < 0):
        direction = -direction
    place = centers @ direction
    order = np.argsort(place)
    cut = len(order) // 2 if len(order) == 4 else 1 + int(np.diff(place[order]).argmax())
    left = np.zeros(len(order), dtype=bool)
    left[order[:cut]] = True
    return left


def _graph(line: Bools, rows: Ints, columns: Ints, unseen: Bools) -> coo_matrix:
    number = np.full(line.shape, -1, dtype=np.int64)
    number[rows, columns] = np.arange(rows.size)
    sources, targets, weights = [], [], []
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        # The mask has a margin of background, so no neighbour of a line pixel lies outside the array.
        other = number[rows + down, columns + right]
        linked = other >= 0
        hidden = unseen[rows, columns] | unseen[rows + down, columns + right]
        sources.append(np.flatnonzero(linked))
        targets.append(other[linked])
        weights.append((np.hypot(down, right) * np.where(hidden, _UNSEEN, 1.0))[linked])
    source, target, weight = (np.concatenate(parts) for parts in (sources, targets, weights))
    pairs = (np.concatenate((source, target)), np.concatenate((target, source)))
    return coo_matrix((np.concatenate((weight, weight)), pairs), shape=(rows.size, rows.size)).tocsr()


def _walk(points: Floats, along: Floats, previous: Ints, last: int) -> tuple[Floats, Floats]:
    chain = [last]
    while previous[chain[-1]] >= 0:
        chain.append(int(previous[chain[-1]]))
    index = np.array(chain[::-1])
    sigma = min(4.0, len(index) / 12)
    smooth = ndimage.gaussian_filter1d(points[index], sigma, axis=0, mode="nearest").astype(np.float64)
    return smooth, np.maximum.accumulate(along[index])
