"""Fix Product Color on a real server: a blue product that turned brown, its mask, its original."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support.comfy import ComfyServer, GraphError

SIDE = 256
BLUE = np.array([40.0, 80.0, 200.0])
BROWN = np.array([60.0, 45.0, 30.0])


def pictures() -> tuple[Image.Image, Image.Image, Image.Image]:
    """A checked blue box on white, the same box brown and dark in a grey scene, and its coverage as alpha."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    check = 0.75 + 0.25 * (((x // 16) + (y // 16)) % 2)[..., None]
    inside = ((x >= 64) & (x < 192) & (y >= 80) & (y < 224))[..., None]
    original = np.where(inside, BLUE * check, 255.0)
    scene = np.where(inside, BROWN * check * (0.7 + 0.6 * x / SIDE)[..., None], 90.0 + 20 * (y / SIDE)[..., None])
    alpha = np.where(inside, 255, 0)
    photo = Image.fromarray(np.concatenate((original, alpha), axis=2).round().astype(np.uint8), "RGBA")
    return photo, Image.fromarray(scene.round().astype(np.uint8)), Image.fromarray(inside[..., 0])


@pytest.fixture(scope="module")
def names(comfy_server: ComfyServer) -> tuple[str, str]:
    photo, scene, _ = pictures()
    return comfy_server.upload(photo), comfy_server.upload(scene)


def graph(names: tuple[str, str], **settings: Any) -> dict[str, Any]:
    inputs = {
        "image": ["2", 0],
        "reference": ["1", 0],
        "mask": ["3", 0],
        "method": "relight_original",
        "strength": 1.0,
        "lightness_boost": 0.0,
        "transforms": 1,
        **settings,
    }
    return {
        "1": {"class_type": "LoadImage", "inputs": {"image": names[0]}},
        "2": {"class_type": "LoadImage", "inputs": {"image": names[1]}},
        "3": {"class_type": "InvertMask", "inputs": {"mask": ["1", 1]}},
        "4": {
            "class_type": "ProdgenColorFix",
            "inputs": {name: value for name, value in inputs.items() if value is not None},
        },
        "5": {"class_type": "SaveImage", "inputs": {"images": ["4", 0], "filename_prefix": "color"}},
        "6": {"class_type": "PreviewAny", "inputs": {"source": ["4", 1]}},
    }


def run(server: ComfyServer, prompt: dict[str, Any]) -> tuple[np.ndarray, dict[str, Any]]:
    outputs = server.run(prompt)
    picture = np.asarray(server.picture(outputs["5"]["images"][0]).convert("RGB"), dtype=np.float64)
    report = dict(json.loads(outputs["4"]["text"][0]))
    assert json.loads(outputs["6"]["text"][0]) == report, "the report output and the one shown must agree"
    assert len(outputs["4"]["images"]) == 1, "before and after are shown in the node"
    return picture, report


@pytest.mark.parametrize("method", ["relight_original", "lab_histogram", "lab_mkl", "lab_reinhard"])
def test_blue_comes_back_and_the_scene_stays(comfy_server: ComfyServer, names: tuple[str, str], method: str) -> None:
    _, scene, inside = pictures()
    fixed, report = run(comfy_server, graph(names, method=method))
    assert report["method"] == report["applied"] == method
    product = np.asarray(inside)
    mean = fixed[product].mean(axis=0)
    assert mean[2] > 1.5 * mean[0], f"still not blue: {mean}"
    assert np.array_equal(fixed[~product], np.asarray(scene, dtype=np.float64)[~product])


def test_strength_zero_changes_nothing(comfy_server: ComfyServer, names: tuple[str, str]) -> None:
    _, scene, _ = pictures()
    fixed, _ = run(comfy_server, graph(names, strength=0.0, lightness_boost=5.0))
    assert np.array_equal(fixed, np.asarray(scene, dtype=np.float64))


def test_placeholder_mask_means_none(comfy_server: ComfyServer, names: tuple[str, str]) -> None:
    fixed, report = run(comfy_server, graph(names, mask=["2", 1], method="lab_reinhard", reference_mask=["3", 0]))
    _, scene, inside = pictures()
    assert not np.array_equal(fixed[~np.asarray(inside)], np.asarray(scene, dtype=np.float64)[~np.asarray(inside)])
    assert report["applied"] == "lab_reinhard"


def test_a_shifted_picture_is_moved_back_and_says_so(comfy_server: ComfyServer, names: tuple[str, str]) -> None:
    _, scene, inside = pictures()
    moved = comfy_server.upload(Image.fromarray(np.roll(np.asarray(scene), 20, axis=1)))
    fixed, report = run(comfy_server, graph((names[0], moved)))
    straight, _ = run(comfy_server, graph(names))
    assert report["way"] == "moved_back_and_relit" and "shifted" in report["moved_because"]
    product = np.asarray(inside)
    assert np.abs(fixed[product] - straight[product]).mean() < 4


def test_sizes_that_do_not_fit_are_named(comfy_server: ComfyServer, names: tuple[str, str]) -> None:
    small = comfy_server.upload(pictures()[1].resize((200, 200)))
    with pytest.raises(GraphError, match=r"\(1, 256, 256, 3\).*\(1, 200, 200, 3\)"):
        comfy_server.run(graph((names[0], small), mask=None))


def test_every_input_explains_itself(comfy_server: ComfyServer) -> None:
    info = comfy_server.object_info("ProdgenColorFix")
    assert info["display_name"] == "Fix Product Color (CIELAB)" and info["output_name"] == ["image", "report"]
    for name, spec in {**info["input"]["required"], **info["input"]["optional"]}.items():
        assert spec[1].get("tooltip"), f"{name} has no tooltip"
