"""Where the product was generated beside its place: it is moved back and relit, or covered without a ghost."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from prodgen_nodes.imaging.color.fix import Settings, fix_color
from prodgen_nodes.imaging.colorspace import delta_e00, lab_to_srgb, linear_to_srgb, srgb_to_lab, srgb_to_linear
from prodgen_nodes.imaging.filters import dilate, erode
from torch import Tensor

from tests.imaging.color_pairs import Pair, jar

PAIR = jar(side=256)


def moved(picture: Tensor, dx: float, dy: float, zoom: float = 1.0) -> Tensor:
    """The picture `[1,H,W,3]` moved by so many pixels and zoomed about its middle, its border carried on."""
    side = picture.shape[1]
    theta = torch.tensor([[[1 / zoom, 0, -2 * dx / side / zoom], [0, 1 / zoom, -2 * dy / side / zoom]]])
    grid = F.affine_grid(theta, [1, 3, side, side], align_corners=False)
    read = F.grid_sample(picture.movedim(-1, 1), grid, mode="bicubic", padding_mode="border", align_corners=False)
    return read.movedim(1, -1).clamp(0, 1)


def off(result: Tensor, pair: Pair) -> Tensor:
    return delta_e00(srgb_to_lab(result[0]), srgb_to_lab(pair.truth[0]))


def ring(pair: Pair, width: int) -> Tensor:
    """What lies up to `width` pixels beside the product."""
    return dilate(pair.mask[0] > 0.02, width) & ~(pair.mask[0] > 0.02)


@given(dx=st.floats(-10, 10), dy=st.floats(-10, 10), zoom=st.sampled_from([0.97, 1.0, 1.04]))
@settings(max_examples=3, deadline=None)
def test_a_product_beside_its_place_is_moved_back_and_relit(dx: float, dy: float, zoom: float) -> None:
    """Inside as good as in place, around it the scene without a second product, far away the very same bits."""
    # Less than 4.5 pixels of 256 may pass for in place.
    dx, dy = (value + (4.5 if value >= 0 else -4.5) for value in (dx, dy))
    given_picture = moved(PAIR.generated, dx, dy, zoom)
    result, (report,) = fix_color(given_picture, PAIR.original, PAIR.mask)
    assert report["way"] == "moved_back_and_relit" and report["fallback"] is False, report
    assert report["moved_because"] and max(map(abs, report["moved_px"])) > 3
    apart = off(result, PAIR)
    assert float(apart[PAIR.mask[0] > 0.99].mean()) < 0.6
    assert float(apart[ring(PAIR, 24)].mean()) < 1.0 and float(apart[ring(PAIR, 24)].max()) < 8
    reach = max(0.13 * 200, 4.5 * math.hypot(*report["moved_px"])) + 4
    same = (result == given_picture).all(dim=-1)[0]
    assert bool(same[~dilate(PAIR.mask[0] > 0.02, math.ceil(reach))].all())


def test_a_wrong_find_moves_nothing() -> None:
    """Another product elsewhere: far from the mask the picture keeps its very bits."""
    other, _ = rimmed(0)
    far = torch.roll(other, (90, 90), dims=(1, 2))
    result, (report,) = fix_color(far, PAIR.original, PAIR.mask)
    assert report["applied"] == "paste_original"
    beyond = ~dilate(PAIR.mask[0] > 0.02, 70)
    assert bool(beyond.any()) and torch.equal(result[0][beyond], far[0][beyond])


def test_in_place_nothing_outside_the_mask_changes() -> None:
    result, (report,) = fix_color(PAIR.generated, PAIR.original, PAIR.mask)
    assert report["way"] == "relit"
    outside = PAIR.mask[0] == 0
    assert torch.equal(result[0][outside], PAIR.generated[0][outside])


def rimmed(width: int) -> tuple[Tensor, Tensor]:
    """A scene in which another product, pale orange and larger by `width` pixels, stands where the jar should."""
    there = dilate(PAIR.mask, width)[..., None]
    strange = lab_to_srgb(torch.tensor((70.0, 30.0, 50.0))).expand_as(PAIR.truth)
    scene = torch.where(PAIR.mask[..., None] > 0, 0.5, PAIR.truth)
    return torch.lerp(scene, strange, there), there[0, ..., 0]


@pytest.mark.first(1)
@pytest.mark.parametrize("width", [3, 6])
def test_what_still_shows_of_another_product_is_painted_over(width: int) -> None:
    scene, there = rimmed(width)
    result, (report,) = fix_color(scene, PAIR.original, PAIR.mask)
    assert report["applied"] == "paste_original" and report["way"] == "pasted_and_surroundings_painted", report
    assert report["painted_share"] > 0
    rest = (there > 0.5) & ~dilate(PAIR.mask[0] > 0.02, 1)
    before, after = off(scene, PAIR)[rest], off(result, PAIR)[rest]
    assert float(before.mean()) > 20 and float(after.mean()) < 4
    assert float(off(result, PAIR)[erode(PAIR.mask[0] > 0.99, 1)].mean()) > 1, "the original, not relit"


def repainted(zoom: float, turn: float, dx: float, textured: bool) -> tuple[Tensor, Tensor]:
    """A plain scene in which the jar was painted in orange, so much larger, turned (degrees) and beside its place; and
    where it is `[H,W]`."""
    side = PAIR.mask.shape[-1]
    c, s = math.cos(math.radians(turn)) / zoom, math.sin(math.radians(turn)) / zoom
    theta = torch.tensor([[[c, s, -2 * dx / side * c], [-s, c, 2 * dx / side * s]]])
    grey = PAIR.original.mean(dim=-1, keepdim=True) if textured else torch.full_like(PAIR.original[..., :1], 0.6)
    stack = torch.cat((grey, PAIR.mask[..., None]), dim=-1).movedim(-1, 1)
    grid = F.affine_grid(theta, [1, 2, side, side], align_corners=False)
    read = F.grid_sample(stack, grid, align_corners=False).movedim(1, -1)
    ramp = torch.linspace(0.75, 0.85, side)[None, :, None, None].expand(1, side, side, 3)
    painted = (read[..., :1] * 0.6 + 0.35) * torch.tensor((1.0, 0.6, 0.2))
    return torch.lerp(ramp, painted, read[..., 1:]), read[0, ..., 1]


@pytest.mark.each_once
@pytest.mark.parametrize("textured", [True, False])
@pytest.mark.parametrize(("zoom", "turn", "dx"), [(1.2, 0, 0), (1.1, 0, 10), (1.0, 9, 0), (1.0, 0, 30)])
def test_a_product_painted_larger_turned_or_aside_leaves_no_ghost(
    zoom: float, turn: float, dx: float, textured: bool
) -> None:
    """With nothing in common but the silhouette it is found all the same, and the scene closes behind it."""
    scene, there = repainted(zoom, turn, dx, textured)
    result, (report,) = fix_color(scene, PAIR.original, PAIR.mask)
    assert report["moved_px"] and report["moved_because"] and report["warning"] is None, report
    rest = (there > 0.9) & ~dilate(PAIR.mask[0] > 0.02, 2)
    orange = (result[0, ..., 0] - result[0, ..., 2])[rest]
    assert int(rest.sum()) > 200 and float((orange > 0.1).float().mean()) < 0.02, report


@pytest.mark.first(1)
@pytest.mark.parametrize(("wide", "tall"), [(0.97, 1.05), (1.08, 0.99)])
def test_a_product_drawn_out_of_proportion_gets_its_ends_back(wide: float, tall: float) -> None:
    side = PAIR.mask.shape[-1]
    theta = torch.tensor([[[1 / wide, 0, 0], [0, 1 / tall, 0]]])
    stack = torch.cat((PAIR.generated, PAIR.mask[..., None]), dim=-1).movedim(-1, 1)
    grid = F.affine_grid(theta, [1, 4, side, side], align_corners=False)
    read = F.grid_sample(stack, grid, padding_mode="border", align_corners=False).movedim(1, -1)
    ramp = torch.linspace(0.75, 0.85, side)[None, :, None, None].expand(1, side, side, 3)
    scene = torch.lerp(ramp, read[..., :3], read[..., 3:])
    result, (report,) = fix_color(scene, PAIR.original, PAIR.mask)
    assert report["way"] == "moved_back_and_relit" and "moved_because" in report, report
    rest = (read[0, ..., 3] > 0.9) & ~dilate(PAIR.mask[0] > 0.02, 1)
    shown = (result - ramp)[0].abs().amax(dim=-1)
    assert int(rest.sum()) > 100 and float((shown[rest] > 0.1).float().mean()) < 0.1


def test_a_reflection_under_the_product_is_no_ghost() -> None:
    """A bright mirror image goes on straight below it in its very colours."""
    scene, there = repainted(1.0, 0, 0, True)
    bottom = int(torch.nonzero(there.amax(dim=1) > 0.5)[-1]) + 1
    deep = scene.shape[1] - bottom
    mirrored = scene[:, bottom - deep : bottom].flip(1)
    cover = there[bottom - deep : bottom].flip(0)[None, ..., None] * 0.8
    scene[:, bottom:] = torch.lerp(scene[:, bottom:], mirrored, cover)
    result, (report,) = fix_color(scene, PAIR.original, PAIR.mask, None, Settings(if_unsafe="relight_anyway"))
    assert "moved_px" not in report, report
    outside = PAIR.mask[0] == 0
    assert torch.equal(result[0][outside], scene[0][outside])


def test_a_soft_shadow_beside_a_pasted_product_stays() -> None:
    """Neutral darkening next to the outline is the product's shadow, not a rest of it."""
    scene, _ = rimmed(0)
    shade = 1 - 0.5 * torch.exp(-((torch.arange(256.0)[:, None] - 200) ** 2) / 200).expand(256, 256)
    shaded = scene * torch.where(PAIR.mask[0] > 0, 1.0, shade)[None, ..., None]
    result, (report,) = fix_color(shaded, PAIR.original, PAIR.mask)
    assert report["applied"] == "paste_original"
    beside = ring(PAIR, 12) & ~dilate(PAIR.mask[0] > 0.02, 2)
    assert float((result - shaded)[0][beside].abs().mean()) < 0.01


@pytest.mark.parametrize("method", ["lab_mkl", "lab_reinhard"])
def test_statistics_warn_of_a_product_with_several_colours(method: str) -> None:
    one = lab_to_srgb(torch.tensor((45.0, 25.0, 30.0))) * torch.linspace(0.6, 1, 256)[None, :, None, None]
    several = one.expand_as(PAIR.original).clone()
    several[:, 120:160] = lab_to_srgb(torch.tensor((50.0, -10.0, -40.0)))
    for reference, warned in ((several, True), (one.expand_as(PAIR.original), False)):
        _, (report,) = fix_color(PAIR.generated, reference, PAIR.mask, None, Settings(method))  # type: ignore[arg-type]
        assert (report["warning"] is not None) is warned, report["warning"]


@pytest.mark.parametrize("ground", [0.02, 0.5, 0.95])
@pytest.mark.parametrize("rim", [(0.9, 0.9, 0.85), (0.05, 0.05, 0.06)])
def test_the_same_picture_comes_back_the_same_with_its_rim(rim: tuple[float, float, float], ground: float) -> None:
    """A thin rim in the colour of what lies behind is the product's own, wherever the mask says product."""
    side = 256
    y, x = torch.meshgrid(torch.arange(side) - 127.5, torch.arange(side) - 127.5, indexing="ij")
    inside = 90 - (x**2 + y**2).sqrt()
    alpha = (inside + 0.5).clamp(0, 1)
    body = lab_to_srgb(torch.tensor((35.0, 20.0, -30.0))) * (1 + 0.2 * torch.sin(x / 9))[..., None]
    product = torch.where(inside[..., None] < 3, torch.tensor(rim), body.clamp(0, 1))
    picture = torch.lerp(torch.full((side, side, 3), ground), product, alpha[..., None])[None]
    result, (report,) = fix_color(picture, picture, alpha[None], None, Settings(in_place=True))
    assert report["way"] == "relit" and abs(report["light_ratio"]["median"] - 1) < 0.01
    opaque = alpha > 0.999
    assert float((result - picture)[0][opaque].abs().max()) < 0.03


@pytest.mark.parametrize("light", [0.03, 0.06])
def test_a_product_in_the_night_does_not_glow(light: float) -> None:
    """Scene and product get the same little light; only in a dark scene is so low a ratio believed."""
    linear = srgb_to_linear(torch.lerp(torch.full_like(PAIR.original, 0.5), PAIR.original, PAIR.mask[..., None]))
    night = linear_to_srgb(linear * light)
    result, (report,) = fix_color(night, PAIR.original, PAIR.mask, None, Settings(in_place=True))
    inside = PAIR.mask[0] > 0.99
    brighter = (srgb_to_lab(result[0]) - srgb_to_lab(night[0]))[inside][:, 0]
    assert report["way"] == "relit" and float(brighter.mean()) < 3
    by_day = torch.where(PAIR.mask[..., None] > 0.5, night, torch.full_like(night, 0.6))
    result, _ = fix_color(by_day, PAIR.original, PAIR.mask, None, Settings(in_place=True))
    assert float((srgb_to_lab(result[0]) - srgb_to_lab(night[0]))[inside][:, 0].mean()) > 4
