"""An SD 1.5 checkpoint: a small UNet, CLIP-L and a pass-through TAESD as its VAE."""

from __future__ import annotations

from typing import Any

from runner.smoke.clip import CLIP_L, clip_text
from runner.smoke.taesd import pass_through
from runner.smoke.unet import COMMON, denoiser
from runner.smoke.weights import Pool, Weights, prefixed, shapes_of

UNET: dict[str, Any] = {
    **COMMON,
    "num_res_blocks": [1, 1],
    "channel_mult": [1, 2],
    "transformer_depth": [1, 1],
    "transformer_depth_output": [0, 0, 0, 0],
    "transformer_depth_middle": -1,
    "use_linear_in_transformer": False,
    "context_dim": 768,
    "num_heads": 8,
}
LATENT_SCALE = 0.18215
"""Of SD 1.5's latents: the deviation of its VAE's, turned over."""


def checkpoint(seed: int = 11) -> Weights:
    """Every weight of the file."""
    import comfy.taesd.taesd
    import torch

    pool = Pool(seed)
    with torch.device("meta"):
        decoder = shapes_of(comfy.taesd.taesd.TAESD(latent_channels=4))
    return {
        **prefixed("model.diffusion_model.", denoiser(UNET, pool)),
        **clip_text(CLIP_L, "cond_stage_model.transformer.", pool),
        **prefixed("first_stage_model.", pass_through(decoder, scale=LATENT_SCALE)),
    }
