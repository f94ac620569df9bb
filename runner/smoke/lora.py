"""LoRAs in the names of kohya's trainer, for the smoke checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from runner.smoke import sd15, sdxl
from runner.smoke.unet import unet_shapes
from runner.smoke.weights import Weights

RANK = 4
"""Small files: what is asked is whether one arrives, not what it paints."""
SIZE = 0.1
"""Standard deviation of both factors: their product changes a weight by about as much as it is."""
_TARGETS = ("attn1.to_q", "attn1.to_v", "attn2.to_k", "attn2.to_v", "attn2.to_out.0")
_CLIP_L_WIDTH, _CLIP_G_WIDTH = 768, 1280
"""Of the two text encoders' layers."""


def sdxl_style(seed: int) -> Weights:
    """Attention of the UNet and of both text encoders, as a LoRA trained on pictures with captions has it."""
    targets = {**_unet_targets(sdxl.UNET), **_text_targets("lora_te1", _CLIP_L_WIDTH)}
    return _factors({**targets, **_text_targets("lora_te2", _CLIP_G_WIDTH)}, seed)


def sdxl_speed(seed: int) -> Weights:
    """The UNet alone, as a distilled few-step LoRA has it."""
    return _factors(_unet_targets(sdxl.UNET), seed)


def sd15_style(seed: int) -> Weights:
    return _factors({**_unet_targets(sd15.UNET), **_text_targets("lora_te", _CLIP_L_WIDTH)}, seed)


def _unet_targets(config: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    """LoRA name → (outputs, inputs) of every attention layer that is changed."""
    targets = {}
    for name, shape in unet_shapes(config).items():
        layer = name.removesuffix(".weight")
        if layer.endswith(_TARGETS) and name.endswith(".weight"):
            targets["lora_unet_" + layer.replace(".", "_")] = (shape[0], shape[1])
    return targets


def _text_targets(prefix: str, width: int, layers: int = 2) -> dict[str, tuple[int, int]]:
    return {
        f"{prefix}_text_model_encoder_layers_{layer}_self_attn_{part}_proj": (width, width)
        for layer in range(layers)
        for part in ("q", "v")
    }


def _factors(targets: Mapping[str, tuple[int, int]], seed: int) -> Weights:
    generator = torch.Generator().manual_seed(seed)
    weights: Weights = {}
    for name, (outputs, inputs) in targets.items():
        weights[f"{name}.lora_down.weight"] = (torch.randn(RANK, inputs, generator=generator) * SIZE).half()
        weights[f"{name}.lora_up.weight"] = (torch.randn(outputs, RANK, generator=generator) * SIZE).half()
        weights[f"{name}.alpha"] = torch.tensor(float(RANK), dtype=torch.float16)
    return weights
