"""`--dry-run` without a server: every model that the jobs name and the installed ComfyUI lacks, however it is named."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest

from runner.batch.live import make_view
from runner.batch.order import BatchOrder
from runner.batch.rehearsal import tell_missing_models
from runner.batch.setup import prepare
from tests.runner.picture_files import gradient, save

NEEDED = {
    "checkpoints": "juggernaut_reborn.safetensors",
    "background_removal": "birefnet.safetensors",
    "diffusion_models": "iclight_sd15_fc.safetensors",
}
FAST = "Hyper-SD15-8steps-CFG-lora.safetensors"


@pytest.fixture
def comfyui(tmp_path: Path) -> Path:
    """A ComfyUI's folder with the models that the workflow needs as it was published."""
    for folder, file in NEEDED.items():
        put(tmp_path / "ComfyUI", folder, file)
    return tmp_path / "ComfyUI"


def put(comfyui: Path, folder: str, file: str) -> None:
    place = comfyui / "models" / folder / file
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"weights")


def told(comfyui: Path, *settings: str, smoke: bool = False) -> tuple[int, str]:
    """How many models are missing for these settings, and what is said of them."""
    photo = save(comfyui.parent / "bag.png", gradient())
    order = BatchOrder("relight_iclight", comfyui.parent / "out", [str(photo)], set=list(settings), smoke=smoke)
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        missing = tell_missing_models(prepare(order), make_view(json_lines=False), comfyui)
    return missing, " ".join(said.getvalue().split())


def test_what_is_missing_as_published_but_can_be_done_without_is_a_warning(comfyui: Path) -> None:
    missing, said = told(comfyui)
    assert missing == 0 and "cannot run" not in said
    assert "warning: the optional model 'more_details.safetensors' is not there: without it" in said
    put(comfyui, "loras", "more_details.safetensors")
    assert "more_details" not in told(comfyui)[1]


def test_a_model_that_an_input_names_is_missing_by_that_name(comfyui: Path) -> None:
    missing, said = told(comfyui, f"fast_lora={FAST}")
    assert missing == 1 and f"The model '{FAST}' is not there" in said and "models download" in said
    put(comfyui, "loras", FAST)
    assert told(comfyui, f"fast_lora={FAST}")[0] == 0


def test_what_is_set_counts_in_the_place_of_what_was_published(comfyui: Path) -> None:
    (comfyui / "models" / "checkpoints" / NEEDED["checkpoints"]).unlink()
    assert told(comfyui)[0] == 1
    missing, said = told(comfyui, "checkpoint=sub/mine.safetensors")
    assert missing == 1 and NEEDED["checkpoints"] not in said
    assert "The model 'sub/mine.safetensors' is not there. Put the file into models/checkpoints/" in said
    assert "or set checkpoint to one that is there" in said
    put(comfyui, "checkpoints", "mine.safetensors")  # another place than the one that was named
    assert told(comfyui, "checkpoint=sub/mine.safetensors")[0] == 1
    put(comfyui, "checkpoints", "sub/mine.safetensors")
    assert told(comfyui, "checkpoint=sub/mine.safetensors")[0] == 0
    assert told(comfyui, "checkpoint=../checkpoints/mine.safetensors")[0] == 1


def test_every_job_of_a_sweep_is_asked_about(comfyui: Path) -> None:
    missing, said = told(comfyui, f"fast_lora=none,{FAST},other.safetensors")
    assert missing == 2 and FAST in said and "'other.safetensors'" in said


def test_on_smoke_models_only_what_has_none_is_missing(comfyui: Path) -> None:
    assert told(comfyui, f"fast_lora={FAST}", smoke=True)[0] == 1
    put(comfyui, "loras", "prodgen_smoke_lora_sd15.pth")
    missing, said = told(comfyui, f"fast_lora={FAST}", smoke=True)
    assert missing == 0, said
    assert told(comfyui, f"fast_lora={FAST}")[0] == 1
