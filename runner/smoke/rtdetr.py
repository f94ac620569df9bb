"""An RT-DETR that sees a large person wherever it looks: real network, made-up weights, a fixed answer."""

from __future__ import annotations

import torch

from runner.smoke.weights import Pool, Weights

PERSON, SURE, NEVER = 0, 4.0, -8.0
"""COCO's number of a person; logits of what is seen and of what is not: 0.98 and 0.0003."""
LARGE = 3.5
"""Added to the logits of a box's width and height, which start between 5 and 20 % of the picture."""


def sees_people(seed: int = 41) -> Weights:
    """Every weight of the file. The boxes' places come from the network's own grid, their class is always 0."""
    import comfy.ops
    from comfy.ldm.rt_detr.rtdetr_v4 import RTv4

    model = RTv4(device="meta", dtype=torch.float16, operations=comfy.ops.disable_weight_init)
    pool = Pool(seed)
    weights: Weights = {}
    for name, tensor in model.state_dict().items():
        # Grids and constants are computed when the network is built: those are kept.
        weights[name] = pool.fill({name: tensor.shape})[name] if tensor.is_meta else tensor.clone()
    for name in [name for name in weights if name.startswith("decoder.dec_score_head.") and name.endswith(".bias")]:
        weights[name] = torch.full(weights[name].shape, NEVER, dtype=torch.float16)
        weights[name][PERSON] = SURE
    last = sorted(name for name in weights if name.startswith("decoder.enc_bbox_head.") and name.endswith(".bias"))[-1]
    weights[last] = torch.tensor([0.0, 0.0, LARGE, LARGE], dtype=torch.float16)
    return weights
