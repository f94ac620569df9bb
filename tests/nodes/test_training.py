"""Training on a real ComfyUI with a tiny FLUX.2 klein of made-up weights; every trap of core's trainer is a test.

The traps, in the order of the facts: stale data of an old folder name; order, EXIF and alpha of the pictures; sizes;
pictures and captions that drift apart; alpha, norms and biases that are trained; seeds; going on; interruption; one
step; the depth of gradient checkpointing.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import torch
from PIL import Image
from prodgen_nodes.training.files import read_weights

from runner.local_server.process import Installation
from tests.support.comfy import REPO, ComfyServer, GraphError
from tests.support.smoke import fill_with_smoke, levels, run_pictures, smoke_file, smoke_models

KLEIN = ("flux2_klein", "clip_l", "vae_flux2")
SIDE = 128


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs, "_meta": {"title": kind}}


@pytest.fixture(scope="module")
def server(comfy_server: ComfyServer) -> Iterator[ComfyServer]:
    with smoke_models(comfy_server, *KLEIN) as running:
        yield running


def picture(number: int) -> Image.Image:
    """A red disc on a backdrop of its own, RGBA."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    inside = np.hypot(x - 0.5, y - 0.5) < 0.3
    rgb = np.stack([x, y, np.full_like(x, number % 5 / 5)], axis=-1) * 255
    rgb[inside] = (200, 30, 40)
    return Image.fromarray(np.dstack([rgb, inside * 255]).astype(np.uint8), "RGBA")


def photos(server: ComfyServer, name: str, count: int = 3) -> Path:
    folder = server.input_dir / "training" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for number in range(count):
        picture(number).save(folder / f"{number}.png")
        (folder / f"{number}.txt").write_text(f"ohwx, bag, view {number}", encoding="utf-8")
    return folder


SETTINGS: dict[str, Any] = {
    "name": "test", "base": smoke_file("flux2_klein"), "tag": "ohwx", "recipe": "test", "steps": 4, "stop_at": 0,
    "save_every": 2, "batch": 2, "accumulation": 1, "learning_rate": 0.01, "schedule": "cosine", "warmup": 0.25,
    "cycles": 1, "rank": 4, "alpha": 2.0, "min_snr": 0.0, "optimizer": "AdamW", "loss": "MSE", "seed": 5,
    "masked": True,
    "training_dtype": "fp32", "lora_dtype": "fp32", "gradient_checkpointing": True, "checkpoint_depth": 2,
}  # fmt: skip


def graph(folder: str, **settings: Any) -> dict[str, Any]:
    values = {**SETTINGS, **settings}
    return {
        "model": node("UNETLoader", unet_name=smoke_file("flux2_klein"), weight_dtype="default"),
        "clip": node("CLIPLoader", clip_name=smoke_file("clip_l"), type="flux2", device="default"),
        "vae": node("VAELoader", vae_name=smoke_file("vae_flux2")),
        "photos": node("ProdgenTrainingPhotos", folder=f"training/{folder}"),
        "train": node(
            "ProdgenTrainLora", model=["model", 0], clip=["clip", 0], vae=["vae", 0], images=["photos", 0],
            masks=["photos", 1], captions=["photos", 2], **values,
        ),
    }  # fmt: skip


def painted(graph: dict[str, Any]) -> dict[str, Any]:
    """The graph, and what the LoRA paints, by core's own nodes, beside what is painted without it."""
    graph["text"] = node("CLIPTextEncode", text="ohwx, bag", clip=["clip", 0])
    graph["empty"] = node("EmptyFlux2LatentImage", width=SIDE, height=SIDE, batch_size=1)
    graph["learnt"] = node("LoraModelLoader", model=["model", 0], lora=["train", 0], strength_model=1.0, bypass=False)
    for name, model in (("with", "learnt"), ("without", "model")):
        graph[f"sample_{name}"] = node(
            "KSampler", model=[model, 0], positive=["text", 0], negative=["text", 0], latent_image=["empty", 0], seed=1,
            steps=2, cfg=1.0, sampler_name="euler", scheduler="simple", denoise=1.0,
        )  # fmt: skip
        graph[f"decode_{name}"] = node("VAEDecode", samples=[f"sample_{name}", 0], vae=["vae", 0])
        graph[name] = node("SaveImage", images=[f"decode_{name}", 0], filename_prefix=f"lora_{name}")
    return graph


def report(server: ComfyServer, graph: dict[str, Any], *, plain: bool = False) -> dict[str, Any]:
    said = dict(json.loads(server.run(graph)["train"]["text"][0]))
    assert said["plain"] is plain, said["notes"]
    return said


def lora(server: ComfyServer, said: dict[str, Any]) -> Path:
    return server.output_dir / "loras" / str(said["lora"])


def forget(server: ComfyServer) -> None:
    for name in ("loras", "training"):
        shutil.rmtree(server.output_dir / name, ignore_errors=True)


@pytest.mark.slow
def test_the_same_seed_is_the_same_file_and_another_is_another(server: ComfyServer) -> None:
    photos(server, "seeds", 2)
    made = []
    for seed in (5, 5, 6):
        forget(server)
        said = report(server, graph("seeds", seed=seed, steps=2))
        made.append(lora(server, said).read_bytes())
    assert made[0] == made[1] != made[2]


@pytest.mark.slow
def test_it_goes_on_where_it_was(server: ComfyServer) -> None:
    photos(server, "stretches")
    forget(server)
    whole = lora(server, report(server, graph("stretches", steps=3, save_every=2, accumulation=2))).read_bytes()
    forget(server)
    for stop in (1, 3):
        said = report(server, graph("stretches", steps=3, save_every=2, accumulation=2, stop_at=stop))
        assert said["step"] == stop and said["resumed_at"] == {1: 0, 3: 1}[stop]
    assert lora(server, said).read_bytes() == whole
    assert not list((server.output_dir / "training").glob("*.state")), "a finished training leaves no state"
    again = report(server, graph("stretches", steps=3, save_every=2, accumulation=2))
    assert again["resumed_at"] == 0, "what is done is not done again"
    assert again["loss"] == said["loss"] > 0, "a table of all saves has the loss of each"


def test_alpha_is_fixed_and_nothing_but_weights_is_trained(server: ComfyServer) -> None:
    photos(server, "alpha", 1)
    forget(server)
    said = report(server, graph("alpha", alpha=2.5, rank=4, steps=2))
    weights, metadata = read_weights(lora(server, said))
    ends = {name.split(".", 1)[1].rsplit(".", 2)[-2 if name.endswith("weight") else -1] for name in weights}
    assert ends == {"lora_up", "lora_down", "alpha"}
    assert {float(one) for name, one in weights.items() if name.endswith("alpha")} == {2.5}
    assert any(float(one.abs().max()) > 0 for name, one in weights.items() if name.endswith("lora_down.weight"))
    assert metadata["modelspec.trigger_phrase"] == "ohwx" and metadata["prodgen.recipe"] == "test"
    assert len(metadata["ss_new_sd_model_hash"]) == 64 and metadata["prodgen.base"] == smoke_file("flux2_klein")
    names = requests.get(f"{server.url}/models/loras", timeout=30).json()
    assert said["lora"] in names, "it cannot be loaded at once"


@pytest.mark.slow
def test_another_vae_or_text_encoder_is_another_training(server: ComfyServer) -> None:
    """By its name or, under the same name, by its content: a save of the other is not handed back."""
    photos(server, "sources", 1)
    forget(server)
    made = [report(server, graph("sources", steps=1))["identity"]]
    for node_name, widget, kind in (("vae", "vae_name", "vae"), ("clip", "clip_name", "text_encoders")):
        other = graph("sources", steps=1)
        original = next(server.models_dir.glob(f"*/{other[node_name]['inputs'][widget]}"))
        copy = server.models_dir / kind / f"other_{original.name}"
        other[node_name]["inputs"][widget] = copy.name
        weights = torch.load(original, weights_only=True)
        try:
            for factor in (1.0, 1.25) if node_name == "vae" else (1.25,):
                weights[next(iter(weights))] *= factor
                torch.save(weights, copy)
                made.append(report(server, other)["identity"])
        finally:
            copy.unlink()
    assert len(set(made)) == len(made)
    assert report(server, graph("sources", steps=1))["identity"] == made[0]


@pytest.mark.slow
def test_a_damaged_save_is_made_again_and_said(server: ComfyServer) -> None:
    photos(server, "damaged", 1)
    forget(server)
    whole = []
    for stop in (1, 2, 3):
        whole.append(lora(server, report(server, graph("damaged", steps=3, save_every=1, stop_at=stop))).read_bytes())
        last = sorted((server.output_dir / "loras").glob("*"))[-1]
        if stop == 2:  # what made it is there
            last.write_bytes(whole[-1][: len(whole[-1]) // 2])
            said = report(server, graph("damaged", steps=3, save_every=1, stop_at=stop))
            assert last.read_bytes() == whole[-1] and "step 2" in said["notes"][0] and said["resumed_at"] == 2
    last.write_bytes(b"garbage!")  # of a finished training, whose state is gone
    said = report(server, graph("damaged", steps=3, save_every=1))
    assert last.read_bytes() == whole[-1] and "from the start" in said["notes"][0]


@pytest.mark.slow
def test_files_changed_under_an_old_folder_name_are_read_anew(server: ComfyServer) -> None:
    folder = photos(server, "stale", 2)
    first = report(server, graph("stale", steps=1))
    picture(4).transpose(Image.Transpose.ROTATE_90).save(folder / "0.png")
    second = report(server, graph("stale", steps=1))
    (folder / "1.txt").write_text("ohwx, bag, other words", encoding="utf-8")
    third = report(server, graph("stale", steps=1))
    assert len({first["identity"], second["identity"], third["identity"]}) == 3


def test_pictures_come_sorted_upright_with_alpha_and_their_own_caption(server: ComfyServer) -> None:
    folder = photos(server, "order", 0)
    for name in ("c", "a", "b"):
        (folder / f"{name}.txt").write_text(f"caption {name}", encoding="utf-8")
    picture(1).save(folder / "c.png")
    upright = picture(2).convert("RGB").resize((SIDE, SIDE // 2))
    exif = Image.Exif()
    exif[0x0112] = 6
    data = io.BytesIO()
    upright.transpose(Image.Transpose.ROTATE_90).save(data, "JPEG", exif=exif, quality=95)
    (folder / "a.jpg").write_bytes(data.getvalue())
    picture(3).save(folder / "b.png")
    look = {
        "photos": node("ProdgenTrainingPhotos", folder="training/order"),
        "shown": node("PreviewImage", images=["photos", 0]),
        "mask": node("MaskToImage", mask=["photos", 1]),
        "masks": node("PreviewImage", images=["mask", 0]),
        "text": node("PreviewAny", source=["photos", 2]),
    }
    outputs = server.run(look)
    said = json.loads(outputs["photos"]["text"][0])
    assert said["pictures"] == ["a.jpg", "b.png", "c.png"] and said["without_mask"] == ["a.jpg"]
    assert said["sizes"][0] == [SIDE, SIDE // 2]
    shown = [levels(server.picture(file)) for file in outputs["shown"]["images"]]
    assert np.abs(shown[0] - levels(upright)).mean() < 4, "it is not upright"
    assert np.array_equal(shown[2], levels(picture(1)))
    mask = levels(server.picture(outputs["masks"]["images"][2]))[..., 0]
    assert np.array_equal(mask > 127, np.asarray(picture(1))[..., 3] > 127)
    assert [text.strip('"') for text in outputs["text"]["text"]] == ["caption a", "caption b", "caption c"]


def test_a_size_that_core_would_cut_is_refused_with_the_file(server: ComfyServer) -> None:
    folder = photos(server, "sizes", 1)
    picture(0).resize((100, 128)).save(folder / "odd.png")
    with pytest.raises(GraphError, match=r"odd\.png"):
        server.run(graph("sizes"))


@pytest.mark.parametrize("folder", ["", "../models", "training/none"])
def test_a_folder_outside_or_missing_is_refused(server: ComfyServer, folder: str) -> None:
    look = {"photos": node("ProdgenTrainingPhotos", folder=folder), "x": node("PreviewImage", images=["photos", 0])}
    with pytest.raises(GraphError):
        server.run(look)


def test_one_step_of_one_picture_is_a_training(server: ComfyServer) -> None:
    photos(server, "one", 1)
    said = report(server, graph("one", steps=1, save_every=10))
    assert said["step"] == 1 and said["loss"] > 0 and lora(server, said).is_file()
    loaders = {name: one for name, one in graph("one").items() if name in ("model", "clip")}
    loaders["applied"] = node(
        "ProdgenOptionalLora", model=["model", 0], clip=["clip", 0], lora_name=said["lora"], strength_model=1.0,
        strength_clip=1.0,
    )  # fmt: skip
    loaders["shown"] = node("PreviewAny", source=["applied", 2])
    fitting = json.loads(server.run(loaders)["applied"]["text"][0])
    assert fitting["applied"] and fitting["notes"] == [], "all of it fits the base it was trained on"


def test_the_depth_of_gradient_checkpointing_is_two_unless_another_is_asked_for(server: ComfyServer) -> None:
    settings = server.object_info("ProdgenTrainLora")["input"]["optional"]
    assert settings["checkpoint_depth"][1]["default"] == 2


@pytest.mark.slow
def test_gradient_checkpointing_does_not_change_what_is_learnt(server: ComfyServer) -> None:
    """At any depth, and without; SGD, for what Adam makes of a gradient hardly depends on its size."""
    photos(server, "depth")
    made = []
    ways = [{"gradient_checkpointing": False}, *({"checkpoint_depth": depth} for depth in (1, 2, 3))]
    for way in ways:
        forget(server)
        said = report(server, graph("depth", optimizer="SGD", learning_rate=1.0, steps=2, **way))
        made.append(read_weights(lora(server, said))[0])
    learnt = max(float(one.abs().max()) for name, one in made[0].items() if name.endswith("lora_down.weight"))
    assert learnt > 1e-3
    for other in made[1:]:
        assert max(float((made[0][name] - other[name]).abs().max()) for name in other) < 1e-5 * learnt


@pytest.mark.slow
def test_an_interrupted_training_is_saved_and_goes_on_to_the_same_end(server: ComfyServer) -> None:
    photos(server, "stop")
    forget(server)
    long = {"steps": 24, "save_every": 1000}
    whole = lora(server, report(server, graph("stop", **long)))
    kept = whole.read_bytes()
    delay, saved = 2.0, []
    for _ in range(8):  # until it is interrupted between its first and its last step
        forget(server)
        prompt = server.submit(graph("stop", **long))
        time.sleep(delay)
        requests.post(f"{server.url}/interrupt", json={}, timeout=30)
        server.history(prompt)
        saved = list((server.output_dir / "loras").glob("*.safetensors"))
        if saved and saved != [whole]:
            break
        delay *= 0.6 if saved else 1.5
    assert saved and saved != [whole], "nothing was saved"
    said = report(server, graph("stop", **long))
    assert 0 < said["resumed_at"] < 24 and whole.read_bytes() == kept


@pytest.mark.slow
def test_the_lora_changes_less_outside_when_it_is_masked(server: ComfyServer) -> None:
    photos(server, "masked", 2)
    inside = np.asarray(picture(0))[..., 3] > 127
    outside = {}
    for masked in (True, False):
        forget(server)
        shown = run_pictures(
            server,
            painted(graph("masked", masked=masked, steps=48, save_every=100, learning_rate=0.01, rank=16, alpha=16.0)),
        )
        change = np.abs(shown["with"] - shown["without"]).mean(axis=-1)
        assert change[inside].mean() > 2, "nothing was learnt"
        outside[masked] = change[~inside].mean() / change[inside].mean()
    assert outside[True] < outside[False]


_OTHER_CORE = """
import sys, types
import comfy.options
sys.argv = ["main.py", "--cpu"]
comfy.options.enable_args_parsing()
import comfy_extras.nodes_train as core
sys.path.insert(0, PACK)
from prodgen_nodes.nodes.training import trainer
print("FIT", trainer.unfit())
first = core.TrainSampler
class Newer(first):
    def fwd_bwd(self, model_wrap, batch, bwd=True):
        pass
core.TrainSampler = Newer
del core._create_optimizer
print("UNFIT", trainer.unfit())
"""


@pytest.mark.slow
def test_another_core_is_seen_by_its_signatures(comfy_installation: Installation) -> None:
    code = _OTHER_CORE.replace("PACK", repr(str(REPO / "custom_nodes")))
    command = [str(comfy_installation.python), "-c", code]
    done = subprocess.run(command, cwd=comfy_installation.comfyui, capture_output=True, text=True, check=False)
    assert "FIT []" in done.stdout, done.stdout + done.stderr[-2000:]
    assert "fwd_bwd takes other arguments" in done.stdout and "_create_optimizer is gone" in done.stdout


_NEWER = """
import comfy_extras.nodes_train as core

class Newer(core.TrainSampler):
    def fwd_bwd(self, *everything, **named):
        return super().fwd_bwd(*everything, **named)

core.TrainSampler = Newer
NODE_CLASS_MAPPINGS = {}
"""


@pytest.mark.slow
def test_on_another_core_it_is_trained_as_core_does_in_stretches_and_said(
    comfy_installation: Installation, tmp_path: Path
) -> None:
    """A package that is loaded first gives core's trainer other arguments, as a newer ComfyUI may."""
    server = ComfyServer(comfy_installation, tmp_path / "newer")
    newer = server.base_dir / "custom_nodes" / "a_newer_core"
    newer.mkdir()
    (newer / "__init__.py").write_text(_NEWER, encoding="utf-8")
    server.arguments = ["--whitelist-custom-nodes", "prodgen_nodes", "a_newer_core"]
    with _started(server) as running:
        photos(running, "plain")
        first = report(running, graph("plain", stop_at=2, schedule="constant"), plain=True)
        assert first["plain"] and "fwd_bwd takes other arguments" in first["notes"][0]
        second = report(running, graph("plain", schedule="constant"), plain=True)
        assert second["resumed_at"] == 2 and list(second["checkpoints"]) == ["2", "4"]
        one, other = (read_weights(running.output_dir / "loras" / said["lora"])[0] for said in (first, second))
        assert set(one) == set(other) and any(not bool((one[name] == other[name]).all()) for name in one)


@contextmanager
def _started(server: ComfyServer) -> Iterator[ComfyServer]:
    fill_with_smoke(server, *KLEIN)
    server.start()
    try:
        yield server
    finally:
        server.kill()
