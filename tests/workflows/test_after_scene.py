"""What is done to a finished picture: more of it around its frame, more pixels, another look. The product in it stays
the seller's. On smoke models: what is painted is coloured noise, what is enlarged is nearest-neighbour.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from prodgen_nodes.imaging.segmentation import from_plain_backdrop
from scipy import ndimage

from runner.workflow.graph import up_to
from tests.imaging.relit_pairs import product_mask
from tests.support.comfy import ComfyServer, GraphError
from tests.support.reference import RELIT, relit
from tests.workflows import published, smoke_runs, studio
from tests.workflows.scene_graphs import (
    as_file,
    beside,
    difference,
    finished_scene,
    inside,
    same,
    stages,
    titled,
    with_inputs,
)
from tests.workflows.smoke_runs import Look, Pixels

SIDE, LEFT, TOP = 768, 90, 70
"""The finished scene at twice its size, and where the photo's frame lies in it, pixel for pixel."""


@pytest.fixture(scope="module")
def shot() -> studio.Shot:
    return studio.bag(640, 640)


@pytest.fixture(scope="module")
def scenes(shot: studio.Shot) -> tuple[Pixels, Pixels]:
    return finished_scene(shot, SIDE, LEFT, TOP)


@pytest.fixture(scope="module")
def look(smoke_server: ComfyServer, shot: studio.Shot, scenes: tuple[Pixels, Pixels]) -> Callable[..., Look]:
    files = {"image": smoke_server.upload(as_file(scenes[1])), "image_2": smoke_server.upload(shot.photo)}
    done: dict[str, Look] = {}

    def run(name: str, **values: Any) -> Look:
        given = {**files, "steps": 2, **values}
        key = json.dumps([name, given], sort_keys=True)
        if key not in done:
            graph = with_inputs(published.load(name), **given)
            done[key] = smoke_runs.run(smoke_server, graph, stages(graph))
        return done[key]

    return run


def product_area(shot: studio.Shot, pixels: int = 4) -> np.ndarray[Any, np.dtype[np.bool_]]:
    area = np.zeros((SIDE, SIDE), dtype=bool)
    area[TOP : TOP + 640, LEFT : LEFT + 640] = shot.alpha > 0.99
    return np.asarray(ndimage.binary_erosion(area, iterations=pixels))


SIDES = [(61, 0, 0, 33), (0, 24, 40, 0), (17, 9, 5, 0)]


# --- outpaint --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sides", [(0, 24, 40, 33), *(pytest.param(one, marks=pytest.mark.slow) for one in SIDES)])
def test_outpainting_grows_as_asked_and_keeps_what_was(
    sides: tuple[int, int, int, int],
    smoke_server: ComfyServer,
    look: Callable[..., Look],
    scenes: tuple[Pixels, Pixels],
) -> None:
    picture = as_file(scenes[1]).crop((40, 60, 341, 259))  # 301×199: no multiple of anything
    left, top, right, bottom = sides
    asked = {"left": left, "top": top, "right": right, "bottom": bottom, "overlap": 24, "feather": 20.0}
    done = look("outpaint.v3", image=smoke_server.upload(picture), **asked).pictures["picture"]
    assert done.shape[:2] == (199 + top + bottom, 301 + left + right)
    # Beyond the feather, and all the way to every edge that was not widened, each pixel is the old one.
    keep = [0 if side == 0 else 21 for side in sides]
    old = np.asarray(picture)[keep[1] : 199 - keep[3], keep[0] : 301 - keep[2]] / 255
    new = done[top + keep[1] : top + 199 - keep[3], left + keep[0] : left + 301 - keep[2]]
    assert (new == old).all()
    fresh = np.ones(done.shape[:2], dtype=bool)
    fresh[top : top + 199, left : left + 301] = False
    assert done[fresh].std() > 0.1  # painted, not the grey it was padded with
    assert np.abs(done[fresh] - 0.5).mean() > 0.1


def test_a_large_picture_is_painted_at_a_size_the_model_can_paint(
    smoke_server: ComfyServer, scenes: tuple[Pixels, Pixels]
) -> None:
    picture = as_file(scenes[1]).crop((40, 60, 341, 259))
    asked = {"left": 61, "top": 0, "right": 0, "bottom": 0, "overlap": 24, "feather": 20.0, "steps": 2}
    sizes = {}
    for megapixels in (1.5, 0.02):
        graph = published.load("outpaint.v3")
        looks = {"painted": (titled(graph, "Generated"), 0), "picture": (titled(graph, "input: feather = feather"), 0)}
        given = {**asked, "image": smoke_server.upload(picture), "max_megapixels": megapixels}
        shown = smoke_runs.run(smoke_server, graph, looks, **given).pictures
        sizes[megapixels] = shown["painted"].shape[:2]
        assert shown["picture"].shape[:2] == (199, 362)
        assert (shown["picture"][:, 61 + 21 :] == np.asarray(picture)[:, 21:] / 255).all()
        assert shown["picture"][:, :40].std() > 0.05
    assert sizes[1.5] == (200, 368)  # in whole blocks, nothing reduced
    height, width = sizes[0.02]
    assert height * width <= 1.1 * 0.02 * 1024**2
    assert height % 8 == width % 8 == 0
    assert width / height == pytest.approx(368 / 200, rel=0.08)


@pytest.mark.parametrize(
    ("prompt", "quality", "text"),
    [
        ("", "the same photograph", "the same photograph"),
        ("a wooden table", "", "a wooden table"),
        ("a red, round table", "sharp", "a red, round table, sharp"),
        ("", "", ""),
    ],
)
def test_an_empty_prompt_leaves_no_comma(prompt: str, quality: str, text: str, smoke_server: ComfyServer) -> None:
    graph = published.load("outpaint.v3")
    encoder = graph[titled(graph, "Prompt")]["inputs"]["text"]
    shown = published.with_values(graph, prompt=prompt, quality_words=quality)
    kept = up_to(shown, encoder[0])
    kept["show"] = {"class_type": "PreviewAny", "inputs": {"source": encoder}, "_meta": {"title": ""}}
    assert smoke_server.run(kept, 60)["show"]["text"] == [text]


def test_the_seam_is_mixed_not_cut(
    smoke_server: ComfyServer, look: Callable[..., Look], scenes: tuple[Pixels, Pixels]
) -> None:
    old = np.rint(scenes[1][112:272] * 255) / 255  # rows enough for a mean
    image = smoke_server.upload(as_file(old))
    shown = look("outpaint.v3", image=image, left=64, right=0, overlap=48, feather=40.0).pictures["picture"]
    away = np.abs(shown[:, 64:] - old).mean(axis=(0, 2))
    assert away[:3].min() > 0.05  # at the old edge the new picture has the word
    assert away[20] < 0.75 * away[0]
    assert (away[41:] == 0).all()


# --- upscale ---------------------------------------------------------------------------------------------------------


def test_the_enlarged_product_comes_from_its_photo(
    look: Callable[..., Look], shot: studio.Shot, scenes: tuple[Pixels, Pixels]
) -> None:
    ran = look("upscale.v1", times=2.0, relight=0.0)
    shown, truth, own = ran.pictures["picture"], scenes[0], product_area(shot)
    assert shown.shape == truth.shape
    assert difference(shown, truth)[own].mean() <= 1.0
    outside = beside(ran.pictures["pasted_mask"])
    assert same(shown[outside], ran.pictures["enlarged"][outside])
    found = ran.report("ProdgenRegisterProduct")
    assert found["confidence"] > 0.5
    assert found["residual_px"] < 1.0


def test_its_detail_is_the_photos(look: Callable[..., Look], shot: studio.Shot) -> None:
    ran, own = look("upscale.v1", times=2.0, relight=0.0), product_area(shot, 8)
    photo = np.zeros((SIDE, SIDE, 3))
    photo[TOP : TOP + 640, LEFT : LEFT + 640] = np.asarray(shot.photo) / 255
    fine, before = (_detail(ran.pictures[name])[own] for name in ("picture", "enlarged"))
    assert np.abs(fine).mean() > 1.2 * np.abs(before).mean() + 1e-3
    assert np.corrcoef(fine, _detail(photo)[own])[0, 1] > 0.8


def _detail(picture: Pixels) -> Pixels:
    """What is finer than the smaller scene could hold."""
    light = picture.mean(axis=-1)
    blocks = light.reshape(SIDE // 2, 2, SIDE // 2, 2).mean(axis=(1, 3)).repeat(2, axis=0).repeat(2, axis=1)
    return np.asarray(light - blocks)


def test_the_enlarged_picture_passes_the_check(look: Callable[..., Look]) -> None:
    assert look("upscale.v1", times=2.0).report("ProdgenFidelity")["passed"]


@pytest.mark.first(1)
@pytest.mark.parametrize(("times", "side"), [(1.7, 653), (1.0, 384), (4.0, 1536)])
def test_the_new_size_is_as_asked(times: float, side: int, look: Callable[..., Look]) -> None:
    assert look("upscale.v1", times=times).pictures["picture"].shape == (side, side, 3)


# --- style -----------------------------------------------------------------------------------------------------------


def test_a_style_at_no_strength_is_the_same_picture(look: Callable[..., Look], scenes: tuple[Pixels, Pixels]) -> None:
    shown = look("style.v1", style="cinematic", style_strength=0.0).pictures["picture"]
    assert (shown == np.rint(scenes[1] * 255) / 255).all()


@pytest.mark.parametrize(
    ("name", "style"),
    [("style.v1", "cinematic"), ("style.v1", "phone"), ("style.v2", "dslr"), ("style.v2", "studio")],
)
def test_a_style_is_for_the_scene_not_for_the_product(
    name: str, style: str, look: Callable[..., Look], scenes: tuple[Pixels, Pixels]
) -> None:
    ran = look(name, style=style)
    shown = ran.pictures
    own = inside(shown["pasted_mask"], 2)
    assert own.sum() > 8000
    assert difference(shown["picture"], scenes[1])[own].max() <= 1.0
    assert ("blur" in ran.report("ProdgenStyle")["applied"]) == (style != "phone")
    away = beside(shown["pasted_mask"])
    assert difference(shown["picture"], scenes[1])[away].mean() > (0.2 if style == "studio" else 0.8)


def test_the_product_is_found_far_from_where_the_pose_has_it(look: Callable[..., Look]) -> None:
    near, far = (look("style.v1", style="phone", **pose).pictures["pasted_mask"] for pose in ({}, {"pose": "centered"}))
    assert np.abs(near - far).mean() < 2e-3


def test_a_picture_without_the_product_is_refused(
    smoke_server: ComfyServer, look: Callable[..., Look], shot: studio.Shot
) -> None:
    empty, _ = finished_scene(studio.Shot(shot.photo, np.zeros_like(shot.alpha), shot.product), SIDE, LEFT, TOP)
    with pytest.raises(GraphError, match="not found again"):
        look("style.v1", image=smoke_server.upload(as_file(empty)))


# --- ghosts ----------------------------------------------------------------------------------------------------------


@pytest.mark.each_once
@pytest.mark.parametrize("backdrop", [1.0, 0.5], ids=["white", "grey"])
@pytest.mark.parametrize("pair", [RELIT[0], RELIT[1], *RELIT[3::3]])
def test_nothing_of_the_old_shadow_comes_along(pair: str, backdrop: float) -> None:
    """Photos with soft shadows, some of which left ghosts: cut out, on a new ground, around the base and below."""
    shot = relit(pair)
    photo = np.asarray(shot.photo, dtype=np.float32) / 255
    cut = from_plain_backdrop(torch.from_numpy(photo))
    alpha = cut.alpha.numpy()[..., None]
    placed = studio.to_srgb(
        studio.to_linear(cut.product.numpy().astype(float)) * alpha
        + studio.to_linear(np.full(photo.shape, backdrop)) * (1 - alpha)
    )
    own = product_mask(photo) if shot.own is None else shot.own > 0.02
    low = np.zeros_like(own)
    low[int(0.55 * len(own)) :] = True  # where the shadows lie: beside the base and below it
    outside = low & ~ndimage.binary_dilation(own, iterations=4)
    before = difference(photo, np.full_like(photo, np.median(photo[:20], axis=(0, 1))))[outside]
    residual = difference(placed, np.full(photo.shape, backdrop))[outside]
    assert np.percentile(before, 99) > 3  # there was a shadow
    assert residual.mean() <= 0.1
    assert np.percentile(residual, 99.5) <= 1.0
