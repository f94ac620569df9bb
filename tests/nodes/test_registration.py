"""Register Product and Keep Fingers in Front on a real server, up to the paste."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.imaging.occlusion_scenes import SKIN
from tests.imaging.registration_scenes import (
    Case,
    Disturbance,
    Drift,
    Photo,
    bag_photo,
    generate,
    placement_of,
    to_linear,
    to_srgb,
)
from tests.support.comfy import ComfyServer, GraphError

SIDE = 512
DRIFT = Drift(0.04, -0.03, 1.06, 2.0)


@pytest.fixture(scope="module")
def photo() -> Photo:
    return bag_photo(1, 600)


@pytest.fixture(scope="module")
def case(photo: Photo) -> Case:
    calm = Disturbance(light=0.2, tint=0.02, blur=0.5, noise=0.004, jpeg=None)
    return generate(photo, placement_of(photo, SIDE, SIDE, 0.6), DRIFT, calm, 7)


def picture(array: np.ndarray) -> Image.Image:
    return Image.fromarray(np.rint(np.clip(array, 0, 1) * 255).astype(np.uint8))


def graph(server: ComfyServer, photo: Photo, scene: np.ndarray, **settings: Any) -> dict[str, Any]:
    product = picture(np.dstack((photo.rgb, photo.alpha)))
    same = {"product": ["1", 0], "mask": ["2", 0]}
    return {
        "1": {"class_type": "LoadImage", "inputs": {"image": server.upload(product)}},
        "2": {"class_type": "InvertMask", "inputs": {"mask": ["1", 1]}},
        "3": {
            "class_type": "ProdgenPlaceProduct",
            "inputs": {
                **same,
                "width": SIDE,
                "height": SIDE,
                "pose": "centered",
                "fill": 0.6,
                "offset_x": 0.0,
                "offset_y": 0.0,
                "background": "#ffffff",
            },
        },
        "4": {"class_type": "LoadImage", "inputs": {"image": server.upload(picture(scene))}},
        "5": {
            "class_type": "ProdgenRegisterProduct",
            "inputs": {"generated": ["4", 0], **same, "placement": ["3", 2], **settings},
        },
        "6": {
            "class_type": "ProdgenKeepInFront",
            "inputs": {"scene": ["4", 0], **same, "placement": ["5", 0]},
        },
        "7": {
            "class_type": "ProdgenPasteBack",
            "inputs": {
                "scene": ["4", 0],
                **same,
                "placement": ["5", 0],
                "keep_in_front": ["6", 0],
                "scale": 1.0,
                "feather": 0.0,
            },
        },
        "8": {"class_type": "SaveImage", "inputs": {"images": ["7", 0], "filename_prefix": "pasted"}},
        "9": {"class_type": "SaveImage", "inputs": {"images": ["5", 1], "filename_prefix": "aligned"}},
    }


def report(outputs: dict[str, dict[str, Any]], node: str) -> dict[str, Any]:
    return dict(json.loads(outputs[node]["text"][0]))


def test_drift_is_found_and_the_finger_stays(comfy_server: ComfyServer, photo: Photo, case: Case) -> None:
    scene = case.generated[0].numpy().astype(np.float64)
    left, _, right, _ = case.placement.canvas_box(0)
    box = case.placement.box(0)
    edge = case.truth.apply(box.right, (box.top + 2 * box.bottom) / 3)
    y, x = np.mgrid[0:SIDE, 0:SIDE] + 0.5
    tip = edge[0] - 0.25 * (right - left)
    distance = np.where(x > tip, np.abs(y - edge[1]), np.hypot(x - tip, y - edge[1]))
    finger = np.clip(16.5 - distance, 0, 1)[..., None]
    shade = (0.6 + 0.4 * np.sqrt(np.clip(1 - (distance / 17) ** 2, 0, 1)))[..., None]
    scene = to_srgb(to_linear(scene) * (1 - finger) + to_linear(np.array(SKIN["light"])) * shade * finger)
    outputs = comfy_server.run(graph(comfy_server, photo, scene))
    found = report(outputs, "5")
    assert found["scale"] == pytest.approx(1.06, abs=0.001)
    assert found["rotation_degrees"] == pytest.approx(2.0, abs=0.1)
    assert found["shift_px"] == pytest.approx([0.04 * SIDE, -0.03 * SIDE], abs=0.4)
    kept = report(outputs, "6")
    assert kept["regions"] == 1 and 0.01 < kept["covered_share"] < 0.2
    pasted = np.asarray(comfy_server.picture(outputs["8"]["images"][0]).convert("RGB"), dtype=np.float64) / 255
    inner = (distance < 13) & (x < edge[0] - 4)
    assert np.abs(pasted - scene)[inner].max(axis=-1).mean() < 0.01
    aligned = comfy_server.picture(outputs["9"]["images"][0])
    assert aligned.size == (SIDE, SIDE)
    assert outputs["5"]["images"] and outputs["6"]["images"], "previews"


def test_scene_without_the_product_is_refused(comfy_server: ComfyServer, photo: Photo, case: Case) -> None:
    empty = generate(None, case.placement, seed=9).generated[0].numpy()
    with pytest.raises(GraphError, match="not found again"):
        comfy_server.run(graph(comfy_server, photo, empty))


@pytest.mark.parametrize("node", ["ProdgenRegisterProduct", "ProdgenKeepInFront"])
def test_every_input_has_a_tooltip(comfy_server: ComfyServer, node: str) -> None:
    info = comfy_server.object_info(node)
    inputs = {**info["input"]["required"], **info["input"].get("optional", {})}
    assert all(options[1].get("tooltip") for options in inputs.values())
    assert info["output_name"][-1] == "report"
