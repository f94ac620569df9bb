"""An SDXL checkpoint: UNet, both text encoders and a pass-through TAESD as its VAE."""

from __future__ import annotations

from typing import Any

from runner.smoke.clip import CLIP_G, CLIP_L, clip_text
from runner.smoke.taesd import pass_through
from runner.smoke.unet import COMMON, denoiser
from runner.smoke.weights import Pool, Weights, prefixed, shapes_of

UNET: dict[str, Any] = {
    **COMMON,
    "num_classes": "sequential",
    "adm_in_channels": 2816,
    "num_res_blocks": [2, 2, 2],
    "channel_mult": [1, 2, 4],  # as the full model, or a ControlNet in its published layout would not fit
    "transformer_depth": [0, 0, 1, 1, 2, 2],  # Segmind Vega's, the smallest of the family that ComfyUI knows
    "transformer_depth_output": [0] * 9,
    "transformer_depth_middle": -2,
    "use_linear_in_transformer": True,
    "context_dim": 2048,
    "num_head_channels": 64,
}
LATENT_SCALE = 0.13025
"""The same of SDXL's."""


def checkpoint(seed: int = 1) -> Weights:
    """Every weight of the file."""
    import comfy.taesd.taesd
    import torch

    pool = Pool(seed)
    with torch.device("meta"):
        decoder = shapes_of(comfy.taesd.taesd.TAESD(latent_channels=4))
    return {
        **prefixed("model.diffusion_model.", denoiser(UNET, pool)),
        **clip_text(CLIP_L, "conditioner.embedders.0.transformer.", pool),
        **clip_text(CLIP_G, "conditioner.embedders.1.model.transformer.", pool),
        **prefixed("first_stage_model.", pass_through(decoder, scale=LATENT_SCALE)),
    }
