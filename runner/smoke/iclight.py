"""IC-Light for the SD 1.5 smoke checkpoint: offsets for every weight of its UNet, under the published names.

The published files hold diffusers' names (`conv_in.weight`, `down_blocks.0.…`) without a prefix, one offset for each
weight; the first convolution reads 8 channels (foreground) or 12 (foreground and background) instead of 4.
"""

from __future__ import annotations

from runner.smoke import sd15
from runner.smoke.unet import unet_shapes
from runner.smoke.weights import Pool, Weights

SIZE = 0.004
"""Standard deviation of the offsets: a fifth of the weights'."""


def offsets(channels: int, seed: int = 61) -> Weights:
    """`channels`: 8 for FC, 12 for FBC."""
    import comfy.utils

    names = {ours: theirs for theirs, ours in comfy.utils.unet_to_diffusers(sd15.UNET).items()}
    pool = Pool(seed, std=SIZE)
    weights: Weights = {}
    for name, shape in unet_shapes({**sd15.UNET, "in_channels": channels}).items():
        weights[names.get(name, name)] = pool.random(shape) if len(shape) > 1 else pool.zeros(shape)
    return weights
