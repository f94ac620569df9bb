"""Segment Product inside the real server."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.imaging.segmentation_products import edge_band, scene
from tests.support.comfy import ComfyServer, GraphError
from tests.support.smoke import fill_with_smoke, smoke_file


def as_picture(photo: torch.Tensor, alpha: torch.Tensor | None = None) -> Image.Image:
    pixels = (photo.clamp(0, 1) * 255).round().byte().numpy()
    if alpha is not None:
        pixels = np.dstack((pixels, (alpha * 255).round().byte().numpy()))
    return Image.fromarray(pixels)


def graph(server: ComfyServer, picture: Image.Image, transparency: bool = True, **settings: Any) -> dict[str, Any]:
    inputs: dict[str, Any] = {"image": ["photo", 0], "method": "auto", **settings}
    if transparency:
        inputs["transparency"] = ["photo", 1]
    return {
        "photo": {"class_type": "LoadImage", "inputs": {"image": server.upload(picture)}},
        "cut": {"class_type": "ProdgenSegmentProduct", "inputs": inputs},
        "product": {"class_type": "SaveImage", "inputs": {"images": ["cut", 0], "filename_prefix": "product"}},
        "mask_picture": {"class_type": "MaskToImage", "inputs": {"mask": ["cut", 1]}},
        "mask": {"class_type": "SaveImage", "inputs": {"images": ["mask_picture", 0], "filename_prefix": "mask"}},
    }


def grey(server: ComfyServer, outputs: dict[str, Any], node: str, index: int = 0) -> np.ndarray:
    return np.asarray(server.picture(outputs[node]["images"][index]).convert("L"), dtype=np.float32) / 255


def report(outputs: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(outputs["cut"]["text"][0]))


def test_schema_keeps_the_public_names(comfy_server: ComfyServer) -> None:
    info = comfy_server.object_info("ProdgenSegmentProduct")
    assert info["display_name"] == "Segment Product (BiRefNet)" and info["category"] == "prodgen"
    assert list(info["output"]) == ["IMAGE", "MASK", "STRING"]
    assert info["output_name"] == ["product", "mask", "report"]
    names = list(info["input"]["required"]) + list(info["input"]["optional"])
    assert {"image", "bg_removal_model", "hint", "method"} <= set(names)
    options = info["input"]["required"]["method"]
    assert list(options[1].get("options", options[0])) == ["auto", "birefnet", "plain_backdrop"]
    for group in info["input"].values():
        for name, entry in group.items():
            assert entry[1].get("tooltip"), name


def test_photo_without_alpha_is_cut_out(comfy_server: ComfyServer) -> None:
    made = scene("twin", 1, size=320)
    outputs = comfy_server.run(graph(comfy_server, as_picture(made.photo)))
    facts, mask, truth = report(outputs), grey(comfy_server, outputs, "mask"), made.alpha.numpy()
    assert facts["method"] == "plain_backdrop" and facts["confidence"] > 0.7 and facts["products"] == 1, facts
    assert np.abs(mask - truth)[edge_band(truth)].mean() < 0.06
    product = np.asarray(comfy_server.picture(outputs["product"]["images"][0]).convert("RGB"), dtype=int)
    wanted = np.asarray(as_picture(made.photo), dtype=int)
    assert np.abs(product - wanted)[(truth == 1) & (mask == 1)].max() <= 1
    assert outputs["cut"]["images"], "no preview"


def test_alpha_of_the_file_is_used(comfy_server: ComfyServer) -> None:
    made = scene("bag", 2, size=256)
    outputs = comfy_server.run(graph(comfy_server, as_picture(made.color, made.alpha)))
    assert report(outputs)["method"] == "file_alpha"
    assert np.abs(grey(comfy_server, outputs, "mask") - made.alpha.numpy()).max() < 2 / 255


def test_a_guess_is_refused_with_advice(comfy_server: ComfyServer) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (12, 12, 3), dtype=np.uint8).repeat(20, 0).repeat(20, 1)
    with pytest.raises(GraphError, match=r"could not be cut out reliably.*What to try"):
        comfy_server.run(graph(comfy_server, Image.fromarray(noise)))
    outputs = comfy_server.run(graph(comfy_server, Image.fromarray(noise), min_confidence=0.0))
    assert report(outputs)["confidence"] < 0.35


def test_birefnet_without_a_model_says_what_is_missing(comfy_server: ComfyServer) -> None:
    picture = as_picture(scene("jar", 1, size=128).photo)
    with pytest.raises(GraphError, match="Load Background Removal Model"):
        comfy_server.run(graph(comfy_server, picture, method="birefnet"))


def test_hint_of_another_size_is_named(comfy_server: ComfyServer) -> None:
    work = graph(comfy_server, as_picture(scene("jar", 1, size=128).photo))
    work["rough"] = {"class_type": "SolidMask", "inputs": {"value": 1.0, "width": 50, "height": 40}}
    work["cut"]["inputs"]["hint"] = ["rough", 0]
    with pytest.raises(GraphError, match=r"hint .*50×40 against 128×128"):
        comfy_server.run(work)


def test_a_batch_is_cut_picture_by_picture(comfy_server: ComfyServer) -> None:
    made = [scene("jar", seed, size=320) for seed in (1, 2)]
    work = graph(comfy_server, as_picture(made[0].photo), transparency=False)
    work["second"] = {"class_type": "LoadImage", "inputs": {"image": comfy_server.upload(as_picture(made[1].photo))}}
    work["both"] = {"class_type": "ImageBatch", "inputs": {"image1": ["photo", 0], "image2": ["second", 0]}}
    work["cut"]["inputs"]["image"] = ["both", 0]
    outputs = comfy_server.run(work)
    assert report(outputs)["pictures"] == 2 and len(report(outputs)["items"]) == 2
    for index, one in enumerate(made):
        assert np.abs(grey(comfy_server, outputs, "mask", index) - one.alpha.numpy()).mean() < 0.005


@pytest.mark.slow
def test_birefnet_runs_through_cores_wire(comfy_server: ComfyServer) -> None:
    """The real loader and network with made-up weights (dark = product): wiring, not trained quality."""
    fill_with_smoke(comfy_server, "birefnet")
    made = scene("twin", 1, size=320, backdrop=(1.0, 1.0, 1.0), shadow=0.3)
    photo, truth = made.photo[:, 40:280], made.alpha[:, 40:280].numpy()
    work = graph(comfy_server, as_picture(photo), method="birefnet", bg_removal_model=["model", 0])
    work["model"] = {"class_type": "LoadBackgroundRemovalModel", "inputs": {"bg_removal_name": smoke_file("birefnet")}}
    outputs = comfy_server.run(work, timeout=900)
    assert report(outputs)["method"] == "birefnet", report(outputs)
    mask = grey(comfy_server, outputs, "mask")
    assert ((mask > 0.5) & (truth > 0.5)).sum() / ((mask > 0.5) | (truth > 0.5)).sum() > 0.97
