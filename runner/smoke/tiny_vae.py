"""The pass-through TAESD as a VAE file of its own, for workflows that load their decoder separately."""

from __future__ import annotations

from runner.smoke import sdxl
from runner.smoke.taesd import pass_through
from runner.smoke.weights import Weights, shapes_of


def for_sdxl() -> Weights:
    return _passing(4, sdxl.LATENT_SCALE)


def for_flux1() -> Weights:
    return _passing(16, 0.3611, 0.1159)


def _passing(channels: int, scale: float, shift: float = 0.0) -> Weights:
    import comfy.taesd.taesd
    import torch

    with torch.device("meta"):
        shapes = shapes_of(comfy.taesd.taesd.TAESD(latent_channels=channels))
    return pass_through(shapes, scale=scale, shift=shift)
