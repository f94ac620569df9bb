"""Cut Out Every Object and Save Every Object inside the real server."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.imaging.object_scenes import group
from tests.support.comfy import ComfyServer, GraphError

SIDE = 224


def picture(seed: int, count: int = 2, *, cut: bool = False) -> Image.Image:
    made = group(seed, count, SIDE)
    pixels = (made.scene.photo.numpy() * 255).round().astype(np.uint8)
    if cut:
        pixels = np.dstack((pixels, (made.scene.alpha.numpy() * 255).round().astype(np.uint8)))
    return Image.fromarray(pixels)


def graph(
    server: ComfyServer, *pictures: Image.Image, save: dict[str, Any] | None = None, **given: Any
) -> dict[str, Any]:
    nodes: dict[str, Any] = {
        str(number): {"class_type": "LoadImage", "inputs": {"image": server.upload(one)}}
        for number, one in enumerate(pictures)
    }
    image: list[Any] = ["0", 0]
    if len(pictures) > 1:
        nodes["batch"] = {"class_type": "ImageBatch", "inputs": {"image1": ["0", 0], "image2": ["1", 0]}}
        image = ["batch", 0]
    inputs = {"image": image, "labels": "", "overlap": "keep", **given}
    nodes["cut"] = {"class_type": "ProdgenCutouts", "inputs": inputs}
    saving = {"layers": ["cut", 0], "objects": ["cut", 5], "filename_prefix": "test", **(save or {})}
    nodes["save"] = {"class_type": "ProdgenSaveCutouts", "inputs": saving}
    return nodes


def report(outputs: dict[str, Any], node: str = "cut") -> dict[str, Any]:
    return dict(json.loads(outputs[node]["text"][0]))


def test_a_batch_has_its_objects_one_after_the_other(comfy_server: ComfyServer) -> None:
    made = graph(comfy_server, picture(1, 3), picture(4, 2), labels="bag, shoe")
    made["boxes"] = {"class_type": "PreviewAny", "inputs": {"source": ["cut", 2]}}
    made["names"] = {"class_type": "PreviewAny", "inputs": {"source": ["cut", 3]}}
    outputs = comfy_server.run(made)
    told = report(outputs)
    assert [one["picture"] for one in told["objects"]] == [1, 1, 1, 2, 2]
    assert told["pictures"] == 2 and [len(one["objects"]) for one in told["items"]] == [3, 2]
    assert {one["label"] for one in told["objects"]} == {"object"}
    assert any("SAM 3" in note for note in told["notes"])
    assert outputs["names"]["text"][0].split("\n") == ["object"] * 5
    names = [file["filename"] for file in outputs["save"]["images"]]
    assert [name[-13:] for name in names] == [f"{n:02}_object.png" for n in range(1, 6)] + ["001_sheet.jpg"]
    saved = report(outputs, "save")
    for one, cut in zip(saved["objects"], told["objects"], strict=True):
        assert (one["bbox"], one["area"]) == (cut["bbox"], cut["area"])


def test_a_picture_that_is_cut_out_already_keeps_its_own_edges(comfy_server: ComfyServer) -> None:
    made = picture(6, 3, cut=True)
    outputs = comfy_server.run(graph(comfy_server, made, transparency=["0", 1], labels="鞋/..", save={"crop": True}))
    told = report(outputs)
    assert told["method"] == "file_alpha" and len(told["objects"]) == 3
    files = [file for file in outputs["save"]["images"] if file["filename"].endswith("_鞋.png")]
    together = sum(np.asarray(comfy_server.picture(file))[..., 3].astype(int) for file in files)
    assert np.abs(together - np.asarray(made)[..., 3]).max() <= 6  # what is fainter than 2 % belongs to nothing


@pytest.mark.parametrize(
    ("given", "save", "words"),
    [
        ({"min_area": 0.5}, {}, "smaller min_area"),
        ({}, {"layers": ["0", 0]}, "without alpha"),
        ({}, {"objects": "nonsense"}, "no report"),
        ({}, {"objects": '{"objects": []}'}, "0 objects"),
    ],
)
def test_what_is_wrong_is_said(
    comfy_server: ComfyServer, given: dict[str, Any], save: dict[str, Any], words: str
) -> None:
    with pytest.raises(GraphError, match=words):
        comfy_server.run(graph(comfy_server, picture(1, 3), save=save, **given))


def test_without_a_report_all_are_called_object(comfy_server: ComfyServer) -> None:
    made = graph(comfy_server, picture(1, 3))
    del made["save"]["inputs"]["objects"]
    saved = report(comfy_server.run(made), "save")
    assert [(one["label"], one["score"]) for one in saved["objects"]] == [("object", None)] * 3
