"""Segment Product inside the real server."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from runner.server.client import ComfyClient
from tests.imaging.segmentation_products import edge_band, scene
from tests.support.comfy import REPO, ComfyServer, GraphError
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
    assert {"image", "bg_removal_model", "hint", "method", "parts"} <= set(names)
    options = info["input"]["required"]["method"]
    assert list(options[1].get("options", options[0])) == ["auto", "model", "birefnet", "plain_backdrop"]
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


def squares(seed: int = 1) -> Image.Image:
    """Coloured squares: no model and no backdrop tells a product in them."""
    pixels = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    return Image.fromarray(pixels.repeat(20, 0).repeat(20, 1))


def test_a_guess_is_refused_with_advice(comfy_server: ComfyServer) -> None:
    with pytest.raises(GraphError) as refused:
        comfy_server.run(graph(comfy_server, squares()))
    said = str(refused.value)
    assert "could not be cut out reliably (confidence 0." in said and "On the canvas: paint roughly" in said
    for step in ("the mask editor of the node that loads the photo", "--set hint=FILE", "--set cutout_confidence=0"):
        assert step in said
    assert "models download" in said, "a server without a model: how to get one"
    outputs = comfy_server.run(graph(comfy_server, squares(), min_confidence=0.0))
    assert report(outputs)["confidence"] < 0.35


def test_where_nothing_was_found_there_is_no_guess_to_take(comfy_server: ComfyServer) -> None:
    empty = torch.full((128, 128, 3), 0.7)
    with pytest.raises(GraphError, match="no product was found") as refused:
        comfy_server.run(graph(comfy_server, as_picture(empty)))
    assert "--set hint=FILE" in str(refused.value)
    assert "To take the guess" not in str(refused.value)


def test_without_a_model_the_report_says_that_there_is_none(comfy_server: ComfyServer) -> None:
    outputs = comfy_server.run(graph(comfy_server, as_picture(scene("bag", 3, size=256).photo)))
    assert "no background-removal model is installed" in report(outputs)["why"]


def test_a_model_that_is_asked_for_and_not_there_is_named(comfy_server: ComfyServer) -> None:
    with pytest.raises(GraphError, match=r"(?s)method is model.*models download"):
        comfy_server.run(graph(comfy_server, as_picture(scene("jar", 1, size=128).photo), method="model"))


def pair_of(size: int = 320) -> tuple[torch.Tensor, np.ndarray]:
    """Two jars side by side and their alpha."""
    one = scene("jar", 1, size=size)
    return torch.cat((one.photo, one.photo.flip(1)), dim=1), torch.cat((one.alpha, one.alpha.flip(1)), dim=1).numpy()


@pytest.mark.parametrize(("parts", "products"), [("auto", 2), ("all", 2), ("largest", 1)])
def test_a_pair_is_delivered(comfy_server: ComfyServer, parts: str, products: int) -> None:
    photo, truth = pair_of()
    outputs = comfy_server.run(graph(comfy_server, as_picture(photo), parts=parts))
    facts, mask = report(outputs), grey(comfy_server, outputs, "mask")
    assert facts["products"] == products and facts["confidence"] >= 0.5, facts
    assert any("2 separate products" in note for note in facts["notes"]) == (products == 2)
    if products == 2:
        assert ((mask > 0.5) & (truth > 0.5)).sum() / ((mask > 0.5) | (truth > 0.5)).sum() > 0.97


def test_small_things_far_away_are_left_out_and_named(comfy_server: ComfyServer) -> None:
    made = scene("jar", 1, size=400)
    photo, corner = made.photo.clone(), (slice(24, 48), slice(330, 376))
    photo[corner] = torch.tensor((0.75, 0.05, 0.1))
    picture = as_picture(photo)
    outputs = comfy_server.run(graph(comfy_server, picture))
    facts, mask = report(outputs), grey(comfy_server, outputs, "mask")
    (extra,) = facts["extras"]
    assert np.abs(np.array(extra["bbox"]) - (330, 24, 376, 48)).max() <= 6 and extra["kind"] in ("mark", "object")
    assert mask[corner].max() < 0.05 and facts["products"] == 1

    outputs = comfy_server.run(graph(comfy_server, picture, parts="all"))
    assert grey(comfy_server, outputs, "mask")[30:42, 340:366].min() > 0.9 and report(outputs)["extras"] == []


@pytest.mark.parametrize("level", [0.0, 1.0], ids=["black", "white"])
def test_a_frame_is_cropped_away(comfy_server: ComfyServer, level: float) -> None:
    made, wide = scene("bag", 1, size=360), 22
    photo = torch.full((360 + 2 * wide, 360 + 2 * wide, 3), level)
    photo[wide:-wide, wide:-wide] = made.photo
    outputs = comfy_server.run(graph(comfy_server, as_picture(photo)))
    facts, mask = report(outputs), grey(comfy_server, outputs, "mask")
    assert np.abs(np.array(facts["frame"]) - (wide, wide, 360 + wide, 360 + wide)).max() <= 4, facts
    assert any("a frame around the photo" in note for note in facts["notes"])
    truth = np.pad(made.alpha.numpy(), wide)
    assert mask.shape == truth.shape and np.abs(mask - truth).mean() < 0.01


@pytest.fixture
def with_u2netp(comfy_server: ComfyServer) -> Iterator[ComfyServer]:
    """The shared server with the smallest network in its models folder, if it is installed here."""
    pytest.importorskip("onnxruntime")
    found = comfy_server.installation.comfyui / "models" / "background_removal" / "u2netp.onnx"
    if not found.is_file():
        pytest.skip("u2netp.onnx is not installed (python -m runner models download --default)")
    target = comfy_server.models_dir / "background_removal" / "u2netp.onnx"
    target.parent.mkdir(exist_ok=True)
    shutil.copy2(found, target)
    yield comfy_server
    target.unlink()
    ComfyClient(comfy_server.url).free()


def on_a_table(side: int) -> Image.Image:
    """The example with planks, books and leaf shadows around the bag, so large."""
    with Image.open(REPO / "examples" / "brown_bag_table.jpg") as opened:
        picture = opened.convert("RGB")
    picture.thumbnail((side, side))
    return picture


@pytest.mark.first(1)
@pytest.mark.parametrize(("wired", "side"), [(False, 640), (True, 600)], ids=["by itself", "with the wired loader"])
def test_the_installed_network_cuts_a_busy_backdrop(with_u2netp: ComfyServer, wired: bool, side: int) -> None:
    work = graph(with_u2netp, on_a_table(side))
    if wired:
        work["model"] = {"class_type": "ProdgenLoadBackgroundRemoval", "inputs": {"model": "u2netp.onnx"}}
        work["cut"]["inputs"].update(bg_removal_model=["model", 0], method="model")
    outputs = with_u2netp.run(work)
    facts, mask = report(outputs), grey(with_u2netp, outputs, "mask")
    assert (facts["method"], facts["model"], facts["products"]) == ("model", "u2netp.onnx", 1), facts
    assert 0.7 <= facts["confidence"] < 0.75 and "the model coarse" in facts["reasons"][0]
    assert facts["looks"] == 2 and len(facts["reasons"]) == 1
    assert 0.1 < mask.mean() < 0.6 and max(mask[0].max(), mask[-1].max(), mask[:, 0].max(), mask[:, -1].max()) < 0.05


def test_without_a_model_the_same_photo_is_refused(comfy_server: ComfyServer) -> None:
    with pytest.raises(GraphError, match="could not be cut out reliably"):
        comfy_server.run(graph(comfy_server, on_a_table(620)))


def test_a_model_that_was_added_is_used_for_the_same_job(comfy_server: ComfyServer, request: Any) -> None:
    """The server keeps results: the one without a model is none any more once there is one."""
    work = graph(comfy_server, as_picture(scene("twin", 8, size=256).photo))
    assert report(comfy_server.run(work))["method"] == "plain_backdrop"
    request.getfixturevalue("with_u2netp")
    assert report(comfy_server.run(work))["method"] == "model"


def test_plain_backdrop_takes_no_model_though_there_is_one(with_u2netp: ComfyServer) -> None:
    picture = as_picture(scene("bag", 5, size=256).photo)
    outputs = with_u2netp.run(graph(with_u2netp, picture, method="plain_backdrop"))
    assert report(outputs)["method"] == "plain_backdrop" and "model" not in report(outputs)


def test_the_advice_of_a_server_with_a_model_does_not_send_for_one(with_u2netp: ComfyServer) -> None:
    with pytest.raises(GraphError, match="could not be cut out reliably") as refused:
        with_u2netp.run(graph(with_u2netp, squares(2)))
    assert "models download" not in str(refused.value)
    with pytest.raises(GraphError, match="method auto") as refused:
        with_u2netp.run(graph(with_u2netp, squares(2), method="plain_backdrop"))
    assert "models download" not in str(refused.value)


def test_birefnet_without_a_model_says_what_is_missing(comfy_server: ComfyServer) -> None:
    picture = as_picture(scene("jar", 1, size=128).photo)
    with pytest.raises(GraphError, match="Load Background Removal Model"):
        comfy_server.run(graph(comfy_server, picture, method="birefnet"))


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (Image.new("RGBA", (128, 96), (0, 0, 0, 0)), "the file is transparent everywhere, and one colour throughout"),
        (Image.new("RGB", (128, 96), "white"), "the picture is one colour throughout"),
    ],
)
def test_a_picture_of_nothing_is_shown_to_no_network(
    comfy_server: ComfyServer, picture: Image.Image, said: str
) -> None:
    """One of made-up weights takes the dark for product; a real one looks for a minute and sees things, too."""
    fill_with_smoke(comfy_server, "birefnet")
    work = graph(comfy_server, picture, bg_removal_model=["model", 0])
    work["model"] = {"class_type": "LoadBackgroundRemovalModel", "inputs": {"bg_removal_name": smoke_file("birefnet")}}
    with pytest.raises(GraphError, match=said) as refused:
        comfy_server.run(work)
    assert "min_confidence" not in str(refused.value)  # no guess is offered where there is nothing to be guessed


def test_hint_of_another_shape_is_named(comfy_server: ComfyServer) -> None:
    work = graph(comfy_server, as_picture(scene("jar", 1, size=128).photo))
    work["rough"] = {"class_type": "SolidMask", "inputs": {"value": 1.0, "width": 50, "height": 40}}
    work["cut"]["inputs"]["hint"] = ["rough", 0]
    with pytest.raises(GraphError, match=r"hint is 50×40 pixels and the photo 128×128"):
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
