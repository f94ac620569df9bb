"""Made-up weights in the models' own sizes, under the smoke models' names, for seconds and memory on a GPU.

    PYTHON_OF_COMFYUI benchmarks/full_size.py COMFYUI_FOLDER MODELS_FOLDER [--check]

Layers, widths and decoders are those of SDXL, SD 1.5, their ControlNets and IC-Light; the files stay small, because
every weight is a piece of the same few million numbers. SDPose and Depth Anything 3 stay as the smoke models are.
`--check` writes nothing: it asks ComfyUI what it takes the weights for, which needs neither a GPU nor their memory.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

SDXL: dict[str, Any] = {
    "transformer_depth": [0, 0, 2, 2, 10, 10],
    "transformer_depth_output": [0, 0, 0, 2, 2, 2, 10, 10, 10],
    "transformer_depth_middle": 10,
}
SDXL_CONTROL: dict[str, Any] = {**SDXL, "transformer_depth_output": [0] * 9, "context_dim": 2048}
SD15: dict[str, Any] = {
    "num_res_blocks": [2, 2, 2, 2],
    "channel_mult": [1, 2, 4, 4],
    "transformer_depth": [1, 1, 1, 1, 1, 1, 0, 0],
    "transformer_depth_output": [1] * 9 + [0] * 3,
    "transformer_depth_middle": 1,
}
DECODER: dict[str, Any] = {
    "double_z": True, "z_channels": 4, "resolution": 256, "in_channels": 3, "out_ch": 3, "ch": 128,
    "ch_mult": [1, 2, 4, 4], "num_res_blocks": 2, "attn_resolutions": [], "dropout": 0.0,
}  # fmt: skip
MADE = {
    *("sdxl", "controlnet_union_sdxl", "controlnet_tile_sdxl", "sd15", "controlnet_sd15", "iclight_fc", "iclight_fbc"),
    *("lora_sdxl_people", "lora_sdxl_hands", "lora_sdxl_fast", "lora_sd15"),
}


@contextmanager
def full_size() -> Iterator[None]:
    """While this holds, the makers of the smoke models make them in full size."""
    from runner.smoke import controlnet, sd15, sdxl

    sizes = [(sdxl.UNET, SDXL), (controlnet.SMALL_SDXL, SDXL_CONTROL), (sd15.UNET, SD15)]
    before = [dict(config) for config, _ in sizes]
    for config, full in sizes:
        config.update(full)
    try:
        yield
    finally:
        for (config, _), old in zip(sizes, before, strict=True):
            config.clear()
            config.update(old)


def with_own_decoder(weights: dict[str, Any], seed: int) -> dict[str, Any]:
    """The checkpoint with the decoder of its kind in place of the small pass-through one."""
    import torch
    from comfy.ldm.models.autoencoder import AutoencoderKL

    from runner.smoke.weights import Pool, prefixed, shapes_of

    with torch.device("meta"):
        shapes = shapes_of(AutoencoderKL(ddconfig=DECODER, embed_dim=4))
    kept = {name: tensor for name, tensor in weights.items() if not name.startswith("first_stage_model.")}
    return {**kept, **prefixed("first_stage_model.", Pool(seed).fill(shapes))}


def makers() -> Iterator[tuple[Any, Callable[[], dict[str, Any]]]]:
    """Each model of the catalogue that is made, and what makes it."""
    import importlib

    from runner.models.stand_ins import MODELS

    for model in MODELS:
        if model.name in MADE:
            module, function = model.maker.split(":")
            make = getattr(importlib.import_module(f"runner.smoke.{module}"), function)
            yield model, partial(make, **dict(model.arguments))


def main(comfyui: Path, models_dir: Path, *, check: bool) -> None:
    """One JSON line a file: its name, how many weights it holds and, with `check`, what ComfyUI takes it for."""
    root = Path(__file__).resolve().parents[1]
    sys.path[0:1] = [str(comfyui), str(root)]
    sys.argv = [sys.argv[0], "--cpu"]
    import comfy.options

    comfy.options.enable_args_parsing()
    from runner.smoke.weights import save

    with full_size():
        for model, make in makers():
            weights = make()
            if model.folder == "checkpoints":
                weights = with_own_decoder(weights, seed=71)
            line = {"name": model.name, "weights": sum(tensor.numel() for tensor in weights.values())}
            if check:
                line |= {"is": what_it_is(model.folder, weights)}
            else:
                save(weights, models_dir / model.folder / model.file)
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()


def what_it_is(folder: str, weights: dict[str, Any]) -> str:
    """ComfyUI's own name for a checkpoint; for the other files, whether its layout is the checkpoint's."""
    import comfy.model_detection

    if folder != "checkpoints":
        return f"{len(weights)} tensors"
    config = comfy.model_detection.model_config_from_unet(weights, "model.diffusion_model.")
    return "nothing" if config is None else type(config).__name__


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(), check="--check" in sys.argv[3:])
