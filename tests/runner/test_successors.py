"""Nodes that ComfyUI renamed: an older graph runs where only the new one is left, and the user is told."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from runner.workflow.load import WORKFLOWS_DIR, available_workflows, load_workflow
from runner.workflow.patch import patch_workflow
from runner.workflow.successors import SUCCESSORS, with_successors
from tests.support.comfy import ComfyServer
from tests.support.runs import command, node

NEW_TEXT = {
    "input": {
        "required": {
            "clip": ["CLIP", {}],
            "prompt": ["STRING", {"multiline": True}],
            "max_length": ["INT", {"default": 512, "min": 1, "max": 32768}],
            "sampling_mode": ["COMFY_DYNAMICCOMBO_V3", {"options": [{"key": "off", "inputs": {"required": {}}}]}],
        },
        "optional": {
            "images": [
                "COMFY_AUTOGROW_V3",
                {"template": {"input": {"optional": {"image": ["IMAGE", {}]}}, "prefix": "image", "min": 0, "max": 50}},
            ]
        },
    },
    "output": ["STRING", "STRING"],
    "output_node": False,
}
"""Of TextGenerateV2, what its documentation says; the names of the images count from 0 or from 1 by its prefix."""


def cropping(tmp_path: Path, **crop: Any) -> Path:
    graph = {
        "1": node("LoadImage", "input: image", image="photo.png"),
        "2": node("PrimitiveInt", "input: left", value=3),
        "3": node("ImageCrop", "A part", image=["1", 0], **{"width": 5, "height": 4, "x": ["2", 0], "y": 1, **crop}),
        "4": node("SaveImage", "output: picture", images=["3", 0], filename_prefix="x"),
    }
    path = tmp_path / "crop.json"
    path.write_text(json.dumps(graph), encoding="utf-8")
    return path


def without(info: dict[str, Any], *gone: str) -> dict[str, Any]:
    return {name: entry for name, entry in info.items() if name not in gone}


def test_a_graph_is_left_alone_where_its_nodes_are_there(comfy_server: ComfyServer) -> None:
    info = comfy_server.object_info()
    for name, versions in available_workflows().items():
        for version in versions:
            graph = load_workflow(f"{name}.v{version}").graph
            assert with_successors(graph, info) == graph
            assert with_successors(graph, None) == graph


def test_where_the_new_node_is_missing_too_the_old_one_is_named(tmp_path: Path, comfy_server: ComfyServer) -> None:
    graph = load_workflow(str(cropping(tmp_path))).graph
    for gone in (("ImageCrop", "ImageCropV2"), ("ImageCrop", "PrimitiveBoundingBox")):
        assert with_successors(graph, without(comfy_server.object_info(), *gone)) == graph


@pytest.mark.parametrize("values", [{}, {"left": 1}, {"3.width": "2"}], ids=str)
def test_the_new_node_makes_the_same_picture(values: dict[str, Any], tmp_path: Path, comfy_server: ComfyServer) -> None:
    """On the real server, which has both: once as the file says, once as on a server that has the new one only."""
    pixels = np.random.default_rng(5).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    workflow = load_workflow(str(cropping(tmp_path)))
    image = comfy_server.upload(Image.fromarray(pixels))
    info = comfy_server.object_info()
    pictures = []
    for known in (info, without(info, "ImageCrop")):
        graph = patch_workflow(workflow, values, [image], known)
        outputs = comfy_server.run(graph)
        pictures.append(np.asarray(comfy_server.picture(outputs["4"]["images"][0]).convert("RGB")))
    assert {entry["class_type"] for entry in graph.values()} == {
        *("LoadImage", "PrimitiveInt", "PrimitiveBoundingBox", "ImageCropV2", "SaveImage"),
    }
    left, width = int(values.get("left", 3)), int(values.get("3.width", 5))
    assert (pictures[0] == pixels[1:5, left : left + width]).all()
    assert (pictures[1] == pictures[0]).all()


def test_validate_says_what_it_used_instead(tmp_path: Path, comfy_server: ComfyServer) -> None:
    file = tmp_path / "object_info.json"
    file.write_text(json.dumps(without(comfy_server.object_info(), "ImageCrop")), encoding="utf-8")
    run = command("validate", str(cropping(tmp_path)), "--object-info", str(file), "--json", folder=tmp_path)
    assert run.code == 0, run.out
    found = [problem for problem in run.of("problem") if problem["kind"] == "schema_drift"]
    assert [problem["severity"] for problem in found] == ["warning"]
    assert "ImageCrop is called ImageCropV2 there" in found[0]["message"]


def test_the_photo_still_reaches_the_language_model() -> None:
    """Under the old name of its input it would be ignored, and the persona invented without the product."""
    recorded = json.loads((WORKFLOWS_DIR / "object_info.json").read_text(encoding="utf-8"))
    info = {**without(recorded, "TextGenerate"), "TextGenerateV2": copy.deepcopy(NEW_TEXT)}
    workflow = load_workflow("persona")
    (old,) = (key for key, entry in workflow.graph.items() if entry["class_type"] == "TextGenerate")
    graph = patch_workflow(workflow, {"max_length": "77"}, ["photo.png"], info)
    assert graph[old]["class_type"] == "TextGenerateV2"
    assert graph[old]["inputs"]["images.image1"] == workflow.graph[old]["inputs"]["image"]
    assert "image" not in graph[old]["inputs"]
    assert graph[old]["inputs"]["max_length"] == 77
    assert workflow.graph[old]["class_type"] == "TextGenerate"  # the file's own graph is as it was


def test_the_table_names_nodes_and_inputs_that_were_there(comfy_server: ComfyServer) -> None:
    info = comfy_server.object_info()
    for old, successor in SUCCESSORS.items():
        inputs = {name for group in info[old]["input"].values() if isinstance(group, dict) for name in group}
        assert set(successor.inputs) <= inputs
        if successor.gathered is not None:
            _, kind, parts = successor.gathered
            assert set(parts) <= inputs
            assert set(parts) <= set(info[kind]["input"]["required"])


def test_a_new_name_in_the_file_is_no_rename() -> None:
    graph = {"1": {**node("ImageCropV2"), "_meta": {"title": "x", "was": ["ImageCrop"]}}}
    assert with_successors(graph, {"ImageCropV2": {}}) == graph
