"""The relit scenes end to end on smoke models: the product's place, pixels and light, its ground and its shadow, and
what each setting does. The weights are made up: scenes are coloured noise here; only the wiring can be judged.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from runner.validation.check import check_graph
from runner.workflow.graph import up_to
from tests.support.comfy import ComfyServer, GraphError
from tests.workflows import published, smoke_runs, studio
from tests.workflows.scene_graphs import (
    beside,
    center_and_size,
    difference,
    inside,
    lightness_and_chroma,
    same,
    stages,
    titled,
    with_inputs,
)
from tests.workflows.smoke_runs import Look

RELIT = ["relight_iclight.v3", "relight_iclight_bg.v4"]
SAMPLED = ["relight_iclight.v3", "scene_sdxl.v3", "scene_klein.v2"]
EVERY = [*RELIT, "scene_sdxl.v3", "scene_klein.v2"]
ALIKE = ["relight_iclight.v3", *(pytest.param(name, marks=pytest.mark.slow) for name in EVERY[1:])]
"""One graph for what all of them have from the same nodes behind the sampler; the others with the longer proofs."""
FIRST = ["relight_iclight.v1", "relight_iclight_bg.v1", "scene_sdxl.v1"]
SECOND = ["relight_iclight.v2", "relight_iclight_bg.v2", "relight_iclight_bg.v3", "scene_sdxl.v2"]
PUBLISHED = [
    *EVERY,
    *FIRST,
    *SECOND,
    "scene_klein.v1",
    "scene_qwen.v1",
    "scene_qwen.v2",
    "scene_qwen.v3",
    "outpaint.v1",
    "outpaint.v2",
    "outpaint.v3",
]
PUBLISHED += ["upscale.v1", "style.v1"]
SMALL = {"width": 256, "height": 256, "steps": 2, "min_confidence": 0.0}
PLAIN = {"relight": 0.0, "max_lightness": 0.0, "max_chroma": 0.0}
"""The product as in its photo, and nothing done to the scene."""


@pytest.fixture(scope="module")
def shot() -> studio.Shot:
    return studio.bag(640, 640)


@pytest.fixture(scope="module")
def files(smoke_server: ComfyServer, shot: studio.Shot) -> dict[str, str]:
    y, x = np.mgrid[0:200, 0:300] / 200
    backdrop = np.stack([0.8 - 0.4 * y, 0.4 + 0.2 * x, 0.3 + 0.5 * y], axis=-1)
    painted = Image.fromarray((backdrop * 255).astype(np.uint8))
    return {"image": smoke_server.upload(shot.photo), "image_2": smoke_server.upload(painted)}


@pytest.fixture(scope="module")
def look(smoke_server: ComfyServer, files: dict[str, str]) -> Callable[..., Look]:
    """`look("scene_sdxl.v3", **inputs)`: a small run that shows all stages."""
    done: dict[str, Look] = {}

    def run(name: str, **values: Any) -> Look:
        given = {**files, **SMALL, **PLAIN, **values}
        key = json.dumps([name, given], sort_keys=True)
        if key not in done:
            graph = with_inputs(published.load(name), **given)
            done[key] = smoke_runs.run(smoke_server, graph, stages(graph))
        return done[key]

    return run


def changed(first: Look, second: Look, stage: str = "generated") -> float:
    return float(np.abs(first.pictures[stage] - second.pictures[stage]).mean())


@pytest.mark.parametrize(
    "name", [*RELIT, "scene_sdxl.v3", *(pytest.param(name, marks=pytest.mark.slow) for name in FIRST)]
)
def test_the_product_is_the_sellers_where_it_was_placed(name: str, look: Callable[..., Look]) -> None:
    shown = look(name).pictures
    own = inside(shown["placed_mask"])
    assert own.sum() > 8000
    assert difference(shown["picture"], shown["placed"])[own].mean() <= 1.0
    away = beside(shown["pasted_mask"])
    assert same(shown["picture"][away], shown["shaded"][away])


def test_the_product_is_pasted_where_an_edit_model_left_it(look: Callable[..., Look]) -> None:
    ran = look("scene_klein.v2")
    found = ran.report("ProdgenRegisterProduct")
    (x, y), (width, _) = center_and_size(ran.pictures["placed_mask"])
    (new_x, new_y), (new_width, _) = center_and_size(ran.pictures["pasted_mask"])
    assert (new_x, new_y) == pytest.approx((x + found["shift_px"][0], y + found["shift_px"][1]), abs=2.5)
    assert new_width / width == pytest.approx(found["scale"], abs=0.03)
    own, placed = inside(ran.pictures["pasted_mask"]), inside(ran.pictures["placed_mask"])
    means = [ran.pictures["picture"][own].mean(axis=0), ran.pictures["placed"][placed].mean(axis=0)]
    assert difference(means[0], means[1]) <= 1.0


def test_an_edit_that_lost_the_product_is_refused(look: Callable[..., Look]) -> None:
    with pytest.raises(GraphError, match="not found again"):
        look("scene_klein.v2", min_confidence=0.5)  # made-up weights paint noise


@pytest.mark.parametrize("name", EVERY)
def test_the_mask_is_the_cutouts(name: str, look: Callable[..., Look], shot: studio.Shot) -> None:
    shown = look(name).pictures
    assert (shown["mask"] == shown["cutout_mask"]).all()
    own, truth = shown["mask"][..., 0] > 0.5, shot.alpha > 0.5
    assert (own & truth).sum() / (own | truth).sum() > 0.985


def test_a_mask_of_ones_own_takes_the_cutouts_place(
    smoke_server: ComfyServer, files: dict[str, str], shot: studio.Shot
) -> None:
    given = shot.photo.convert("RGBA")
    disc = Image.fromarray((np.hypot(*(np.mgrid[0:640, 0:640] - 330)) < 150).astype(np.uint8) * 255)
    given.putalpha(disc)
    asked = {**files, **SMALL, "image": smoke_server.upload(given)}
    graph = with_inputs(published.load("relight_iclight.v3"), **asked)
    wanted = {name: stages(graph)[name] for name in ("mask", "placed_mask")}  # both there before anything is painted
    early = up_to(graph, *(node_id for node_id, _ in wanted.values()))
    shown = smoke_runs.run(smoke_server, early, wanted).pictures
    assert np.abs(shown["mask"][..., 0] - np.asarray(disc) / 255).max() <= 1 / 255
    (_, _), (width, height) = center_and_size(shown["placed_mask"])
    assert width == pytest.approx(height, abs=1)


@pytest.mark.parametrize("name", ALIKE)
def test_the_contact_shadow_lies_below_the_product(name: str, look: Callable[..., Look]) -> None:
    shown, none = look(name).pictures, look(name, contact_shadow=0.0).pictures
    shadow, product = shown["shadow"][..., 0], shown["pasted_mask"][..., 0] > 0.5
    rows = np.nonzero(product.any(axis=1))[0]
    base = int(rows.max())
    assert shadow[base + 1 : base + 4].max() > 0.1
    assert shadow[: (int(rows.min()) + base) // 2].max() == 0
    free = beside(shown["shadow"]) & ~product
    changed = np.abs(shown["shaded"][free] - shown["generated"][free]).max(axis=-1)
    # In the row where the shade ends, the closing of pale seams darkens what is brighter than above and below it.
    assert changed.max() <= 2.5 / 255
    assert (changed > 1.5 / 255).mean() < 1e-3
    below = (shadow > 0.1) & ~product
    assert shown["shaded"][below].mean() < shown["generated"][below].mean()
    assert (none["shadow"] == 0).all()
    assert (none["shaded"] == none["generated"]).all()


@pytest.mark.parametrize("name", EVERY)
def test_the_ground_lies_under_the_product(name: str, look: Callable[..., Look]) -> None:
    shown = look(name).pictures
    ground = shown["ground"][..., 0]
    rows = np.nonzero((shown["placed_mask"][..., 0] > 0.5).any(axis=1))[0]
    assert (ground[int(rows.max()) + 4 :] > 0.95).all()
    assert (ground[: int(rows.min())] == 0).all()


@pytest.mark.parametrize("name", ALIKE)
def test_without_the_original_it_is_the_generated_picture(name: str, look: Callable[..., Look]) -> None:
    shown = look(name, original=0.0, contact_shadow=0.0).pictures
    assert (shown["picture"] == shown["generated"]).all()
    half = look(name, original=0.5, contact_shadow=0.0).pictures["picture"]
    ends = (shown["picture"] + look(name, contact_shadow=0.0).pictures["picture"]) / 2
    assert np.abs(half - ends).max() <= 2 / 255


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        pytest.param("relight_iclight.v3", {"seed": 7}, marks=pytest.mark.slow),
        pytest.param("relight_iclight.v3", {"denoise": 0.5}, marks=pytest.mark.slow),
        pytest.param("relight_iclight.v3", {"light_from": 3.0}, marks=pytest.mark.slow),
        pytest.param("relight_iclight.v3", {"prompt": "a roof"}, marks=pytest.mark.slow),
        ("relight_iclight_bg.v4", {"prompt": "a roof"}),
        pytest.param("scene_sdxl.v3", {"seed": 7}, marks=pytest.mark.slow),
        pytest.param("scene_sdxl.v3", {"strong_strength": 0.1, "strong_from": 0.0}, marks=pytest.mark.slow),
        pytest.param("scene_klein.v2", {"seed": 7}, marks=pytest.mark.slow),
        pytest.param("scene_klein.v2", {"light_from": 3.0}, marks=pytest.mark.slow),
        pytest.param("scene_klein.v2", {"ground_words": ""}, marks=pytest.mark.slow),
    ],
)
def test_what_is_set_changes_what_is_generated(name: str, setting: dict[str, Any], look: Callable[..., Look]) -> None:
    assert changed(look(name), look(name, **setting)) > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["relight_iclight.v3", "scene_sdxl.v3"])
def test_the_words_for_the_ground_can_be_switched_off(name: str, look: Callable[..., Look]) -> None:
    plain, off = look(name), look(name, ground_strength=0.0)
    assert changed(plain, off) > 1e-4
    if name == "relight_iclight.v3":
        assert changed(plain, look(name, ground_words="on wet sand")) > 1e-4
        assert changed(off, look(name, ground_strength=0.0, ground_words="on wet sand")) <= 1e-3


@pytest.mark.parametrize("name", [SAMPLED[0], *(pytest.param(name, marks=pytest.mark.slow) for name in SAMPLED[1:])])
def test_light_from_the_left_starts_brighter_on_the_left(name: str, look: Callable[..., Look]) -> None:
    for clock, side in ((9.0, 0), (3.0, 1)):
        start = (
            look(name, light_from=clock, light="window", denoise=0.0, second_denoise=0.0)
            .pictures["generated"]
            .mean(axis=-1)
        )
        halves = start[:40, :128].mean(), start[:40, 128:].mean()
        assert halves[side] > halves[1 - side] + 0.08


def test_the_background_is_where_it_starts(look: Callable[..., Look]) -> None:
    start = look("relight_iclight_bg.v4", denoise=0.0, second_denoise=0.0).pictures["generated"]
    assert start[:20, :, 0].mean() > start[-20:, :, 0].mean() + 0.2  # red above, blue below
    assert start[:20, :, 2].mean() < start[-20:, :, 2].mean() - 0.15


@pytest.mark.slow
def test_every_style_leaves_the_product_alone(look: Callable[..., Look]) -> None:
    plain = look("relight_iclight.v3", style="cinematic", style_strength=0.0).pictures
    assert changed(look("relight_iclight.v3"), look("relight_iclight.v3", style="cinematic")) > 1e-4  # its words
    for strength in (0.5, 1.0):
        shown = look("relight_iclight.v3", style="cinematic", style_strength=strength).pictures
        own = inside(shown["pasted_mask"])
        assert difference(shown["picture"], plain["picture"])[own].max() <= 1.0
        away = beside(shown["pasted_mask"])
        assert difference(shown["picture"], plain["picture"])[away].mean() > 1.0


def test_exposure_and_saturation_are_capped(look: Callable[..., Look]) -> None:
    wild = look("scene_sdxl.v3").pictures
    tame = look("scene_sdxl.v3", max_lightness=80.0, max_chroma=40.0).pictures
    before, after = lightness_and_chroma(wild["picture"]), lightness_and_chroma(tame["picture"])
    assert np.percentile(before[1], 99) > 60
    away = beside(tame["pasted_mask"])
    assert np.percentile(after[0][away], 99) <= 82
    assert np.percentile(after[1][away], 99) <= 45
    own = inside(tame["pasted_mask"])
    assert difference(tame["picture"], wild["picture"])[own].max() <= 1.0


def test_the_original_takes_on_the_scenes_light(look: Callable[..., Look]) -> None:
    lit = {"denoise": 0.0, "light_temperature": 5600.0}
    flat, relit = (look("scene_sdxl.v3", relight=amount, **lit) for amount in (0.0, 1.0))
    assert relit.report("ProdgenColorFix")["applied"] == "relight_original"
    assert changed(flat, relit, "picture") > 1e-4
    assert relit.report("ProdgenFidelity")["hue_error_deg"] <= 2.0


@pytest.mark.slow
def test_loras_count(look: Callable[..., Look]) -> None:
    plain = look("relight_iclight.v3")
    assert changed(plain, look("relight_iclight.v3", details_lora_strength=0.0)) > 1e-4
    fast = look("scene_sdxl.v3", fast_lora="prodgen_smoke_lora_sdxl_fast.pth")
    assert changed(look("scene_sdxl.v3"), fast) > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("name", RELIT)
def test_a_fast_lora_brings_its_steps_cfg_and_sampler_into_both_passes(name: str, look: Callable[..., Look]) -> None:
    fast = {"fast_lora": "prodgen_smoke_lora_sd15.pth", "fast_steps": 2}
    plain = look(name, **fast)
    assert changed(plain, look(name, **fast, steps=3, cfg=9.0, sampler="heun", scheduler="normal")) == 0
    for other in ({"fast_steps": 3}, {"fast_cfg": 1.0}, {"fast_sampler": "lcm"}):
        assert changed(plain, look(name, **(fast | other))) > 1e-4, other
        assert changed(look(name), look(name, **other)) == 0, "without such a LoRA they do not count"


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("prodgen_smoke_iclight_fbc.pth", "iclight_sd15_fc.safetensors"),
        ("prodgen_smoke_flux2_klein.pth", "prodgen_smoke_flux2_klein.pth is no IC-Light file"),
    ],
)
def test_a_wrong_iclight_file_is_refused_by_name(file: str, words: str, look: Callable[..., Look]) -> None:
    with pytest.raises(GraphError, match=file) as refused:
        look("relight_iclight.v3", iclight=file)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("photo", "asked", "name", "made"),
    [
        ((602, 486), (0, 0), "relight_iclight.v1", (600, 488)),  # the photo's own, in blocks of 8
        ((1500, 2500), (0, 0), "relight_iclight.v1", (1248, 2080)),  # at most 2.6 megapixels
        ((602, 486), (700, 1304), "relight_iclight.v1", (704, 1304)),
        ((400, 300), (0, 0), "scene_sdxl.v1", (1184, 888)),  # a megapixel in the photo's shape
        ((400, 300), (0, 0), "scene_klein.v1", (1184, 880)),  # the same in blocks of 16
    ],
)
def test_the_size_is_the_photos_or_as_asked(
    photo: tuple[int, int], asked: tuple[int, int], name: str, made: tuple[int, int], smoke_server: ComfyServer
) -> None:
    file = smoke_server.upload(Image.new("RGB", photo, "white"))
    graph = with_inputs(published.load(name), image=file, width=asked[0], height=asked[1])
    sides = [titled(graph, f"{side}: as asked, or the photo's") for side in ("Width", "Height")]
    graph = up_to(graph, *sides)
    graph["empty"] = {
        "class_type": "EmptyImage",
        "inputs": {"width": [sides[0], 1], "height": [sides[1], 1], "batch_size": 1, "color": 0},
        "_meta": {"title": ""},
    }
    shown = smoke_runs.run(smoke_server, graph, {"empty": ("empty", 0)}).pictures["empty"]
    assert (shown.shape[1], shown.shape[0]) == made


@pytest.fixture(scope="module")
def known(comfy_server: ComfyServer) -> dict[str, Any]:
    return comfy_server.object_info()


@pytest.mark.parametrize("name", PUBLISHED)
def test_models_are_the_only_thing_a_fresh_server_lacks(name: str, known: dict[str, Any]) -> None:
    graph = published.load(name)
    given = [node["inputs"]["image"] for node in graph.values() if node["class_type"] == "LoadImage"]
    problems = check_graph(graph, known, uploaded=given)
    assert problems
    for problem in problems:
        assert problem.kind == "missing_model", problem.message
        assert problem.model_id, problem.message


def test_the_loras_of_the_relit_scene_may_be_missing(comfy_server: ComfyServer) -> None:
    settings = comfy_server.object_info("ProdgenOptionalLora")["input"]["required"]["lora_name"][1]
    assert {"more_details.safetensors", "SDXLrender_v2.0.safetensors"} <= set(settings["missing"])
