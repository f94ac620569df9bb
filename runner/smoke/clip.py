"""Text encoders with made-up weights. Their sizes are fixed: the two of SDXL have 818 million weights."""

from __future__ import annotations

import json
from pathlib import Path

from runner.smoke.weights import Pool, Weights, prefixed, shapes_of

CLIP_L, CLIP_G = "sd1_clip_config.json", "clip_config_bigg.json"


def clip_text(config_file: str, prefix: str, pool: Pool) -> Weights:
    """A CLIP text model as ComfyUI's own configuration file describes it, its names behind `prefix`."""
    import comfy
    import comfy.ops
    import torch
    from comfy.clip_model import CLIPTextModel

    folder = Path(next(iter(comfy.__path__)))
    config = json.loads((folder / config_file).read_text(encoding="utf-8"))
    model = CLIPTextModel(config, torch.float16, torch.device("meta"), comfy.ops.disable_weight_init)
    return prefixed(prefix, pool.fill(shapes_of(model)))
