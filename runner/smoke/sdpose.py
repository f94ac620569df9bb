"""SDPose: an SD 2 UNet with a head that reads 133 keypoints from its features, in the smallest size that loads.

The keypoints it finds are those of noise. It proves the model's detection, its wire and the drawing of keypoints.
"""

from __future__ import annotations

from typing import Any

from runner.smoke.sd15 import LATENT_SCALE
from runner.smoke.taesd import pass_through
from runner.smoke.unet import COMMON, denoiser
from runner.smoke.weights import Pool, Weights, prefixed, shapes_of

UNET: dict[str, Any] = {
    **COMMON,
    "num_res_blocks": [1, 1],
    "channel_mult": [1, 2],  # the head takes 640 channels at the latent's full size
    "transformer_depth": [0, 1],
    "transformer_depth_output": [0, 0, 0, 0],
    "transformer_depth_middle": -2,
    "use_linear_in_transformer": True,
    "context_dim": 1024,
    "num_head_channels": 64,
    "heatmap_head": True,
}


def checkpoint(seed: int = 42) -> Weights:
    """Every weight of the file; it has no text encoder, as the published one."""
    import comfy.taesd.taesd
    import torch

    with torch.device("meta"):
        decoder = shapes_of(comfy.taesd.taesd.TAESD(latent_channels=4))
    return {
        **prefixed("model.diffusion_model.", denoiser(UNET, Pool(seed))),
        **prefixed("first_stage_model.", pass_through(decoder, scale=LATENT_SCALE)),
    }
