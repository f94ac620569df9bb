"""The smoke models beside SDXL and SD 1.5 in a real ComfyUI: each loads, runs, and answers to what it is given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.support.comfy import ComfyServer
from tests.support.runs import Graph, node
from tests.support.smoke import (
    Levels,
    colourful_photo,
    levels,
    run_pictures,
    seen_through_the_vae,
    smoke_file,
    smoke_models,
)

SIZE = 128
PHOTO = colourful_photo(SIZE)


@pytest.fixture(scope="module")
def smoke_server(comfy_server: ComfyServer) -> Iterator[ComfyServer]:
    with smoke_models(comfy_server) as server:
        yield server


def start(server: ComfyServer) -> Graph:
    return {"photo": node("LoadImage", image=server.upload(PHOTO))}


def show(graph: Graph, name: str, source: str) -> None:
    graph[name] = node("PreviewImage", images=[source, 0])


def decode(graph: Graph, name: str, samples: str, vae: tuple[str, int] = ("vae", 0)) -> None:
    graph[f"decoded {name}"] = node("VAEDecode", samples=[samples, 0], vae=list(vae))
    show(graph, name, f"decoded {name}")


def differ(pictures: dict[str, Levels], least: float) -> None:
    """Every picture differs from `base`, and none is black or flat."""
    base = pictures["base"]
    for name, picture in pictures.items():
        assert picture.mean() > 20 and picture.std() > 10, name
        assert name == "base" or np.abs(picture - base).mean() > least, name


@pytest.mark.parametrize("file", ["vae_sdxl", "vae_flux1", "vae_flux2"])
def test_every_vae_passes_colours_and_places_through(smoke_server: ComfyServer, file: str) -> None:
    graph = start(smoke_server)
    graph["vae"] = node("VAELoader", vae_name=smoke_file(file))
    graph["encoded"] = node("VAEEncode", pixels=["photo", 0], vae=["vae", 0])
    decode(graph, "shown", "encoded")
    shown = run_pictures(smoke_server, graph)["shown"]
    assert np.abs(shown - seen_through_the_vae(PHOTO)).max() <= 1.5


def test_the_upscaler_repeats_pixels(smoke_server: ComfyServer) -> None:
    graph = start(smoke_server)
    graph["model"] = node("UpscaleModelLoader", model_name=smoke_file("upscaler_4x"))
    graph["large"] = node("ImageUpscaleWithModel", upscale_model=["model", 0], image=["photo", 0])
    show(graph, "shown", "large")
    wanted = levels(PHOTO).repeat(4, axis=0).repeat(4, axis=1)
    assert np.array_equal(run_pictures(smoke_server, graph)["shown"], wanted)


def test_the_detector_sees_people_and_nothing_else(smoke_server: ComfyServer) -> None:
    graph = start(smoke_server)
    graph["model"] = node("UNETLoader", unet_name=smoke_file("rt_detr"), weight_dtype="default")
    for kind in ("person", "car"):
        settings = {"threshold": 0.5, "class_name": kind, "max_detections": 2}
        graph[f"boxes {kind}"] = node("RTDETR_detect", model=["model", 0], image=["photo", 0], **settings)
        graph[f"drawn {kind}"] = node("DrawBBoxes", bboxes=[f"boxes {kind}", 0], image=["photo", 0])
        show(graph, kind, f"drawn {kind}")
    pictures = run_pictures(smoke_server, graph)
    assert np.array_equal(pictures["car"], levels(PHOTO))
    assert np.abs(pictures["person"] - levels(PHOTO)).mean() > 1


def test_depth_is_seen_at_the_pictures_size(smoke_server: ComfyServer) -> None:
    graph = start(smoke_server)
    graph["model"] = node("LoadDA3Model", model_name=smoke_file("depth_anything_3"), weight_dtype="default")
    settings = {"resolution": 140, "resize_method": "upper_bound_resize", "mode": "mono"}
    graph["geometry"] = node("DA3Inference", da3_model=["model", 0], image=["photo", 0], **settings)
    rendering: dict[str, Any] = {"output": "depth", "output.normalization": "min_max", "output.apply_sky_clip": False}
    graph["depth"] = node("DA3Render", da3_geometry=["geometry", 0], **rendering)
    show(graph, "shown", "depth")
    depth = run_pictures(smoke_server, graph)["shown"]
    assert depth.shape == (SIZE, SIZE, 3) and depth.std() > 5


@pytest.mark.slow
def test_klein_answers_to_seed_text_and_reference(smoke_server: ComfyServer) -> None:
    graph = start(smoke_server)
    graph["model"] = node("UNETLoader", unet_name=smoke_file("flux2_klein"), weight_dtype="default")
    graph["clip"] = node("CLIPLoader", clip_name=smoke_file("clip_l"), type="flux2", device="default")
    graph["vae"] = node("VAELoader", vae_name=smoke_file("vae_flux2"))
    graph["text"] = node("CLIPTextEncode", clip=["clip", 0], text="a woman holding a bag")
    graph["other"] = node("CLIPTextEncode", clip=["clip", 0], text="a shoe on a shelf, seen from above")
    graph["encoded"] = node("VAEEncode", pixels=["photo", 0], vae=["vae", 0])
    graph["sampler"] = node("KSamplerSelect", sampler_name="euler")
    graph["sigmas"] = node("Flux2Scheduler", steps=2, width=SIZE, height=SIZE)
    graph["blank"] = node("EmptyFlux2LatentImage", width=SIZE, height=SIZE, batch_size=1)
    for name, text, seed, reference in (
        ("base", "text", 1, True),
        ("seed", "text", 2, True),
        ("text changed", "other", 1, True),
        ("no reference", "text", 1, False),
    ):
        graph[f"noise {name}"] = node("RandomNoise", noise_seed=seed)
        graph[f"seen {name}"] = node("ReferenceLatent", conditioning=[text, 0], latent=["encoded", 0])
        wanted = f"seen {name}" if reference else text
        graph[f"guide {name}"] = node("BasicGuider", model=["model", 0], conditioning=[wanted, 0])
        graph[f"sample {name}"] = node(
            "SamplerCustomAdvanced",
            noise=[f"noise {name}", 0],
            guider=[f"guide {name}", 0],
            sampler=["sampler", 0],
            sigmas=["sigmas", 0],
            latent_image=["blank", 0],
        )
        decode(graph, name, f"sample {name}")
    differ(run_pictures(smoke_server, graph), least=0.5)


def test_flux1_answers_to_seed_and_text(smoke_server: ComfyServer) -> None:
    graph: Graph = {
        "model": node("UNETLoader", unet_name=smoke_file("flux1"), weight_dtype="default"),
        "clip": node("CLIPLoader", clip_name=smoke_file("clip_l"), type="stable_diffusion", device="default"),
        "vae": node("VAELoader", vae_name=smoke_file("vae_flux1")),
        "text": node("CLIPTextEncode", clip=["clip", 0], text="a woman holding a bag"),
        "other": node("CLIPTextEncode", clip=["clip", 0], text="a shoe on a shelf, seen from above"),
        "blank": node("EmptySD3LatentImage", width=SIZE, height=SIZE, batch_size=1),
    }
    for name, text, seed in (("base", "text", 1), ("seed", "text", 2), ("text changed", "other", 1)):
        graph[f"sample {name}"] = sampling(["model", 0], text, seed)
        decode(graph, name, f"sample {name}")
    differ(run_pictures(smoke_server, graph), least=0.5)


@pytest.mark.parametrize("kind", ["fc", pytest.param("fbc", marks=pytest.mark.slow)])
def test_iclight_answers_to_the_product_it_is_given(smoke_server: ComfyServer, kind: str) -> None:
    graph = start(smoke_server)
    graph["base model"] = node("CheckpointLoaderSimple", ckpt_name=smoke_file("sd15"))
    graph["text"] = node("CLIPTextEncode", clip=["base model", 1], text="sunlight through a window")
    graph["blank"] = node("EmptyLatentImage", width=SIZE, height=SIZE, batch_size=1)
    graph["mirrored"] = node("ImageInvert", image=["photo", 0])
    background = {"background": ["encoded photo", 0]} if kind == "fbc" else {}
    for name, picture, strength in (("base", "photo", 1.0), ("product", "mirrored", 1.0), ("strength", "photo", 0.5)):
        graph[f"encoded {picture}"] = node("VAEEncode", pixels=[picture, 0], vae=["base model", 2])
        settings = {"iclight_name": smoke_file(f"iclight_{kind}"), "strength": strength, **background}
        lit = node("ProdgenICLight", model=["base model", 0], foreground=[f"encoded {picture}", 0], **settings)
        graph[f"lit {name}"] = lit
        graph[f"sample {name}"] = sampling([f"lit {name}", 0], "text", 1)
        decode(graph, name, f"sample {name}", ("base model", 2))
    differ(run_pictures(smoke_server, graph), least=0.5)


def sampling(model: list[Any], text: str, seed: int) -> dict[str, Any]:
    """Two steps from noise."""
    wires = {"model": model, "positive": [text, 0], "negative": [text, 0], "latent_image": ["blank", 0]}
    how = {"steps": 2, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple", "denoise": 1.0}
    return node("KSampler", seed=seed, **wires, **how)


@pytest.mark.slow
def test_sdpose_reads_keypoints_that_can_be_drawn(smoke_server: ComfyServer) -> None:
    """It always looks at 768×1024, about 20 s of one core."""
    graph = start(smoke_server)
    graph["model"] = node("CheckpointLoaderSimple", ckpt_name=smoke_file("sdpose"))
    wires = {"model": ["model", 0], "vae": ["model", 2], "image": ["photo", 0]}
    graph["keypoints"] = node("SDPoseKeypointExtractor", **wires, batch_size=1)
    what = dict.fromkeys(("draw_body", "draw_hands", "draw_face", "draw_feet", "draw_head"), True)
    how = {"stick_width": 4, "face_point_size": 3, "score_threshold": 0.3}
    graph["drawn"] = node("SDPoseDrawKeypoints", keypoints=["keypoints", 0], **what, **how)
    show(graph, "shown", "drawn")
    assert run_pictures(smoke_server, graph)["shown"].std() > 10
