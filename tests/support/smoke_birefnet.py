"""Writes a BiRefNet with made-up weights that ComfyUI's own loader accepts: it finds what is darker than a bright wall.

    PYTHON_OF_COMFYUI tests/support/smoke_birefnet.py COMFYUI_FOLDER OUT.pth

All 220 M weights are zero and share one stored block, except two small layers that make the mask
`sigmoid(40 · (0.85 − mean of R, G, B))`. It proves the wiring around the model, never what trained weights can do.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

SHARPNESS, LEVEL = 40.0, 0.85


def write(comfyui: Path, target: Path) -> None:
    """Build the network's list of weights from ComfyUI's own class and save the made-up ones to `target`."""
    sys.path[0] = str(comfyui)  # in place of this folder, whose comfy.py would hide ComfyUI's package
    sys.argv = [sys.argv[0], "--cpu"]  # ComfyUI's modules read the command line when they are imported
    import comfy.options

    comfy.options.enable_args_parsing()
    import comfy.ops
    import torch
    from comfy.background_removal.birefnet import BiRefNet

    settings = json.loads((comfyui / "comfy" / "background_removal" / "birefnet.json").read_text(encoding="utf-8"))
    model = BiRefNet(settings, torch.float32, torch.device("meta"), comfy.ops.manual_cast)
    weights = {}
    for name, shape in ((key, value) for key, value in model.state_dict().items()):
        weights[name] = torch.zeros((), dtype=shape.dtype).expand(shape.shape)
    middle = 1
    first = torch.zeros(weights["decoder.ipt_blk1.conv1.weight"].shape)
    first[0, :, middle, middle] = 1 / 3
    second = torch.zeros(weights["decoder.ipt_blk1.conv_out.weight"].shape)
    second[0, 0, middle, middle] = -SHARPNESS
    bias = torch.zeros(weights["decoder.ipt_blk1.conv_out.bias"].shape)
    bias[0] = SHARPNESS * LEVEL
    last = torch.zeros(weights["decoder.conv_out1.0.weight"].shape)
    last[0, last.shape[1] - second.shape[0]] = 1.0
    weights["decoder.ipt_blk1.conv1.weight"] = first
    weights["decoder.ipt_blk1.conv_out.weight"] = second
    weights["decoder.ipt_blk1.conv_out.bias"] = bias
    weights["decoder.conv_out1.0.weight"] = last
    target.parent.mkdir(parents=True, exist_ok=True)
    torch.save(weights, target)


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
