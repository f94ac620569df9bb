"""The network that knows garments, in the real server's models/classifiers: what is worn gets no shadow and does not
float; without it, or with a damaged file, everything is as before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from prodgen_nodes.product_kind import EfficientNetLite

from runner.server.client import ComfyClient
from tests.support.comfy import ComfyServer
from tests.support.product_kinds import published

JERSEY, BOTTLE = 610, 440
LOADING = f"Loading {EfficientNetLite.FILE}"


@pytest.fixture
def file(comfy_server: ComfyServer) -> Iterator[Path]:
    path = comfy_server.models_dir / "classifiers" / EfficientNetLite.FILE
    path.parent.mkdir(exist_ok=True)
    yield path
    path.unlink(missing_ok=True)
    ComfyClient(comfy_server.url).free()


def finished(server: ComfyServer) -> tuple[dict[str, Any], dict[str, Any]]:
    """The reports of Ground and Shadow, and of Product Fidelity on what it made of a T, a shirt's outline, on white."""
    picture = Image.new("RGB", (400, 400), "white")
    picture.paste((20, 90, 130), (100, 80, 300, 330))
    picture.paste((20, 90, 130), (40, 80, 360, 150))
    mask = Image.new("L", (400, 400))
    mask.paste(255, (100, 80, 300, 330))
    mask.paste(255, (40, 80, 360, 150))
    whole = {"product": ["photo", 0], "mask": ["mask", 0], "compare": "exact"}
    graph: dict[str, Any] = {
        "photo": {"class_type": "LoadImage", "inputs": {"image": server.upload(picture)}},
        "mask": {"class_type": "LoadImageMask", "inputs": {"image": server.upload(mask), "channel": "red"}},
        "ground": {
            "class_type": "ProdgenGroundShadow",
            "inputs": {
                "image": ["photo", 0],
                "mask": ["mask", 0],
                "light_angle": 330.0,
                "light_height": 60.0,
                "softness": 0.5,
                "opacity": 0.7,
                "contact_only": True,
            },
        },
        "judge": {
            "class_type": "ProdgenFidelity",
            "inputs": {"image": ["ground", 0], "scale": 1.0, "check_floating": True, **whole},
        },
        "save": {"class_type": "PreviewAny", "inputs": {"source": ["judge", 0]}},
    }
    outputs = server.run(graph)
    return json.loads(outputs["ground"]["text"][0]), json.loads(outputs["judge"]["text"][0])


def log(server: ComfyServer) -> str:
    return server.log_path.read_text(encoding="utf-8", errors="replace")


def test_a_garment_gets_no_shadow_and_does_not_float(comfy_server: ComfyServer, file: Path) -> None:
    torch.save(published(JERSEY), file)
    before = log(comfy_server).count(LOADING)
    ground, fidelity = finished(comfy_server)
    assert ground["kind"] == "none"
    assert ground["darkest"] == 0
    assert "jersey or T-shirt" in " ".join(ground["notes"])
    assert fidelity["floating"] is None
    assert "jersey" in fidelity["floating_note"]
    assert log(comfy_server).count(LOADING) == before + 1, "one network serves both nodes"


@pytest.mark.parametrize("state", ["another kind", "not there", "damaged"])
def test_everything_else_stands_as_before(comfy_server: ComfyServer, file: Path, state: str) -> None:
    if state == "another kind":
        torch.save(published(BOTTLE), file)
    elif state == "damaged":
        file.write_bytes(b"no weights")
    complaint = f"{EfficientNetLite.FILE} cannot be read"
    before = log(comfy_server).count(complaint)
    ground, fidelity = finished(comfy_server)
    assert ground["kind"] == "line"
    assert ground["darkest"] > 0.2
    assert fidelity["floating"] is False
    assert (log(comfy_server).count(complaint) > before) is (state == "damaged")
