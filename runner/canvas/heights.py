"""How high each node and each lane stands: as level as its neighbours allow, and nothing over anything else.

Column by column every item asks for the height at which its wires would be level. The nearest heights that keep order
and distance are an isotonic regression, found by pooling (Barlow, Bartholomew, Bremner, Brunk: Statistical Inference
under Order Restrictions, 1972). Lanes then are drawn straight over as many columns as have room for that.
"""

from __future__ import annotations

from collections.abc import Sequence

from runner.canvas.layers import Columns, Item

TITLE = 30.0
"""A node's title stands above its place on ComfyUI's canvas."""
GAP, LANE_GAP, SAG = 30.0, 16.0, 44.0
"""Free space below a node, between two lanes, and between a lane and a node.

A lane that turns sharply at both its ends hangs through between them: LiteGraph's curve leaves each at half the turn,
for 80 at most, which is 3/8 · 2 · 80 · sin 45° in the middle.
"""
_SWEEPS = 16
"""Passes over the columns, each way in turn."""
_STRAIGHT = 6.0
"""How much more a lane's levelness counts than a node's: a bent lane is two corners."""
GRID = 10.0
"""LiteGraph's own: a node that is moved by hand snaps to it."""


def set_heights(columns: Columns) -> None:
    for column in columns.items:
        for item, y in zip(column, _stacked(column), strict=True):
            item.y = y
    wants: dict[str, list[tuple[Item, float, float]]] = {}
    for wire in columns.wires:
        weight = _STRAIGHT if wire.left.is_lane and wire.right.is_lane else 1.0
        wants.setdefault(wire.left.key, []).append((wire.right, wire.to_top - wire.from_top, weight))
        wants.setdefault(wire.right.key, []).append((wire.left, wire.from_top - wire.to_top, weight))
    for sweep in range(_SWEEPS):
        for column in columns.items if sweep % 2 else reversed(columns.items):
            _relax(column, wants)
    for column in columns.items:
        _snap(column)
    _straighten(columns)


def distance(upper: Item, lower: Item) -> float:
    """The least that lies between the tops of two items, one above the other."""
    lanes = upper.is_lane + lower.is_lane
    gap = (GAP, SAG, LANE_GAP)[lanes]
    return upper.height + gap + lower.above + (0.0 if lower.is_lane else TITLE)


def _stacked(column: Sequence[Item]) -> list[float]:
    """Tops when everything stands as close as it may, around the picture's middle line."""
    tops = [0.0] * len(column)
    for number in range(1, len(column)):
        tops[number] = tops[number - 1] + distance(column[number - 1], column[number])
    middle = (tops[-1] + column[-1].height) / 2 if column else 0.0
    return [top - middle for top in tops]


def _relax(column: Sequence[Item], wants: dict[str, list[tuple[Item, float, float]]]) -> None:
    offsets = _stacked(column)
    whole = all(item.pinned is not None for item in column)  # what a person reads from the top down has no holes
    blocks: list[tuple[float, float, int]] = []  # (weight, height above the offsets, how many items)
    for item, offset in zip(column, offsets, strict=True):
        asked = wants.get(item.key, [])
        weight = sum(w for _, _, w in asked) or 0.01
        level = sum(w * (other.y + shift) for other, shift, w in asked) / weight if asked else item.y
        blocks.append((weight, level - offset, 1))
        while len(blocks) > 1 and (whole or blocks[-2][1] > blocks[-1][1]):
            (wa, ya, na), (wb, yb, nb) = blocks[-2], blocks[-1]
            blocks[-2:] = [(wa + wb, (wa * ya + wb * yb) / (wa + wb), na + nb)]
    levels = [level for _, level, count in blocks for _ in range(count)]
    for item, offset, level in zip(column, offsets, levels, strict=True):
        item.y = offset + level


def _snap(column: Sequence[Item]) -> None:
    """To the grid, downwards: rounding must not bring two too near."""
    floor = float("-inf")
    for number, item in enumerate(column):
        item.y = max(round(item.y / GRID) * GRID, floor)
        if number + 1 < len(column):
            floor = -(-(item.y + distance(item, column[number + 1])) // GRID) * GRID


def _straighten(columns: Columns) -> None:
    place = {item.key: (column, number) for column in columns.items for number, item in enumerate(column)}
    for lanes in sorted(columns.lanes.values(), key=len, reverse=True):
        run: list[Item] = []
        low, high = float("-inf"), float("inf")
        for lane in lanes:
            lane_low, lane_high = _room(*place[lane.key])
            if max(low, lane_low) > min(high, lane_high):
                _level(run, low, high)
                run, low, high = [], float("-inf"), float("inf")
            run.append(lane)
            low, high = max(low, lane_low), min(high, lane_high)
        _level(run, low, high)


def _room(column: Sequence[Item], number: int) -> tuple[float, float]:
    item = column[number]
    above, below = column[:number], column[number + 1 :]
    low = above[-1].y + distance(above[-1], item) if above else float("-inf")
    return low, below[0].y - distance(item, below[0]) if below else float("inf")


def _level(run: Sequence[Item], low: float, high: float) -> None:
    if run:
        middle = sorted(lane.y for lane in run)[len(run) // 2]
        for lane in run:
            lane.y = min(max(middle, low), high)
