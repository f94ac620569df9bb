"""Flux-like transformers of 128 channels and two blocks, for text encoders that fit on two cores.

What core fixes is the layout, not the width: hidden size, text width and number of blocks are read from the file. The
real text encoders (T5-XXL, Qwen3-4B) have fixed sizes of 4 to 5 billion weights; here CLIP-L takes their place.
"""

from __future__ import annotations

from typing import Any

from runner.smoke.clip import CLIP_L, clip_text
from runner.smoke.weights import Pool, Weights, shapes_of

TEXT_WIDTH = 768
"""As CLIP-L's."""
STD = 0.12
"""Narrow layers need larger weights, or neither the text nor the reference picture would reach the result."""
_TINY: dict[str, Any] = {
    "context_in_dim": TEXT_WIDTH,
    "hidden_size": 128,
    "num_heads": 1,
    "depth": 1,
    "depth_single_blocks": 1,
}

FLUX1: dict[str, Any] = {
    **_TINY,
    "in_channels": 16,
    "out_channels": 16,
    "vec_in_dim": TEXT_WIDTH,
    "mlp_ratio": 4.0,
    "axes_dim": [16, 56, 56],
    "theta": 10_000,
    "patch_size": 2,
    "qkv_bias": True,
    "guidance_embed": True,
    "txt_ids_dims": [],
}

KLEIN: dict[str, Any] = {
    **_TINY,
    "in_channels": 128,
    "out_channels": 128,
    "vec_in_dim": None,
    "mlp_ratio": 3.0,
    "axes_dim": [32, 32, 32, 32],
    "theta": 2000,
    "patch_size": 1,
    "qkv_bias": False,
    "guidance_embed": False,
    "txt_ids_dims": [3],
    "global_modulation": True,
    "mlp_silu_act": True,
    "ops_bias": False,
}


def klein(seed: int = 51) -> Weights:
    """FLUX.2 klein's layout: shared modulation, no guidance, 128 latent channels."""
    return _transformer(KLEIN, seed)


def flux1(seed: int = 52) -> Weights:
    """FLUX.1 dev's layout: guidance and pooled text."""
    return _transformer(FLUX1, seed)


def text_encoder(seed: int = 53) -> Weights:
    """CLIP-L as a file of its own."""
    return clip_text(CLIP_L, "", Pool(seed))


def _transformer(config: dict[str, Any], seed: int) -> Weights:
    import comfy.ops
    from comfy.ldm.flux.model import Flux

    return Pool(seed, std=STD).fill(shapes_of(Flux(**config, device="meta", operations=comfy.ops.disable_weight_init)))
