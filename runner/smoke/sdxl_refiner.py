"""SDXL's refiner: a UNet of its own layout, CLIP-G alone, and a pass-through TAESD as its VAE."""

from __future__ import annotations

from typing import Any

from runner.smoke.clip import CLIP_G, clip_text
from runner.smoke.sdxl import LATENT_SCALE
from runner.smoke.taesd import pass_through
from runner.smoke.unet import COMMON, denoiser
from runner.smoke.weights import Pool, Weights, prefixed, shapes_of

UNET: dict[str, Any] = {
    **COMMON,
    "model_channels": 384,
    "num_classes": "sequential",
    "adm_in_channels": 2560,
    "num_res_blocks": [2, 2, 2, 2],
    "channel_mult": [1, 1, 1, 1],
    "transformer_depth": [0, 0, 4, 4, 4, 4, 0, 0],  # by which ComfyUI knows it
    "transformer_depth_output": [0] * 12,
    "transformer_depth_middle": -2,
    "use_linear_in_transformer": True,
    "context_dim": 1280,
    "num_head_channels": 64,
}


def checkpoint(seed: int = 5) -> Weights:
    """Every weight of the file."""
    import comfy.taesd.taesd
    import torch

    pool = Pool(seed)
    with torch.device("meta"):
        decoder = shapes_of(comfy.taesd.taesd.TAESD(latent_channels=4))
    return {
        **prefixed("model.diffusion_model.", denoiser(UNET, pool)),
        **clip_text(CLIP_G, "conditioner.embedders.0.model.transformer.", pool),
        **prefixed("first_stage_model.", pass_through(decoder, scale=LATENT_SCALE)),
    }
