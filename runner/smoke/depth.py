"""Depth Anything 3, small and for one picture. The depth it sees is made up, but smooth and different everywhere."""

from __future__ import annotations

from typing import Any

from runner.smoke.weights import Pool, Weights, shapes_of

MONO: dict[str, Any] = {
    "backbone_name": "vits",
    "out_layers": [5, 7, 9, 11],
    "head_type": "dpt",
    "head_dim_in": 384,
    "head_output_dim": 1,
    "head_features": 64,
    "head_out_channels": [48, 96, 192, 384],
    "head_use_sky_head": True,
}


def depth_anything_3(seed: int = 62) -> Weights:
    """The layout of Mono-Large (depth and sky, no cameras) in the size of Small."""
    import comfy.ops
    import torch
    from comfy.ldm.depth_anything_3.model import DepthAnything3Net

    model = DepthAnything3Net(**MONO, device="meta", dtype=torch.float16, operations=comfy.ops.disable_weight_init)
    return Pool(seed).fill(shapes_of(model))
