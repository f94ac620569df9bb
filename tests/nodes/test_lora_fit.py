"""A LoRA of another base is refused before anything is painted, whoever made it; what fits in part is said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from prodgen_nodes.training.files import write_weights

from runner.models.stand_ins import MODELS
from tests.support.comfy import ComfyServer, GraphError
from tests.support.smoke import smoke_file, smoke_models

STYLE = next(one.file for one in MODELS if one.folder == "loras" and one.maker == "lora:sd15_style")


@pytest.fixture(scope="module")
def server(comfy_server: ComfyServer) -> Iterator[ComfyServer]:
    with smoke_models(comfy_server, "sd15") as running:
        yield running


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs, "_meta": {"title": kind}}


def applied(server: ComfyServer, name: str) -> dict[str, Any]:
    graph = {
        "base": node("CheckpointLoaderSimple", ckpt_name=smoke_file("sd15")),
        "lora": node(
            "ProdgenOptionalLora", model=["base", 0], clip=["base", 1], lora_name=name, strength_model=1.0,
            strength_clip=1.0,
        ),
        "shown": node("PreviewAny", source=["lora", 2]),
    }  # fmt: skip
    return dict(json.loads(server.run(graph)["lora"]["text"][0]))


def part(name: str, outputs: int, inputs: int, rank: int = 2) -> dict[str, torch.Tensor]:
    return {
        f"{name}.lora_down.weight": torch.ones(rank, inputs),
        f"{name}.lora_up.weight": torch.ones(outputs, rank),
        f"{name}.alpha": torch.tensor(1.0),
    }


UNET = "lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q"
KLEIN = {
    key: value
    for block in range(3)
    for key, value in part(f"diffusion_model.double_blocks.{block}.img_attn.qkv", 96, 32).items()
}


def lora(server: ComfyServer, name: str, tensors: dict[str, torch.Tensor], **metadata: str) -> Path:
    path = server.models_dir / "loras" / name
    write_weights(path, tensors, metadata)
    return path


@pytest.mark.parametrize("metadata", [{}, {"prodgen.base": "flux-2-klein\x1b[31m"}, {"ss_base_model_version": "sdxl"}])
def test_a_lora_of_another_base_is_refused_by_both_names(server: ComfyServer, metadata: dict[str, str]) -> None:
    path = lora(server, f"other_{len(str(metadata))}.safetensors", KLEIN, **metadata)
    named = next(iter(metadata.values()), "names no base").split("\x1b")[0]
    with pytest.raises(GraphError) as raised:
        applied(server, path.name)
    assert "0 of its 3 parts fit" in str(raised.value) and "SD15" in str(raised.value)
    assert named in str(raised.value) and "\x1b" not in str(raised.value)


def test_names_that_fit_with_shapes_that_do_not_are_another_base(server: ComfyServer) -> None:
    """SD 1.5 and SDXL share names and text encoders, so names are not enough."""
    text = part("lora_te_text_model_encoder_layers_0_self_attn_q_proj", 768, 768)
    path = lora(server, "shapes.safetensors", {**part(UNET, 7, 11), **text})
    with pytest.raises(GraphError, match="another base"):
        applied(server, path.name)


def test_its_own_fits_and_one_that_fits_in_part_is_told(server: ComfyServer) -> None:
    with smoke_models(server, *(one.name for one in MODELS if one.file == STYLE)):
        said = applied(server, STYLE)
    assert said["applied"] and not said["notes"]
    both = {**KLEIN, **torch.load(next(server.models_dir.glob(f"loras/{STYLE}")), weights_only=True)}
    last = sorted(both)[-1].split(".")[0]
    first = {key: value for key, value in both.items() if key in KLEIN or key.startswith(last)}
    said = applied(server, lora(server, "part.safetensors", first).name)
    assert said["applied"] and "1 of the 4 parts" in said["notes"][0]


def test_a_file_that_is_no_lora_is_refused(server: ComfyServer) -> None:
    (server.models_dir / "loras" / "text.safetensors").write_text("these are words")
    with pytest.raises(GraphError, match="cannot be read"):
        applied(server, "text.safetensors")


def test_a_file_that_replaces_another_is_looked_at_again(server: ComfyServer) -> None:
    """The graph names the same file, so the server would answer from its cache."""
    with smoke_models(server, *(one.name for one in MODELS if one.file == STYLE)):
        own = torch.load(next(server.models_dir.glob(f"loras/{STYLE}")), weights_only=True)
    path = lora(server, "replaced.safetensors", own)
    assert applied(server, path.name)["applied"]
    write_weights(path, KLEIN, {})
    with pytest.raises(GraphError, match="another base"):
        applied(server, path.name)
