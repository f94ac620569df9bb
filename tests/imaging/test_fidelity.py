"""Product fidelity: figures against scikit-image; defects must be found, clean pictures must pass."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from prodgen_nodes.imaging.colorspace import linear_to_srgb, srgb_to_linear
from prodgen_nodes.imaging.errors import EmptyMaskError, ParameterError, ShapeError
from prodgen_nodes.imaging.fidelity import pixels
from prodgen_nodes.imaging.fidelity.judge import Limits, Settings, judge, merged
from prodgen_nodes.imaging.filters import dilate, gaussian_blur
from prodgen_nodes.imaging.pasting import paste_back
from prodgen_nodes.imaging.placement import Affine, Placement
from prodgen_nodes.imaging.tensors import bounding_box
from skimage import color as skcolor
from skimage.metrics import structural_similarity
from torch import Tensor

from tests.support.jpeg import as_jpeg

SIDE = 256
CANVAS = 320
UNCHECKED = Settings(check_floating=False)


def box_product(seed: int = 0) -> tuple[Tensor, Tensor]:
    """A grained blue-and-orange box `[1,H,W,3]` with a soft outline `[1,H,W]`; its colour goes on beyond it."""
    generator = torch.Generator().manual_seed(seed)
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    # No check ends within a few pixels of the outline: a product with a thin rim of its own would read as a halo.
    check = ((x // 16 + y // 16) % 2).float()[..., None]
    color = torch.lerp(torch.tensor((0.15, 0.3, 0.7)), torch.tensor((0.8, 0.45, 0.15)), check * 0.7)
    grain = gaussian_blur(torch.randn(1, SIDE, SIDE, generator=generator), 1.0)[0, ..., None] * 0.08
    solid = ((x >= 55) & (x < 217) & (y >= 40) & (y < 216)).float()[None]
    return (color + grain).clamp(0, 1)[None], gaussian_blur(solid, 0.8)


def placement(mask: Tensor, scale: float = 0.9) -> Placement:
    box = bounding_box(mask[0])
    shift = [CANVAS / 2 - scale * center for center in ((box.left + box.right) / 2, (box.top + box.bottom) / 2)]
    return Placement(CANVAS, CANVAS, SIDE, SIDE, (Affine.scale_translate(scale, *shift),), (box,))


def scene(kind: str) -> Tensor:
    """Backgrounds `[1,H,W,3]`: white, dark, or a grained floor."""
    if kind == "white":
        return torch.ones(1, CANVAS, CANVAS, 3)
    if kind == "dark":
        return torch.full((1, CANVAS, CANVAS, 3), 0.12)
    generator = torch.Generator().manual_seed(4)
    return (0.45 + 0.06 * torch.randn(1, CANVAS, CANVAS, 3, generator=generator)).clamp(0, 1)


@pytest.mark.parametrize("kind", ["white", "dark", "grained"])
@pytest.mark.parametrize("scale", [0.9, 1.0, 0.4])
def test_a_pasted_product_is_the_product(kind: str, scale: float) -> None:
    color, mask = box_product()
    where = placement(mask, scale)
    done = paste_back(scene(kind), color, mask, where, 1.0).image
    report = judge((done * 255).round() / 255, color, mask, where, UNCHECKED)[0].report
    assert report["passed"] is True, report["reasons"]
    assert report["delta_e00_mean"] < 0.5 and report["ssim"] > 0.995 and report["hue_error_deg"] < 1
    assert report["edge_halo"] < 4 and report["floating"] is None
    json.dumps(report)


def fabric() -> tuple[Tensor, Tensor]:
    """A product of many-coloured threads `[1,H,W,3]`, whose colours no 4:2:0 can hold, and its mask."""
    color, mask = box_product()
    generator = torch.Generator().manual_seed(3)
    threads = gaussian_blur(torch.randn(3, SIDE, SIDE, generator=generator), 0.7).movedim(0, -1)
    return (color.lerp(torch.tensor((0.62, 0.36, 0.16)), 0.8) + 0.06 * threads).clamp(0, 1), mask


def test_a_strong_compression_is_no_other_colour() -> None:
    """Colours that waver from pixel to pixel are told; the same amount of another colour still fails."""
    color, mask = fabric()
    where = placement(mask, 1.0)
    done = paste_back(scene("white"), color, mask, where, 1.0).image
    report = judge(as_jpeg(done[0], 80)[None], color, mask, where, UNCHECKED)[0].report
    assert report["delta_e00_mean"] > 3 and report["passed"] is True, report["reasons"]
    assert "compression" in report["compression_note"]
    warmer = (done * torch.tensor((1.1, 1.0, 0.85))).clamp(0, 1)
    for picture in (warmer, as_jpeg(warmer[0], 80)[None]):
        report = judge(picture, color, mask, where, UNCHECKED)[0].report
        assert report["passed"] is False and report["compression_note"] is None


def test_figures_agree_with_scikit_image() -> None:
    color, mask = box_product()
    generator = torch.Generator().manual_seed(9)
    other = (color + 0.05 * torch.randn(color.shape, generator=generator)).clamp(0, 1)
    inside = mask[0] > 0.99
    ours = pixels.compare(other[0], color[0], inside)
    one, two = other[0].numpy().astype(np.float64), color[0].numpy().astype(np.float64)
    lab = [skcolor.rgb2lab(picture) for picture in (one, two)]
    difference = skcolor.deltaE_ciede2000(*lab)[inside.numpy()]
    assert ours.delta_e00_mean == pytest.approx(difference.mean(), abs=2e-3)
    assert ours.delta_e00_p95 == pytest.approx(np.quantile(difference, 0.95), abs=2e-2)
    _, structure = structural_similarity(
        skcolor.rgb2gray(one),
        skcolor.rgb2gray(two),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1.0,
        full=True,
    )
    assert ours.ssim == pytest.approx(structure[inside.numpy()].mean(), abs=1e-3)
    angles = [np.degrees(np.arctan2(x[..., 2], x[..., 1])) for x in lab]
    strong = inside.numpy() & (np.hypot(lab[1][..., 1], lab[1][..., 2]) > 12)
    hue = np.abs((angles[0] - angles[1] + 180) % 360 - 180)[strong].mean()
    assert ours.hue_error_deg == pytest.approx(hue, abs=0.02)


def test_strips_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    color, mask = box_product()
    other = color.flip(2)
    inside = mask[0] > 0.99
    whole = pixels.compare(other[0], color[0], inside)
    monkeypatch.setattr("prodgen_nodes.imaging.tensors._STRIP_PIXELS", 20 * SIDE)
    parts = pixels.compare(other[0], color[0], inside)
    assert parts.ssim == pytest.approx(whole.ssim, abs=1e-6)
    assert torch.allclose(parts.map, whole.map, atol=1e-5)


def test_a_swapped_colour_is_named() -> None:
    color, mask = box_product()
    where = placement(mask)
    wrong = paste_back(scene("dark"), color.flip(-1), mask, where, 1.0).image
    report = judge(wrong, color, mask, where, UNCHECKED)[0].report
    assert report["passed"] is False and report["hue_error_deg"] > 40 and report["delta_e00_mean"] > 10
    assert any("hue" in reason for reason in report["reasons"]) and any("ΔE00" in r for r in report["reasons"])


def test_a_redrawn_product_is_named() -> None:
    color, mask = box_product()
    blurred = gaussian_blur(color.movedim(-1, 1), 3.0).movedim(1, -1)
    done = paste_back(scene("dark"), blurred, mask, placement(mask), 1.0).image
    report = judge(done, color, mask, placement(mask), UNCHECKED)[0].report
    assert report["ssim"] < 0.9 and any("redrawn" in reason for reason in report["reasons"])


@pytest.mark.parametrize("kind", ["dark", "grained"])
def test_an_old_backdrop_on_the_outline_is_found(kind: str) -> None:
    """The cut-out keeps a rim of the white wall it was photographed on."""
    color, mask = box_product()
    on_white = linear_to_srgb(srgb_to_linear(color) * mask[..., None] + (1 - mask[..., None]))
    dirty = paste_back(scene(kind), on_white, dilate(mask, 2), placement(mask), 1.0).image
    clean = paste_back(scene(kind), color, mask, placement(mask), 1.0).image
    halos = [judge(x, color, mask, placement(mask), UNCHECKED)[0].report["edge_halo"] for x in (clean, dirty)]
    assert halos[0] < 2.5 and halos[1] > 4.0, halos
    report = judge(dirty, color, mask, placement(mask), UNCHECKED)[0].report
    assert report["passed"] is False and any("rim" in reason for reason in report["reasons"])


def with_shadow(kind: str, strength: float) -> Tensor:
    """A scene darkened where the product of `placement(mask)` touches the ground."""
    _, mask = box_product()
    left, _, right, bottom = placement(mask).canvas_box(0)
    shade = torch.zeros(1, CANVAS, CANVAS)
    shade[:, int(bottom) - 3 : int(bottom) + 4, int(left) : int(right)] = 1.0
    shade = gaussian_blur(shade, 3.0)[..., None]
    return linear_to_srgb(srgb_to_linear(scene(kind)) * (1 - strength * shade))


@pytest.mark.parametrize("kind", ["white", "dark", "grained"])
def test_floating_and_standing(kind: str) -> None:
    color, mask = box_product()
    where = placement(mask)
    floating = judge(paste_back(scene(kind), color, mask, where, 1.0).image, color, mask, where)[0].report
    standing = judge(paste_back(with_shadow(kind, 0.6), color, mask, where, 1.0).image, color, mask, where)[0].report
    assert floating["floating"] is True and floating["passed"] is False
    assert any("float" in reason for reason in floating["reasons"])
    assert standing["floating"] is False and standing["passed"] is True, standing
    assert standing["contact_darkening"] > floating["contact_darkening"] + 2


def test_floating_is_left_open_where_it_cannot_be_told() -> None:
    color, mask = box_product()
    cut = Placement(CANVAS, CANVAS, SIDE, SIDE, (Affine.scale_translate(1.0, 30.0, 130.0),), (bounding_box(mask[0]),))
    report = judge(paste_back(scene("white"), color, mask, cut, 1.0).image, color, mask, cut)[0].report
    assert report["floating"] is False and "cut" in report["floating_note"]
    near = Placement(CANVAS, CANVAS, SIDE, SIDE, (Affine.scale_translate(1.0, 30.0, 101.0),), (bounding_box(mask[0]),))
    report = judge(paste_back(scene("white"), color, mask, near, 1.0).image, color, mask, near)[0].report
    assert report["floating"] is None and "too little" in report["floating_note"] and report["passed"] is True


def test_light_may_change_when_relit_is_asked_for() -> None:
    color, mask = box_product()
    where = placement(mask)
    done = paste_back(scene("grained"), color, mask, where, 1.0).image
    light = torch.linspace(0.3, 0.8, CANVAS)[None, None, :, None]
    dimmed = linear_to_srgb(srgb_to_linear(done) * light)
    exact = judge(dimmed, color, mask, where, UNCHECKED)[0].report
    relit = judge(dimmed, color, mask, where, Settings(compare="relit", check_floating=False))[0].report
    assert exact["passed"] is False
    assert relit["passed"] is True and relit["delta_e00_mean"] < 1.5, relit
    assert relit["light_ratio_median"] == pytest.approx(0.55, abs=0.08)
    recoloured = dimmed.flip(-1)
    assert (
        judge(recoloured, color, mask, where, Settings(compare="relit", check_floating=False))[0].report["passed"]
        is False
    )


def test_the_scale_of_the_paste_is_an_input() -> None:
    color, mask = box_product()
    where = placement(mask)
    done = paste_back(scene("dark"), color, mask, where, 1.03).image
    plain = judge(done, color, mask, where, UNCHECKED)[0].report
    scaled = judge(done, color, mask, where, Settings(scale=1.03, check_floating=False))[0].report
    assert scaled["delta_e00_mean"] < 0.1 < plain["delta_e00_mean"] and scaled["ssim"] > plain["ssim"]


def test_fingers_in_front_are_not_judged() -> None:
    color, mask = box_product()
    where = placement(mask)
    done = paste_back(scene("dark"), color, mask, where, 1.0).image.clone()
    fingers = torch.zeros(1, CANVAS, CANVAS)
    fingers[:, 140:190, 140:190] = 1.0
    done[:, 140:190, 140:190] = torch.tensor((0.8, 0.6, 0.5))
    assert judge(done, color, mask, where, UNCHECKED)[0].report["passed"] is False
    report = judge(done, color, mask, where, UNCHECKED, keep_in_front=fingers)[0].report
    assert report["delta_e00_mean"] < 0.1
    with pytest.raises(EmptyMaskError, match="keep_in_front"):
        judge(done, color, mask, where, UNCHECKED, keep_in_front=torch.ones(1, CANVAS, CANVAS))


def test_grey_products_have_no_hue_and_thin_ones_are_still_measured() -> None:
    color, mask = box_product()
    grey = color.mean(dim=-1, keepdim=True).expand(-1, -1, -1, 3)
    assert judge(grey, grey, mask, None, UNCHECKED)[0].report["hue_error_deg"] is None
    thin = torch.zeros(1, SIDE, SIDE)
    thin[:, 20:230, 120:123] = 1.0
    report = judge(color, color, thin, None, UNCHECKED)[0].report
    assert report["eroded_px"] <= 1 and report["pixels"] > 100 and report["delta_e00_mean"] == 0.0


def test_limits_are_settings() -> None:
    color, mask = box_product()
    wrong = color.flip(-1)
    lenient = Limits(100, 100, 180, 0, 100)
    assert judge(wrong, color, mask, None, UNCHECKED)[0].report["passed"] is False
    assert judge(wrong, color, mask, None, Settings(lenient, check_floating=False))[0].report["passed"] is True


def test_batches_report_the_worst() -> None:
    color, mask = box_product()
    # Its checks go on beside it: that is a rim, and a copy.
    no_rim = Settings(Limits(max_edge_halo=100, max_ghost=1), check_floating=False)
    both = judge(torch.cat((color, color.flip(-1))), color, mask, None, no_rim)
    report = merged(both)
    assert report["passed"] is False and len(report["items"]) == 2
    assert report["delta_e00_mean"] == both[1].report["delta_e00_mean"] > both[0].report["delta_e00_mean"]
    assert report["ssim"] == both[1].report["ssim"] and all(r.startswith("picture 2") for r in report["reasons"])


def test_what_does_not_fit_is_refused() -> None:
    color, mask = box_product()
    with pytest.raises(ShapeError, match="placement"):
        judge(scene("dark"), color, mask, None)
    with pytest.raises(ShapeError, match="mask"):
        judge(color, color, mask[:, :100], None)
    with pytest.raises(ShapeError):
        judge(scene("dark"), color[:, :200], mask[:, :200], placement(mask))
    with pytest.raises(EmptyMaskError):
        judge(color, color, torch.zeros_like(mask), None)
    with pytest.raises(ParameterError, match="compare"):
        Settings(compare="roughly")  # type: ignore[arg-type]


def test_inputs_are_not_changed() -> None:
    color, mask = box_product()
    picture = scene("grained")
    kept = [x.clone() for x in (picture, color, mask)]
    judge(picture, color, mask, placement(mask), Settings(compare="relit"))
    assert all(torch.equal(a, b) for a, b in zip(kept, (picture, color, mask), strict=True))
