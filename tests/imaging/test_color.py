"""Product colour correction: known truths, safety, masks, exactness."""

from __future__ import annotations

import pytest
import torch
from prodgen_nodes.imaging.color.fix import METHODS, Method, Settings, fix_color
from prodgen_nodes.imaging.color.gamut import into_gamut, raise_lightness, with_its_hue
from prodgen_nodes.imaging.color.relight import LOW, limited
from prodgen_nodes.imaging.colorspace import (
    chroma,
    delta_e00,
    hue_difference,
    lab_to_srgb,
    linear_to_lab,
    srgb_to_lab,
    srgb_to_linear,
)
from prodgen_nodes.imaging.errors import EmptyMaskError, ParameterError, ShapeError

from .color_pairs import Pair, jar, mirror, sphere

STATISTICS: list[Method] = ["lab_histogram", "lab_mkl", "lab_reinhard"]


def fixed(pair: Pair, method: Method = "relight_original", **settings: object) -> torch.Tensor:
    return fix_color(pair.generated, pair.original, pair.mask, None, Settings(method, **settings))[0]  # type: ignore[arg-type]


@pytest.mark.parametrize("hue_shift", [90.0, 200.0])
@pytest.mark.parametrize("darkness", [0.35, 0.9])
def test_relighting_finds_the_truth_and_beats_statistics(hue_shift: float, darkness: float) -> None:
    pair = jar(hue_shift=hue_shift, darkness=darkness)
    before, relit = pair.error(pair.generated), pair.error(fixed(pair))
    others = {method: pair.error(fixed(pair, method)) for method in STATISTICS}
    assert before > 8, "the pair must be worth fixing"
    assert relit < 2.5, f"{relit:.2f}"
    assert relit < 0.5 * min(others.values()), f"{relit:.2f} against {others}"
    assert min(others.values()) < before, others


def test_relit_hue_is_the_originals() -> None:
    pair = jar()
    inside = pair.mask > 0.99
    result, original = srgb_to_lab(fixed(pair))[inside], srgb_to_lab(pair.original)[inside]
    colourful = chroma(original) > 12
    assert float(hue_difference(result, original)[colourful].mean()) < 2


@pytest.mark.parametrize("method", METHODS)
def test_outside_the_mask_no_bit_changes(method: Method) -> None:
    pair = jar()
    kept = pair.generated.clone(), pair.original.clone(), pair.mask.clone()
    result = fixed(pair, method, lightness_boost=2.0)
    outside = pair.mask == 0
    assert torch.equal(result[outside], pair.generated[outside])
    assert not torch.equal(result, pair.generated)
    for before, after in zip(kept, (pair.generated, pair.original, pair.mask), strict=True):
        assert torch.equal(before, after), "an input was changed"


@pytest.mark.parametrize("method", METHODS)
def test_strength(method: Method) -> None:
    pair = jar(side=160)
    assert torch.equal(fixed(pair, method, strength=0.0, lightness_boost=3.0), pair.generated)
    none, half, full = pair.generated, fixed(pair, method, strength=0.5), fixed(pair, method)
    inside = pair.mask > 0.99
    lab = [srgb_to_lab(x)[inside] for x in (none, half, full)]
    to_half, to_full = delta_e00(lab[0], lab[1]).mean(), delta_e00(lab[0], lab[2]).mean()
    assert 0.2 < float(to_half / to_full) < 0.85


@pytest.mark.parametrize("method", STATISTICS)
def test_pixels_of_weight_zero_do_not_count(method: Method) -> None:
    pair = jar(side=160)
    solid = (pair.mask > 0.99).float()
    poisoned_image = torch.where(solid[..., None] > 0, pair.generated, torch.tensor((1.0, 0.0, 0.0)))
    poisoned_reference = torch.where(solid[..., None] > 0, pair.original, torch.tensor((0.0, 1.0, 0.0)))
    settings = Settings(method)
    clean, _ = fix_color(pair.generated, pair.original, solid, solid, settings)
    poisoned, _ = fix_color(poisoned_image, poisoned_reference, solid, solid, settings)
    inside = solid > 0
    assert torch.allclose(clean[inside], poisoned[inside], atol=1e-5)


def test_soft_reference_weights_count_by_their_share() -> None:
    reference = torch.zeros(1, 40, 40, 3)
    reference[:, :, :20], reference[:, :, 20:] = torch.tensor((0.8, 0.2, 0.2)), torch.tensor((0.2, 0.2, 0.8))
    weights = torch.ones(1, 40, 40)
    weights[..., 20:] = 0.25
    image = torch.rand(1, 40, 40, 3, generator=torch.Generator().manual_seed(0)) * 0.2 + 0.4
    _, report = fix_color(image, reference, None, weights, Settings("lab_reinhard"))
    lab = srgb_to_lab(reference)
    expected = 0.8 * lab[0, 0, 0] + 0.2 * lab[0, 0, -1]
    assert report[0]["mean_lab_reference"] == pytest.approx(expected.tolist(), abs=1e-2)
    assert report[0]["mean_lab_after"] == pytest.approx(expected.tolist(), abs=1e-2)


def test_statistics_arrive() -> None:
    generator = torch.Generator().manual_seed(2)
    image = lab_to_srgb(torch.tensor((50.0, 5.0, -5.0)) + torch.randn(1, 120, 120, 3, generator=generator) * 6)
    mixed = torch.randn(1, 90, 150, 3, generator=generator) @ torch.tensor(((7.0, 0, 0), (3, 5, 0), (-2, 4, 6)))
    reference = lab_to_srgb(torch.tensor((60.0, 12.0, 8.0)) + mixed)
    image, reference = image.clamp(0, 1), reference.clamp(0, 1)
    wanted = srgb_to_lab(reference).reshape(-1, 3)
    for method in ("lab_mkl", "lab_reinhard"):
        got = srgb_to_lab(fix_color(image, reference, settings=Settings(method))[0]).reshape(-1, 3)
        assert torch.allclose(got.mean(0), wanted.mean(0), atol=0.15), method
        assert torch.allclose(got.std(0), wanted.std(0), rtol=0.05), method
    mkl = srgb_to_lab(fix_color(image, reference, settings=Settings("lab_mkl"))[0]).reshape(-1, 3)
    assert torch.allclose(torch.cov(mkl.T), torch.cov(wanted.T), atol=2.5)
    histogram = srgb_to_lab(fix_color(image, reference, settings=Settings("lab_histogram"))[0]).reshape(-1, 3)
    shares = torch.linspace(0.05, 0.95, 19)
    for channel in (1, 2):
        got_q, wanted_q = (torch.quantile(x[:, channel], shares) for x in (histogram, wanted))
        assert float((got_q - wanted_q).abs().max()) < 1.0
    before = srgb_to_lab(image).reshape(-1, 3)
    assert float((histogram[:, 0] - before[:, 0]).abs().max()) < 0.1, "L* is not matched"


def test_keep_lightness_leaves_the_scenes_light() -> None:
    pair = jar(side=160)
    inside = pair.mask > 0.99
    before = srgb_to_lab(pair.generated)[inside][:, 0]
    for method in ("lab_mkl", "lab_reinhard"):
        after = srgb_to_lab(fixed(pair, method, keep_lightness=True))[inside][:, 0]
        assert float((after - before).abs().max()) < 0.2


@pytest.mark.parametrize("method", STATISTICS)
def test_a_smooth_ramp_does_not_band(method: Method) -> None:
    """Distinct 8-bit levels of a fine ramp survive, and no step is larger than a few levels."""
    ramp = torch.linspace(0, 1, 2048)
    lab = torch.stack((30 + 40 * ramp, -8 + 16 * ramp, 6 - 12 * ramp), dim=-1)
    image = lab_to_srgb(lab).expand(1, 64, 2048, 3).contiguous()
    reference = (jar(side=160).original * 255).round() / 255
    result, _ = fix_color(image, reference, None, jar(side=160).mask, Settings(method))
    levels = (result[0, 0] * 255).round()
    before = (image[0, 0] * 255).round()
    for channel in range(3):
        assert len(levels[:, channel].unique()) >= 0.6 * len(before[:, channel].unique())
        steps = result[0, 0, :, channel].diff().abs()
        assert float(steps.max()) < 3 / 255


def test_8_bit_noise_of_a_colourless_picture_does_not_become_blotches() -> None:
    generator = torch.Generator().manual_seed(5)
    grey = torch.rand(1, 128, 128, 1, generator=generator) * 0.1 + 0.2
    noisy = ((grey + torch.randn(1, 128, 128, 3, generator=generator) * 0.002) * 255).round() / 255
    for method in STATISTICS:
        result, _ = fix_color(noisy, jar(side=128).original, None, jar(side=128).mask, Settings(method))
        spread = srgb_to_lab(result)[..., 1:].reshape(-1, 2).std(dim=0)
        source = srgb_to_lab(noisy)[..., 1:].reshape(-1, 2).std(dim=0)
        assert bool((spread < 10 * source).all()), (method, spread, source)


@pytest.mark.parametrize("darkness", [0.01, 0.03, 0.1])
def test_hue_is_the_originals_in_the_shadows_too(darkness: float) -> None:
    generator = torch.Generator().manual_seed(4)
    hue = torch.rand(400, generator=generator) * 2 * torch.pi
    lab = torch.stack((torch.full_like(hue, 45.0), 18 * hue.cos(), 18 * hue.sin()), dim=-1)
    original = lab_to_srgb(lab)
    dark = (srgb_to_linear(original) * darkness).T.contiguous()
    kept = linear_to_lab(with_its_hue(dark.clone(), torch.full((400,), darkness)).T)
    plain = linear_to_lab(dark.T)
    assert float(hue_difference(kept, srgb_to_lab(original)).max()) < 0.1
    assert float((kept[:, 0] - plain[:, 0]).abs().max()) < 1e-3
    assert torch.allclose(chroma(kept), chroma(plain), atol=1e-3)
    if darkness < 0.05:
        assert float(hue_difference(plain, srgb_to_lab(original)).mean()) > 2, "there must be something to mend"


def test_mirrors_and_moved_highlights_are_pasted() -> None:
    for original, generated in (
        (mirror(400, 1), mirror(400, 2)),
        (sphere(400, (-0.5, -0.5), 0.9)[0], sphere(400, (0.6, -0.3), 0.9)[0]),
        (sphere(400, (-0.5, -0.5), 2.0, 200.0)[0], sphere(400, (0.6, -0.3), 2.0, 200.0)[0]),
    ):
        _, report = fix_color(generated, original, sphere(400, (0.0, 0.0), 0.0)[1])
        assert report[0]["fallback"] is True and "surface" in report[0]["reason"]


def test_a_matt_surface_in_turned_light_is_relit() -> None:
    original, mask = sphere(400, (-0.5, -0.5), 0.0)
    for light in ((0.6, -0.3), (0.0, -0.6), (-0.4, 0.5)):
        _, report = fix_color(sphere(400, light, 0.0)[0], original, mask)
        assert report[0]["fallback"] is False, report[0]


def test_extreme_light_is_followed_half_way() -> None:
    ratio = torch.tensor((0.01, 0.0625, LOW, 1.0, 3.5, 14.0, 1000.0))
    assert torch.allclose(limited(ratio), torch.tensor((0.05, 0.125, 0.25, 1.0, 3.5, 7.0, 8.0)), atol=1e-4)


def test_blacks_are_not_amplified_into_noise() -> None:
    generator = torch.Generator().manual_seed(1)
    side = 200
    mask = torch.zeros(1, side, side)
    mask[:, 50:150, 50:150] = 1.0
    original = torch.where(mask[..., None] > 0, torch.tensor(0.012), torch.tensor(0.9)).expand(1, side, side, 3)
    original = (original + torch.randn(1, side, side, 3, generator=generator) * 0.004).clamp(0, 1)
    generated = torch.where(mask[..., None] > 0, torch.tensor(0.25), torch.tensor(0.4)).expand(1, side, side, 3)
    result, _ = fix_color(generated, original, mask, None, Settings(if_unsafe="relight_anyway"))
    assert float(result[:, 60:140, 60:140].std()) < 0.04


def test_no_old_backdrop_remains_on_the_outline() -> None:
    """The original stands on white; in a dark scene its outline must not glow, even under a mask 1 px too large."""
    pair = jar(side=400)
    wide = torch.nn.functional.max_pool2d(pair.mask[:, None], 3, stride=1, padding=1)[:, 0]
    result, _ = fix_color(pair.generated, pair.original, wide)
    band = (wide > 0.9) & (pair.mask < 0.9)
    lightness = srgb_to_lab(result)[..., 0][band]
    raw = srgb_to_lab(pair.original)[..., 0][band]
    nearby = srgb_to_lab(pair.truth)[..., 0][(pair.mask > 0.9)]
    assert float(raw.mean()) > 50, "the pair must have something to clean"
    assert float(lightness.quantile(0.95)) < float(nearby.quantile(0.95)) + 3


def test_the_result_is_not_brighter_than_its_sources() -> None:
    """A generated picture blown out to white must not drag the product there: the look of a harsh LUT."""
    pair = jar(darkness=6.0)
    result, report = fix_color(pair.generated, pair.original, pair.mask)
    inside = pair.mask > 0.99
    peak = float(srgb_to_lab(result)[..., 0][inside].quantile(0.99))
    original = float(srgb_to_lab(pair.original)[..., 0][inside].quantile(0.99))
    assert report[0]["highlights_bent_from_l"] is not None
    assert peak <= max(95.0, original) + 0.5


def test_out_of_gamut_loses_chroma_only() -> None:
    generator = torch.Generator().manual_seed(0)
    lab = torch.rand(4000, 3, generator=generator) * torch.tensor((96.0, 260.0, 260.0)) + torch.tensor(
        (2.0, -130.0, -130.0)
    )
    linear = into_gamut(lab)
    assert float(linear.min()) >= 0 and float(linear.max()) <= 1
    back = linear_to_lab(linear)
    assert float((back[:, 0] - lab[:, 0]).abs().max()) < 0.5
    strong = chroma(back) > 5
    assert float(hue_difference(back, lab)[strong].max()) < 1.5
    assert bool((chroma(back) <= chroma(lab) + 0.1).all())
    inside = srgb_to_lab(torch.rand(500, 3, generator=generator))
    assert float((linear_to_lab(into_gamut(inside)) - inside).abs().max()) < 0.05


def test_lightness_boost_is_per_pass_and_never_clips() -> None:
    grey = lab_to_srgb(torch.tensor((50.0, 10.0, -20.0))).expand(1, 20, 20, 3).contiguous()
    for boost, passes in ((0.8, 1), (0.8, 4), (1.0, 0), (-1.0, 3)):
        settings = Settings("lab_histogram", lightness_boost=boost, transforms=passes)
        result, report = fix_color(grey, grey, settings=settings)
        assert float(srgb_to_lab(result)[..., 0].mean()) == pytest.approx(50 + boost * passes, abs=0.05)
        assert report[0]["lightness_boost_total"] == pytest.approx(boost * passes)
    ramp = torch.zeros(1001, 3)
    ramp[:, 0] = torch.linspace(0, 100, 1001)
    for amount in (5.0, -5.0):
        raised = raise_lightness(ramp, amount)[:, 0]
        assert bool((raised.diff() > 0).all()) and float(raised.min()) >= 0 and float(raised.max()) <= 100


def test_tint_is_capped() -> None:
    pair = jar()
    inside = pair.mask > 0.99
    plain = fixed(pair)
    scene = pair.generated * torch.tensor((1.0, 0.6, 0.3))
    warm = torch.where(pair.mask[..., None] > 0, pair.generated, scene)
    for limit in (1.0, 3.0):
        tinted, report = fix_color(warm, pair.original, pair.mask, None, Settings(tint=limit))
        assert report[0]["tint_gain"][0] > 1 > report[0]["tint_gain"][2]
        difference = delta_e00(srgb_to_lab(plain)[inside], srgb_to_lab(tinted)[inside])
        assert 0.2 * limit < float(difference.mean()) < 1.6 * limit
    with pytest.raises(ParameterError, match="tint"):
        Settings(tint=4.0)


def test_batches_and_alpha() -> None:
    first, second = jar(side=128, seed=1), jar(side=128, seed=2, hue_shift=90)
    batch, reports = fix_color(torch.cat((first.generated, second.generated)), first.original, first.mask)
    assert batch.shape[0] == 2 and len(reports) == 2
    alone, _ = fix_color(second.generated, first.original, first.mask)
    assert torch.equal(batch[1:], alone)
    widened, _ = fix_color(first.generated, torch.cat((first.original, second.original)), first.mask)
    assert widened.shape[0] == 2 and not torch.equal(widened[0], widened[1])
    rgba = torch.cat((first.generated, first.mask[..., None]), dim=-1)
    kept, _ = fix_color(rgba, first.original, None, first.mask, Settings("lab_mkl"))
    assert kept.shape[-1] == 4 and torch.equal(kept[..., 3], first.mask)


def test_the_references_own_alpha_says_where_to_measure() -> None:
    pair = jar(side=128)
    cutout = torch.cat((pair.original, pair.mask[..., None]), dim=-1)
    by_alpha, _ = fix_color(pair.generated, cutout, pair.mask, None, Settings("lab_mkl"))
    by_mask, _ = fix_color(pair.generated, pair.original, pair.mask, pair.mask, Settings("lab_mkl"))
    assert torch.equal(by_alpha, by_mask)


def test_placeholder_masks_mean_none() -> None:
    pair = jar(side=128)
    none = torch.zeros(1, 64, 64)
    with_placeholder, _ = fix_color(pair.generated, pair.original, none, none, Settings("lab_mkl"))
    without, report = fix_color(pair.generated, pair.original, None, None, Settings("lab_mkl"))
    assert torch.equal(with_placeholder, without) and "no mask" in report[0]["note"]


def test_what_does_not_fit_is_refused_with_both_shapes() -> None:
    pair = jar(side=128)
    with pytest.raises(ShapeError, match=r"\(1, 64, 128, 3\).*\(1, 128, 128, 3\)"):
        fix_color(pair.generated, pair.original[:, :64], pair.mask)
    with pytest.raises(ShapeError, match="mask"):
        fix_color(pair.generated, pair.original, pair.mask[:, :100])
    with pytest.raises(ShapeError, match=r"batch of 2.*batch of 3|batch of 3.*batch of 2"):
        fix_color(pair.generated.expand(2, -1, -1, -1), pair.original.expand(3, -1, -1, -1), pair.mask)
    with pytest.raises(EmptyMaskError):
        fix_color(pair.generated, pair.original, torch.zeros_like(pair.mask))
    with pytest.raises(ParameterError, match="method"):
        Settings("lab_magic")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="strength"):
        Settings(strength=1.5)
