"""A camera on a stand is told from one that was moved: turning boxes seen from above, and what lies behind them."""

from __future__ import annotations

import math
import random

import pytest
import torch
from prodgen_nodes.imaging.spin import frame_of, turned
from prodgen_nodes.imaging.standing import backdrop_of, on_a_stand
from prodgen_nodes.imaging.tensors import Box
from torch import Tensor

CORNERS = [(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (0.0, 1.0)]


def boxes(
    count: int, size: tuple[float, float, float], above: float, *, turn: float = 360, shake: float = 0
) -> list[Box]:
    """A box on a turntable, a little beside its axis, seen from `above` degrees at eight times its side; `shake`: by
    what share the camera goes nearer, and sideways, from photo to photo (standard deviation)."""
    chance = random.Random(5)
    up, forth = math.sin(math.radians(above)), math.cos(math.radians(above))
    found = []
    for number in range(count):
        angle = math.radians(turn * number / count + 15)
        points = []
        for x, y, z in ((x * size[0] + 0.1, y * size[1], z * size[2]) for x, y, z in CORNERS):
            beside = x * math.cos(angle) - y * math.sin(angle)
            nearer = x * math.sin(angle) + y * math.cos(angle)
            away = (8 - nearer * forth - z * up) / 8
            points.append((beside / away, (nearer * up - z * forth) / away))
        scale, right, down = 1 + chance.gauss(0, shake), chance.gauss(0, shake), chance.gauss(0, shake)
        columns = [round(1000 * (x * scale + right + 5)) for x, _ in points]
        rows = [round(1000 * (y * scale + down + 5)) for _, y in points]
        found.append(Box(min(columns), min(rows), max(columns), max(rows)))
    return found


def says(found: list[Box]) -> bool:
    """Where no backdrop helps."""
    return on_a_stand(found, [(9, 9)] * len(found), [None] * len(found))


@pytest.mark.parametrize("count", [4, 8, 12, 24, 36])
@pytest.mark.parametrize("above", [0, 10, 20, 30])
def test_a_box_that_turns_is_no_camera_that_moves(count: int, above: float) -> None:
    grown = []
    for size in ((1, 1, 1), (1, 0.3, 1), (1, 0.5, 0.5), (1, 0.2, 2)):
        found = boxes(count, size, above)
        grown.append(max(box.height for box in found) / min(box.height for box in found))
        assert says(found), size
    assert above < 20 or count < 8 or max(grown) > 1.1, "heights alone would have said otherwise"


def test_a_part_of_a_turn_is_steady() -> None:
    found = boxes(12, (1, 0.2, 1), 20, turn=60)
    assert max(box.height for box in found) > 1.1 * min(box.height for box in found)
    assert says(found)


@pytest.mark.parametrize("count", [8, 12, 24])
@pytest.mark.parametrize("above", [0, 15])
def test_a_hand_that_shakes_is_found(count: int, above: float) -> None:
    assert not says(boxes(count, (1, 0.5, 1), above, shake=0.05))


def test_a_few_photos_are_taken_for_moved_only_where_no_turn_explains_them() -> None:
    front = Box(100, 100, 200, 300)
    assert says([front, Box(100, 110, 200, 300)])
    assert not says([front, Box(90, 20, 210, 340)])
    assert not on_a_stand([front, front], [(400, 400), (400, 500)], [None, None])


def photo(left: int, seen_at: float, *, moved: int = 0, drawn: bool = True) -> tuple[Tensor, Tensor]:
    """A product of 60×`seen_at` pixels before a table's edge and a fold, in noise of its own."""
    grey = 0.6 + 0.01 * torch.randn(300, 400, generator=torch.Generator().manual_seed(left))
    if drawn:
        grey[210 + moved :] -= 0.2
        grey[:, 330 + moved : 336 + moved] += 0.1
    mask = torch.zeros(300, 400)
    mask[220 - int(seen_at) : 220, left : left + 60] = 1.0
    return (grey * (1 - mask) + 0.1 * mask)[..., None].expand(-1, -1, 3).clamp(0, 1), mask


def test_a_backdrop_that_lies_still_settles_it_and_one_that_says_nothing_does_not() -> None:
    heights = (100, 140, 90, 150, 110, 130, 95, 145)  # of no box on any turntable

    def camera(*, shift: int, drawn: bool) -> str:
        frames = []
        for number, tall in enumerate(heights):
            shown, mask = photo(150 + number, tall, moved=shift * (number % 2), drawn=drawn)
            frames.append(frame_of(shown[None], mask[None], shown[None]))
        report = turned(frames, 200, 200, 0.8, (1.0, 1.0, 1.0)).report
        assert any("moved" in note for note in report["notes"]) == (report["camera"] == "moved")
        assert (len(set(report["scales"])) == 1) == (report["camera"] == "on a stand")
        return str(report["camera"])

    assert camera(shift=0, drawn=True) == "on a stand"
    assert camera(shift=4, drawn=True) == "moved"
    assert camera(shift=0, drawn=False) == "moved"


def test_a_photo_of_another_size_than_its_mask_has_no_backdrop() -> None:
    assert backdrop_of(torch.zeros(40, 40, 3), torch.zeros(30, 40)) is None
