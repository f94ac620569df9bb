"""The VAE of FLUX.2 with weights that pass pictures through: real layout and size, 8×8 pixels to their mean.

Every residual branch is zero, so what remains are the layers between them. Before each of the two last norms a channel
x is split into +x, −x and large constants: the norm's scale is then the same whatever the picture is, and the
activation after it gives x back, because silu(x) − silu(−x) = x.
"""

from __future__ import annotations

from functools import cache

import torch

from runner.smoke.weights import Pool, Weights, shapes_of

CHANNELS, LATENT, GROUPS = 128, 32, 32
"""The published layout's."""
HOLD = 64.0
"""The large constants: the norm is theirs, whatever the picture is."""
_COLOURS = 3
"""Channels that are passed: red, green, blue."""


def flux2() -> Weights:
    """Every weight of the file; nothing in it is random."""
    from comfy.ldm.models.autoencoder import AutoencoderKL

    settings = {
        "double_z": True,
        "z_channels": LATENT,
        "resolution": 256,
        "in_channels": 3,
        "out_ch": 3,
        "ch": CHANNELS,
        "ch_mult": [1, 2, 4, 4],
        "num_res_blocks": 2,
        "attn_resolutions": [],
        "dropout": 0.0,
        "batch_norm_latent": True,
    }
    with torch.device("meta"):
        shapes = shapes_of(AutoencoderKL(ddconfig=settings, embed_dim=LATENT))
    pool = Pool(0, dtype=torch.float32)
    weights = {name: pool.zeros(shape) for name, shape in shapes.items()}
    for name, shape in shapes.items():
        if name.endswith("running_var") or (len(shape) == 1 and name.endswith("weight")):
            weights[name] = pool.ones(shape)
        elif name.endswith("downsample.conv.weight"):
            weights[name] = _half(shape)
        elif name.endswith(("nin_shortcut.weight", "upsample.conv.weight")):
            weights[name] = _same(shape)
    for name in ("encoder.conv_in", "decoder.conv_in", "quant_conv", "post_quant_conv"):
        weights[f"{name}.weight"] = _same(shapes[f"{name}.weight"])
    _end(weights, "encoder", "down.2.block.0.nin_shortcut", width=4 * CHANNELS)
    _end(weights, "decoder", "up.0.block.0.nin_shortcut", width=CHANNELS)
    return weights


@cache  # kernels of one size are one tensor, which the file then holds once
def _same(shape: torch.Size) -> torch.Tensor:
    kernel = torch.zeros(shape, dtype=torch.float16)
    middle = shape[-1] // 2
    for channel in range(_COLOURS):
        kernel[channel, channel, middle, middle] = 1.0
    return kernel


@cache
def _half(shape: torch.Size) -> torch.Tensor:
    """The mean of 2×2 pixels. All channels that may hold the split picture are kept, not the first three alone."""
    kernel = torch.zeros(shape, dtype=torch.float16)
    for channel in range(min(shape[0], _COLOURS * 4 * CHANNELS // GROUPS)):
        kernel[channel, channel, :2, :2] = 0.25
    return kernel


def _end(weights: Weights, side: str, split: str, *, width: int) -> None:
    size = width // GROUPS
    kernel, bias = torch.zeros(weights[f"{side}.{split}.weight"].shape), torch.zeros(width)
    out = torch.zeros(weights[f"{side}.conv_out.weight"].shape)
    scale = (((size - 2) * HOLD**2 + 0.5) / size) ** 0.5
    for channel in range(_COLOURS):
        start = channel * size
        kernel[start, channel, 0, 0], kernel[start + 1, channel, 0, 0] = 1.0, -1.0
        bias[start + 2 : start + size] = torch.tensor([HOLD, -HOLD] * size)[: size - 2]
        out[channel, start, 1, 1], out[channel, start + 1, 1, 1] = scale, -scale
    weights[f"{side}.{split}.weight"], weights[f"{side}.{split}.bias"] = kernel, bias
    weights[f"{side}.conv_out.weight"] = out
