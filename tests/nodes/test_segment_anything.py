"""MobileSAM in the real server's models/sams: asked what paint means, freed like the rest; damaged, no fault."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from runner.server.client import ComfyClient
from tests.support.comfy import ComfyServer
from tests.support.mobile_sam import published
from tests.support.onnx_files import write_onnx

from .test_background_removal import _half_grey

LOADING, DAMAGED = "Loading mobile_sam.pt", "mobile_sam.pt cannot be read"


@pytest.fixture
def file(comfy_server: ComfyServer) -> Iterator[Path]:
    """Where it belongs, beside a network that hesitates."""
    network = write_onnx(
        comfy_server.models_dir / "background_removal" / "isnet_fp16.onnx", side=640, gain=-20.0, bias=-1.1
    )
    path = comfy_server.models_dir / "sams" / "mobile_sam.pt"
    path.parent.mkdir(exist_ok=True)
    yield path
    network.unlink()
    path.unlink(missing_ok=True)
    ComfyClient(comfy_server.url).free()


def log(server: ComfyServer) -> str:
    return server.log_path.read_text(encoding="utf-8", errors="replace")


def cut(server: ComfyServer, *, wired: bool = False) -> None:
    """A picture of its own, so that nothing comes from the cache, painted over as a whole."""
    graph: dict[str, Any] = {
        "photo": {"class_type": "LoadImage", "inputs": {"image": server.upload(_half_grey())}},
        "paint": {"class_type": "SolidMask", "inputs": {"value": 1.0, "width": 640, "height": 640}},
        "cut": {
            "class_type": "ProdgenSegmentProduct",
            "inputs": {"image": ["photo", 0], "hint": ["paint", 0], "method": "auto", "min_confidence": 0.0},
        },
        "save": {"class_type": "PreviewAny", "inputs": {"source": ["cut", 2]}},
    }
    if wired:
        graph["model"] = {"class_type": "ProdgenLoadBackgroundRemoval", "inputs": {"model": "isnet_fp16.onnx"}}
        graph["cut"]["inputs"]["bg_removal_model"] = ["model", 0]
    assert "confidence" in server.run(graph)["cut"]["text"][0]


def test_it_is_asked_and_not_beside_a_wired_model(comfy_server: ComfyServer, file: Path) -> None:
    def loaded() -> int:
        return log(comfy_server).count(LOADING)

    before = loaded()
    cut(comfy_server)
    assert loaded() == before, "it is not there"
    torch.save(published(), file)
    cut(comfy_server)
    assert loaded() == before + 1
    cut(comfy_server)
    assert loaded() == before + 1, "it is kept"
    ComfyClient(comfy_server.url).free()
    cut(comfy_server, wired=True)
    assert loaded() == before + 1, "the wired one decides alone"
    cut(comfy_server)
    assert loaded() == before + 2, "it was freed"


def test_a_damaged_one_is_not_asked(comfy_server: ComfyServer, file: Path) -> None:
    file.write_bytes(b"no weights")
    cut(comfy_server)
    assert DAMAGED in log(comfy_server)
