"""Erase Handle's maths against drawn products with exact truth, the reference renders, and bad inputs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prodgen_nodes.imaging.colorspace import linear_to_srgb, srgb_to_linear
from prodgen_nodes.imaging.errors import EmptyMaskError, NotFiniteError, ParameterError, ShapeError
from prodgen_nodes.imaging.handle import ErasedHandle, erase_handle
from scipy import ndimage
from torch import Tensor

from tests.imaging.handle_products import (
    WITH_HANDLE,
    WITHOUT_HANDLE,
    Maker,
    Product,
    arch,
    arch_bag,
    mug,
    rounded,
    scarf_bag,
    score,
    twin_bag,
)
from tests.support.reference import BAGS, reference

INK = (0.15, 0.2, 0.45)


def over(alpha: Tensor, backdrop: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Tensor:
    """`[1,H,W,3]` picture of an `INK` product over a plain backdrop, mixed in linear light."""
    a = alpha.unsqueeze(-1)
    ink, ground = srgb_to_linear(torch.tensor(INK)), srgb_to_linear(torch.tensor(backdrop))
    return linear_to_srgb(ink * a + ground * (1 - a)).unsqueeze(0)


def erased_of(alpha: Tensor, gap: float = 0.3, position: float = 0.5) -> ErasedHandle:
    return erase_handle(over(alpha), alpha[None], gap, position)


def plain_bag(side: int = 400) -> tuple[Tensor, Tensor]:
    product = Product("plain").line(arch(0.35, 0.65, 0.5, 0.22), 0.03).solid(rounded(0.25, 0.49, 0.75, 0.8, 0.03))
    return product.render(side)


@pytest.mark.each_once
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("maker", WITH_HANDLE, ids=lambda maker: maker.__name__)
def test_handle_is_opened(maker: Maker, seed: int) -> None:
    random = np.random.default_rng(1000 + seed)
    alpha, handle = maker(random).render(320, 0.0 if seed == 0 else random.uniform(-30, 30))
    result = erased_of(alpha)
    assert result.reports[0]["found"], result.reports[0]["reason"]
    assert score(result.erased[0], handle).good, score(result.erased[0], handle)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31), which=st.sampled_from([arch_bag, twin_bag, scarf_bag]), tilt=st.floats(-30, 30))
def test_handle_is_opened_on_any_product(seed: int, which: Maker, tilt: float) -> None:
    alpha, handle = which(np.random.default_rng(seed)).render(320, tilt)
    result = erased_of(alpha)
    if which is scarf_bag and not result.reports[0]["found"]:  # a large knot may hide where the handle ends
        assert torch.equal(result.mask[0], alpha)
        return
    got = score(result.erased[0], handle)
    assert result.reports[0]["found"] and got.purity >= 0.97, got
    assert got.share <= 0.5


@pytest.mark.parametrize(("seed", "tilt"), [(60, -29.3), (329, -11.5), (203988842, -13.0)])
def test_the_gap_ends_at_a_knot_and_leaves_what_hangs_from_it(seed: int, tilt: float) -> None:
    alpha, handle = scarf_bag(np.random.default_rng(seed)).render(320, tilt)
    result = erased_of(alpha)
    got = score(result.erased[0], handle)
    assert got.purity >= 0.995 and got.share >= 0.15, got
    assert float((result.erased[0] * (1 - handle)).max()) < 0.3


@pytest.mark.each_once
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("maker", WITHOUT_HANDLE, ids=lambda maker: maker.__name__)
def test_product_without_handle_is_left_alone(maker: Maker, seed: int) -> None:
    random = np.random.default_rng(seed)
    alpha, _ = maker(random).render(320, random.uniform(-8, 8))
    picture = over(alpha)
    result = erase_handle(picture, alpha[None])
    assert result.reports[0]["found"] is False
    assert result.reports[0]["reason"].startswith("no handle found: ")
    assert torch.equal(result.image, picture) and torch.equal(result.mask[0], alpha)
    assert not result.erased.any()


def test_mug_has_a_handle_at_its_side() -> None:
    alpha, handle = mug(np.random.default_rng(5)).render(320)
    result = erased_of(alpha)
    assert result.reports[0]["kind"] == "side"
    gone, truth = result.erased[0] > 0.5, handle > 0.5
    assert score(result.erased[0], handle).purity >= 0.97
    rows, of = torch.nonzero(gone)[:, 0].float(), torch.nonzero(truth)[:, 0].float()
    assert abs(float(rows.mean() - of.mean())) < 0.12 * float(of.max() - of.min())


@pytest.mark.parametrize("name", BAGS)
def test_handles_of_photographed_products(name: str) -> None:
    shot = reference(name)
    result = erase_handle(shot.photo[None], shot.alpha[None])
    assert score(result.erased[0], shot.handle).good


def test_noisy_mask_is_good_enough() -> None:
    """A cut-out with a ragged edge, pinholes and crumbs, as segmentation delivers."""
    alpha, handle = arch_bag(np.random.default_rng(3)).render(320, 12)
    random = np.random.default_rng(0)
    wobble = ndimage.gaussian_filter(random.normal(size=alpha.shape), 2)
    ragged = ndimage.gaussian_filter(alpha.numpy(), 1.2) + 0.2 * wobble / wobble.std()
    ragged = np.clip((ragged - 0.5) * 2 + 0.5, 0, 1)
    for _ in range(12):
        y, x = random.integers(10, 310, 2)
        ragged[y : y + 2, x : x + 2] = 1 - ragged[y, x]
    result = erased_of(torch.from_numpy(ragged.astype(np.float32)))
    assert score(result.erased[0], handle).good, score(result.erased[0], handle)


def test_two_straps_are_opened_at_the_same_place() -> None:
    body = rounded(0.25, 0.5, 0.75, 0.82, 0.02)
    straps = [arch(0.36, 0.6, 0.52, 0.3), arch(0.42, 0.66, 0.52, 0.2)]
    product = Product("twins").line(straps[0], 0.018).solid(body).line(straps[1], 0.018)
    alpha, handle = product.render(400)
    result = erased_of(alpha)
    assert result.reports[0]["strands"] == 2
    assert score(result.erased[0], handle).good
    for path in straps:
        x, y = (int(400 * value) for value in path[len(path) // 2])
        assert result.erased[0, y, x] > 0.9, "the top of each strap is gone"
    left, _ = ndimage.label(result.mask[0].numpy() > 0.5)
    sizes = np.bincount(left.ravel())[1:]
    assert (sizes > 20).sum() == 1, "nothing floats"


def test_only_the_handle_changes_and_nothing_of_it_remains() -> None:
    alpha, handle = plain_bag()
    picture = over(alpha)
    before, alpha_before = picture.clone(), alpha.clone()
    result = erase_handle(picture, alpha[None])
    assert torch.equal(picture, before) and torch.equal(alpha, alpha_before), "inputs stay as they were"
    erased = result.erased[0]
    torch.testing.assert_close(result.mask[0] + erased, alpha)
    changed = (result.image[0] != picture[0]).any(dim=-1)
    assert not (changed & (erased == 0)).any(), "outside the gap every pixel is the original"
    assert not erased[(alpha > 0) & (handle == 0)].any(), "the body is untouched"
    # Where nothing is left of the product the backdrop is plain: no halo of the handle's soft edge.
    gone = ndimage.binary_erosion((erased > 0.999).numpy(), iterations=1)
    rows, columns = np.nonzero(gone)
    around = (slice(rows.min() - 8, rows.max() + 2), slice(columns.min() + 3, columns.max() - 2))
    clean = result.mask[0][around] == 0
    assert clean.sum() > 200
    assert float((1 - result.image[0][around][clean]).abs().max()) < 2e-3


def test_gap_is_a_composite_in_linear_light() -> None:
    alpha, _ = plain_bag()
    result = erase_handle(over(alpha, (0.9, 0.5, 0.2)), alpha[None], background="#e68033")
    expected = over(result.mask[0], (230 / 255, 128 / 255, 51 / 255))
    inside = result.erased[0] > 0
    assert float((result.image - expected)[0][inside].abs().max()) < 0.01


@pytest.mark.parametrize("position", [0.2, 0.5, 0.8])
def test_gap_lies_where_asked(position: float) -> None:
    alpha, handle = plain_bag()
    result = erased_of(alpha, gap=0.2, position=position)
    report = result.reports[0]
    columns = torch.nonzero(result.erased[0] > 0.5)[:, 1].float().mean() / 400
    t = np.pi * position
    assert float(columns) == pytest.approx(0.5 - 0.15 * np.cos(t), abs=0.02)
    assert report["grip_point"]["x"] / 400 == pytest.approx(0.5 - 0.15 * np.cos(t), abs=0.02)
    assert report["position"] == pytest.approx(position, abs=0.02)
    assert report["gap_px"] == pytest.approx(0.2 * report["length_px"], rel=0.02)
    assert float((result.erased * handle).sum() / handle.sum()) == pytest.approx(0.2, abs=0.04)


@settings(max_examples=8, deadline=None)
@given(gap=st.floats(0.05, 0.95), position=st.floats(0, 1))
def test_share_follows_gap(gap: float, position: float) -> None:
    alpha, _ = plain_bag(256)
    report = erased_of(alpha, gap, position).reports[0]
    assert report["handle_share"] == pytest.approx(report["gap"], abs=0.06)
    assert report["gap"] == pytest.approx(gap, abs=1e-6) or report["clamped"]


def test_gap_longer_than_the_handle_is_cut_and_said() -> None:
    alpha, _ = plain_bag()
    report = erased_of(alpha, gap=0.99).reports[0]
    assert report["clamped"] is True and 0.8 < report["gap"] < 0.99


def test_report_measures_the_handle() -> None:
    alpha, _ = plain_bag()
    report = erased_of(alpha).reports[0]
    assert report["width_px"] == pytest.approx(0.03 * 400, abs=1.5)
    perimeter = math.pi * (0.15 + 0.22) / 2 * 400
    assert report["length_px"] == pytest.approx(perimeter, rel=0.08)
    assert abs(report["direction_degrees"]) < 2
    xs = [x for x, _ in report["axis"]]
    assert xs[0] < xs[-1] and 5 <= len(xs) <= 17


def test_big_pictures_agree_with_small_ones() -> None:
    small, _ = plain_bag(300)
    large = torch.nn.functional.interpolate(small[None, None], scale_factor=8, mode="bilinear")[0, 0]
    a, b = erased_of(small), erased_of(large)
    shrunk = torch.nn.functional.avg_pool2d(b.erased, 8)
    assert float((shrunk - a.erased).abs().sum() / a.erased.sum()) < 0.12
    assert b.reports[0]["length_px"] == pytest.approx(8 * a.reports[0]["length_px"], rel=0.03)


def test_cut_is_straight_and_sharp_at_full_resolution() -> None:
    """The search runs reduced; the cut must not show its pixels."""
    small, _ = plain_bag(300)
    large = (torch.nn.functional.interpolate(small[None, None], scale_factor=8, mode="bicubic")[0, 0] - 0.5) * 8 + 0.5
    result = erased_of(large.clamp(0, 1))
    soft = (result.erased[0] > 0.02) & (result.erased[0] < 0.98) & (large >= 1)
    rows, columns = torch.nonzero(soft, as_tuple=True)
    left = columns < large.shape[1] // 2
    points = torch.stack((columns[left], rows[left]), dim=1).double()
    points = points - points.mean(dim=0)
    deviation = points @ torch.linalg.svd(points, full_matrices=False)[2][1]
    assert float(deviation.abs().max()) < 3.0


def test_batch_is_item_by_item() -> None:
    bag, _ = plain_bag(300)
    jar = Product("jar").solid(rounded(0.3, 0.3, 0.7, 0.75, 0.05)).render(300)[0]
    masks = torch.stack((bag, jar))
    pictures = torch.cat((over(bag), over(jar)))
    both = erase_handle(pictures, masks)
    assert [report["found"] for report in both.reports] == [True, False]
    alone = erase_handle(pictures[:1], masks[:1])
    assert torch.equal(both.image[:1], alone.image) and torch.equal(both.erased[:1], alone.erased)
    shared = erase_handle(pictures[:1], bag.expand(3, -1, -1))
    assert shared.image.shape[0] == 3 and torch.equal(shared.image[2], alone.image[0])


def test_alpha_channel_loses_the_gap_too() -> None:
    alpha, _ = plain_bag(300)
    picture = torch.cat((over(alpha), alpha[None, ..., None]), dim=-1)
    result = erase_handle(picture, alpha[None])
    torch.testing.assert_close(result.image[0, ..., 3], result.mask[0], atol=1e-6, rtol=0)


def test_surroundings_continue_the_backdrop() -> None:
    alpha, _ = plain_bag(300)
    ramp = torch.linspace(0.3, 0.9, 300).expand(300, 300)
    backdrop = torch.stack((ramp, ramp.T, 1 - 0.5 * ramp), dim=-1)
    a = alpha.unsqueeze(-1)
    picture = linear_to_srgb(srgb_to_linear(torch.tensor(INK)) * a + srgb_to_linear(backdrop) * (1 - a))[None]
    result = erase_handle(picture, alpha[None], fill="surroundings")
    gone = (result.erased[0] > 0) & (result.mask[0] == 0)
    assert gone.sum() > 300
    assert float((result.image[0] - backdrop)[gone].abs().max()) < 0.03
    plain = erase_handle(picture, alpha[None]).reports[0]
    assert plain["backdrop_delta_e00"] > 3 and "surroundings" in plain["hint"]


def test_half_precision_input_gives_float32() -> None:
    alpha, _ = plain_bag(256)
    result = erase_handle(over(alpha).half(), alpha[None].half())
    assert result.image.dtype == result.mask.dtype == torch.float32
    assert result.reports[0]["found"]


def test_strap_cut_by_the_frame_is_left_alone() -> None:
    alpha, _ = plain_bag(400)
    report = erased_of(alpha[120:].contiguous()).reports[0]
    assert report["found"] is False
    assert "edge of the picture" in report["reason"]


@pytest.mark.parametrize("gap", [0.0, 1.0, -0.1, float("nan")])
def test_gap_out_of_range(gap: float) -> None:
    alpha, _ = plain_bag(128)
    with pytest.raises(ParameterError, match="gap"):
        erase_handle(over(alpha), alpha[None], gap)


@pytest.mark.parametrize("position", [-0.01, 1.01, float("nan")])
def test_position_out_of_range(position: float) -> None:
    alpha, _ = plain_bag(128)
    with pytest.raises(ParameterError, match="position"):
        erase_handle(over(alpha), alpha[None], 0.3, position)


def test_bad_inputs_are_named() -> None:
    alpha, _ = plain_bag(128)
    picture = over(alpha)
    with pytest.raises(EmptyMaskError, match="mask"):
        erase_handle(picture, torch.zeros(1, 128, 128))
    with pytest.raises(NotFiniteError, match="mask"):
        erase_handle(picture, torch.full((1, 128, 128), float("nan")))
    with pytest.raises(ShapeError, match="placeholder"):
        erase_handle(picture, torch.zeros(1, 64, 64))
    with pytest.raises(ShapeError, match="128"):
        erase_handle(picture, torch.ones(1, 100, 128))
    with pytest.raises(ShapeError, match="batch"):
        erase_handle(picture.expand(2, -1, -1, -1), alpha.expand(3, -1, -1))
    with pytest.raises(ParameterError, match="background"):
        erase_handle(picture, alpha[None], background="white-ish")
    with pytest.raises(ParameterError, match="fill"):
        erase_handle(picture, alpha[None], fill="magic")


@pytest.mark.slow
@pytest.mark.parametrize("maker", WITH_HANDLE, ids=lambda maker: maker.__name__)
def test_many_handles(maker: Maker) -> None:
    good = 0
    for seed in range(40):
        random = np.random.default_rng(7000 + seed)
        alpha, handle = maker(random).render(360, random.uniform(-30, 30))
        good += score(erased_of(alpha).erased[0], handle).good
    assert good >= 38


@pytest.mark.slow
@pytest.mark.parametrize("maker", WITHOUT_HANDLE, ids=lambda maker: maker.__name__)
def test_many_products_without_handle(maker: Maker) -> None:
    for seed in range(40):
        random = np.random.default_rng(7000 + seed)
        alpha, _ = maker(random).render(360, random.uniform(-10, 10))
        assert not erased_of(alpha).reports[0]["found"]
