"""The smoke models in a real ComfyUI: they load, and what they paint depends on everything that should matter.

They are made-up weights. What is proven here is wiring, and that a test can trust places and colours through their VAE.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner.errors import EXIT_OK, EXIT_USAGE, UsageError
from runner.execution.job import RERUN_KEY
from runner.local_server.process import Installation
from runner.models.manifest import load_manifest
from runner.models.stand_ins import MODELS
from runner.smoke.writer import write_smoke_models
from tests.support.comfy import ComfyServer
from tests.support.runs import Graph, command, node
from tests.support.smoke import (
    Levels,
    colourful_photo,
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


def loaded(server: ComfyServer, checkpoint: str) -> Graph:
    """The checkpoint, a photo and two texts."""
    return {
        "model": node("CheckpointLoaderSimple", ckpt_name=smoke_file(checkpoint)),
        "photo": node("LoadImage", image=server.upload(PHOTO)),
        "text": node("CLIPTextEncode", clip=["model", 1], text="a woman in the city holding a bag"),
        "negative": node("CLIPTextEncode", clip=["model", 1], text="blurry"),
        "blank": node("EmptyLatentImage", width=SIZE, height=SIZE, batch_size=1),
    }


def add_sampling(graph: Graph, name: str, **changes: Any) -> None:
    """A sampling of two steps from noise, decoded and shown under `name`."""
    settings = {
        "model": ["model", 0],
        "positive": ["text", 0],
        "negative": ["negative", 0],
        "latent_image": ["blank", 0],
        "seed": 1,
        "steps": 2,
        "cfg": 5.0,
        "sampler_name": "euler",
        "scheduler": "normal",
        "denoise": 1.0,
        **changes,
    }
    graph[f"sample {name}"] = node("KSampler", **settings)
    graph[f"decode {name}"] = node("VAEDecode", samples=[f"sample {name}", 0], vae=["model", 2])
    graph[name] = node("PreviewImage", images=[f"decode {name}", 0])


def add_control(graph: Graph, name: str, file: str, kind: str, strength: float) -> dict[str, Any]:
    graph[f"net {name}"] = node("ControlNetLoader", control_net_name=smoke_file(file))
    graph[f"kind {name}"] = node("SetUnionControlNetType", control_net=[f"net {name}", 0], type=kind)
    graph[f"apply {name}"] = node(
        "ControlNetApplyAdvanced",
        positive=["text", 0],
        negative=["negative", 0],
        control_net=[f"kind {name}", 0],
        image=["photo", 0],
        strength=strength,
        start_percent=0.0,
        end_percent=1.0,
    )
    return {"positive": [f"apply {name}", 0], "negative": [f"apply {name}", 1]}


def add_lora(graph: Graph, name: str, file: str, strength: float = 0.8) -> dict[str, Any]:
    settings = {"lora_name": smoke_file(file), "strength_model": strength, "strength_clip": strength}
    graph[f"lora {name}"] = node("LoraLoader", model=["model", 0], clip=["model", 1], **settings)
    return {"model": [f"lora {name}", 0]}


def through_the_vae(server: ComfyServer, checkpoint: str) -> float:
    """The largest error in levels of a photo that was encoded and decoded, against its own means of 8×8 pixels."""
    graph = loaded(server, checkpoint)
    graph["encode"] = node("VAEEncode", pixels=["photo", 0], vae=["model", 2])
    graph["decode"] = node("VAEDecode", samples=["encode", 0], vae=["model", 2])
    graph["shown"] = node("PreviewImage", images=["decode", 0])
    return float(np.abs(run_pictures(server, graph)["shown"] - seen_through_the_vae(PHOTO)).max())


def check_all_matter(pictures: dict[str, Levels], least: float) -> None:
    """`again` equals `base`; everything else differs from it by `least` levels on average; nothing is black or flat."""
    base = pictures.pop("base")
    assert np.array_equal(pictures.pop("again"), base)
    assert 40 < base.mean() < 215 and base.std() > 10
    for name, picture in pictures.items():
        assert np.abs(picture - base).mean() > least, name
        assert picture.std() > 10, name


def test_the_files_are_small_named_as_smoke_and_the_same_every_time(smoke_server: ComfyServer, tmp_path: Path) -> None:
    first = {one.name: one for one in write_smoke_models(smoke_server.installation, tmp_path / "a")}
    assert set(first) == {model.name for model in MODELS}
    for one in first.values():
        assert one.file.name.startswith("prodgen_smoke_")
        earlier = smoke_server.models_dir / one.file.relative_to(tmp_path / "a")
        assert one.file.read_bytes() == earlier.read_bytes(), one.name
    assert sum(one.bytes for one in first.values()) < 64e6


@pytest.mark.parametrize("checkpoint", ["sdxl", "sd15"])
def test_the_vae_passes_colours_and_places_through(smoke_server: ComfyServer, checkpoint: str) -> None:
    assert through_the_vae(smoke_server, checkpoint) <= 1.5  # 1 is what rounding to 8 bits twice costs


@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["one of a kind", "all"])
def test_sdxl_paints_what_seed_prompt_control_lora_and_freeu_say(smoke_server: ComfyServer, whole: bool) -> None:
    graph = loaded(smoke_server, "sdxl")
    graph["other text"] = node("CLIPTextEncode", clip=["model", 1], text="a pair of shoes on a shelf")
    graph["freeu"] = node("FreeU_V2", model=["model", 0], b1=1.3, b2=1.4, s1=0.9, s2=0.2)
    union = "controlnet_union_sdxl"
    add_sampling(graph, "base")
    add_sampling(graph, "again", **{RERUN_KEY: 1})
    add_sampling(graph, "seed", seed=2)
    add_sampling(graph, "prompt", positive=["other text", 0])
    add_sampling(graph, "freeu sample", model=["freeu", 0])
    add_sampling(graph, "control", **add_control(graph, "tile", union, "tile", 0.7))
    add_sampling(graph, "control type", **add_control(graph, "depth", union, "depth", 0.7))
    if whole:
        add_sampling(graph, "control strength", **add_control(graph, "weak", union, "tile", 0.35))
        add_sampling(graph, "control tile", **add_control(graph, "own", "controlnet_tile_sdxl", "auto", 0.7))
    for name in ("people", "hands", "fast") if whole else ("people",):
        add_sampling(graph, f"with lora {name}", **add_lora(graph, name, f"lora_sdxl_{name}"))
    pictures = run_pictures(smoke_server, graph)
    controls = [picture for name, picture in pictures.items() if name.startswith("control")]
    for number, one in enumerate(controls):
        assert all(np.abs(one - other).mean() > 2 for other in controls[number + 1 :])
    check_all_matter(pictures, least=2.0)


def test_a_weak_denoising_keeps_the_picture_and_a_mask_keeps_the_rest(smoke_server: ComfyServer) -> None:
    """What every compositing test builds on: the masked part is painted, the rest is the photo's own colour."""
    graph = loaded(smoke_server, "sdxl")
    graph["hole"] = node("SolidMask", value=1.0, width=48, height=48)
    graph["none"] = node("SolidMask", value=0.0, width=SIZE, height=SIZE)
    placed = {"destination": ["none", 0], "source": ["hole", 0], "x": 40, "y": 48, "operation": "add"}
    graph["mask"] = node("MaskComposite", **placed)
    graph["encode"] = node("VAEEncode", pixels=["photo", 0], vae=["model", 2])
    graph["masked"] = node("SetLatentNoiseMask", samples=["encode", 0], mask=["mask", 0])
    add_sampling(graph, "painted", latent_image=["masked", 0], denoise=0.9)
    add_sampling(graph, "weak", latent_image=["encode", 0], denoise=0.15, cfg=1.0)
    pictures = run_pictures(smoke_server, graph)
    photo_seen = seen_through_the_vae(PHOTO)
    inside = np.zeros((SIZE, SIZE), dtype=bool)
    inside[48:96, 40:88] = True
    error = np.abs(pictures["painted"] - photo_seen).mean(axis=-1)
    assert error[~inside].max() <= 1.5, "outside the mask the photo stays"
    assert error[inside].mean() > 20, "inside it is painted"
    assert np.corrcoef(pictures["weak"].ravel(), photo_seen.ravel())[0, 1] > 0.8


@pytest.mark.slow
def test_sd15_paints_what_seed_prompt_control_and_lora_say(smoke_server: ComfyServer) -> None:
    graph = loaded(smoke_server, "sd15")
    graph["other text"] = node("CLIPTextEncode", clip=["model", 1], text="a pair of shoes on a shelf")
    add_sampling(graph, "base")
    add_sampling(graph, "again", **{RERUN_KEY: 1})
    add_sampling(graph, "seed", seed=2)
    add_sampling(graph, "prompt", positive=["other text", 0])
    add_sampling(graph, "control", **add_control(graph, "own", "controlnet_sd15", "auto", 0.7))
    add_sampling(graph, "control strength", **add_control(graph, "weak", "controlnet_sd15", "auto", 0.35))
    add_sampling(graph, "with lora", **add_lora(graph, "style", "lora_sd15"))
    check_all_matter(run_pictures(smoke_server, graph), least=2.0)


def own_comfyui(comfy_installation: Installation, folder: Path) -> Path:
    """A ComfyUI of somebody's own: the installed one's code, models of its own."""
    for entry in comfy_installation.comfyui.iterdir():
        if entry.name not in ("models", "custom_nodes"):
            (folder / entry.name).symlink_to(entry)
    (folder / "models").mkdir()
    return folder


def test_models_smoke_writes_what_stands_in_for_a_model(comfy_installation: Installation, tmp_path: Path) -> None:
    home = own_comfyui(comfy_installation, tmp_path)
    made = command("models", "smoke", "sdxl-lightning-8step", "--comfyui", str(home), "--json", folder=tmp_path)
    assert made.code == EXIT_OK, made.err
    (event,) = made.events
    file = home / "models" / "loras" / smoke_file("lora_sdxl_fast")
    assert Path(event["file"]) == file and file.stat().st_size == event["bytes"]
    assert "not how pictures look" in made.err
    assert [path for path in (home / "models").rglob("*") if path.is_file()] == [file]


def test_models_smoke_says_where_nothing_can_stand_in(comfy_installation: Installation, tmp_path: Path) -> None:
    home = own_comfyui(comfy_installation, tmp_path)
    refused = command("models", "smoke", "qwen-image-edit-2511", "--comfyui", str(home), folder=tmp_path)
    assert refused.code == EXIT_USAGE and "smoke model" in refused.err
    elsewhere = command("models", "smoke", "--comfyui", str(tmp_path / "models"), folder=tmp_path)
    assert elsewhere.code == EXIT_USAGE and "no ComfyUI folder" in elsewhere.err


def test_a_generator_that_fails_says_why(comfy_installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("", encoding="utf-8")
    hollow = Installation(tmp_path, comfy_installation.python, version="", managed=False)
    with pytest.raises(UsageError, match=r"(?s)could not be made.*No module named 'comfy"):
        list(write_smoke_models(hollow, tmp_path / "models"))


def test_every_stand_in_of_the_manifest_exists_and_every_smoke_model_is_used() -> None:
    named = {model.smoke for model in load_manifest().models if model.smoke is not None}
    used_by_tests_only = {smoke_file(name) for name in ("vae_flux1",)}
    assert named | used_by_tests_only == {model.file for model in MODELS}
