"""Compares the IC-Light node with weights merged by hand; a program for ComfyUI's Python.

    PYTHON_OF_COMFYUI tests/support/iclight_reference.py COMFYUI_FOLDER WORK_FOLDER

The reference knows nothing of ComfyUI's patching: it adds base, LoRA and offset itself, loads the sum into a UNet that
was built with the widened first convolution, and concatenates and scales the latents itself. Prints one JSON object:
the largest difference of what both models say, relative to the reference's largest value, for every case.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[2]
SCALE = 0.18215  # of SD 1.5's latents
CHECKPOINT, LORA = "reference.ckpt", "reference_lora.pth"


def main(comfyui: Path, work: Path) -> dict[str, Any]:
    sys.path[0:1] = [str(comfyui), str(REPO), str(REPO / "custom_nodes")]
    sys.argv = [sys.argv[0], "--cpu"]
    import comfy.options

    comfy.options.enable_args_parsing()
    import comfy.model_management
    import comfy.sd
    import comfy.utils
    import folder_paths
    import torch
    from prodgen_nodes.imaging.errors import ImagingError
    from prodgen_nodes.nodes.iclight import with_iclight

    from runner.smoke import lora, sd15
    from runner.smoke.weights import save

    save(sd15.checkpoint(), work / CHECKPOINT)
    save(lora.sd15_style(seed=34), work / LORA)
    folder_paths.add_model_folder_path("diffusion_models", str(work))
    base = torch.load(work / CHECKPOINT, weights_only=True)
    base = {
        key.removeprefix("model.diffusion_model."): value.float()
        for key, value in base.items()
        if key.startswith("model.diffusion_model.")
    }
    to_diffusers = _names(comfy.utils.unet_to_diffusers(sd15.UNET), base)
    generator = torch.Generator().manual_seed(5)

    def offsets(channels: int) -> dict[str, Any]:
        made = {key: torch.randn(value.shape, generator=generator) * 0.004 for key, value in base.items()}
        first = base["input_blocks.0.0.weight"]
        made["input_blocks.0.0.weight"] = (
            torch.randn((first.shape[0], channels, *first.shape[2:]), generator=generator) * 0.02
        )
        return made

    kinds = {"fc": offsets(8), "fbc": offsets(12)}
    for kind, values in kinds.items():
        comfy.utils.save_torch_file(
            {to_diffusers[key]: v for key, v in values.items()}, str(work / f"{kind}.safetensors")
        )
    repacked = {f"diffusion_model.{key}": value for key, value in kinds["fc"].items()}
    comfy.utils.save_torch_file(repacked, str(work / "repacked.safetensors"))

    model = comfy.sd.load_checkpoint_guess_config(str(work / CHECKPOINT), output_vae=False, output_clip=False)[0]
    lora_file = comfy.utils.load_torch_file(str(work / LORA), safe_load=True)
    with_lora, _ = comfy.sd.load_lora_for_models(model, None, lora_file, 0.7, 0.0)
    lora_delta = _lora_delta(lora_file, model, base, 0.7)

    x = torch.randn(2, 4, 24, 16, generator=generator) * 3
    text = torch.randn(2, 77, 768, generator=generator)
    sigma = torch.tensor([2.5, 2.5])
    front = torch.randn(1, 4, 24, 16, generator=generator)
    behind = torch.randn(1, 4, 24, 16, generator=generator)

    def ours(patcher: Any) -> Any:
        comfy.model_management.load_models_gpu([patcher])
        options = {**patcher.model_options.get("transformer_options", {}), "wrappers": patcher.wrappers}
        with torch.no_grad():
            return patcher.model.apply_model(x, sigma, c_crossattn=text, transformer_options=options)

    def reference(delta: dict[str, Any], offset: dict[str, Any] | None, beside: list[Any]) -> Any:
        weights = {key: value + delta.get(key, 0.0) for key, value in base.items()}
        if offset is not None:
            for key, value in offset.items():
                have = weights[key]
                if have.shape != value.shape:
                    have = torch.cat((have, torch.zeros(have.shape[0], value.shape[1] - 4, 3, 3)), dim=1)
                weights[key] = have + value
        return _denoised(weights, x, sigma, text, [part * SCALE for part in beside], model, sd15.UNET)

    plain_before = ours(model)
    lit = reference({}, kinds["fc"], [front])
    cases = {
        "plain": (plain_before, reference({}, None, [])),
        "fc": (
            ours(with_iclight(model, "fc.safetensors", {"samples": front})[0]),
            lit,
        ),
        "fc again, while its patches are applied": (
            ours(with_iclight(model, "fc.safetensors", {"samples": front})[0]),
            lit,
        ),
        "fc with lora": (
            ours(with_iclight(with_lora, "fc.safetensors", {"samples": front})[0]),
            reference(lora_delta, kinds["fc"], [front]),
        ),
        "repacked names": (
            ours(with_iclight(model, "repacked.safetensors", {"samples": front})[0]),
            lit,
        ),
        "fbc": (
            ours(with_iclight(model, "fbc.safetensors", {"samples": front}, {"samples": behind})[0]),
            reference({}, kinds["fbc"], [front, behind]),
        ),
    }
    found = {name: _difference(mine, theirs) for name, (mine, theirs) in cases.items()}
    found["lora matters"] = _difference(cases["fc with lora"][0], cases["fc"][1])
    found["offset matters"] = _difference(cases["fc"][0], plain_before)
    comfy.model_management.unload_all_models()
    state = model.model.state_dict()
    restored = all(torch.equal(state[f"diffusion_model.{key}"].float(), value) for key, value in base.items())
    found["after unloading"] = _difference(ours(model), plain_before)

    def refusal(*arguments: Any) -> str:
        try:
            with_iclight(*arguments)
        except ImagingError as error:
            return str(error)
        return ""

    return {
        "differences": found,
        "restored": restored,
        "refusals": {
            "no background": refusal(model, "fbc.safetensors", {"samples": front}),
            "useless background": refusal(model, "fc.safetensors", {"samples": front}, {"samples": behind}),
            "other sizes": refusal(model, "fbc.safetensors", {"samples": front}, {"samples": behind[..., :8]}),
            "half of the weights": refusal(
                model, _truncated(comfy, work, kinds["fc"], to_diffusers), {"samples": front}
            ),
            "not iclight": refusal(model, LORA, {"samples": front}),
        },
    }


def _truncated(comfy: Any, work: Path, values: dict[str, Any], names: dict[str, str]) -> str:
    """A file that lacks half of the weights."""
    some = dict(list({names[key]: value for key, value in values.items()}.items())[::2])
    some[names["input_blocks.0.0.weight"]] = values["input_blocks.0.0.weight"]
    comfy.utils.save_torch_file(some, str(work / "half.safetensors"))
    return "half.safetensors"


def _names(mapping: dict[str, str], base: dict[str, Any]) -> dict[str, str]:
    """ComfyUI's name → diffusers' name."""
    names = {ours: theirs for theirs, ours in mapping.items() if ours in base}
    assert set(names) == set(base), sorted(set(base) - set(names))[:5]
    return names


def _lora_delta(lora: dict[str, Any], model: Any, base: dict[str, Any], strength: float) -> dict[str, Any]:
    import comfy.lora

    delta = {}
    for name, target in comfy.lora.model_lora_keys_unet(model.model, {}).items():
        up, down = lora.get(f"{name}.lora_up.weight"), lora.get(f"{name}.lora_down.weight")
        if up is None or not isinstance(target, str):
            continue
        key = target.removeprefix("diffusion_model.")
        alpha = float(lora.get(f"{name}.alpha", down.shape[0]))
        product = up.float().flatten(1) @ down.float().flatten(1)
        delta[key] = strength * alpha / down.shape[0] * product.reshape(base[key].shape)
    assert delta
    return delta


def _denoised(weights: Any, x: Any, sigma: Any, text: Any, beside: list[Any], model: Any, config: Any) -> Any:
    """x − sigma · noise, with the noise said by a UNet that holds `weights`."""
    import comfy.ops
    import torch
    from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel

    channels = weights["input_blocks.0.0.weight"].shape[1]
    settings = {key: list(value) if isinstance(value, list) else value for key, value in config.items()}
    unet = UNetModel(**{**settings, "in_channels": channels}, operations=comfy.ops.disable_weight_init)
    unet.load_state_dict(weights)
    scaled = x / torch.sqrt(sigma**2 + 1).reshape(-1, 1, 1, 1)
    inputs = torch.cat([scaled, *(part.expand(x.shape[0], -1, -1, -1) for part in beside)], dim=1)
    time = model.model.model_sampling.timestep(sigma).float()
    with torch.no_grad():
        noise = unet.float().eval()(inputs, time, context=text)
    return x - sigma.reshape(-1, 1, 1, 1) * noise


def _difference(first: Any, second: Any) -> float:
    return float((first - second).abs().max() / second.abs().max())


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())))
