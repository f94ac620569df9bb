"""Hands cut out and put back: where, how exactly."""

from __future__ import annotations

import math
import resource
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prodgen_nodes.imaging.crops import cut, match_color
from prodgen_nodes.imaging.errors import ParameterError, ShapeError
from prodgen_nodes.imaging.hands.crops import (
    CropSettings,
    HandCrop,
    convex_hull,
    crop_mask,
    cut_all,
    plan_crops,
)
from prodgen_nodes.imaging.hands.decision import StitchSettings
from prodgen_nodes.imaging.hands.stitch import stitch
from torch import Tensor

from . import hand_models as model
from .hand_crop_pictures import HAND, HEIGHT, WIDTH, people_with, picture, planned, put_back, smooth
from .test_hands import hand_at


def test_a_crop_is_a_square_around_the_hand() -> None:
    (crop,) = planned(picture(), HAND, context=1.6).crops
    low, high = HAND.min(axis=0), HAND.max(axis=0)
    side = 256 / crop.transform.a
    assert side == pytest.approx(1.6 * (high - low).max())
    np.testing.assert_allclose(np.add(crop.corner, side / 2), (low + high) / 2)
    assert crop.before is not None and crop.before > 0.9
    assert crop.length == pytest.approx(120, rel=0.15)


def test_the_mask_covers_the_hand_and_ends_before_the_crop_does() -> None:
    image = picture()
    plan = planned(image, HAND, context=1.0, mask_grow=0.2)
    _, masks = cut_all(image, plan)
    crop = plan.crops[0]
    for x, y in HAND:
        column, row = crop.transform.apply(x, y)
        assert float(masks[0, int(row), int(column)]) == 1.0
    border = torch.cat((masks[0, 0], masks[0, -1], masks[0, :, 0], masks[0, :, -1]))
    assert float(border.max()) == 0.0
    soft = (masks > 0) & (masks < 1)
    assert 0.02 < float(soft.float().mean()) < 0.4


def test_pixels_land_where_the_transform_says() -> None:
    """A crop of a ramp is the ramp at the transformed positions, in linear light."""
    ramp = torch.linspace(0.2, 0.8, WIDTH).expand(HEIGHT, WIDTH)
    image = ramp[None, ..., None].expand(1, HEIGHT, WIDTH, 3)
    plan = planned(image, HAND)
    crops, _ = cut_all(image, plan)
    crop = plan.crops[0]
    x = (torch.arange(256) + 0.5) / crop.transform.a + crop.corner[0]
    expected = 0.2 + (x - 0.5) / (WIDTH - 1) * 0.6
    torch.testing.assert_close(crops[0, 100, :, 1], expected.float(), atol=1e-3, rtol=0)


@pytest.mark.parametrize("size", [64, 256, 512], ids=["reduced", "a little enlarged", "enlarged"])
@pytest.mark.parametrize("feather", [0.0, 5.0])
def test_unchanged_crops_change_nothing(size: int, feather: float) -> None:
    image = picture(3, 2)
    plan = planned(image, HAND, hand_at(380, 60, 90, 1), size=size)
    assert len(plan) == 4
    crops, masks = cut_all(image, plan)
    kept = crops.clone()
    done = put_back(image, crops, plan, feather=feather, masks=masks)
    assert float((done.image - image).abs().max()) < 1 / 255
    assert torch.equal(done.image[done.mask == 0], image[done.mask == 0])
    assert torch.equal(crops, kept) and torch.equal(image, picture(3, 2)), "inputs stay as they were"


def test_a_changed_hand_arrives_and_the_rest_keeps_its_bits() -> None:
    image = smooth()
    plan = planned(image, HAND)
    crops, masks = cut_all(image, plan)
    paint = crops.new_tensor((0.9, 0.1, 0.2))
    refined = crops + (paint - crops) * masks.unsqueeze(-1)
    done = put_back(image, refined, plan)
    outside = done.mask == 0
    assert torch.equal(done.image[outside], image[outside])
    whole = done.mask > 0.999
    assert int(whole.sum()) > 2000
    torch.testing.assert_close(done.image[whole], paint.expand_as(done.image[whole]), atol=2 / 255, rtol=0)
    x, y = HAND[9]
    assert float(done.mask[0, int(y), int(x)]) > 0.999
    # The mask is at its place to a fraction of a pixel: its centre is that of the crop's mask.
    rows, columns = torch.nonzero(done.mask[0] > 0.5, as_tuple=True)
    inner = torch.nonzero(masks[0] > 0.5).double().mean(dim=0) + 0.5
    crop = plan.crops[0]
    assert float(columns.double().mean()) + 0.5 == pytest.approx(
        inner[1].item() / crop.transform.a + crop.corner[0], abs=0.1
    )
    assert float(rows.double().mean()) + 0.5 == pytest.approx(
        inner[0].item() / crop.transform.a + crop.corner[1], abs=0.1
    )


def test_detail_stays_where_the_refinement_left_the_picture_alone() -> None:
    """Reduced crops cannot hold noise; only what was painted over may lose it."""
    image = picture(5)
    plan = planned(image, HAND, size=64)
    crops, _ = cut_all(image, plan)
    refined = crops.clone()
    refined[:, :, 40:] = 0.5
    done = put_back(image, refined, plan)
    crop = plan.crops[0]
    middle = crop.corner[0] + 40 / crop.transform.a
    left = done.image[0, :, : int(middle) - 40]
    torch.testing.assert_close(left, image[0, :, : int(middle) - 40], atol=1 / 255, rtol=0)
    right = done.mask[0] > 0.99
    right[:, : int(middle) + 12] = False
    assert float(done.image[0][right].std()) < 0.02, "old noise does not shine through what was painted"


@pytest.mark.parametrize("at", [(4.0, 30.0), (470.0, 320.0), (-20.0, 350.0), (478.0, -30.0)])
def test_hands_at_the_border_are_mirrored_and_nothing_falls_outside(at: tuple[float, float]) -> None:
    image = smooth()
    plan = planned(image, hand_at(*at, 300.0), context=2.0)
    crops, masks = cut_all(image, plan)
    assert torch.isfinite(crops).all() and float(crops.min()) > 0.15, "no black rim"
    done = put_back(image, (crops + 0.2 * masks.unsqueeze(-1)).clamp(0, 1), plan)
    assert done.image.shape == image.shape
    assert torch.equal(done.image[done.mask == 0], image[done.mask == 0])
    assert float((done.image - image).max()) > 0.1


def test_a_crop_moves_into_the_picture_where_it_fits() -> None:
    (crop,) = planned(picture(), hand_at(30, 20, 100), context=2.0).crops
    side = 256 / crop.transform.a
    assert crop.corner[0] == 0.0 and crop.corner[1] >= 0.0
    assert crop.corner[1] + side <= HEIGHT


def test_the_hands_nearest_to_the_grip_come_first_else_the_worst() -> None:
    image = picture()
    near, far = hand_at(120, 150, 90), model.lengthened(hand_at(360, 60, 90, 1), 2)
    erased = torch.zeros(1, HEIGHT, WIDTH)
    erased[0, 190:200, 100:140] = 1.0
    by_grip = planned(image, far, near, erased=erased, max_hands=1).crops[0]
    assert by_grip.corner[0] < 150 and by_grip.before is not None and by_grip.before > 0.8
    worst = planned(image, near, far, max_hands=1).crops[0]
    assert worst.corner[0] > 200 and worst.before is not None and worst.before < 0.5
    assert len(planned(image, near, far)) == 2


def test_without_hands_the_grip_is_cropped() -> None:
    image = picture()
    erased = torch.zeros(1, HEIGHT, WIDTH)
    erased[0, 90:110, 200:260] = 1.0
    for people in (None, [()]):
        plan = plan_crops(image, people, erased, CropSettings(128))
        (crop,) = plan.crops
        assert crop.before is None and crop.length == 0
        side = 128 / crop.transform.a
        np.testing.assert_allclose(np.add(crop.corner, side / 2), (230, 100), atol=0.5)
        assert 90 < side < 250
        mask = cut_all(image, plan)[1][0]
        assert float(mask[64, 64]) == 1.0 and float(mask[0].max()) == 0.0


def test_where_nobody_looked_there_is_a_clear_error() -> None:
    with pytest.raises(ParameterError, match="nothing says where a hand could be"):
        plan_crops(picture(), None, None, CropSettings())


NOTHING_ERASED = torch.zeros(1, HEIGHT, WIDTH)


@pytest.mark.parametrize(
    ("people", "erased"), [([()], None), ([people_with()], None), (None, NOTHING_ERASED), ([()], NOTHING_ERASED)]
)
def test_with_neither_hand_nor_grip_the_picture_stays(people: Any, erased: Tensor | None) -> None:
    image = picture()
    plan = plan_crops(image, people, erased, CropSettings(128))
    assert len(plan) == 0
    crops, masks = cut_all(image, plan)
    assert crops.shape == (1, 128, 128, 3) and float(masks.max()) == 0.0
    done = stitch(image, None, plan, StitchSettings())
    assert torch.equal(done.image, image) and float(done.mask.max()) == 0.0 and done.decisions == ()


def test_pictures_of_a_batch_may_have_different_numbers_of_hands() -> None:
    image = picture(7, 3)
    people = [people_with(HAND, hand_at(380, 60, 90, 1)), (), people_with(HAND)]
    plan = plan_crops(image, people, None, CropSettings(128))
    assert [crop.picture for crop in plan.crops] == [0, 0, 2]
    crops, masks = cut_all(image, plan)
    assert crops.shape == (3, 128, 128, 3) and masks.shape == (3, 128, 128)
    done = put_back(image, 1 - crops, plan)
    assert torch.equal(done.image[1], image[1]) and not torch.equal(done.image[2], image[2])


def test_a_drift_of_colour_is_undone() -> None:
    image = smooth()
    plan = planned(image, HAND)
    crops, masks = cut_all(image, plan)
    drifted = crops * crops.new_tensor((0.95, 1.05, 1.0)) + crops.new_tensor((0.04, -0.03, 0.02))
    done = put_back(image, drifted, plan)
    assert float((drifted - crops).abs().mean()) > 0.015
    assert float((done.image - image).abs().max()) < 2 / 255
    assert done.decisions[0].color_shift > 0.01
    other, _ = match_color(1 - crops[0], crops[0], masks[0])
    assert float((other - (1 - crops[0])).abs().max()) < 0.16, "another picture is not dragged along"


def test_a_feather_fades_inwards_only() -> None:
    image = smooth()
    plan = planned(image, HAND)
    crops, _ = cut_all(image, plan)
    hard = put_back(image, 1 - crops, plan)
    soft = put_back(image, 1 - crops, plan, feather=12.0)
    assert bool((soft.mask <= hard.mask + 1e-6).all())
    assert float(soft.mask.sum()) < 0.9 * float(hard.mask.sum())
    assert float(soft.mask.max()) == pytest.approx(1.0, abs=1e-3)


def test_own_masks_end_softly_at_the_crop() -> None:
    image = smooth()
    plan = planned(image, HAND)
    crops, masks = cut_all(image, plan)
    done = put_back(image, (crops + 0.3).clamp(0, 1), plan, masks=torch.ones_like(masks))
    step = (done.mask[0, :, 1:] - done.mask[0, :, :-1]).abs().max()
    assert float(done.mask.max()) > 0.5 and float(step) < 0.7


def test_refined_crops_of_another_size_are_fitted() -> None:
    image = smooth()
    plan = planned(image, HAND)
    crops, _ = cut_all(image, plan)
    twice = crops.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)
    done = put_back(image, twice, plan)
    assert float((done.image - image).abs().max()) < 3 / 255


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"image": picture(0, 1, WIDTH + 2)}, "not what the crops were cut from"),
        ({"image": picture(0, 2)}, "not what the crops were cut from"),
        ({"refined": torch.zeros(2, 256, 256, 3)}, "1 square crop"),
        ({"refined": torch.zeros(1, 256, 250, 3)}, "1 square crop"),
        ({"masks": torch.zeros(1, 100, 100)}, "masks of 'Crop Hands'"),
    ],
)
def test_what_does_not_belong_together_is_refused(change: dict[str, Tensor], said: str) -> None:
    image = picture()
    plan = planned(image, HAND)
    inputs = {"image": image, "refined": cut_all(image, plan)[0], **change}
    with pytest.raises(ShapeError, match=said):
        put_back(inputs.pop("image"), inputs.pop("refined"), plan, **inputs)


@pytest.mark.parametrize(
    "options", [{"size": 100}, {"size": 0}, {"context": 0.5}, {"mask_grow": 2.0}, {"max_hands": 0}]
)
def test_settings_out_of_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ParameterError, match=next(iter(options))):
        planned(picture(), HAND, **options)


@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=1, max_size=21))
def test_the_hull_holds_every_point(points: list[tuple[float, float]]) -> None:
    hull = convex_hull(points)
    assert set(hull) <= set(points)
    if len(hull) > 2:
        for (ax, ay), (bx, by) in zip(hull, (*hull[1:], hull[0]), strict=True):
            assert all((bx - ax) * (y - ay) - (by - ay) * (x - ax) >= -1e-6 for x, y in points)


@settings(deadline=None, max_examples=8)
@given(st.floats(-40, 500), st.floats(-40, 380), st.floats(30, 900), st.sampled_from([64, 192]))
def test_any_place_and_size_comes_back_unchanged(x: float, y: float, length: float, size: int) -> None:
    image = picture(11)
    plan = planned(image, hand_at(x, y, length), size=size)
    crops, _ = cut_all(image, plan)
    assert torch.isfinite(crops).all()
    done = put_back(image, crops, plan)
    assert float((done.image - image).abs().max()) < 1 / 255


def test_a_mask_of_one_point_is_a_disc() -> None:
    crop = HandCrop(0, planned(picture(), HAND).crops[0].transform, None, "unknown", 0.0, ((32.0, 32.0),), 10.0, 5.0)
    mask = crop_mask(crop, 64, torch.zeros(1))
    assert float(mask.sum()) == pytest.approx(math.pi * 12.5**2, rel=0.08)
    torch.testing.assert_close(mask, mask.T)


@pytest.mark.slow
def test_a_picture_of_64_megapixels_needs_little_more_memory_than_itself() -> None:
    image = torch.full((1, 8000, 8000, 3), 0.5)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    people = [people_with(hand_at(4000, 3000, 900), width=8000, height=8000)]
    plan = plan_crops(image, people, None, CropSettings(1024))
    crops = cut(image[0], plan.crops[0], 1024)
    done = put_back(image, 1 - crops.unsqueeze(0), plan)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    # The result and its mask are 4/3 of the picture; the rest is bound by the crop.
    assert grown < 1.34 * image.nbytes + 1.2e9
    assert float(done.mask.max()) > 0.99
