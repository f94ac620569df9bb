"""Styles: identity at 0, the product untouched at any strength, and every operation does what its figure says."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prodgen_nodes.imaging.colorspace import chroma, delta_e00, linear_to_lab, luminance, srgb_to_lab, srgb_to_linear
from prodgen_nodes.imaging.errors import ImagingError, ParameterError
from prodgen_nodes.imaging.style import operations
from prodgen_nodes.imaging.style.apply import StyleSettings, apply_style
from prodgen_nodes.imaging.style.focus import assumed_depth, depth_of_field
from prodgen_nodes.imaging.style.looks import LOOKS

STYLES = [style for style in LOOKS if style != "none"]


def scene(height: int = 96, width: int = 128, batch: int = 1) -> torch.Tensor:
    """Coloured ramps with a bright lamp, sRGB."""
    y = torch.linspace(0, 1, height)[:, None].expand(height, width)
    x = torch.linspace(0, 1, width)[None, :].expand(height, width)
    picture = torch.stack((0.15 + 0.6 * x, 0.2 + 0.5 * y, 0.7 - 0.5 * x * y), dim=-1)
    picture[8:20, 90:110] = 1.0
    return picture.expand(batch, -1, -1, -1).clone()


def disc(height: int = 96, width: int = 128) -> torch.Tensor:
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    return (20.5 - torch.hypot(x - width / 2, y - height / 2)).clamp(0, 1).unsqueeze(0)


def ramp_depth(height: int = 96, width: int = 128) -> torch.Tensor:
    return torch.linspace(0, 1, width)[None, None, :].expand(1, height, width).clone()


@pytest.mark.parametrize("style", LOOKS)
def test_strength_0_is_the_identity(style: str) -> None:
    picture = scene()
    styled, report = apply_style(picture, disc(), ramp_depth(), StyleSettings(style, strength=0.0))
    assert torch.equal(styled, picture)
    assert report["applied"] == []


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("with_depth", [False, True])
def test_the_product_keeps_its_pixels_and_the_scene_changes(style: str, with_depth: bool) -> None:
    picture, product = scene(), disc()
    before = picture.clone()
    styled, report = apply_style(picture, product, ramp_depth() if with_depth else None, StyleSettings(style))
    assert torch.equal(picture, before)
    inside, outside = product[0] >= 1.0, product[0] == 0.0
    assert torch.equal(styled[0][inside], picture[0][inside])
    difference = delta_e00(srgb_to_lab(styled), srgb_to_lab(picture))[0]
    assert float(difference[product[0] > 0.9].max()) <= 1.0
    assert float(difference[outside].mean()) > 1.0, "nobody should have to look for the style"
    assert report["product_protected"]
    assert ("blur" in report["applied"]) == (LOOKS[style].blur > 0)
    assert bool(report["notes"]) == (LOOKS[style].blur > 0 and not with_depth)


@settings(max_examples=25, deadline=None)
@given(style=st.sampled_from(STYLES), strength=st.floats(0, 1), seed=st.integers(0, 2**40))
def test_any_strength_gives_a_picture_between(style: str, strength: float, seed: int) -> None:
    picture = scene(40, 48)
    styled, _ = apply_style(picture, None, None, StyleSettings(style, strength, seed))
    assert torch.isfinite(styled).all()
    assert float(styled.min()) >= 0.0
    assert float(styled.max()) <= 1.0


@pytest.mark.parametrize("style", STYLES)
def test_half_the_strength_changes_less(style: str) -> None:
    picture = scene()
    half, full = (apply_style(picture, None, None, StyleSettings(style, strength))[0] for strength in (0.5, 1.0))
    assert float((half - picture).abs().mean()) < float((full - picture).abs().mean())


def test_pictures_of_a_batch_are_styled_alike_and_get_their_own_grain() -> None:
    styled, _ = apply_style(scene(batch=2), None, None, StyleSettings("cinematic"))
    assert styled.shape[0] == 2
    assert not torch.equal(styled[0], styled[1])
    again, _ = apply_style(scene(batch=2), None, None, StyleSettings("cinematic"))
    assert torch.equal(styled, again)
    other, _ = apply_style(scene(batch=2), None, None, StyleSettings("cinematic", seed=1))
    assert not torch.equal(styled, other)


def test_warmth_is_warm_and_keeps_the_luminance_of_grey() -> None:
    grey = torch.full((1, 4, 4, 3), 0.3)
    warm = operations.white_balance(grey, 20)
    assert float(warm[..., 0].mean()) > 0.3 > float(warm[..., 2].mean())
    torch.testing.assert_close(luminance(warm), luminance(grey), atol=1e-5, rtol=0)
    assert float(operations.white_balance(grey, -20)[..., 2].mean()) > 0.3


def test_the_tone_curve_keeps_both_ends_and_never_turns_back() -> None:
    grey = torch.linspace(0, 1, 256)[None, None, :, None].expand(1, 1, 256, 3)
    lightness = linear_to_lab(operations.grade(srgb_to_linear(grey), 0.3, 0, 0, 0))[0, 0, :, 0]
    assert float(lightness[0]) == pytest.approx(0, abs=0.01)
    assert float(lightness[-1]) == pytest.approx(100, abs=0.05)
    assert bool((lightness.diff() > -1e-3).all())
    faded = linear_to_lab(operations.grade(srgb_to_linear(grey), 0, 5, 0, 0))[0, 0, :, 0]
    assert float(faded[0]) == pytest.approx(5, abs=0.05)
    assert float(faded[-1]) == pytest.approx(100, abs=0.05)


def test_split_toning_goes_teal_in_the_dark_and_orange_in_the_light() -> None:
    grey = torch.tensor([0.25, 0.75])[None, None, :, None].expand(1, 1, 2, 3)
    toned = linear_to_lab(operations.grade(srgb_to_linear(grey), 0, 0, 6, 0))[0, 0]
    assert float(toned[0, 2]) < -0.5
    assert float(toned[1, 2]) > 0.5


def test_saturation_changes_chroma_by_its_share() -> None:
    picture = srgb_to_linear(scene())
    before, after = (chroma(linear_to_lab(one)) for one in (picture, operations.grade(picture, 0, 0, 0, -0.2)))
    assert float(after.mean() / before.mean()) == pytest.approx(0.8, abs=0.02)


def test_halation_glows_red_around_the_lamp_only() -> None:
    picture = srgb_to_linear(scene() * 0.3)
    picture[:, 8:20, 90:110] = 1.0
    lit = operations.glow(picture, 0.5, 0.0) - picture
    assert float(lit[0, 14, 112, 0]) > 3 * float(lit[0, 14, 112, 2]) > 0
    assert float(lit[0, 80, 10].abs().max()) < 1e-4


def test_the_vignette_takes_its_stops_in_the_corner_and_none_in_the_middle() -> None:
    white = torch.ones(1, 101, 151, 3)
    shaded = operations.vignette(white, 1.0)[0, ..., 0]
    assert float(shaded[0, 0]) == pytest.approx(0.5, abs=1e-3)
    assert float(shaded[50, 75]) == pytest.approx(1.0, abs=1e-6)


def test_grain_has_its_deviation_in_the_midtones() -> None:
    grey = torch.full((1, 256, 256, 3), 0.184)  # L* 50
    for size in (0.0, 6.0):
        grained = linear_to_lab(operations.grain(grey, 1.5, size, 3))[0, ..., 0]
        assert float(grained.std()) == pytest.approx(1.5, rel=0.1)


def test_the_product_and_what_is_as_far_stay_sharp() -> None:
    stripes = (torch.arange(128) % 4 < 2).float()[None, None, :, None].expand(1, 96, 128, 3).clone()
    product = torch.zeros(1, 96, 128)
    product[:, 30:60, 60:70] = 1.0
    blurred = depth_of_field(stripes, ramp_depth(), product, 12.0)[0, ..., 0]
    contrast = blurred.unfold(1, 8, 8).std(dim=-1).mean(dim=0)
    assert float(contrast[8]) > 0.45
    assert float(contrast[0]) < 0.2
    assert float(contrast[15]) < 0.2


@pytest.mark.parametrize("style", [style for style in STYLES if LOOKS[style].blur])
def test_without_depth_the_backdrop_blurs_and_the_ground_at_the_foot_stays_sharp(style: str) -> None:
    stripes = (torch.arange(512) % 2).float()[None, None, :, None].expand(1, 384, 512, 3) * 0.5 + 0.25
    product = torch.zeros(1, 384, 512)
    product[:, 120:300, 200:300] = 1.0
    depth = assumed_depth(product)
    assert depth is not None and float(depth[0, 299].max()) < 0.01 and float(depth[0, 0].min()) == 1.0
    styled, report = apply_style(stripes, product, None, StyleSettings(style))
    assert "foot" in report["notes"][0]
    contrast = styled[0, :, :150, 1].diff(dim=1).abs().mean(dim=1)
    assert float(contrast[10]) < 0.75 * float(contrast[295])
    assert torch.equal(styled[product == 1], stripes[product == 1])


@pytest.mark.parametrize("rows", [(0, 0), (10, 60), (100, 384)])
def test_where_no_floor_is_seen_no_depth_is_assumed(rows: tuple[int, int]) -> None:
    """No product, one in the air at the top of the picture, one whose foot is cut off."""
    product = torch.zeros(1, 384, 512)
    product[:, rows[0] : rows[1], 200:300] = 1.0
    assert assumed_depth(product) is None
    _, report = apply_style(torch.full((1, 384, 512, 3), 0.4), product, None, StyleSettings("dslr"))
    assert "blur" not in report["applied"] and "keeps its depth of field" in report["notes"][0]


def test_a_blurred_scene_holds_nothing_of_the_product() -> None:
    picture = torch.full((1, 96, 128, 3), 0.2)
    product = torch.zeros(1, 96, 128)
    product[:, 30:60, 50:80] = 1.0
    picture[product > 0] = torch.tensor([1.0, 0.0, 0.0])
    flat_far = torch.where(product > 0, 1.0, 0.0)
    styled, _ = apply_style(picture, product, flat_far, StyleSettings("dslr"))
    ring = styled[0, 45, 40:49]
    assert float((ring[:, 0] - ring[:, 1]).abs().max()) < 0.02


def test_caps_bring_a_loud_scene_down_and_leave_a_tame_one() -> None:
    loud = torch.rand(1, 64, 64, 3, generator=torch.Generator().manual_seed(1)) ** 0.3
    capped, _ = apply_style(loud, None, None, StyleSettings(max_lightness=80, max_chroma=30))
    lab = srgb_to_lab(capped)
    assert float(lab[..., 0].flatten().quantile(0.98)) <= 81
    assert float(chroma(lab).flatten().quantile(0.98)) <= 31
    tame = torch.full((1, 8, 8, 3), 0.4)
    kept, _ = apply_style(tame, None, None, StyleSettings(max_lightness=80, max_chroma=30))
    torch.testing.assert_close(kept, tame, atol=2e-6, rtol=0)


def test_1_pixel_works() -> None:
    styled, _ = apply_style(torch.rand(1, 1, 1, 3), None, torch.rand(1, 1, 1), StyleSettings("cinematic"))
    assert torch.isfinite(styled).all()


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ParameterError, match="cinematic"):
        apply_style(scene(), None, None, StyleSettings("noir"))
    with pytest.raises(ParameterError, match="strength"):
        apply_style(scene(), None, None, replace(StyleSettings("dslr"), strength=2.0))
    with pytest.raises(ImagingError, match="128"):
        apply_style(scene(), torch.zeros(1, 10, 10), None, StyleSettings("dslr"))
