"""Placing and pasting back: the product's own pixels inside, the scene's own bits outside."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prodgen_nodes.imaging.colorspace import delta_e00, linear_to_srgb, srgb_to_lab, srgb_to_linear
from prodgen_nodes.imaging.compositing import place_on_background
from prodgen_nodes.imaging.errors import EmptyMaskError, ParameterError, ShapeError
from prodgen_nodes.imaging.filters import dilate, erode
from prodgen_nodes.imaging.pasting import inward_feather, paste_back
from prodgen_nodes.imaging.posing import pose_product
from prodgen_nodes.imaging.tensors import bounding_box

from tests.support.reference import PRODUCTS, reference

WHITE = (1.0, 1.0, 1.0)
BACKGROUNDS = {"white": WHITE, "grey": (0.5, 0.5, 0.5), "black": (0.0, 0.0, 0.0), "magenta": (1.0, 0.0, 1.0)}


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def product(height: int = 240, width: int = 200, *, seed: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    """A textured disc with a ring on top (a hole in it) and an antialiased edge; RGB, alpha, both with a batch axis."""
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    body = (70 - torch.hypot(x - 0.5 * width, y - 0.62 * height) + 0.5).clamp(0, 1)
    ring = (6 - (torch.hypot(x - 0.5 * width, y - 0.28 * height) - 36).abs() + 0.5).clamp(0, 1)
    texture = 0.5 + 0.25 * torch.stack((torch.sin(x / 9), torch.cos(y / 7), torch.sin((x + y) / 11)), dim=-1)
    grain = 0.1 * noise(height, width, 3, seed=seed)
    return (texture + grain).clamp(0, 1).unsqueeze(0), torch.maximum(body, ring).unsqueeze(0)


def beyond(mask: torch.Tensor) -> torch.Tensor:
    """More than one pixel away from anything that was pasted."""
    return dilate((mask > 0).float(), 1) == 0


@pytest.mark.parametrize("color", BACKGROUNDS.values(), ids=BACKGROUNDS)
def test_the_background_is_exactly_its_colour(color: tuple[float, float, float]) -> None:
    rgb, alpha = product()
    placement, _ = pose_product(alpha, 300, 260, fill=0.6)
    image, mask = place_on_background(rgb, alpha, placement, color)
    clear = mask == 0
    assert 0.5 < float(clear.float().mean()) < 0.95
    assert torch.equal(image[clear], torch.tensor(color).expand(int(clear.sum()), 3))
    assert image.shape == (1, 260, 300, 3) and mask.shape == (1, 260, 300)
    assert float(image.min()) >= 0 and float(image.max()) <= 1


@given(st.floats(0.2, 0.95), st.floats(-0.4, 0.4), st.floats(-0.4, 0.4), st.sampled_from([1.0, 1.01, 0.97]))
@settings(max_examples=20, deadline=None)
def test_outside_the_paste_the_scene_keeps_its_bits(fill: float, dx: float, dy: float, scale: float) -> None:
    rgb, alpha = product()
    placement, _ = pose_product(alpha, 190, 170, "centered", fill, dx, dy)
    scene = noise(1, 170, 190, 3)
    pasted = paste_back(scene, rgb, alpha, placement, scale)
    outside = pasted.mask == 0
    assert torch.equal(pasted.image[outside], scene[outside])
    assert float((pasted.mask > 0.5).float().mean()) > 0.001


@pytest.mark.parametrize("fill", [0.7, 0.33])
def test_at_scale_1_the_inside_is_the_placed_product(fill: float) -> None:
    rgb, alpha = product(600, 500)
    placement, _ = pose_product(alpha, 512, 512, fill=fill)
    image, mask = place_on_background(rgb, alpha, placement, WHITE)
    pasted = paste_back(noise(1, 512, 512, 3), rgb, alpha, placement, 1.0)
    inside = erode((mask > 0.99).float(), 4) > 0
    difference = delta_e00(srgb_to_lab(pasted.image[inside]), srgb_to_lab(image[inside]))
    assert float(difference.max()) < 1e-3
    assert torch.equal(pasted.mask, mask)


def test_pasting_a_placed_picture_into_itself_changes_nothing_visible() -> None:
    """The round trip: the scene is the placed picture; what comes back is the same picture, edges included."""
    rgb, alpha = product()
    placement, _ = pose_product(alpha, 300, 300, fill=0.8)
    image, mask = place_on_background(rgb, alpha, placement, WHITE)
    again = paste_back(image, rgb, alpha, placement, 1.0).image
    whole = mask >= 1
    assert float((again - image)[whole].abs().max()) < 1e-6
    # Edge pixels mix with what already was an edge pixel: closer to the product, never beyond it.
    assert float((again - image).abs().max()) < 0.3


def test_without_a_placement_the_product_is_pasted_where_it_is_bit_for_bit() -> None:
    rgb, alpha = product()
    scene = noise(1, 240, 200, 3)
    pasted = paste_back(scene, rgb, alpha, None, 1.0)
    whole, clear = alpha >= 1, alpha < 1 / 255
    assert torch.equal(pasted.image[whole], rgb[whole])
    assert torch.equal(pasted.image[clear], scene[clear]), "a saved mask shows nothing there"
    assert torch.equal(pasted.mask, alpha.masked_fill(clear, 0.0))


def test_edges_mix_in_linear_light() -> None:
    rgb, alpha = torch.ones(1, 20, 20, 3), torch.zeros(1, 20, 20)
    alpha[:, 5:15, 5:15] = 1.0
    alpha[:, 10, 4] = 0.25
    pasted = paste_back(torch.zeros(1, 20, 20, 3), rgb, alpha, None, 1.0)
    assert float(pasted.image[0, 10, 4, 0]) == pytest.approx(float(linear_to_srgb(torch.tensor(0.25))), abs=1e-6)


@pytest.mark.parametrize("shape", [(1200, 1000), (400, 330)])
def test_the_default_scale_grows_the_box_by_one_percent_about_its_centre(shape: tuple[int, int]) -> None:
    rgb, alpha = product(*shape)
    alpha = alpha if shape[0] < 1000 else torch.nn.functional.interpolate(product()[1][None], shape, mode="bilinear")[0]
    placement, _ = pose_product(alpha, 1024, 1024, fill=0.7)
    scene = noise(1, 1024, 1024, 3)
    one = bounding_box(paste_back(scene, rgb, alpha, placement, 1.0).mask[0])
    more = bounding_box(paste_back(scene, rgb, alpha, placement).mask[0])
    assert 0.004 <= more.width / one.width - 1 <= 0.016
    assert 0.004 <= more.height / one.height - 1 <= 0.016
    assert (more.left + more.right) / 2 == pytest.approx((one.left + one.right) / 2, abs=1)
    assert (more.top + more.bottom) / 2 == pytest.approx((one.top + one.bottom) / 2, abs=1)


@pytest.mark.parametrize("color", BACKGROUNDS.values(), ids=BACKGROUNDS)
@pytest.mark.parametrize("scale", [1.0, 1.01])
def test_no_edge_pixel_is_brighter_or_darker_than_both_its_sides(
    color: tuple[float, float, float], scale: float
) -> None:
    """A plain product over a plain scene: in linear light every mixed pixel lies between the two."""
    _, alpha = product()
    tone = torch.tensor([0.55, 0.2, 0.35])
    rgb = tone.expand(1, 240, 200, 3).clone()
    rgb[alpha < 0.001] = torch.tensor([0.0, 1.0, 0.0])  # decontaminated: the old backdrop is not in the edge pixels
    placement, _ = pose_product(alpha, 333, 333, fill=0.71, offset_x=0.013)
    scene = torch.tensor(color).expand(1, 333, 333, 3)
    image = srgb_to_linear(paste_back(scene, rgb, alpha, placement, scale).image)
    ends = srgb_to_linear(torch.stack((tone, torch.tensor(color))))
    assert bool((image >= ends.amin(0) - 2e-3).all()) and bool((image <= ends.amax(0) + 2e-3).all())


@pytest.mark.parametrize("feather", [2.0, 8.0, 60.0])
def test_feather_reaches_inwards_only(feather: float) -> None:
    rgb, alpha = product(480, 400)
    alpha = torch.zeros_like(alpha)
    alpha[:, 100:400, 60:340] = 1
    scene = noise(1, 480, 400, 3)
    plain = paste_back(scene, rgb, alpha, None, 1.0)
    soft = paste_back(scene, rgb, alpha, None, 1.0, feather)
    assert bool((soft.mask <= plain.mask + 1e-6).all())
    outside = plain.mask == 0
    assert torch.equal(soft.image[outside], scene[outside])
    profile = soft.mask[0, 250, 60:200]
    assert float(profile[0]) < 0.5 and bool((profile[1:] >= profile[:-1] - 1e-6).all())
    assert float(profile[int(feather) + 3]) == pytest.approx(1.0, abs=1e-4)
    assert float(profile[int(feather * 0.5)]) == pytest.approx(0.5, abs=0.3)


def test_a_strap_thinner_than_the_feather_does_not_fade_away() -> None:
    alpha = torch.zeros(100, 100)
    alpha[:, 48:53] = 1
    weight = inward_feather(alpha, 16.0)
    assert float(weight[50, 50]) == pytest.approx(1.0, abs=0.02)


def test_the_frame_is_no_outline_for_the_feather() -> None:
    alpha = torch.zeros(60, 60)
    alpha[20:, :] = 1
    assert float(inward_feather(alpha, 6.0)[59, 0]) == 1.0


def test_what_is_kept_in_front_stays_the_scene() -> None:
    rgb, alpha = product()
    placement, _ = pose_product(alpha, 256, 256, fill=0.8)
    scene, keep = noise(1, 256, 256, 3), torch.zeros(1, 256, 256)
    keep[:, 100:140, 60:150] = 1
    keep[:, 140:142, 60:150] = 0.5
    pasted = paste_back(scene, rgb, alpha, placement, 1.01, 0.0, keep)
    plain = paste_back(scene, rgb, alpha, placement, 1.01)
    assert torch.equal(pasted.image[keep == 1], scene[keep == 1])
    assert torch.allclose(pasted.image[keep == 0], plain.image[keep == 0], atol=1e-6)
    assert torch.allclose(pasted.mask, plain.mask * (1 - keep))


def test_a_scene_of_the_same_shape_but_another_size_is_followed() -> None:
    rgb, alpha = product(600, 500)
    placement, _ = pose_product(alpha, 200, 301, fill=0.7)
    twice = paste_back(noise(1, 602, 400, 3), rgb, alpha, placement, 1.0)
    assert twice.canvas_factor == pytest.approx(2.0)
    once = placement.canvas_box(0)
    box = bounding_box(twice.mask[0])
    assert (box.left, box.top, box.right, box.bottom) == pytest.approx([2 * side for side in once], abs=1.0)


def test_a_scene_of_another_shape_is_refused_naming_both() -> None:
    rgb, alpha = product()
    placement, _ = pose_product(alpha, 256, 256)
    with pytest.raises(ShapeError, match=r"300×256.*256×256"):
        paste_back(noise(1, 256, 300, 3), rgb, alpha, placement)


def test_the_wrong_product_for_a_placement_is_refused_naming_both() -> None:
    rgb, alpha = product()
    placement, _ = pose_product(alpha, 256, 256)
    with pytest.raises(ShapeError, match=r"100×120.*200×240"):
        paste_back(noise(1, 256, 256, 3), rgb[:, :120, :100], alpha[:, :120, :100], placement)


def test_without_a_placement_another_size_is_refused() -> None:
    rgb, alpha = product()
    with pytest.raises(ShapeError, match=r"\(1, 240, 200, 3\).*\(1, 256, 256, 3\)"):
        paste_back(noise(1, 256, 256, 3), rgb, alpha)


def test_batches_broadcast_and_mismatches_name_both_shapes() -> None:
    rgb, alpha = product()
    placement, _ = pose_product(alpha, 128, 96, fill=0.6)
    scenes = noise(3, 96, 128, 3)
    pasted = paste_back(scenes, rgb, alpha, placement)
    assert pasted.image.shape == scenes.shape and pasted.mask.shape == (3, 96, 128)
    for index in range(3):
        alone = paste_back(scenes[index : index + 1], rgb, alpha, placement)
        assert torch.equal(alone.image[0], pasted.image[index])
    with pytest.raises(ShapeError, match=r"\(3, 96, 128, 3\).*\(2, 240, 200, 3\)"):
        paste_back(scenes, rgb.expand(2, -1, -1, -1), alpha, placement)


def test_several_products_into_one_scene_each_at_its_own_place() -> None:
    rgb, alpha = product()
    shifted = torch.roll(alpha, 20, dims=2)
    placement, _ = pose_product(torch.cat((alpha, shifted)), 128, 96, fill=0.6)
    pasted = paste_back(noise(1, 96, 128, 3), rgb.expand(2, -1, -1, -1), torch.cat((alpha, shifted)), placement, 1.0)
    assert pasted.image.shape[0] == 2
    assert float((pasted.mask[0] - pasted.mask[1]).abs().max()) < 1e-4  # same box, so the same place on the canvas
    with pytest.raises(ShapeError, match="holds 2 positions"):
        paste_back(noise(3, 96, 128, 3), rgb, alpha, placement)


def test_transparent_scenes_keep_their_alpha_outside_and_are_covered_inside() -> None:
    rgb, alpha = product()
    scene = noise(1, 240, 200, 4)
    scene[:, :, :100, 3] = 0
    pasted = paste_back(scene, rgb, alpha, None, 1.0)
    assert torch.equal(pasted.image[alpha == 0], scene[alpha == 0])
    assert bool((pasted.image[..., 3][alpha >= 1] == 1).all())
    edge = (alpha > 0.2) & (alpha < 0.8) & (scene[..., 3] == 0)
    assert float((pasted.image[..., 3][edge] - alpha[edge]).abs().max()) < 1e-6
    assert float((pasted.image[..., :3][edge] - rgb[edge]).abs().max()) < 1e-4  # nothing hidden bleeds in


def test_nothing_pasted_is_an_error_not_a_silent_scene() -> None:
    rgb, alpha = product()
    with pytest.raises(ParameterError, match="nothing of the product"):
        paste_back(noise(1, 240, 200, 3), rgb, alpha, None, 1.0, 0.0, torch.ones(1, 240, 200))
    with pytest.raises(EmptyMaskError):
        paste_back(noise(1, 240, 200, 3), rgb, torch.zeros_like(alpha))


@pytest.mark.parametrize(("name", "value"), [("scale", 0.0), ("scale", float("nan")), ("feather", -1.0)])
def test_settings_out_of_range_are_named(name: str, value: float) -> None:
    rgb, alpha = product()
    with pytest.raises(ParameterError, match=name):
        paste_back(noise(1, 240, 200, 3), rgb, alpha, **{name: value})


def test_no_input_is_changed() -> None:
    rgb, alpha = product()
    placement, _ = pose_product(alpha, 128, 128)
    scene, keep = noise(1, 128, 128, 3), noise(1, 128, 128)
    tensors = (rgb, alpha, scene, keep)
    before = [tensor.clone() for tensor in tensors]
    paste_back(scene, rgb, alpha, placement, 1.01, 3.0, keep)
    place_on_background(rgb, alpha, placement, WHITE)
    assert all(torch.equal(tensor, was) for tensor, was in zip(tensors, before, strict=True))


def test_half_precision_and_grey_inputs_are_taken() -> None:
    rgb, alpha = product()
    placement, _ = pose_product(alpha, 128, 128)
    pasted = paste_back(noise(1, 128, 128, 1).half(), rgb.half(), alpha.half(), placement)
    assert pasted.image.dtype == torch.float32 and pasted.image.shape[-1] == 3
    assert bool(torch.isfinite(pasted.image).all())


def test_one_pixel() -> None:
    pasted = paste_back(torch.zeros(1, 1, 1, 3), torch.ones(1, 1, 1, 3), torch.ones(1, 1, 1), None, 1.0)
    assert torch.equal(pasted.image, torch.ones(1, 1, 1, 3))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device (needs an NVIDIA GPU and its torch)")
def test_cuda_gives_what_the_cpu_gives() -> None:
    rgb, alpha = product()
    placement, _ = pose_product(alpha, 256, 256)
    scene = noise(1, 256, 256, 3)
    here = paste_back(scene, rgb, alpha, placement, 1.01, 4.0)
    there = paste_back(scene.cuda(), rgb.cuda(), alpha.cuda(), placement, 1.01, 4.0)
    assert there.image.is_cuda
    assert float((there.image.cpu() - here.image).abs().max()) < 1e-3
    assert torch.equal(there.image.cpu()[here.mask == 0], scene[here.mask == 0])


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_reach_the_published_figures(name: str) -> None:
    """Fill 0.7 on 1024² noise, scale 1.00 and 1.01, feather 0."""
    rgb, alpha = reference(name).photo[None], reference(name).alpha[None]
    placement, _ = pose_product(alpha, 1024, 1024, fill=0.7)
    image, placed = place_on_background(rgb, alpha, placement, WHITE)
    scene = noise(1, 1024, 1024, 3)
    one, more = (paste_back(scene, rgb, alpha, placement, scale) for scale in (1.0, 1.01))
    for pasted in (one, more):
        outside = beyond(pasted.mask)
        assert torch.equal(pasted.image[outside], scene[outside])
        assert torch.equal(pasted.image[pasted.mask == 0], scene[pasted.mask == 0])
    inside = erode((placed > 0.99).float(), 4) > 0
    assert float(delta_e00(srgb_to_lab(one.image[inside]), srgb_to_lab(image[inside])).max()) < 0.01
    small, large = bounding_box(one.mask[0]), bounding_box(more.mask[0])
    assert large.width / small.width - 1 == pytest.approx(0.01, abs=0.006)
    assert large.height / small.height - 1 == pytest.approx(0.01, abs=0.006)
