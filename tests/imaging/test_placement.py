"""The placement record and its transforms."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prodgen_nodes.imaging.placement import Affine, Placement
from prodgen_nodes.imaging.tensors import Box

numbers = st.floats(-20, 20)
affines = st.builds(Affine, numbers, numbers, numbers, numbers, numbers, numbers)


@given(affines, affines, numbers, numbers)
def test_after_is_one_transform_after_the_other(second: Affine, first: Affine, x: float, y: float) -> None:
    assert second.after(first).apply(x, y) == pytest.approx(second.apply(*first.apply(x, y)), abs=1e-6)


@given(affines, st.floats(0.1, 5), numbers, numbers)
def test_scaling_about_a_point_leaves_it_where_it_was(transform: Affine, factor: float, x: float, y: float) -> None:
    center = transform.apply(x, y)
    scaled = transform.scaled_about(factor, *center)
    assert scaled.apply(x, y) == pytest.approx(center, abs=1e-6)
    moved, was = scaled.apply(x + 1, y - 2), transform.apply(x + 1, y - 2)
    assert moved[0] - center[0] == pytest.approx(factor * (was[0] - center[0]), abs=1e-6)
    assert moved[1] - center[1] == pytest.approx(factor * (was[1] - center[1]), abs=1e-6)


def test_only_a_plain_scaling_is_separable() -> None:
    assert Affine.scale_translate(2.0, 1.0, 3.0).is_separable
    assert not Affine(1.0, 0.1, 0.0, 0.0, 1.0, 0.0).is_separable
    assert not Affine(1.0, 0.0, 0.0, -0.1, 1.0, 0.0).is_separable


def record() -> Placement:
    transforms = (Affine.scale_translate(0.5, 10.0, 20.0), Affine(0.0, -1.0, 100.0, 1.0, 0.0, 0.0))
    return Placement(200, 150, 400, 300, transforms, (Box(40, 60, 240, 160), Box(10, 20, 30, 60)))


def test_the_box_on_the_canvas_follows_the_transform() -> None:
    assert record().canvas_box(0) == (30.0, 50.0, 130.0, 100.0)
    assert record().canvas_box(1) == (40.0, 10.0, 80.0, 30.0)


def test_one_entry_serves_a_whole_batch() -> None:
    both = record()
    single = dataclasses.replace(both, transforms=both.transforms[:1], boxes=both.boxes[:1])
    assert single.transform(5) == both.transform(0)
    assert single.box(3) == both.box(0)
    assert (len(single), len(both)) == (1, 2)


def test_it_is_frozen_and_compares_by_value() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        record().pose = "marketplace"  # type: ignore[misc]
    assert record() == record() and hash(record()) == hash(record())


gaps = st.tuples(*[st.integers(0, 3)] * 4)


@given(gaps)
def test_a_photo_trimmed_to_a_soft_edge_cuts_nothing_off(gaps: tuple[int, int, int, int]) -> None:
    """The box is of what covers more than half; a program trims to what covers anything."""
    left, top, right, bottom = gaps
    placed = Placement(99, 99, 80, 60, (Affine.scale_translate(1, 0, 0),), (Box(left, top, 80 - right, 60 - bottom),))
    assert placed.cut_sides(0) == ()


@given(gaps, st.integers(0, 3), st.integers(4, 20))
def test_a_photo_with_room_on_one_side_cuts_off_where_there_is_none(
    gaps: tuple[int, int, int, int], side: int, room: int
) -> None:
    left, top, right, bottom = (room if at == side else gap for at, gap in enumerate(gaps))
    placed = Placement(99, 99, 80, 60, (Affine.scale_translate(1, 0, 0),), (Box(left, top, 80 - right, 60 - bottom),))
    expected = [gap == 0 and at != side for at, gap in enumerate(gaps)]
    names = ("left", "above", "right", "below")
    assert placed.cut_sides(0) == tuple(name for name, cut in zip(names, expected, strict=True) if cut)
