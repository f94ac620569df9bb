"""A BiRefNet that takes what is darker than a bright wall for the product: `mask = sigmoid(40 · (0.85 − mean rgb))`.

As the trained one it reads pictures normalised by ImageNet's mean and deviation, which is undone first.

All 220 million weights are zero and share one stored block, except two small layers. ComfyUI fixes the network's size.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch

from runner.smoke.weights import Pool, Weights, shapes_of

SHARPNESS, LEVEL = 40.0, 0.85
"""Of the sigmoid at the head of this file: half at the second, sure within a tenth of it on both sides."""
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of RGB over ImageNet."""


def dark_on_light(seed: int = 0) -> Weights:
    """Every weight of the file; nothing in it is random."""
    import comfy.ops
    from comfy.background_removal import birefnet

    settings = json.loads(Path(birefnet.__file__).with_name("birefnet.json").read_text(encoding="utf-8"))
    model = birefnet.BiRefNet(settings, torch.float32, torch.device("meta"), comfy.ops.manual_cast)
    zeros = Pool(seed, dtype=torch.float32)
    weights = {name: zeros.zeros(shape) for name, shape in shapes_of(model).items()}
    mean, darkness, bias, last = (
        torch.zeros(weights[name].shape)
        for name in (
            "decoder.ipt_blk1.conv1.weight",
            "decoder.ipt_blk1.conv_out.weight",
            "decoder.ipt_blk1.conv_out.bias",
            "decoder.conv_out1.0.weight",
        )
    )
    mean[0, :, 1, 1] = torch.tensor(_DEVIATION) / 3
    darkness[0, 0, 1, 1] = -SHARPNESS
    bias[0] = SHARPNESS * (LEVEL - sum(_MEAN) / 3)
    last[0, last.shape[1] - darkness.shape[0]] = 1.0  # the picture's own features are joined last
    weights["decoder.ipt_blk1.conv1.weight"] = mean
    weights["decoder.ipt_blk1.conv_out.weight"] = darkness
    weights["decoder.ipt_blk1.conv_out.bias"] = bias
    weights["decoder.conv_out1.0.weight"] = last
    return weights
