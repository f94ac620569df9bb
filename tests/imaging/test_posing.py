"""Poses: from a mask's bounding box to a transform, and what is said about it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from prodgen_nodes.imaging.errors import EmptyMaskError, ParameterError, ShapeError
from prodgen_nodes.imaging.posing import POSES, pose_product


def box_mask(height: int, width: int, left: int, top: int, right: int, bottom: int) -> torch.Tensor:
    mask = torch.zeros(1, height, width)
    mask[:, top:bottom, left:right] = 1
    return mask


@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.integers(0, 40),
    st.integers(0, 40),
    st.floats(0.1, 0.9),
    st.sampled_from([(200, 200), (300, 200), (180, 260)]),
)
@settings(max_examples=60, deadline=None)
def test_fill_is_the_longest_side_and_the_box_is_centred(
    wide: int, tall: int, left: int, top: int, fill: float, canvas: tuple[int, int]
) -> None:
    """Wherever the product is in its photo: the mask's box counts, not the frame."""
    width, height = canvas
    mask = box_mask(100, 100, left, top, left + wide, top + tall)
    placement, fits = pose_product(mask, width, height, "centered", fill)
    x0, y0, x1, y1 = placement.canvas_box(0)
    to_whole_pixels = 0.5 if fits[0].scale == 1 else 0.0
    assert ((x0 + x1) / 2, (y0 + y1) / 2) == pytest.approx((width / 2, height / 2), abs=to_whole_pixels + 1e-6)
    assert x0 >= 0 and y0 >= 0 and x1 <= width and y1 <= height
    assume(not fits[0].limited)
    assert ((x1 - x0) / width if wide >= tall else (y1 - y0) / height) == pytest.approx(fill, abs=1e-4)


@given(st.integers(1, 90), st.integers(1, 90), st.integers(91, 140), st.integers(91, 140), st.floats(-0.2, 0.2))
@settings(max_examples=40, deadline=None)
def test_at_its_own_size_a_product_lies_on_whole_pixels(
    wide: int, tall: int, width: int, height: int, offset: float
) -> None:
    mask = box_mask(100, 100, 5, 5, 5 + wide, 5 + tall)
    fill = wide / width if wide >= tall else tall / height
    placement, fits = pose_product(mask, width, height, "centered", fill, offset, -offset)
    assume(not fits[0].limited)
    transform = placement.transform(0)
    assert transform.a == transform.d == 1.0
    assert transform.tx.is_integer() and transform.ty.is_integer()


@pytest.mark.parametrize("pose", list(POSES))
@pytest.mark.parametrize("canvas", [(400, 400), (832, 1216), (1216, 832)])
@pytest.mark.parametrize("shape", [(30, 60), (60, 30), (50, 50), (8, 80)])
def test_every_pose_by_itself_keeps_the_whole_product_on_the_canvas(
    pose: str, canvas: tuple[int, int], shape: tuple[int, int]
) -> None:
    mask = box_mask(100, 100, 10, 5, 10 + shape[0], 5 + shape[1])
    placement, fits = pose_product(mask, *canvas, pose)
    x0, y0, x1, y1 = placement.canvas_box(0)
    margin = POSES[pose].margin - 1e-9
    assert x0 >= margin * canvas[0] and x1 <= (1 - margin) * canvas[0]
    assert y0 >= margin * canvas[1] and y1 <= (1 - margin) * canvas[1]
    assert fits[0].cropped == 0
    assert fits[0].fill == pytest.approx(POSES[pose].fill) or fits[0].limited


def test_poses_put_their_anchor_where_the_table_says() -> None:
    mask = box_mask(100, 100, 20, 30, 60, 90)
    for name, pose in POSES.items():
        x0, y0, x1, y1 = pose_product(mask, 1000, 1000, name)[0].canvas_box(0)
        anchor = (x0 + pose.anchor[0] * (x1 - x0), y0 + pose.anchor[1] * (y1 - y0))
        assert anchor == pytest.approx((pose.at[0] * 1000, pose.at[1] * 1000), abs=1e-6), name


def test_the_documented_table_is_the_table() -> None:
    from prodgen_nodes.imaging import posing

    for name, pose in POSES.items():
        row = next(line for line in (posing.__doc__ or "").splitlines() if line.startswith(f"| {name} "))
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert float(cells[1]) == pose.fill
        assert tuple(float(number) for number in cells[3].split(",")) == pose.at
        assert (float(cells[4]), float(cells[5])) == (pose.room, pose.margin)


def test_offsets_are_fractions_of_the_canvas() -> None:
    mask = box_mask(50, 50, 10, 10, 40, 40)
    base = pose_product(mask, 300, 200, fill=0.4)[0].canvas_box(0)
    moved = pose_product(mask, 300, 200, fill=0.4, offset_x=0.1, offset_y=-0.05)[0].canvas_box(0)
    assert (moved[0] - base[0], moved[1] - base[1]) == pytest.approx((30, -10), abs=1e-6)


def test_what_leaves_the_canvas_is_measured() -> None:
    mask = box_mask(100, 100, 25, 25, 75, 75)
    _, fits = pose_product(mask, 400, 400, fill=0.5, offset_x=0.5)
    assert fits[0].cropped == pytest.approx(0.5, abs=0.01)
    _, fits = pose_product(mask, 400, 400, fill=0.5, offset_x=0.25)
    assert fits[0].cropped == 0


def test_wholly_off_the_canvas_is_refused() -> None:
    with pytest.raises(ParameterError, match="wholly outside"):
        pose_product(box_mask(50, 50, 10, 10, 40, 40), 300, 200, offset_x=1.5)


def test_a_square_product_on_a_tall_page_is_limited_by_the_page_not_cut() -> None:
    placement, fits = pose_product(box_mask(100, 100, 10, 10, 90, 92), 1801, 2601, "marketplace")
    x0, _, x1, _ = placement.canvas_box(0)
    assert fits[0].limited and (x1 - x0) / 1801 == pytest.approx(0.90, abs=1e-6)


def test_enlarging_and_too_small_are_noticed() -> None:
    small = pose_product(box_mask(60, 60, 5, 5, 45, 35), 1000, 1000)[1][0]
    assert small.upscaled and small.scale == pytest.approx(20) and small.small_photo
    tiny = pose_product(box_mask(600, 600, 5, 5, 545, 535), 1000, 1000, fill=0.05)[1][0]
    assert tiny.small_on_canvas and not tiny.upscaled and not tiny.small_photo
    fine = pose_product(box_mask(600, 600, 5, 5, 545, 535), 500, 500)[1][0]
    assert not (fine.upscaled or fine.small_on_canvas or fine.small_photo or fine.touches_frame)


def test_each_picture_of_a_batch_gets_its_own_transform() -> None:
    mask = torch.cat((box_mask(80, 80, 0, 0, 20, 40), box_mask(80, 80, 30, 10, 70, 30)))
    placement, fits = pose_product(mask, 200, 200, fill=0.5)
    assert len(placement) == len(fits) == 2
    for index in range(2):
        x0, y0, x1, y1 = placement.canvas_box(index)
        assert (x0 + x1, y0 + y1) == pytest.approx((200, 200))
        assert max(x1 - x0, y1 - y0) == pytest.approx(100)


def test_one_pixel_is_a_product() -> None:
    placement, _ = pose_product(box_mask(1, 1, 0, 0, 1, 1), 10, 20, fill=0.5)
    assert placement.canvas_box(0) == pytest.approx((2.5, 7.5, 7.5, 12.5))


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"pose": "flying"}, ParameterError, "held_in_front"),
        ({"fill": 1.5}, ParameterError, "fill"),
        ({"fill": float("nan")}, ParameterError, "fill"),
        ({"offset_x": 9.0}, ParameterError, "offset_x"),
        ({"offset_y": float("inf")}, ParameterError, "offset_y"),
        ({"width": 0}, ShapeError, "canvas"),
        ({"height": 90000}, ShapeError, "90000"),
        ({"mask": torch.zeros(1, 20, 20)}, EmptyMaskError, "empty"),
        ({"mask": torch.zeros(20)}, ShapeError, "mask"),
    ],
)
def test_wrong_settings_are_named(change: dict[str, object], error: type[Exception], words: str) -> None:
    arguments: dict[str, object] = {"mask": box_mask(20, 20, 2, 2, 12, 12), "width": 100, "height": 100, **change}
    with pytest.raises(error, match=words):
        pose_product(**arguments)  # type: ignore[arg-type]
