"""IC-Light: what the patched model says is what weights merged by hand say, and nothing of it stays behind."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from runner.local_server.process import Installation
from tests.support.comfy import REPO, ComfyServer


@pytest.fixture(scope="module")
def found(comfy_installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    script = REPO / "tests" / "support" / "iclight_reference.py"
    work = tmp_path_factory.mktemp("iclight")
    arguments = [str(comfy_installation.python), str(script), str(comfy_installation.comfyui), str(work)]
    done = subprocess.run(arguments, check=False, capture_output=True, text=True, timeout=300, cwd=Path(work))
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "case",
    [
        "plain",
        "fc",
        "fc again, while its patches are applied",
        "fc with lora",
        "repacked names",
        "fbc",
        "after unloading",
    ],
)
def test_the_model_says_what_the_merged_weights_say(found: dict[str, Any], case: str) -> None:
    assert found["differences"][case] <= 1e-3


def test_offsets_and_lora_change_what_it_says(found: dict[str, Any]) -> None:
    assert found["differences"]["offset matters"] > 0.1
    assert found["differences"]["lora matters"] > 0.005


def test_the_checkpoint_is_as_before_once_it_is_unloaded(found: dict[str, Any]) -> None:
    assert found["restored"]


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("no background", ("fbc.safetensors", "background")),
        ("useless background", ("fc.safetensors", "takes no background")),
        ("other sizes", ("8×24", "16×24")),
        ("half of the weights", ("half.safetensors", "does not fit", "time_embed")),
        ("not iclight", ("reference_lora.pth", "no IC-Light file")),
    ],
)
def test_what_does_not_fit_is_refused_by_name(found: dict[str, Any], case: str, words: tuple[str, ...]) -> None:
    for word in words:
        assert word in found["refusals"][case]


def test_what_the_canvas_shows(comfy_server: ComfyServer) -> None:
    info = comfy_server.object_info("ProdgenICLight")
    assert info["output"] == ["MODEL", "STRING"]
    assert info["input_order"]["required"] == ["model", "iclight_name", "foreground"]
    for group in info["input"].values():
        for name, spec in group.items():
            assert spec[1].get("tooltip"), f"{name} has no tooltip"
