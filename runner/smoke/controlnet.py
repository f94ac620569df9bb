"""ControlNets with made-up weights that fit the smoke checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from runner.smoke import sd15
from runner.smoke.unet import COMMON
from runner.smoke.weights import Pool, Weights, prefixed, shapes_of

UNION_TYPES = 8
_HINT_LAYERS = 8
"""Kinds of control that the union knows; convolutions that read its picture. Both are the published layout's."""

SMALL_SDXL: dict[str, Any] = {
    **COMMON,
    "num_classes": "sequential",
    "adm_in_channels": 2816,
    "num_res_blocks": [2, 2, 2],
    "channel_mult": [1, 2, 4],
    "transformer_depth": [0] * 6,
    "transformer_depth_output": [0] * 9,
    "transformer_depth_middle": 0,
    "use_linear_in_transformer": True,
    "context_dim": 1,
    "num_head_channels": 64,
}
"""The one small ControlNet whose published (diffusers) layout ComfyUI knows: no transformers, the same channels."""


def union_sdxl(seed: int = 2) -> Weights:
    """The union ("ProMax") layout: one network for all control types, told apart by an embedding."""
    return _diffusers_sdxl(Pool(seed), UNION_TYPES)


def tile_sdxl(seed: int = 3) -> Weights:
    """The layout of a ControlNet for one control type."""
    return _diffusers_sdxl(Pool(seed), None)


def sd15_control(seed: int = 4) -> Weights:
    """SD 1.5's original layout, in the size of the SD 1.5 smoke checkpoint."""
    return prefixed("control_model.", _filled(Pool(seed), sd15.UNET, None))


def _shapes(config: Mapping[str, Any], union_types: int | None) -> dict[str, torch.Size]:
    import comfy.cldm.cldm
    import comfy.ops

    settings = {key: list(value) if isinstance(value, list) else value for key, value in config.items()}
    settings.pop("out_channels")
    model = comfy.cldm.cldm.ControlNet(
        **settings,
        hint_channels=3,
        union_controlnet_num_control_type=union_types,
        device="meta",
        operations=comfy.ops.disable_weight_init,
    )
    return shapes_of(model)


def _diffusers_sdxl(pool: Pool, union_types: int | None) -> Weights:
    names = _diffusers_names(SMALL_SDXL)
    weights = _filled(pool, SMALL_SDXL, union_types)
    return {names.get(name) or _union_name(name): tensor for name, tensor in weights.items()}


def _filled(pool: Pool, config: Mapping[str, Any], union_types: int | None) -> Weights:
    weights = pool.fill(_shapes(config, union_types))
    first = weights["zero_convs.0.0.weight"].clone()
    first[: config["in_channels"]] = 0  # the channels in which the smoke UNet passes its input through
    return {**weights, "zero_convs.0.0.weight": first}


def _diffusers_names(config: Mapping[str, Any]) -> dict[str, str]:
    """ComfyUI's names → the published ones."""
    import comfy.utils

    published = comfy.utils.unet_to_diffusers(config)
    # ComfyUI knows two names for the size embedding; SDXL's ControlNets are published with the other one
    names = {ours: theirs for theirs, ours in published.items() if not theirs.startswith("class_embedding.")}
    ends = {"middle_block_out.0": "controlnet_mid_block"}
    ends |= {f"zero_convs.{n}.0": f"controlnet_down_blocks.{n}" for n in range(9)}
    hint = ["conv_in", *(f"blocks.{n}" for n in range(_HINT_LAYERS - 2)), "conv_out"]
    ends |= {f"input_hint_block.{2 * n}": f"controlnet_cond_embedding.{layer}" for n, layer in enumerate(hint)}
    names |= {f"{ours}.{part}": f"{theirs}.{part}" for ours, theirs in ends.items() for part in ("weight", "bias")}
    return names


def _union_name(name: str) -> str:
    return name.replace(".attn.in_proj.", ".attn.in_proj_")
