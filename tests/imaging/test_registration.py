"""Register Product on generated pictures with known truth."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from prodgen_nodes.imaging.compositing import mask_on_canvas, place_on_background
from prodgen_nodes.imaging.errors import NotRegisteredError, ParameterError, ShapeError
from prodgen_nodes.imaging.placement import Affine, Placement
from prodgen_nodes.imaging.registration import Registered, moved_mask, recorded, register_product
from prodgen_nodes.imaging.registration.align import pulled
from prodgen_nodes.imaging.shadow import Light, ground_and_shadow
from prodgen_nodes.imaging.tensors import bounding_box
from scipy import ndimage

from tests.imaging.registration_scenes import (
    Case,
    Disturbance,
    Drift,
    Photo,
    bag_photo,
    drifted,
    error_of,
    generate,
    labelled_jar,
    placement_of,
    plain_box,
    plain_jar,
    random_disturbance,
    random_drift,
    smooth_noise,
    to_linear,
    to_srgb,
)
from tests.imaging.relit_pairs import relit_pair
from tests.support.reference import PRODUCTS as PHOTOGRAPHED
from tests.support.reference import RELIT, reference

SIDE = 768
HARD = Disturbance(light=0.6, gamma=1.2, tint=0.1, covered=0.22, redraw=0.015, blur=0.9, noise=0.012, jpeg=85)
PRODUCTS = {"bag": bag_photo, "plain jar": plain_jar, "labelled jar": labelled_jar}


def run(case: Case, photo: Photo, **settings: float) -> Registered:
    rgb, alpha = photo.tensors
    return register_product(case.generated, rgb, alpha, case.placement, **settings)


def check(case: Case, photo: Photo) -> Registered:
    done = run(case, photo)
    pixels, scale = error_of(done.placement.transform(0), case.truth, case.placement)
    assert pixels <= 0.5 and scale <= 0.001, f"{pixels:.3f} px, {scale:.3%}: {done.reports[0]}"
    return done


@pytest.mark.each_once
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", PRODUCTS)
def test_random_drifts(name: str, seed: int) -> None:
    photo = PRODUCTS[name](seed)
    placement = placement_of(photo, SIDE, SIDE, (0.6, 0.42, 0.75)[seed])
    check(generate(photo, placement, random_drift(seed), random_disturbance(seed), seed), photo)


@pytest.mark.first(1)
@pytest.mark.parametrize("seed", range(2))
def test_hard_disturbances(seed: int) -> None:
    photo = bag_photo(seed + 4)
    done = check(generate(photo, placement_of(photo, SIDE, SIDE), random_drift(seed + 30), HARD, seed), photo)
    assert done.reports[0]["covered_share"] > 0.1


def test_symmetric_product() -> None:
    photo = plain_box()
    check(generate(photo, placement_of(photo, SIDE, SIDE), Drift(-0.05, 0.04, 1.1, -4), Disturbance(), 3), photo)


@pytest.mark.first(2)
@pytest.mark.parametrize("name", PHOTOGRAPHED)
def test_photographed_products(name: str) -> None:
    shot = reference(name)
    rgb, alpha = shot.photo.double().numpy(), shot.alpha.double().numpy()
    solid = ndimage.binary_erosion(alpha > 0.99)
    rows, columns = ndimage.distance_transform_edt(~solid, return_distances=False, return_indices=True)
    photo = Photo(rgb[rows, columns], alpha)  # without the photo's backdrop in its edge
    seed = len(name.removeprefix("rendered/"))
    check(generate(photo, placement_of(photo, 1024, 1024), random_drift(seed), random_disturbance(seed), seed), photo)


def test_other_size_and_aspect() -> None:
    photo = bag_photo(2)
    placement = placement_of(photo, 720, 900)
    done = check(generate(photo, placement, Drift(0.03, -0.02, 1.05, 1), seed=2, size=(592, 736)), photo)
    assert (done.placement.canvas_width, done.placement.canvas_height) == (592, 736)
    assert done.aligned.shape == (1, 900, 720, 3)


def test_nothing_moved() -> None:
    photo = bag_photo(3)
    done = check(generate(photo, placement_of(photo, 640, 640), seed=4), photo)
    assert done.reports[0]["confidence"] > 0.8
    assert done.reports[0]["passed"] is True
    assert abs(done.reports[0]["scale"] - 1) < 0.001


def test_aligned_picture_holds_the_product_at_its_place() -> None:
    photo = bag_photo(1)
    placement = placement_of(photo, 640, 640)
    calm = Disturbance(light=0, tint=0, blur=0.5, noise=0.001, jpeg=None)
    moved = generate(photo, placement, Drift(0.06, -0.04, 1.08, 3), calm, 5)
    still = generate(photo, placement, Drift(), calm, 5)
    done = check(moved, photo)
    inside = torch.from_numpy(ndimage.binary_erosion(_on_canvas(photo, placement.transform(0), 640), iterations=4))
    difference = (done.aligned[0] - still.generated[0]).abs().mean(dim=-1)[inside]
    assert float(difference.mean()) < 0.012
    assert 0.02 < done.reports[0]["continued_share"] < 0.25


def _on_canvas(photo: Photo, transform: Affine, side: int) -> np.ndarray:
    matrix = [[1 / transform.a, 0], [0, 1 / transform.a]]
    offset = [-transform.ty / transform.a, -transform.tx / transform.a]
    return ndimage.affine_transform(photo.alpha, matrix, offset, (side, side), order=1) > 0.5


@pytest.mark.parametrize("name", PRODUCTS)
def test_scene_without_the_product_is_refused(name: str) -> None:
    photo = PRODUCTS[name](1)
    placement = placement_of(photo, 640, 640)
    with pytest.raises(NotRegisteredError, match=r"(?s)not found again.*seed"):
        run(generate(None, placement, seed=11), photo)


@pytest.mark.first(1)
@pytest.mark.parametrize(("wanted", "shown"), [(bag_photo, plain_box), (plain_jar, bag_photo)])
def test_another_product_is_refused(wanted: Callable[[], Photo], shown: Callable[[], Photo]) -> None:
    photo, other = wanted(), shown()
    case = generate(other, placement_of(other, 640, 640), seed=12)
    with pytest.raises(NotRegisteredError, match="not found again"):
        rgb, alpha = photo.tensors
        register_product(case.generated, rgb, alpha, placement_of(photo, 640, 640))


@pytest.mark.first(1)
@pytest.mark.parametrize("maker", [bag_photo, labelled_jar])
def test_mirrored_product_is_refused(maker: Callable[[int], Photo]) -> None:
    photo = maker(1)
    mirrored = photo.mirrored
    case = generate(mirrored, placement_of(mirrored, 640, 640), Drift(0.02, 0.01, 1.03, 1), Disturbance(), 13)
    with pytest.raises(NotRegisteredError, match="mirrored"):
        rgb, alpha = photo.tensors
        register_product(case.generated, rgb, alpha, placement_of(photo, 640, 640))


# --- the shadow under a product ---------------------------------------------------------------------------------------


@pytest.mark.each_once
@pytest.mark.parametrize("opacity", [0.5, 0.9])
@pytest.mark.parametrize("maker", [plain_box, lambda: plain_jar(2), lambda: bag_photo(1)])
def test_the_shadow_drawn_under_a_product_is_no_outline(maker: Callable[[], Photo], opacity: float) -> None:
    photo = maker()
    rgb, alpha = photo.tensors
    given = placement_of(photo, 480, 480)
    stands = replace(given, transforms=(Affine.scale_translate(1.06, -18.0, 4.0).after(given.transform(0)),))
    image, mask = place_on_background(rgb, alpha, stands, (1.0, 1.0, 1.0))
    shot = ground_and_shadow(image, mask, Light(opacity=opacity)).image
    done = register_product(shot, rgb, alpha, given, min_confidence=0.0)  # so plain a box is hardly known by anything
    pixels, _ = error_of(done.placement.transform(0), stands.transform(0), stands)
    assert pixels <= 0.75, f"{pixels:.3f} px: {done.reports[0]}"


# --- dark products in dark scenes ------------------------------------------------------------------------------------


def in_place(mask: torch.Tensor) -> Placement:
    """Of a product that lies in its photo where it lies in the picture."""
    height, width = mask.shape[-2:]
    return Placement(
        width,
        height,
        width,
        height,
        (Affine.scale_translate(1.0, 0.0, 0.0),),
        (bounding_box(mask.reshape(height, -1)),),
    )


def drawn_over(generated: torch.Tensor, mask: torch.Tensor, surface: torch.Tensor) -> torch.Tensor:
    """`generated` with another `surface` `[H,W]` (detail in sRGB) in the product's own shape and light."""
    product = mask[0, ..., None].numpy()
    light = ndimage.gaussian_filter(generated[0].numpy() * product, (12, 12, 0))
    light = light / np.maximum(ndimage.gaussian_filter(product, (12, 12, 0)), 1e-3)
    shown = np.clip(light * (1 + surface[..., None]), 0, 1) * product + generated[0].numpy() * (1 - product)
    return torch.from_numpy(shown.astype(np.float32))[None]


def confidence_of(generated: torch.Tensor, photo: torch.Tensor, mask: torch.Tensor) -> float:
    done = register_product(generated, photo, mask, in_place(mask), min_confidence=0.0)
    return float(done.reports[0]["confidence"])


@pytest.mark.first(1)
@pytest.mark.parametrize("name", RELIT)
def test_a_dark_product_in_a_dark_scene_is_trusted(name: str) -> None:
    generated, photo, mask = relit_pair(name)
    report = register_product(generated, photo, mask, in_place(mask)).reports[0]
    assert report["confidence"] >= 0.7, report
    assert max(map(abs, report["shift_px"])) <= 2.5
    assert abs(report["scale"] - 1) <= 0.01


@pytest.mark.first(1)
@pytest.mark.parametrize("name", RELIT)
def test_what_is_not_the_product_in_a_dark_scene_is_not_trusted(name: str) -> None:
    generated, photo, mask = relit_pair(name)
    shape = (mask.shape[1], mask.shape[2])
    leather = smooth_noise(shape, 4.0, np.random.default_rng(3)) * 0.25
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]]
    others = {
        "another leather in its shape": drawn_over(generated, mask, leather),
        "another weave in its shape": drawn_over(generated, mask, 0.3 * np.sign(np.sin(x / 7) * np.sin(y / 5))),
        "a scene without it": generated.flip(1),
    }
    if name != "woven bag":  # its drawn weave is its own mirror image
        others["its mirror image"] = generated.flip(2)
    found = {what: confidence_of(picture, photo, mask) for what, picture in others.items()}
    assert max(found.values()) <= 0.3, found


@pytest.mark.each_once
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("maker", [bag_photo, labelled_jar])
def test_the_truth_in_the_dark(maker: Callable[[int], Photo], seed: int) -> None:
    photo = maker(seed)
    case = generate(photo, placement_of(photo, 640, 640), random_drift(seed), random_disturbance(seed), seed)
    dark = torch.from_numpy(to_srgb(0.12 * to_linear(case.generated.double().numpy()))).float()
    done = check(replace(case, generated=dark), photo)
    assert done.reports[0]["confidence"] >= 0.7


# --- the place is known ----------------------------------------------------------------------------------------------


def test_what_a_run_recorded_is_believed_without_a_search() -> None:
    photo = bag_photo(1)
    rgb, alpha = photo.tensors
    placement = placement_of(photo, 320, 320)
    case = generate(photo, placement, Drift(0.05, -0.03, 1.06, 2), seed=4)
    first = register_product(case.generated, rgb, alpha, placement)
    report = {**first.reports[0], "placement": recorded(first.placement)}
    other = {"placement": recorded(placement), "scale": 1.0}
    sidecar = {"workflow": "scene", "reports": {"Register Product": report, "Paste Product Back": other, "Text": "x"}}
    empty = generate(None, placement, seed=9).generated  # no search would find it there
    for known, factor in ((report, 1), (sidecar, 1), (sidecar, 2)):
        picture = empty.repeat_interleave(factor, 1).repeat_interleave(factor, 2)
        told = register_product(picture, rgb, alpha, placement, known=json.dumps(known))
        wanted = Affine.scale_translate(float(factor), 0.0, 0.0).after(first.placement.transform(0))
        found = told.placement.transform(0)
        assert math.dist(found.apply(300, 300), wanted.apply(300, 300)) < 1e-6
        assert told.reports[0]["searched"] is False and told.reports[0]["passed"] is True
        assert told.reports[0]["scale"] == pytest.approx(first.reports[0]["scale"], abs=1e-6)
        assert told.reports[0]["shift_px"] == pytest.approx([factor * v for v in first.reports[0]["shift_px"]])
    torch.testing.assert_close(
        register_product(case.generated, rgb, alpha, placement, known=json.dumps(report)).aligned, first.aligned
    )


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "3", "{}", '{"placement": null}', '{"reports": []}', "[" * 100_000,
     '{"placement": {"canvas": [320, 320], "product": [900, 900], "transforms": []}}',
     '{"placement": {"canvas": [320, 320], "product": [900, 900], "transforms": [[1, 0, 0, 0, NaN, 0]]}}',
     '{"placement": {"canvas": [0, 320], "product": [900, 900], "transforms": [[1, 0, 0, 0, 1, 0]]}}',
     '{"placement": {"canvas": [320, 320], "product": [900, 900], "transforms": [[0, 0, 0, 0, 0, 0]]}}'],
)  # fmt: skip
def test_a_record_that_says_nothing_is_refused(text: str) -> None:
    photo = plain_box(900)
    rgb, alpha = photo.tensors
    with pytest.raises(ParameterError, match=r"known.*Register Product"):
        register_product(torch.zeros(1, 320, 320, 3), rgb, alpha, placement_of(photo, 320, 320), known=text)


def test_a_record_of_another_photo_or_picture_is_refused() -> None:
    photo = plain_box(300)
    rgb, alpha = photo.tensors
    placement = placement_of(photo, 320, 320)
    known = json.dumps({"placement": recorded(replace(placement, product_width=301))})
    with pytest.raises(ShapeError, match="301x300"):
        register_product(torch.zeros(1, 320, 320, 3), rgb, alpha, placement, known=known)
    known = json.dumps({"placement": recorded(placement)})
    with pytest.raises(ShapeError, match="another shape"):
        register_product(torch.zeros(1, 320, 400, 3), rgb, alpha, placement, known=known)


def test_moved_beyond_the_limits_is_told() -> None:
    photo = bag_photo(5)
    case = generate(photo, placement_of(photo, 640, 640, 0.5), Drift(0.08, 0, 1.0, 0), seed=3)
    with pytest.raises(NotRegisteredError, match=r"moved by 8.*max_shift 7"):
        run(case, photo, max_shift=0.07)


def test_bad_settings_and_shapes() -> None:
    photo = bag_photo(0, 300)
    placement = placement_of(photo, 256, 256)
    rgb, alpha = photo.tensors
    with pytest.raises(ParameterError, match="max_scale"):
        register_product(torch.zeros(1, 256, 256, 3), rgb, alpha, placement, max_scale=2)
    with pytest.raises(ShapeError, match="ignore"):
        register_product(torch.zeros(1, 256, 256, 3), rgb, alpha, placement, ignore=torch.zeros(1, 100, 90))


def test_inverse_and_resampling_agree_with_arithmetic() -> None:
    there = Affine(1.1, -0.2, 7.0, 0.2, 1.1, -3.0)
    x, y = there.inverted().apply(*there.apply(12.5, 40.25))
    assert math.isclose(x, 12.5) and math.isclose(y, 40.25)
    ramp = (torch.arange(64.0) / 100 + 0.1).expand(48, 64)[..., None].expand(48, 64, 3)
    moved, beyond = pulled(ramp, Affine.scale_translate(1.0, 2.5, 0.0), 64, 48)
    torch.testing.assert_close(moved[:, 4:56], ramp[:, 4:56] + 0.025, atol=1e-5, rtol=0)
    assert math.isclose(beyond, 2 / 64)


def test_truth_of_the_test_pictures() -> None:
    photo = plain_box(300)
    placement = placement_of(photo, 200, 200)
    left, top, right, bottom = placement.canvas_box(0)
    moved = drifted(placement, Drift(0.1, 0.0, 1.2, 0.0))
    center = moved.apply(150.0, 150.0)
    assert center == pytest.approx(((left + right) / 2 + 20, (top + bottom) / 2), abs=1e-6)


def test_a_mask_of_the_canvas_moves_with_the_product() -> None:
    y, x = torch.meshgrid(torch.arange(200) + 0.5, torch.arange(160) + 0.5, indexing="ij")
    mask = (50.5 - torch.hypot((x - 80) * 0.8, y - 100)).clamp(0, 1).unsqueeze(0)
    box = bounding_box(mask[0])
    given = Placement(300, 400, 160, 200, (Affine(1.2, 0.0, 40.0, 0.0, 1.2, 60.0),), (box,))
    turned = Affine(1.1 * math.cos(0.06), -1.1 * math.sin(0.06), 70.0, 1.1 * math.sin(0.06), 1.1 * math.cos(0.06), 50.0)
    found = replace(given, canvas_width=320, canvas_height=384, transforms=(turned,))
    moved = moved_mask(mask_on_canvas(mask, given, 300, 400), given, found)
    expected = mask_on_canvas(mask, found, 320, 384)
    assert moved.shape == (1, 384, 320)
    assert float((moved - expected).abs().mean()) < 2e-3
    assert float((moved - expected).abs().max()) < 0.35
    corner = moved_mask(torch.ones(1, 400, 300), given, replace(found, transforms=(turned.scaled_about(0.5, 0, 0),)))
    assert float(corner[0, 380, 310]) == 0.0  # beyond the canvas there is nothing
    with pytest.raises(ShapeError, match="canvas_mask"):
        moved_mask(mask, given, found)


def test_confidence_0_never_refuses_and_says_what_it_doubts() -> None:
    photo = bag_photo(1)
    done = run(generate(None, placement_of(photo, 640, 640), seed=11), photo, min_confidence=0.0)
    assert done.reports[0]["passed"] is False
    assert "not found again" in done.reports[0]["reasons"][0]
