"""What the graphs take from their models' makers and from the systems they replace, read off the graphs themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from runner.workflow.graph import up_to
from tests.support.comfy import ComfyServer
from tests.workflows import published, smoke_runs, studio
from tests.workflows.published import Graph, inputs_of
from tests.workflows.scene_graphs import titled
from tests.workflows.smoke_runs import nodes_of
from tests.workflows.test_outlines import NEWEST


def value(graph: Graph, source: Any, *, switched: bool = False) -> Any:
    """What reaches an input: a value, or that of the node it is linked to; switches stand as `switched` says."""
    while isinstance(source, list):
        inputs = graph[source[0]]["inputs"]
        source = inputs["on_true" if switched else "on_false"] if "on_true" in inputs else next(iter(inputs.values()))
    return source


# --- the original recipe ---------------------------------------------------------------------------------------------


def test_the_second_stage_is_the_authors() -> None:
    graph = published.load(NEWEST["grip_sdxl_original"])
    (second,) = nodes_of(graph, "KSamplerAdvanced")
    inputs = graph[second]["inputs"]
    assert value(graph, inputs["cfg"]) == 0
    assert (inputs["steps"], inputs["start_at_step"], inputs["add_noise"]) == (40, 30, "disable")
    chain = []
    control = inputs["positive"]
    while graph[control[0]]["class_type"] == "ControlNetApplyAdvanced":
        chain.append(graph[control[0]]["inputs"]["strength"])
        control = graph[control[0]]["inputs"]["positive"]
    assert chain == [0.35, 0.8, 1.0, 0.9, 0.4]  # the hands' three on top of the first stage's two
    noised = graph[inputs["latent_image"][0]]
    assert noised["class_type"] == "AddNoise"  # hands on the first stage's latent with its noise mask
    assert graph[noised["inputs"]["latent_image"][0]]["class_type"] == "KSampler"
    assert not nodes_of(graph, "SetLatentNoiseMask")


def test_the_end_is_the_authors_too() -> None:
    """The photo as it was taken, at 101 %; where it is lit all the same, its place is known."""
    graph = published.load(NEWEST["grip_sdxl_original"])
    inputs = inputs_of(graph)
    values = {name: graph[inputs[name][0]]["inputs"][inputs[name][1]] for name in ("relight", "scale")}
    assert values == {"relight": 0.0, "scale": 1.01}
    (lit,) = nodes_of(graph, "ProdgenColorFix")
    assert graph[lit]["inputs"]["in_place"] is True


@pytest.mark.slow
def test_the_noise_mask_of_the_first_stage_holds_in_the_second(smoke_server: ComfyServer) -> None:
    """Without its third-party nodes: where the product lies, the second stage changes nothing of its start."""
    graph = published.load(NEWEST["grip_sdxl_original"])
    (second,) = nodes_of(graph, "KSamplerAdvanced")
    strong, decoded = titled(graph, "input: strong_strength = strength"), titled(graph, "Stage 2")
    graph[second]["inputs"] |= {"positive": [strong, 0], "negative": [strong, 1]}
    graph[second]["inputs"] |= {"steps": 8, "start_at_step": 6}  # the same last quarter, in two steps
    graph = up_to(graph, decoded)
    start = {**graph[decoded]["inputs"], "samples": graph[second]["inputs"]["latent_image"]}
    graph["start"] = {"class_type": "VAEDecode", "inputs": start, "_meta": {"title": ""}}
    (kept,) = nodes_of(graph, "ProdgenEraseHandle")
    looks = {"start": ("start", 0), "painted": (decoded, 0), "mask": (kept, 1)}
    size = {"width": 256, "height": 384, "steps": 2, "pose": "held_beside_hips"}
    shown = smoke_runs.run(smoke_server, graph, looks, image=smoke_server.upload(studio.bag().photo), **size).pictures
    apart = np.abs(shown["painted"] - shown["start"]).mean(axis=-1)
    own = ndimage.binary_erosion(shown["mask"][..., 0] > 0.99, iterations=14)  # deeper than the decoder looks
    around = ~ndimage.binary_dilation(shown["mask"][..., 0] > 0.01, iterations=14)
    assert own.sum() > 50
    assert apart[own].mean() < 0.1 * apart[around].mean()


# --- few steps -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["grip_qwen", "scene_qwen"])
def test_qwen_as_its_makers_run_it(name: str) -> None:
    graph = published.load(NEWEST[name])
    (lora,) = nodes_of(graph, "ProdgenOptionalLora")
    samplers = [graph[node]["inputs"] for node in (*nodes_of(graph, "KSampler"), *nodes_of(graph, "CFGGuider"))]
    (cfg,) = (inputs["cfg"] for inputs in samplers)
    if "steps" in samplers[0]:
        steps = [value(graph, samplers[0]["steps"], switched=switched) for switched in (False, True)]
    else:  # each way has a scheduler of its own
        steps = [value(graph, graph[node]["inputs"]["steps"]) for node in nodes_of(graph, "BasicScheduler")]
    assert (steps[0], value(graph, cfg)) == (40, 4.0)
    assert (steps[1], value(graph, cfg, switched=True)) == (4, 1.0)
    assert {node["inputs"]["switch"][0] for node in graph.values() if "switch" in node["inputs"]} == {lora}


@pytest.mark.parametrize("name", ["grip_qwen", "scene_qwen"])
def test_qwen_refers_to_the_placed_product_in_the_pictures_own_cells(name: str) -> None:
    graph = published.load(NEWEST[name])
    encoders = nodes_of(graph, "TextEncodeQwenImageEditPlus")
    assert len(encoders) == 2 and not any("vae" in graph[node]["inputs"] for node in encoders)
    references = [graph[node]["inputs"] for node in nodes_of(graph, "ReferenceLatent")]
    (encoded,) = nodes_of(graph, "VAEEncode")
    assert sorted(one["conditioning"][0] for one in references) == sorted(encoders)
    assert all(one["latent"] == [encoded, 0] for one in references), "and it is encoded once"


@pytest.mark.parametrize("name", ["grip_sdxl", "grip_sdxl_fast", "scene_sdxl"])
@pytest.mark.parametrize("strong_from", [0.2, 0.25, 0.5])
def test_no_step_is_held_weakly_and_strongly_at_once(name: str, strong_from: float, smoke_server: ComfyServer) -> None:
    """Core's ControlNet counts both ends of its range in, and a step may lie exactly there."""
    graph = published.load(NEWEST[name])
    weak, strong = (graph[titled(graph, f"input: {kind}_strength = strength")]["inputs"] for kind in ("weak", "strong"))
    at, ends = titled(graph, "input: strong_from"), {"begun": strong["start_percent"], "ended": weak["end_percent"]}
    shown = {node: graph[node] for node, _ in ends.values()} | {at: {**graph[at], "inputs": {"value": strong_from}}}
    for name_of_end, source in ends.items():
        shown[name_of_end] = {"class_type": "PreviewAny", "inputs": {"source": source}, "_meta": {"title": ""}}
    told = smoke_server.run(shown, 60)
    begun, ended = (float(told[end]["text"][0]) for end in ends)
    assert strong_from - 0.0011 < ended < begun <= strong_from
    if name == "grip_sdxl_fast":  # its third step lies at 25 %: a rounding must not leave it without any hold
        assert strong_from - 0.0006 < begun < strong_from


@pytest.mark.parametrize(
    ("denoise", "first"), [(1.0, 0), (0.95, 0), (0.7, 2), (0.65, 3), (0.5, 4), (0.3, 6), (0.01, 7), (0.0, 7)]
)
@pytest.mark.parametrize("name", ["scene_sdxl.v3", "outpaint.v3", "grip_sdxl_fast.v8"])
def test_a_fast_lora_runs_on_the_steps_it_was_trained_on(
    name: str, denoise: float, first: int, smoke_server: ComfyServer
) -> None:
    graph = published.load(name)
    (start,) = (
        node
        for node in nodes_of(graph, "ComfyMathExpression")
        if graph[node]["_meta"]["title"].startswith("Step at which")
    )
    shown = up_to(graph, start)
    shown["show"] = {"class_type": "PreviewAny", "inputs": {"source": [start, 1]}, "_meta": {"title": ""}}
    shown = published.with_values(shown, denoise=denoise)
    assert [int(text) for text in smoke_server.run(shown, 60)["show"]["text"]] == [first]
    schedulers = {node["inputs"].get("scheduler") for node in graph.values()}
    assert "sgm_uniform" in schedulers


# --- IC-Light --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "authors", "prodgen"),
    [
        ("relight_iclight.v3", (25, 2.0, "dpmpp_2m_sde", 0.9), (20, 1.0, "dpmpp_2s_ancestral", 1.0)),
        ("relight_iclight_bg.v4", (20, 7.0, "dpmpp_2m_sde", 1.0), (20, 1.0, "dpmpp_2s_ancestral", 1.0)),
    ],
)
def test_iclight_as_its_authors_and_as_prodgen_ran_it(
    name: str, authors: tuple[Any, ...], prodgen: tuple[Any, ...]
) -> None:
    graph = published.load(name)
    fast_lora = inputs_of(graph)["fast_lora"][0]

    def without_fast_lora(source: Any) -> Any:
        assert graph[source[0]]["inputs"]["switch"] == [fast_lora, 3]
        return graph[source[0]]["inputs"]["on_false"]

    guider = graph[titled(graph, "First pass")]["inputs"]
    sampled = graph[titled(graph, "First pass, painted")]["inputs"]
    sigmas = graph[without_fast_lora(sampled["sigmas"])[0]]["inputs"]
    cfg, sampler = without_fast_lora(guider["cfg"]), without_fast_lora(sampled["sampler"])
    for switched, settings in ((False, authors), (True, prodgen)):
        read = (sigmas["steps"], cfg, sampler, sigmas["denoise"])
        assert tuple(value(graph, source, switched=switched) for source in read) == settings
    own = titled(graph, "The fast LoRA's own steps")
    schedulers = [node for node in nodes_of(graph, "BasicScheduler") if node != own]
    assert {graph[node]["inputs"]["scheduler"] for node in schedulers} == {"karras"}
    switches = {node["inputs"]["switch"][0] for node in graph.values() if "switch" in node["inputs"]}
    pure = titled(graph, "Whether all is painted anew")
    assert switches == {inputs_of(graph)["prodgen"][0], pure, fast_lora}


@pytest.mark.parametrize("name", ["relight_iclight.v3", "relight_iclight_bg.v4"])
@pytest.mark.parametrize(("denoise", "second", "begins"), [(1.0, 0.5, [0, 4]), (0.9, 1.0, [1, 0]), (0.3, 0.0, [6, 7])])
def test_iclight_runs_a_fast_lora_on_its_own_steps_in_both_passes(
    name: str, denoise: float, second: float, begins: list[int], smoke_server: ComfyServer
) -> None:
    graph = published.load(name)
    own = graph[titled(graph, "The fast LoRA's own steps")]["inputs"]
    assert (value(graph, own["steps"]), own["scheduler"]) == (8, "sgm_uniform")
    starts = []
    for which in ("First pass", "Second pass"):
        guider, sampled = graph[titled(graph, which)]["inputs"], graph[titled(graph, f"{which}, painted")]["inputs"]
        assert (value(graph, guider["cfg"], switched=True), value(graph, sampled["sampler"], switched=True)) == (
            5.0,
            "euler",
        )
        last = graph[sampled["sigmas"][0]]["inputs"]["on_true"]
        assert last[1] == 1, "the low sigmas"
        starts.append(graph[last[0]]["inputs"]["step"][0])
    shown = up_to(graph, *starts)
    for node in starts:
        shown[f"show {node}"] = {"class_type": "PreviewAny", "inputs": {"source": [node, 1]}, "_meta": {"title": ""}}
    ran = smoke_server.run(published.with_values(shown, denoise=denoise, second_denoise=second), 60)
    assert [int(ran[f"show {node}"]["text"][0]) for node in starts] == begins


@pytest.mark.parametrize(
    ("photo", "asked", "prodgen", "first", "final"),
    [
        ((1000, 1250), (0, 0), False, (512, 640), (768, 960)),  # the authors' own
        ((400, 300), (0, 0), False, (664, 496), (992, 744)),  # a small photo is painted at a size that can be painted
        ((1300, 2000), (1300, 2000), False, (512, 792), (1296, 2000)),
        ((1300, 2000), (0, 0), True, (1296, 2000), (1296, 2000)),
        ((700, 700), (0, 0), True, (704, 704), (704, 704)),
    ],
)
def test_both_passes_have_sizes_that_can_be_painted(
    photo: tuple[int, int],
    asked: tuple[int, int],
    prodgen: bool,
    first: tuple[int, int],
    final: tuple[int, int],
    smoke_server: ComfyServer,
) -> None:
    graph = published.load("relight_iclight.v3")
    titles = ["Width of the first pass", "Height of the first pass"]
    titles += ["Width: as asked, or the photo's", "Height: as asked, or the photo's"]
    ids = [titled(graph, title) for title in titles]
    file = smoke_server.upload(Image.new("RGB", photo, "white"))
    given = {"image": file, "width": asked[0], "height": asked[1], "prodgen": prodgen}
    graph = published.with_values(up_to(graph, *ids), **given)
    for node in ids:
        graph[f"show {node}"] = {"class_type": "PreviewAny", "inputs": {"source": [node, 1]}, "_meta": {"title": ""}}
    ran = smoke_server.run(graph, 60)
    shown = [int(ran[f"show {node}"]["text"][0]) for node in ids]
    assert (*shown[:2],) == first
    assert (*shown[2:],) == final


# --- series ----------------------------------------------------------------------------------------------------------


def test_series_sells() -> None:
    graph = published.load(NEWEST["series"])
    assert graph[inputs_of(graph)["upscaler"][0]]["inputs"]["model_name"] == "RealESRGAN_x4plus.safetensors"
