"""Product colour correction: known truths, safety, masks, exactness."""

from __future__ import annotations

import numpy as np
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
    linear_to_srgb,
    srgb_to_lab,
    srgb_to_linear,
)
from prodgen_nodes.imaging.errors import EmptyMaskError, ParameterError, ShapeError
from scipy import ndimage
from skimage import color as skcolor

from tests.imaging.registration_scenes import clutter
from tests.support.reference import PRODUCTS, RELIT, reference, relit

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


@pytest.mark.parametrize("shift", [50, 60])
def test_a_product_shifted_too_far_is_pasted_not_relit(shift: int) -> None:
    pair = jar()
    moved = torch.roll(pair.generated, shift, dims=2)
    result, report = fix_color(moved, pair.original, pair.mask)
    assert report[0]["applied"] == "paste_original" and report[0]["fallback"] is True
    assert report[0]["reason"] and report[0]["way"].startswith("pasted")
    inside = pair.mask >= 1
    assert torch.allclose(result[inside], pair.original[inside], atol=1e-5)
    anyway, report = fix_color(moved, pair.original, pair.mask, None, Settings(if_unsafe="relight_anyway"))
    assert report[0]["applied"] == "relight_original" and not torch.allclose(anyway, result)


@pytest.mark.parametrize("shift", [0, 1, 2])
def test_two_pixels_are_no_reason_to_fall_back(shift: int) -> None:
    pair = jar(side=512)
    _, report = fix_color(torch.roll(pair.generated, shift, dims=1), pair.original, pair.mask)
    assert report[0]["fallback"] is False, report[0]["reason"]


def test_a_zoomed_product_is_found() -> None:
    pair = jar(side=400)
    zoomed = torch.nn.functional.interpolate(pair.generated.movedim(-1, 1), size=(424, 424), mode="bilinear")
    zoomed = zoomed[:, :, 12:412, 12:412].movedim(1, -1)
    _, report = fix_color(zoomed, pair.original, pair.mask)
    assert report[0]["way"] == "moved_back_and_relit" and "zoomed" in report[0]["moved_because"]


def test_another_product_is_found() -> None:
    pair = jar(side=320)
    other, _ = sphere(320, (-0.4, -0.4), 0.3)
    _, report = fix_color(torch.roll(other, 60, dims=1), pair.original, pair.mask)
    assert report[0]["fallback"] is True and "outlines" in report[0]["reason"]


# --- is it in place? -------------------------------------------------------------------------------------------------


ANYWAY = Settings(if_unsafe="relight_anyway")
"""Says what it found and looks no further for the product."""


def in_a_busy_scene(name: str, seed: int, shift: float = 0.0, zoom: float = 1.0) -> Pair:
    """A product with its exact mask, faded and redrawn in a dark light, before clutter with lamps; moved by `shift`
    (share of its longer side) and `zoom` about its middle, or only within two pixels."""
    shot, rng = reference(name), np.random.default_rng(seed)
    photo, alpha = shot.photo[None].permute(0, 3, 1, 2), shot.alpha[None, None]
    scale = 640 / max(photo.shape[-2:])
    photo, alpha = (torch.nn.functional.interpolate(x, scale_factor=scale, mode="area") for x in (photo, alpha))
    height, width = alpha.shape[-2:]
    scene = clutter(width, height, rng) ** 2.2 * 0.15
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    for _ in range(5):
        away = np.hypot(x - rng.uniform(0, 1), y - rng.uniform(0, 1))
        scene += np.exp(-((away / rng.uniform(0.01, 0.05)) ** 2))[..., None] * rng.uniform(0.2, 0.9, 3)
    linear = srgb_to_linear(photo[0].permute(1, 2, 0)).numpy()
    faded = ndimage.gaussian_filter(0.3 * linear + 0.7 * linear.mean(axis=2, keepdims=True), (1.2, 1.2, 0))
    grain = ndimage.gaussian_filter(rng.normal(size=(height, width, 1)), (2.5, 2.5, 0))
    light = rng.uniform(0.1, 0.4) * np.exp(1.2 * (rng.uniform(-1, 1) * (x - 0.5) + rng.uniform(-1, 1) * (y - 0.5)))
    lit = torch.from_numpy(faded * (1 + 0.15 * grain / grain.std()) * light[..., None]).float()
    columns, rows = (torch.nonzero(alpha[0, 0].amax(dim=axis) > 0.5).flatten() for axis in (0, 1))
    side = float(max(columns[-1] - columns[0], rows[-1] - rows[0]))
    dx, dy = (shift * side * f for f in (0.8, -0.6)) if shift else rng.uniform(-2, 2, 2)
    middle = [float(line[0] + line[-1] + 1) / size - 1 for line, size in ((columns, width), (rows, height))]
    theta = torch.tensor([[1 / zoom, 0, 0], [0, 1 / zoom, 0]])
    for axis, (away, size) in enumerate(((dx, width), (dy, height))):
        theta[axis, 2] = middle[axis] - (middle[axis] + 2 * away / size) / zoom
    stack = torch.cat((lit.permute(2, 0, 1) * alpha[0], alpha[0]))[None]
    grid = torch.nn.functional.affine_grid(theta[None], list(stack.shape), align_corners=False)
    moved = torch.nn.functional.grid_sample(stack, grid, align_corners=False)[0].permute(1, 2, 0)
    generated = linear_to_srgb((moved[..., :3] + torch.from_numpy(scene).float() * (1 - moved[..., 3:])).clamp(0, 1))
    return Pair(photo.permute(0, 2, 3, 1), generated[None], generated[None], alpha[0])


@pytest.mark.parametrize("name", PRODUCTS)
def test_the_edges_of_a_busy_scene_are_no_reason_to_fall_back(name: str) -> None:
    for seed in range(8):
        pair = in_a_busy_scene(name, seed)
        _, report = fix_color(pair.generated, pair.original, pair.mask, None, ANYWAY)
        assert "shifted" not in (report[0]["reason"] or ""), (seed, report[0])


@pytest.mark.parametrize(("shift", "zoom"), [(0.06, 1.0), (0.09, 1.0), (0.0, 1.08), (0.0, 0.91)])
def test_a_product_that_moved_in_a_busy_scene_is_found_out(shift: float, zoom: float) -> None:
    cases = [(name, seed) for name in PRODUCTS for seed in range(2)]
    found = 0
    for name, seed in cases:
        pair = in_a_busy_scene(name, seed, shift, zoom)
        found += fix_color(pair.generated, pair.original, pair.mask, None, ANYWAY)[1][0]["reason"] is not None
    assert found >= 0.85 * len(cases), f"{found} of {len(cases)}"


@pytest.mark.parametrize("shift", [8, 16])
def test_where_the_place_is_known_nobody_asks_for_it(shift: int) -> None:
    pair = jar()
    moved = torch.roll(pair.generated, shift, dims=2)
    _, report = fix_color(moved, pair.original, pair.mask, None, Settings(in_place=True))
    assert report[0]["applied"] == "relight_original" and report[0]["reason"] is None
    mirrors = (mirror(400, 1), mirror(400, 2), sphere(400, (0.0, 0.0), 0.0)[1])
    _, report = fix_color(mirrors[1], mirrors[0], mirrors[2], None, Settings(in_place=True))
    assert report[0]["fallback"] is True and "surface" in report[0]["reason"]


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


# --- ProdGen's own colour losses -------------------------------------------------------------------------------------


def product_mask(photo: np.ndarray) -> np.ndarray:
    """What is not white wall or marble in those two photos: dark or colourful, largest piece, small holes filled."""
    lab = skcolor.rgb2lab(photo)
    upper = np.arange(photo.shape[0])[:, None] < 0.48 * photo.shape[0]
    solid = (lab[..., 0] < np.where(upper, 86, 62)) | (np.hypot(lab[..., 1], lab[..., 2]) > 18)
    solid = ndimage.binary_opening(solid, iterations=1)
    labels, count = ndimage.label(solid)
    sizes = ndimage.sum_labels(solid, labels, range(1, count + 1))
    solid = labels == 1 + int(np.argmax(sizes))
    holes, count = ndimage.label(~solid)
    for number, size in enumerate(ndimage.sum_labels(~solid, holes, range(1, count + 1)), start=1):
        if size < 6000:
            solid |= holes == number
    return solid


def relit_pair(name: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    pair = relit(name)
    arrays = [np.asarray(picture, dtype=np.float32) / 255 for picture in (pair.generated, pair.photo)]
    own = pair.own
    if own is None:
        own = ndimage.gaussian_filter(product_mask(arrays[1]).astype(np.float32), 0.8)
    mask = torch.from_numpy(own)
    return torch.from_numpy(arrays[0])[None], torch.from_numpy(arrays[1])[None], mask[None]


def lightness(
    result: torch.Tensor, generated: torch.Tensor, original: torch.Tensor, mask: torch.Tensor
) -> tuple[float, float, float]:
    """Of the colourless parts (C* at most 12): their share, and correlation and mean difference of low-pass L*."""
    done, scene, photo = (srgb_to_lab(x[0]).numpy() for x in (result, generated, original))
    inside = ndimage.binary_erosion(mask[0].numpy() > 0.5, iterations=5)
    grey = inside & (np.hypot(photo[..., 1], photo[..., 2]) <= 12)
    soft = [ndimage.gaussian_filter(lab[..., 0], 12)[grey] for lab in (done, scene)]
    if grey.sum() < 0.02 * inside.sum():
        return 0.0, 1.0, 0.0
    return float(grey.sum() / inside.sum()), float(np.corrcoef(*soft)[0, 1]), float((soft[0] - soft[1]).mean())


def figures(
    result: torch.Tensor, generated: torch.Tensor, original: torch.Tensor, mask: torch.Tensor
) -> tuple[float, float, float]:
    """Hue error, correlation and mean difference of the low-pass lightness, on 8-bit pictures, mask eroded by 5."""
    pictures = [np.round(x[0].numpy().clip(0, 1) * 255) / 255 for x in (result, generated, original)]
    done, scene, photo = (skcolor.rgb2lab(picture) for picture in pictures)
    inside = ndimage.binary_erosion(mask[0].numpy() > 0.5, iterations=5)
    colourful = inside & (np.hypot(photo[..., 1], photo[..., 2]) > 12)
    angles = [np.degrees(np.arctan2(lab[..., 2], lab[..., 1])) for lab in (done, photo)]
    hue = float(np.abs((angles[0] - angles[1] + 180) % 360 - 180)[colourful].mean())
    soft = [ndimage.gaussian_filter(lab[..., 0], 12)[inside] for lab in (done, scene)]
    return hue, float(np.corrcoef(*soft)[0, 1]), float((soft[0] - soft[1]).mean())


@pytest.mark.parametrize("name", RELIT)
def test_colours_that_a_relight_lost_come_back(name: str) -> None:
    generated, original, mask = relit_pair(name)
    limits = {"relight_original": 3.0, "lab_histogram": 25.0, "lab_mkl": 20.0}
    for method, limit in limits.items():
        result, report = fix_color(generated, original, mask, None, Settings(method))  # type: ignore[arg-type]
        hue, correlation, difference = figures(result, generated, original, mask)
        assert hue <= limit, f"{method}: {hue:.1f}°"
        assert report[0]["fallback"] is False
        eight_bit = [(x * 255).round() for x in (result, generated)]
        assert torch.equal(eight_bit[0][mask == 0], eight_bit[1][mask == 0])
        if method == "relight_original":
            assert correlation >= 0.7 and abs(difference) <= 8, (correlation, difference)
            share, correlation, difference = lightness(result, generated, original, mask)
            assert correlation >= 0.7 and abs(difference) <= 8, (share, correlation, difference)
