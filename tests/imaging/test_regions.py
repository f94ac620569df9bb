"""What a mask marks, cut out and put back: the rest keeps its bits, whatever was painted and wherever it lies."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prodgen_nodes.imaging.crops import RegionSettings, cut_all, plan_regions, region_mask, stitch_regions
from prodgen_nodes.imaging.errors import ShapeError
from torch import Tensor

SIZE = 64
SMALL = RegionSettings(SIZE, 8, 2, 1.5)
REACH = 2 + 5 + 2
"""Pixels around a mask that may change: its growth, three times the blur, and the resampling kernel."""


def picture(height: int = 96, width: int = 120, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand((1, 3, height // 8, width // 8), generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bicubic", align_corners=False)
    return smooth.clamp(0, 1).permute(0, 2, 3, 1).contiguous()


def rectangle(image: Tensor, left: int, top: int, width: int, height: int) -> Tensor:
    mask = image.new_zeros(image.shape[:3])
    mask[:, top : top + height, left : left + width] = 1.0
    return mask


def widened(mask: Tensor, by: int) -> Tensor:
    return torch.nn.functional.max_pool2d(mask.unsqueeze(1), 2 * by + 1, 1, by)[:, 0] > 0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 110), st.integers(0, 86), st.integers(3, 60), st.integers(3, 60), st.integers(0, 9))
def test_outside_the_mask_every_bit_stays(left: int, top: int, width: int, height: int, seed: int) -> None:
    image = picture(seed=seed)
    mask = rectangle(image, left, top, width, height)
    plan = plan_regions(image, mask, SMALL)
    assert len(plan) == 1
    painted = picture(SIZE, SIZE, seed + 20)
    done, why = stitch_regions(image, painted, plan)
    assert why == ("",)
    outside = ~widened(mask, REACH)
    assert torch.equal(done.image[outside], image[outside])
    assert torch.equal(done.mask > 0, (done.mask > 0) & ~outside)
    inside = mask > 0.5
    changed = (done.image[inside] - image[inside]).abs().amax(dim=-1)
    assert float(changed.mean()) > 0.01


def test_crops_that_were_not_painted_change_nothing() -> None:
    image = picture()
    plan = plan_regions(image, rectangle(image, 30, 20, 40, 50), SMALL)
    crops, masks = cut_all(image, plan, region_mask)
    assert crops.shape == (1, SIZE, SIZE, 3) and masks.shape == (1, SIZE, SIZE)
    assert float(masks.max()) == pytest.approx(1.0, abs=1e-3)
    done, _ = stitch_regions(image, crops, plan)
    assert float((done.image - image).abs().max()) < 0.5 / 255


def test_a_drift_of_colours_is_undone() -> None:
    image = picture()
    mask = rectangle(image, 40, 30, 30, 30)
    plan = plan_regions(image, mask, RegionSettings(128, 24, 2, 1.5))
    crops, _ = cut_all(image, plan, region_mask)
    done, _ = stitch_regions(image, (crops + torch.tensor((0.05, 0.0, 0.04))).clamp(0, 1), plan)
    assert float((done.image - image).abs().mean()) < 0.3 / 255


def test_regions_apart_are_painted_apart_and_near_ones_together() -> None:
    image = picture(128, 240)
    apart = torch.maximum(rectangle(image, 10, 20, 40, 60), rectangle(image, 170, 30, 30, 30))
    near = torch.maximum(rectangle(image, 60, 20, 40, 60), rectangle(image, 104, 30, 30, 30))
    first = plan_regions(image, apart, SMALL)
    assert [crop.box.width for crop in first.crops] == [40, 30]  # the largest first
    (one,) = plan_regions(image, near, SMALL).crops
    assert (one.box.left, one.box.right) == (60, 134)
    assert len(plan_regions(image, apart, RegionSettings(SIZE, 8, 2, 1.5, most=1))) == 1


def test_a_blank_or_broken_region_stays_as_it_was() -> None:
    image = picture()
    plan = plan_regions(image, rectangle(image, 30, 20, 40, 50), SMALL)
    blank = torch.full((1, SIZE, SIZE, 3), 0.5)
    broken = picture(SIZE, SIZE, 3)
    broken[0, 20, 20] = float("nan")
    for painted, said in ((blank, "blank"), (broken, "no valid numbers")):
        done, why = stitch_regions(image, painted, plan)
        assert said in why[0] and torch.equal(done.image, image)


def test_an_empty_mask_leaves_the_picture_alone() -> None:
    image = picture()
    plan = plan_regions(image, image.new_zeros(image.shape[:3]), SMALL)
    crops, masks = cut_all(image, plan, region_mask)
    assert len(plan) == 0 and float(crops.abs().max()) == float(masks.max()) == 0.0
    done, _ = stitch_regions(image, None, plan)
    assert torch.equal(done.image, image)


def test_what_does_not_fit_is_said() -> None:
    image = picture()
    plan = plan_regions(image, rectangle(image, 30, 20, 40, 50), SMALL)
    with pytest.raises(ShapeError, match="Crop Regions"):
        stitch_regions(image[:, :50], picture(SIZE, SIZE), plan)
    with pytest.raises(ShapeError, match="one batch"):
        stitch_regions(image, picture(SIZE, SIZE).expand(2, -1, -1, -1), plan)
    with pytest.raises(ShapeError):
        plan_regions(image, image.new_zeros((1, 10, 10)), SMALL)
