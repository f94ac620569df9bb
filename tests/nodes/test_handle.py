"""Erase Handle on a real server."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.support.comfy import ComfyServer, GraphError

SIDE = 384
BAG = (40, 70, 120)


def handbag(handle: bool = True) -> Image.Image:
    """A bag with an arched handle, its alpha antialiased by drawing four times as large."""
    big = Image.new("RGBA", (4 * SIDE, 4 * SIDE), (*BAG, 0))
    pen = ImageDraw.Draw(big)
    pen.rounded_rectangle((360, 720, 1176, 1340), 60, fill=(*BAG, 255))
    if handle:
        pen.arc((520, 400, 1016, 1060), 180, 360, fill=(*BAG, 255), width=56)
    return big.resize((SIDE, SIDE), Image.Resampling.BOX)


def graph(picture: str, **settings: Any) -> dict[str, Any]:
    return {
        "1": {"class_type": "LoadImage", "inputs": {"image": picture}},
        "2": {"class_type": "InvertMask", "inputs": {"mask": ["1", 1]}},
        "3": {
            "class_type": "ProdgenEraseHandle",
            "inputs": {
                "image": ["1", 0],
                "mask": ["2", 0],
                "gap": 0.3,
                "position": 0.5,
                "background": "#ffffff",
                **settings,
            },
        },
        "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "handle"}},
        "5": {"class_type": "MaskToImage", "inputs": {"mask": ["3", 1]}},
        "6": {"class_type": "SaveImage", "inputs": {"images": ["5", 0], "filename_prefix": "left"}},
        "7": {"class_type": "MaskToImage", "inputs": {"mask": ["3", 2]}},
        "8": {"class_type": "SaveImage", "inputs": {"images": ["7", 0], "filename_prefix": "erased"}},
    }


def pixels(server: ComfyServer, outputs: dict[str, dict[str, Any]], node: str) -> np.ndarray:
    return np.asarray(server.picture(outputs[node]["images"][0]).convert("RGB"), dtype=np.float32) / 255


def report_of(outputs: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return dict(json.loads(outputs["3"]["text"][0]))


def test_gap_is_opened_and_reported(comfy_server: ComfyServer) -> None:
    source = handbag()
    outputs = comfy_server.run(graph(comfy_server.upload(source), background="#ff8000"))
    report = report_of(outputs)
    assert report["found"] is True and report["strands"] == 1
    alpha = np.asarray(source.getchannel("A"), dtype=np.float32) / 255
    left, erased = pixels(comfy_server, outputs, "6")[..., 0], pixels(comfy_server, outputs, "8")[..., 0]
    np.testing.assert_allclose(left + erased, alpha, atol=2.5 / 255)
    rows, columns = np.nonzero(erased > 0.5)
    assert rows.max() < 180, "the body stays"
    assert abs(columns.mean() - 192) < 3
    assert 0.15 < erased.sum() / alpha[:178].sum() < 0.5
    x, y = report["grip_point"]["x"], report["grip_point"]["y"]
    assert erased[int(y), int(x)] > 0.99
    result = pixels(comfy_server, outputs, "4")
    np.testing.assert_allclose(result[int(y), int(x)], (1.0, 128 / 255, 0.0), atol=1.5 / 255)
    original = np.asarray(source.convert("RGB"), dtype=np.float32) / 255
    far = erased == 0
    far[rows.min() - 6 : rows.max() + 7, columns.min() - 6 : columns.max() + 7] = False
    np.testing.assert_array_equal(result[far], original[far])
    assert outputs["3"]["images"], "a preview"


def test_product_without_handle_is_left_alone(comfy_server: ComfyServer) -> None:
    source = handbag(handle=False)
    outputs = comfy_server.run(graph(comfy_server.upload(source)))
    report = report_of(outputs)
    assert report["found"] is False and "opening" in report["reason"]
    np.testing.assert_array_equal(pixels(comfy_server, outputs, "8"), 0)
    np.testing.assert_array_equal(
        pixels(comfy_server, outputs, "4"), np.asarray(source.convert("RGB"), dtype=np.float32) / 255
    )


def test_file_without_alpha_is_refused(comfy_server: ComfyServer) -> None:
    picture = comfy_server.upload(handbag().convert("RGB"))
    with pytest.raises(GraphError, match="placeholder"):
        comfy_server.run(graph(picture))


@pytest.mark.parametrize("settings", [{"gap": 1.5}, {"position": -0.2}, {"background": "reddish"}])
def test_bad_settings_are_refused(comfy_server: ComfyServer, settings: dict[str, Any]) -> None:
    with pytest.raises(GraphError, match=next(iter(settings))):
        comfy_server.run(graph(comfy_server.upload(handbag()), **settings))


def test_every_input_has_a_tooltip(comfy_server: ComfyServer) -> None:
    info = comfy_server.object_info("ProdgenEraseHandle")
    inputs = {**info["input"]["required"], **info["input"].get("optional", {})}
    assert list(inputs)[:5] == ["image", "mask", "gap", "position", "background"]
    assert all(options[1].get("tooltip") for options in inputs.values())
    assert info["output_name"] == ["image", "mask", "erased", "report"]
