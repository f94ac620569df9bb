"""In which order the nodes of each column stand: Sugiyama's method, for columns that are already given.

Own code, because what is special here is what layout libraries do not have: columns come from stages that a person
reads, one output that feeds ten nodes is one lane and not ten, and a lane becomes reroutes of ComfyUI's canvas.
K. Sugiyama, S. Tagawa, M. Toda: Methods for visual understanding of hierarchical system structures (1981).
"""

from __future__ import annotations

from bisect import bisect, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from runner.errors import WorkflowError

_SWEEPS = 24
"""Orderings tried; from a dozen on, hardly any crossing goes."""


@dataclass
class Item:
    """What takes up a place in a column: a node, a note, or a lane where a link passes by."""

    key: str
    column: int
    height: float
    width: float = 0.0
    above: float = 0.0
    """Free space that it wants over itself, besides the usual: a group's border and title."""
    pinned: int | None = None
    """A note's or an input's place from the top, which no sweep changes."""
    y: float = 0.0

    @property
    def is_lane(self) -> bool:
        return not self.width


@dataclass(frozen=True)
class Wire:
    """A piece of a link, between neighbouring columns, with how far below the items' tops it begins and ends."""

    left: Item
    right: Item
    from_top: float
    to_top: float


@dataclass
class Columns:
    """The picture while it is made: items by column, in order, and the wires between them."""

    items: list[list[Item]]
    wires: list[Wire] = field(default_factory=list)
    lanes: dict[tuple[str, int], list[Item]] = field(default_factory=dict)
    """(node, output) → the places its link passes, from left to right."""


LANE_HEIGHT = 2.0
"""A wire's own: lanes may lie as close as their wires can be told apart."""
_MOST_LANES = 2000
"""Ten times what the largest workflow here has; the time to order them grows faster than their number."""


def lay_lanes(columns: Columns, links: Iterable[tuple[tuple[str, int], str, float, float]]) -> None:
    """Give every link its way: directly to the next column, otherwise through a lane in each column between.

    `links`: (node, output), the node it feeds, and how far below the two nodes' tops it begins and ends.
    Raises WorkflowError where that would be thousands of them.
    """
    by_key = {item.key: item for column in columns.items for item in column}
    ends: dict[tuple[str, int], list[tuple[Item, float, float]]] = {}
    for source, target, from_top, to_top in links:
        ends.setdefault(source, []).append((by_key[target], from_top, to_top))
    lanes = 0
    for source, targets in ends.items():
        here, from_top = by_key[source[0]], targets[0][1]
        last = max(item.column for item, _, _ in targets)
        lanes += max(last - here.column - 1, 0)
        if lanes > _MOST_LANES:
            raise WorkflowError("its links pass too many nodes: it cannot be drawn.")
        way: list[Item] = []
        for column in range(here.column + 1, last):
            lane = Item(f"{source[0]}:{source[1]}@{column}", column, LANE_HEIGHT)
            columns.items[column].append(lane)
            before = way[-1] if way else here
            columns.wires.append(Wire(before, lane, 0.0 if way else from_top, 0.0))
            way.append(lane)
        columns.lanes[source] = way
        for item, _, to_top in targets:
            passed = item.column - here.column - 1
            before = way[passed - 1] if passed else here
            columns.wires.append(Wire(before, item, 0.0 if passed else from_top, to_top))


def order(columns: Columns) -> None:
    """Sort every column so that few wires cross: sweeps by the mean place of neighbours; the best one is kept."""
    left, right = _neighbours(columns, to_left=True), _neighbours(columns, to_left=False)
    best, fewest = [list(column) for column in columns.items], _crossings(columns)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        numbers = range(len(columns.items)) if forward else reversed(range(len(columns.items)))
        places = _places(columns)
        for number in numbers:
            _sort(columns.items[number], left if forward else right, places)
            places.update(_places_in(columns.items[number]))
        crossings = _crossings(columns)
        if crossings < fewest:
            best, fewest = [list(column) for column in columns.items], crossings
    columns.items[:] = best


def _sort(column: list[Item], neighbours: Mapping[str, list[str]], places: Mapping[str, float]) -> None:
    def wanted(item: Item) -> tuple[int, float]:
        if item.pinned is not None:
            return (0, item.pinned)
        beside = [places[key] for key in neighbours.get(item.key, ())]
        return (1, sum(beside) / len(beside) if beside else places[item.key])

    column.sort(key=wanted)


def _places(columns: Columns) -> dict[str, float]:
    return {key: place for column in columns.items for key, place in _places_in(column).items()}


def _places_in(column: list[Item]) -> dict[str, float]:
    """From 0 at the top to 1 at the bottom: columns hold different numbers of items."""
    return {item.key: (number + 0.5) / len(column) for number, item in enumerate(column)}


def _neighbours(columns: Columns, *, to_left: bool) -> dict[str, list[str]]:
    beside: dict[str, list[str]] = {}
    for wire in columns.wires:
        here, there = (wire.right, wire.left) if to_left else (wire.left, wire.right)
        beside.setdefault(here.key, []).append(there.key)
    return beside


def _crossings(columns: Columns) -> int:
    """How many pairs of wires cross, column by column: inversions of the ends when the beginnings are sorted."""
    place = {item.key: number for column in columns.items for number, item in enumerate(column)}
    between: dict[int, list[tuple[int, float, int, float]]] = {}
    for wire in columns.wires:
        ends = (place[wire.left.key], wire.from_top, place[wire.right.key], wire.to_top)
        between.setdefault(wire.left.column, []).append(ends)
    crossings = 0
    for wires in between.values():
        seen: list[tuple[int, float]] = []
        for _, _, at, to_top in sorted(wires):
            crossings += len(seen) - bisect(seen, (at, to_top))
            insort(seen, (at, to_top))
    return crossings
