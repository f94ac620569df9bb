"""From centre lines to strands: where a handle starts and ends, how long it is, how far along it a point lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra

from .topology import EIGHT, OUTSIDE, Anatomy, Bools, Floats, Ints, Survey, neighbours

_UNSEEN = 0.02  # weight of a step under a bead or a bridge: it joins the strand's visible parts and adds no length
_DETOUR = 1.6  # a second strand may be this much longer than the shortest way from end to end
_RETURN = 0.15  # a second way comes back at least this much further along
_BETWEEN = 0.25  # of the way from end to end: a contact beyond this from both ends belongs to neither
_FACING = 0.5  # cosine
_HIGH = 0.4  # of a handle's height: where what hides its middle may begin
_SWOLLEN = 1.6  # times the strand's usual thickness
_PADDED = 2.0  # a swelling this many times longer than thick is a padded grip


@dataclass(frozen=True)
class Strand:
    """One connected set of centre lines from the left end to the right end (twin straps that touch are one set).

    `rows`, `columns` of its pixels; `along` 0..1 of each; `half` half thickness there; `seen` whether the mask shows
    the strand there (no bead, no bridge); `path` `[n,2]` x, y of the shortest way (pixel centres at .5), `path_along`
    0..1 of its points; `left`, `right` the ends `[x, y]`; `length` visible working pixels; `openings` labels it
    borders; `doubled` whether it holds two strands; `bodies` labels of the bodies it meets; `cover` `[h,w]` what hides
    a part of it, like a knotted scarf.
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
    cover: Bools

    @property
    def span(self) -> float:
        return float(np.hypot(*(self.right - self.left)))

    @property
    def points(self) -> Floats:
        """`[n,2]` x, y of its pixels."""
        return np.column_stack((self.columns, self.rows)).astype(np.float64) + 0.5

    @property
    def center(self) -> Floats:
        center: Floats = self.points.mean(axis=0)
        return center

    @property
    def half_thickness(self) -> float:
        return float(np.median(self.half))


def strands_of(survey: Survey, anatomy: Anatomy, opening: int, unseen: Bools) -> list[Strand]:
    """All strands around `opening` and around openings that share a strand with it.

    `unseen` marks product pixels that only bridge a gap in the mask.
    """
    ends_in = np.isin(anatomy.thick, (anatomy.main, *anatomy.others))
    lines = survey.ridge & ~ends_in
    labels, count = ndimage.label(lines, EIGHT)
    borders: list[frozenset[int]] = [frozenset()]
    for index in range(1, count + 1):
        borders.append(frozenset(np.unique(survey.nearest[labels == index]).tolist()) - {OUTSIDE})
    wanted, members = {opening}, set[int]()
    while True:
        more = {i for i in range(1, count + 1) if i not in members and borders[i] & wanted}
        if not more:
            break
        members |= more
        wanted |= frozenset().union(*(borders[i] for i in more))
    anchors = survey.ridge & ends_in
    made = (
        _strand(
            survey,
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
    survey: Survey, anatomy: Anatomy, line: Bools, *, anchors: Bools, unseen: Bools, openings: frozenset[int]
) -> Strand | None:
    touching = line & ndimage.binary_dilation(anchors, EIGHT)
    clusters, count = ndimage.label(ndimage.binary_dilation(touching, EIGHT, iterations=2), EIGHT)
    if count < 2:
        return None
    rows, columns = np.nonzero(line)
    cluster = np.where(touching[rows, columns], clusters[rows, columns], 0)
    points: Floats = np.column_stack((columns, rows)).astype(np.float64) + 0.5
    centers = np.array([points[cluster == i].mean(axis=0) for i in range(1, count + 1)])
    on_left, on_right = _ends(centers)
    starts = np.flatnonzero(np.isin(cluster, 1 + np.flatnonzero(on_left)))
    stops = np.flatnonzero(np.isin(cluster, 1 + np.flatnonzero(on_right)))
    ways = _ways(line, points, starts, stops, unseen)
    if ways is None:
        return None
    cover = _swellings(survey, points, ways.chain) if not ways.doubled else np.zeros_like(line)
    if cover.any():
        # What covers the strand shows none of it: lengths count again without that.
        unseen = unseen | cover
        ways = _ways(line, points, starts, stops, unseen) or ways
    keep, along, chain = ways.keep, ways.along, ways.chain
    half = survey.depth[rows, columns][keep]
    path, path_along = _smooth(points[chain]), np.maximum.accumulate(along[chain])
    step = np.hypot(*np.diff(path, axis=0).T)
    seen = ~unseen[path[:, 1].astype(int), path[:, 0].astype(int)]
    length = float((step * seen[1:]).sum())
    reached = ndimage.binary_dilation(touching, EIGHT, iterations=2)
    bodies = frozenset(np.unique(anatomy.thick[reached & (anatomy.thick > 0)]).tolist())
    return Strand(
        rows=rows[keep],
        columns=columns[keep],
        along=along[keep],
        half=half if ways.doubled else _without_bumps(half, along[keep]),
        seen=~unseen[rows, columns][keep],
        path=path,
        path_along=path_along,
        left=centers[on_left].mean(axis=0),
        right=centers[on_right].mean(axis=0),
        length=length,
        openings=openings,
        doubled=ways.doubled,
        cover=cover,
        bodies=bodies & frozenset((anatomy.main, *anatomy.others)),
    )


def _ends(centers: Floats) -> tuple[Bools, Bools]:
    """Which contacts are the left (or upper) ends and which the right: the halves of an even row of four, else either
    side of the widest gap. A contact well between the ends is a scarf or a tag that reaches the body: neither."""
    apart = np.hypot(*(centers[:, None] - centers[None]).transpose(2, 0, 1))
    first, second = np.unravel_index(int(apart.argmax()), apart.shape)
    direction = centers[second] - centers[first]
    if direction[0] < 0 or (abs(direction[0]) < abs(direction[1]) / 4 and direction[1] < 0):
        direction = -direction
    place = centers @ direction
    place = (place - place.min()) / max(float(np.ptp(place)), 1e-9)
    order = np.argsort(place)
    left, right = np.zeros(len(order), dtype=bool), np.zeros(len(order), dtype=bool)
    if len(order) == 4:
        left[order[:2]] = right[order[2:]] = True
        return left, right
    cut = 1 + int(np.diff(place[order]).argmax())
    left[order[:cut]] = right[order[cut:]] = True
    between = (place > _BETWEEN) & (place < 1 - _BETWEEN)
    return left & ~between, right & ~between


@dataclass(frozen=True)
class _Ways:
    """The ways from end to end: which points lie on one, how far along, the shortest as a chain of points."""

    keep: Bools
    along: Floats
    chain: Ints
    doubled: bool


def _ways(line: Bools, points: Floats, starts: Ints, stops: Ints, unseen: Bools) -> _Ways | None:
    rows, columns = points[:, 1].astype(int), points[:, 0].astype(int)
    graph = _graph(line, rows, columns, unseen)
    from_left, previous, _ = dijkstra(graph, indices=starts, min_only=True, return_predecessors=True)
    total = from_left + dijkstra(graph, indices=stops, min_only=True)
    if not np.isfinite(total).any() or float(total.min()) <= 1.0:
        return None
    along = np.where(np.isfinite(total), from_left / np.maximum(total, 1e-9), 0.0)
    chain = _chain(previous, int(stops[np.argmin(from_left[stops])]))
    returns, doubled = _returning(line, points, along, chain, np.concatenate((starts, stops)))
    return _Ways(returns & (total <= _DETOUR * total.min() + 4), along, chain, doubled)


def _returning(line: Bools, points: Floats, along: Floats, chain: Ints, ends: Ints) -> tuple[Bools, bool]:
    """Points on the shortest way, or on another that leaves it and comes back further along; whether there is one."""
    rows, columns = points[:, 1].astype(int), points[:, 0].astype(int)
    way = np.zeros(line.shape, dtype=bool)
    way[rows[chain], columns[chain]] = True
    way = ndimage.binary_dilation(way, EIGHT, iterations=2)
    fixed = way[rows, columns]
    fixed[ends] = True
    labels, _ = ndimage.label(line & ~way, EIGHT)
    near = np.full(line.shape, -1.0)
    near[rows[fixed], columns[fixed]] = along[fixed]
    keep: Bools = way[rows, columns]
    doubled = False
    for part, place in enumerate(ndimage.find_objects(labels), start=1):
        window = tuple(slice(max(0, s.start - 2), s.stop + 2) for s in place)
        touched = near[window][ndimage.binary_dilation(labels[window] == part, EIGHT, iterations=2)]
        touched = touched[touched >= 0]
        if touched.size and np.ptp(touched) > _RETURN:
            keep |= labels[rows, columns] == part
            doubled = True
    return keep, doubled


def _swellings(survey: Survey, points: Floats, chain: Ints) -> Bools:
    """Short thick places on the way: a knot or a tag before the strand. A padded grip is thick too, but long."""
    rows, columns = points[chain, 1].astype(int), points[chain, 0].astype(int)
    half = survey.depth[rows, columns]
    limit = _SWOLLEN * float(np.median(half)) + 1.0
    cover = np.zeros(survey.product.shape, dtype=bool)
    runs, _ = ndimage.label(half > limit)
    for (run,) in ndimage.find_objects(runs):
        widest = float(half[run].max())
        at_end = run.start < widest or run.stop > len(chain) - widest
        if at_end or run.stop - run.start > _PADDED * 2 * widest:
            continue
        room = int(3 * widest) + 2
        top, left = max(0, int(rows[run].min()) - room), max(0, int(columns[run].min()) - room)
        window = (slice(top, int(rows[run].max()) + room + 1), slice(left, int(columns[run].max()) + room + 1))
        core = survey.depth[window] > limit
        parts, _ = ndimage.label(core, EIGHT)
        mine = np.unique(parts[rows[run] - top, columns[run] - left])
        cover[window] |= ndimage.distance_transform_edt(~np.isin(parts, mine[mine > 0])) <= limit
    return cover & survey.product


def _graph(line: Bools, rows: Ints, columns: Ints, unseen: Bools) -> coo_matrix:
    source, target, lengths = neighbours(line.shape, rows, columns)
    hidden = unseen[rows, columns]
    weight = lengths * np.where(hidden[source] | hidden[target], _UNSEEN, 1.0)
    pairs = (np.concatenate((source, target)), np.concatenate((target, source)))
    return coo_matrix((np.concatenate((weight, weight)), pairs), shape=(rows.size, rows.size)).tocsr()


def _without_bumps(half: Floats, along: Floats) -> Floats:
    """`half` without thick places shorter than about two thicknesses: a tag that touches the strand is not the strand.

    A greyscale opening in the order of `along`; the centre lines are about two pixels wide.
    """
    order = np.argsort(along, kind="stable")
    size = max(3, int(2 * _PADDED * 2 * float(np.median(half))))
    settled = np.empty_like(half)
    settled[order] = ndimage.grey_opening(half[order], size=min(size, max(3, half.size // 3)))
    return settled


def _chain(previous: Ints, last: int) -> Ints:
    chain = [last]
    while previous[chain[-1]] >= 0:
        chain.append(int(previous[chain[-1]]))
    return np.array(chain[::-1])


def _smooth(path: Floats) -> Floats:
    smooth: Floats = ndimage.gaussian_filter1d(path, min(4.0, len(path) / 12), axis=0, mode="nearest")
    return smooth


def joined(first: Strand, second: Strand) -> Strand | None:
    """The one strand of which `first` and `second` are the parts left and right of something that hides its middle.

    None where their ends do not face each other, or their thicknesses differ.
    """
    thicknesses = sorted((first.half_thickness, second.half_thickness))
    between = second.left - first.right
    apart = float(np.hypot(*between))
    # One strap is as thick left as right of what hides it, perspective granted; and more of it is seen than hidden.
    if thicknesses[1] > 1.7 * thicknesses[0] or apart > 0.6 * (first.length + second.length) or apart < 1:
        return None
    leaving = _heading(first.path[::-1])
    arriving = -_heading(second.path)
    if min(float(leaving @ between), float(arriving @ between)) < _FACING * apart:
        return None
    if not _arched(first, second):
        return None
    length = first.length + second.length
    share = first.length / length
    return Strand(
        rows=np.concatenate((first.rows, second.rows)),
        columns=np.concatenate((first.columns, second.columns)),
        along=np.concatenate((first.along * share, share + second.along * (1 - share))),
        half=np.concatenate((first.half, second.half)),
        seen=np.concatenate((first.seen, second.seen)),
        path=np.concatenate((first.path, second.path)),
        path_along=np.concatenate((first.path_along * share, share + second.path_along * (1 - share))),
        left=first.left,
        right=second.right,
        length=length,
        openings=first.openings | second.openings,
        doubled=first.doubled or second.doubled,
        bodies=first.bodies | second.bodies,
        cover=first.cover | second.cover,
    )


def _arched(first: Strand, second: Strand) -> bool:
    """Whether what `first` and `second` lead to is high over the line between their outer ends, as a handle's middle
    is: two straps of a shoe end on its sole."""
    base = second.right - first.left
    outward = np.array([base[1], -base[0]])
    heights = np.concatenate([(strand.path - first.left) @ outward for strand in (first, second)])
    top = heights[int(np.abs(heights).argmax())]
    inner = [float((end - first.left) @ outward) / top for end in (first.right, second.left)]
    return bool(min(inner) > _HIGH)


def _heading(path: Floats) -> Floats:
    """Unit direction in which a path, given from its end inwards, points out of that end."""
    inner = path[min(len(path) - 1, max(3, len(path) // 4))]
    heading: Floats = path[0] - inner
    return heading / max(float(np.hypot(*heading)), 1e-9)
