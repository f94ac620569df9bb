"""Load Background Removal Model (ONNX) inside the real server, on core's own wire."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image

from runner.server.client import ComfyClient
from tests.support.comfy import ComfyServer, GraphError
from tests.support.onnx_files import write_onnx
from tests.support.reference import EXAMPLES, FOLDER, beside

_SHADES = iter(range(200, 250))
LOADING = "Loading background removal model"


@pytest.fixture
def place(comfy_server: ComfyServer) -> Iterator[Callable[[str], Path]]:
    """Puts a small network under a name into the server's models folder; takes all of them out again."""
    folder = comfy_server.models_dir / "background_removal"
    placed: list[Path] = []

    def write(name: str, **settings: Any) -> Path:
        placed.append(write_onnx(folder / name, **settings))
        return placed[-1]

    yield write
    for path in placed:
        path.unlink(missing_ok=True)
    ComfyClient(comfy_server.url).free()


def _picture(shade: int = 250) -> Image.Image:
    levels = np.full((90, 120, 3), shade, dtype=np.uint8)
    levels[30:60, 20:50] = 10
    return Image.fromarray(levels)


def _graph(server: ComfyServer, model: str, **settings: Any) -> dict[str, Any]:
    return {
        "photo": {"class_type": "LoadImage", "inputs": {"image": server.upload(_picture())}},
        "model": {"class_type": "ProdgenLoadBackgroundRemoval", "inputs": {"model": model, **settings}},
        "cut": {"class_type": "RemoveBackground", "inputs": {"bg_removal_model": ["model", 0], "image": ["photo", 0]}},
        "picture": {"class_type": "MaskToImage", "inputs": {"mask": ["cut", 0]}},
        "mask": {"class_type": "SaveImage", "inputs": {"images": ["picture", 0], "filename_prefix": "mask"}},
    }


def _run_twice(server: ComfyServer, model: str) -> None:
    """Two jobs, each with a picture of its own, so that neither comes from the cache."""
    for _ in range(2):
        graph = _graph(server, model)
        graph["photo"]["inputs"]["image"] = server.upload(_picture(next(_SHADES)))
        server.run(graph)


def _mask(server: ComfyServer, outputs: dict[str, Any]) -> np.ndarray:
    return np.asarray(server.picture(outputs["mask"]["images"][0]).convert("L"), dtype=np.float32) / 255


def _options(server: ComfyServer) -> list[str]:
    spec = server.object_info("ProdgenLoadBackgroundRemoval")["input"]["required"]["model"]
    return list(spec[1].get("options", spec[0]))


def _times_loaded(server: ComfyServer) -> int:
    return server.log_path.read_text(encoding="utf-8", errors="replace").count(LOADING)


def test_its_wire_is_cores(comfy_server: ComfyServer) -> None:
    info = comfy_server.object_info("ProdgenLoadBackgroundRemoval")
    assert info["display_name"] == "Load Background Removal Model (ONNX)"
    assert info["output"][0] == comfy_server.object_info("LoadBackgroundRemovalModel")["output"][0]


@pytest.mark.parametrize("fit", ["squash", "letterbox"])
def test_it_drives_cores_remove_background(comfy_server: ComfyServer, place: Callable[..., Path], fit: str) -> None:
    place("isnet_tiny.onnx")
    outputs = comfy_server.run(_graph(comfy_server, "isnet_tiny.onnx", fit=fit))
    mask, truth = _mask(comfy_server, outputs), np.asarray(_picture().convert("L")) < 100
    assert mask.shape == truth.shape
    assert ((mask > 0.5) & truth).sum() / ((mask > 0.5) | truth).sum() > 0.7
    facts = json.loads(outputs["model"]["text"][0])
    assert facts["kind"] == "isnet" and facts["image_size"] == 32 and facts["fit"] == fit


def test_the_best_is_listed_first_and_the_unknown_last(comfy_server: ComfyServer, place: Callable[..., Path]) -> None:
    for name in ("a_strange_one.onnx", "u2netp.onnx", "isnet_fp16.onnx", "isnet-general-use.onnx", "more/u2net.onnx"):
        place(name)
    names = ["isnet-general-use.onnx", "isnet_fp16.onnx", os.path.join("more", "u2net.onnx"), "u2netp.onnx"]  # noqa: PTH118
    assert _options(comfy_server) == [*names, "a_strange_one.onnx"]
    core = comfy_server.object_info("LoadBackgroundRemovalModel")["input"]["required"]["bg_removal_name"]
    assert not any(name.endswith(".onnx") for name in core[1].get("options", core[0]))


def test_without_a_model_it_says_how_to_get_one(comfy_server: ComfyServer) -> None:
    (only,) = _options(comfy_server)
    with pytest.raises(GraphError, match="models download --default"):
        comfy_server.run(_graph(comfy_server, only))


@pytest.mark.parametrize("free", [{"unload_models": True}, {"unload_models": True, "free_memory": True}])
def test_it_is_loaded_once_and_freed_with_comfyuis_models(
    comfy_server: ComfyServer, place: Callable[..., Path], free: dict[str, bool]
) -> None:
    place("isnet_once.onnx")
    before = _times_loaded(comfy_server)
    _run_twice(comfy_server, "isnet_once.onnx")
    assert _times_loaded(comfy_server) == before + 1
    requests.post(f"{comfy_server.url}/free", json=free, timeout=30).raise_for_status()
    _run_twice(comfy_server, "isnet_once.onnx")  # the server may free before or after the first of them
    assert _times_loaded(comfy_server) == before + 2


def test_a_replaced_file_is_read_again(comfy_server: ComfyServer, place: Callable[..., Path]) -> None:
    place("isnet_new.onnx")
    dark = _mask(comfy_server, comfy_server.run(_graph(comfy_server, "isnet_new.onnx")))
    place("isnet_new.onnx", gain=40.0, bias=-10.0)  # now bright is product
    bright = _mask(comfy_server, comfy_server.run(_graph(comfy_server, "isnet_new.onnx")))
    assert dark[45, 35] > 0.9 > 0.1 > bright[45, 35]
    assert bright[5, 5] > 0.9 > 0.1 > dark[5, 5]


def test_a_damaged_file_is_an_error_and_no_crash(comfy_server: ComfyServer, place: Callable[..., Path]) -> None:
    path = place("isnet_fp16.onnx")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(GraphError, match=r"isnet_fp16\.onnx is incomplete or another file: 100 bytes instead of"):
        comfy_server.run(_graph(comfy_server, "isnet_fp16.onnx"))
    place("isnet_tiny.onnx")
    assert _mask(comfy_server, comfy_server.run(_graph(comfy_server, "isnet_tiny.onnx"))).max() > 0.9


@pytest.mark.parametrize("photo", [EXAMPLES / "handbag.jpg", *(FOLDER / name for name in beside("photos/chair.jpg"))])
@pytest.mark.parametrize("file", ["u2netp.onnx", "isnet_fp16.onnx"])
def test_the_installed_networks_see_a_product(comfy_server: ComfyServer, file: str, photo: Path) -> None:
    found = comfy_server.installation.comfyui / "models" / "background_removal" / file
    if not found.is_file():
        pytest.skip(f"{file} is not installed (python -m runner models download --default)")
    target = comfy_server.models_dir / "background_removal" / file
    target.parent.mkdir(exist_ok=True)
    shutil.copy2(found, target)
    try:
        graph = _graph(comfy_server, file)
        graph["photo"]["inputs"]["image"] = comfy_server.upload(photo)
        mask = _mask(comfy_server, comfy_server.run(graph))
    finally:
        target.unlink()
        ComfyClient(comfy_server.url).free()
    share = {"handbag": (0.3, 0.5), "chair": (0.2, 0.3)}[photo.stem]
    assert share[0] < mask.mean() < share[1]
    assert mask[: mask.shape[0] // 40].max() < 0.05, "the wall above the product"


def _half_grey() -> Image.Image:
    """A black board with a grey plate in it, which a network that wants black hesitates over."""
    levels = np.full((640, 640, 3), next(_SHADES), dtype=np.uint8)
    levels[160:480, 160:480] = 10
    levels[240:400, 240:400] = 110
    return Image.fromarray(levels)


def _notes(server: ComfyServer, **wired: Any) -> list[str]:
    graph: dict[str, Any] = {
        "photo": {"class_type": "LoadImage", "inputs": {"image": server.upload(_half_grey())}},
        "cut": {
            "class_type": "ProdgenSegmentProduct",
            "inputs": {"image": ["photo", 0], "method": "auto", "min_confidence": 0.0, **wired},
        },
        "save": {"class_type": "PreviewAny", "inputs": {"source": ["cut", 2]}},
    }
    if wired:
        graph["model"] = {"class_type": "ProdgenLoadBackgroundRemoval", "inputs": {"model": "isnet_fp16.onnx"}}
    return list(json.loads(server.run(graph)["cut"]["text"][0])["notes"])


def test_a_second_network_is_asked_where_the_best_hesitates(
    comfy_server: ComfyServer, place: Callable[..., Path]
) -> None:
    """A model that somebody wired decides alone; and a second one that is damaged is none."""
    place("isnet_fp16.onnx", side=640, gain=-20.0, bias=-1.1)
    said = "another one is sure of it"
    assert not any(said in note for note in _notes(comfy_server))
    second = place("u2netp.onnx", side=640, gain=-10.0, bias=10.0)
    assert any(said in note for note in _notes(comfy_server))
    assert not any(said in note for note in _notes(comfy_server, bg_removal_model=["model", 0]))
    second.write_bytes(second.read_bytes()[:100])
    assert not any(said in note for note in _notes(comfy_server))
