"""UNets of the SD 1.5 and SDXL families with made-up weights that nevertheless behave like a denoiser.

The model predicts `noise = its own input + a little of what the random network says`. Passing the input through is the
best guess for pictures of unit variance, so sampling neither explodes nor fades to black, a weak denoising keeps the
picture it starts from, and seed, prompt, ControlNet, LoRA and FreeU all change the result through the random part.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from runner.smoke.weights import Pool, Weights, shapes_of

GROUPS = 32
"""Of the norms in every published UNet."""
HOLD = 3.0
"""Constant channels beside each passed one: they keep its norm's scale the same whatever the input is."""

COMMON: dict[str, Any] = {
    "image_size": 32,
    "in_channels": 4,
    "out_channels": 4,
    "model_channels": 320,
    "use_spatial_transformer": True,
    "legacy": False,
}


def unet_shapes(config: Mapping[str, Any]) -> dict[str, torch.Size]:
    """Of ComfyUI's own UNet class, so that a change of its layout is followed."""
    import comfy.ops
    from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel

    settings = {key: list(value) if isinstance(value, list) else value for key, value in config.items()}
    return shapes_of(UNetModel(**settings, device="meta", operations=comfy.ops.disable_weight_init))


def denoiser(config: Mapping[str, Any], pool: Pool, *, randomness: float = 0.06) -> Weights:
    """`randomness`: standard deviation of what the random network adds to the prediction (the input's is 1)."""
    shapes = unet_shapes(config)
    weights = pool.fill(shapes)
    channels = int(config["model_channels"])
    kept = min(4, int(config["out_channels"]))
    last = max(int(name.split(".")[1]) for name in shapes if name.startswith("output_blocks."))
    _take_the_input(weights, kept)
    _carry_it_past_the_last_block(weights, f"output_blocks.{last}.0", channels, kept)
    _let_it_out(weights, channels, kept, randomness)
    return weights


def _take_the_input(weights: Weights, kept: int) -> None:
    weight = weights["input_blocks.0.0.weight"].clone()
    weight[:kept] = 0
    for channel in range(kept):
        weight[channel, channel, 1, 1] = 1.0
    weights["input_blocks.0.0.weight"] = weight


def _carry_it_past_the_last_block(weights: Weights, block: str, channels: int, kept: int) -> None:
    """+x and −x of each kept channel get a norm group of their own; its other channels hold constants."""
    size = channels // GROUPS
    skip, bias = (weights[f"{block}.skip_connection.{part}"].clone() for part in ("weight", "bias"))
    out = weights[f"{block}.out_layers.3.weight"].clone()
    skip[: kept * size], out[: kept * size] = 0, 0
    for channel in range(kept):
        start = channel * size
        skip[start, -channels + channel] = 1.0  # the first block's output is what is joined last
        skip[start + 1, -channels + channel] = -1.0
        bias[start + 2 : start + size] = torch.tensor([HOLD, -HOLD] * size, dtype=bias.dtype)[: size - 2]
    weights[f"{block}.skip_connection.weight"], weights[f"{block}.skip_connection.bias"] = skip, bias
    weights[f"{block}.out_layers.3.weight"] = out


def _let_it_out(weights: Weights, channels: int, kept: int, randomness: float) -> None:
    """silu(x) − silu(−x) is x again, so the pass is exact up to the norm's scale."""
    size = channels // GROUPS
    weight = weights["out.2.weight"].float()
    fan_in = (channels - kept * size) * 9
    weight *= randomness / (0.02 * (0.356 * fan_in) ** 0.5)  # 0.356: mean of silu² of a unit normal
    weight[:, : kept * size] = 0
    scale = (((size - 2) * HOLD**2 + 2.0) / size) ** 0.5
    for channel in range(kept):
        weight[channel, channel * size, 1, 1] = scale
        weight[channel, channel * size + 1, 1, 1] = -scale
    weights["out.2.weight"] = weight.half()
