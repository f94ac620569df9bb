"""The shared server is a real ComfyUI that runs graphs; every other test that uses it leans on this."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from runner.local_server import process as server_process
from tests.support.comfy import ComfyServer, GraphError


def _invert(name: str) -> dict[str, object]:
    return {
        "1": {"class_type": "LoadImage", "inputs": {"image": name}},
        "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "inverted"}},
    }


def test_a_graph_runs_and_its_pixels_come_back(comfy_server: ComfyServer) -> None:
    ramp = np.arange(64 * 64 * 3, dtype=np.uint32).reshape(64, 64, 3).astype(np.uint8)
    outputs = comfy_server.run(_invert(comfy_server.upload(Image.fromarray(ramp))))
    result = np.asarray(comfy_server.picture(outputs["3"]["images"][0]))
    assert result.shape == ramp.shape
    assert np.abs(result.astype(int) - (255 - ramp.astype(int))).max() <= 1  # SaveImage truncates instead of rounding


def test_the_server_is_the_pinned_version_with_the_frontend(comfy_server: ComfyServer) -> None:
    stats = server_process.probe(comfy_server.url)
    assert stats is not None
    assert stats["system"]["comfyui_version"] == "0.30.0"
    assert len(comfy_server.object_info()) > 500


def test_a_refused_graph_says_why(comfy_server: ComfyServer) -> None:
    with pytest.raises(GraphError) as refusal:
        comfy_server.run({"1": {"class_type": "NoSuchNode", "inputs": {}}})
    assert refusal.value.reply["error"]["type"] == "missing_node_type"
