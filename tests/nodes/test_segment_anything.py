"""MobileSAM in the real server's models/sams: asked over a doubted cut-out, freed like the rest; damaged, no fault."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from runner.server.client import ComfyClient
from tests.support.comfy import ComfyServer
from tests.support.mobile_sam import published
from tests.support.onnx_files import write_onnx

from .test_background_removal import _notes

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


def test_it_is_asked_where_a_cutout_is_doubted_and_not_of_a_wired_model(comfy_server: ComfyServer, file: Path) -> None:
    def loaded() -> int:
        return log(comfy_server).count(LOADING)

    before = loaded()
    _notes(comfy_server)
    assert loaded() == before, "it is not there"
    torch.save(published(), file)
    _notes(comfy_server)
    assert loaded() == before + 1
    _notes(comfy_server)
    assert loaded() == before + 1, "it is kept"
    ComfyClient(comfy_server.url).free()
    _notes(comfy_server, bg_removal_model=["model", 0])
    assert loaded() == before + 1, "the wired one decides alone"
    _notes(comfy_server)
    assert loaded() == before + 2, "it was freed"


def test_a_damaged_one_is_not_asked(comfy_server: ComfyServer, file: Path) -> None:
    file.write_bytes(b"no weights")
    _notes(comfy_server)
    assert DAMAGED in log(comfy_server)
