"""IC-Light: an SD 1.5 model that lights a product anew, from the published offsets to any SD 1.5 checkpoint.

The published files hold, for every weight of the UNet, what has to be added to it; the first convolution reads 8
channels instead of 4 (12 with a background): the noisy latent and, beside it, the latents of the product on grey and of
the background. Source: Zhang, Rao and Agrawala, "Scaling in-the-wild training for diffusion-based illumination
harmonization and editing by imposing consistent light transport", ICLR 2025, and the authors' published code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import comfy.model_management
import comfy.patcher_extension
import comfy.utils
import folder_paths
import torch
from comfy_api.latest import io
from torch import Tensor

from ..imaging.errors import ParameterError, ShapeError
from ..imaging.tensors import check_finite
from .common import CATEGORY, output

_FOLDER = "diffusion_models"
_UNET = "diffusion_model."
_FIRST = "input_blocks.0.0.weight"
_KIND = {8: "FC", 12: "FBC"}
_WRAPPER = "prodgen_iclight"


def offsets_by_weight(state: Mapping[str, Tensor], unet_config: Mapping[str, Any], name: str) -> dict[str, Tensor]:
    """The offsets under the names that ComfyUI gives the weights of the UNet (`input_blocks.0.0.weight`, …).

    Published files use diffusers' names (`conv_in.weight`); repacked ones ComfyUI's, with or without
    `diffusion_model.` before them.

    Raises ParameterError that names the file where it holds something else.
    """
    names = comfy.utils.unet_to_diffusers(dict(unet_config))
    offsets = {}
    for key, value in state.items():
        plain = key.removeprefix("model.").removeprefix(_UNET)
        offsets[str(names.get(plain, plain))] = value
    first = offsets.get(_FIRST)
    if first is None or first.dim() != 4 or first.shape[1] not in _KIND:
        width = "none" if first is None else str(tuple(first.shape))
        raise ParameterError(
            f"{name} is no IC-Light file for SD 1.5: its first convolution should read 8 or 12 channels, and is "
            f"{width}. Choose iclight_sd15_fc.safetensors, or iclight_sd15_fbc.safetensors with a background picture."
        )
    return offsets


def check_fit(offsets: Mapping[str, Tensor], weights: Mapping[str, Tensor], name: str, checkpoint: str) -> None:
    """Whether every offset has its weight and every weight its offset, each of the same shape.

    Raises ParameterError with the first names that do not fit.
    """
    wrong = [
        f"{key} {tuple(value.shape)} against {tuple(weights[key].shape)}"
        for key, value in offsets.items()
        if key in weights and value.shape != weights[key].shape and key != _FIRST
    ]
    wrong += [f"{key} has no place in it" for key in offsets if key not in weights]
    wrong += [f"{key} is not in the file" for key in weights if key not in offsets]
    first = weights.get(_FIRST)
    if first is not None and first.shape[1] != 4:
        wrong.insert(0, f"its first convolution reads {first.shape[1]} channels instead of 4")
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise ParameterError(
            f"{name} does not fit the checkpoint ({checkpoint}): {'; '.join(wrong[:3])}{more}. IC-Light needs a plain "
            "SD 1.5 checkpoint, such as juggernaut_reborn.safetensors (no SDXL, no inpainting model)."
        )


def beside(samples: Tensor, like: Tensor) -> Tensor:
    """`samples` `[b,C,h,w]` for every picture of `like` `[n·B,4,H,W]`: resized to it, repeated over prompts.

    Raises ShapeError for another aspect ratio, and for a batch that does not divide that of `like`.
    """
    height, width = like.shape[-2:]
    if samples.shape[-2:] != like.shape[-2:]:
        ratio = samples.shape[-1] * height / (samples.shape[-2] * width)
        if abs(ratio - 1.0) > 2.0 / min(height, width):
            raise ShapeError(
                f"The foreground's latent is {samples.shape[-1]}×{samples.shape[-2]}, the picture's {width}×{height}: "
                "encode the product at the size of the picture."
            )
        samples = torch.nn.functional.interpolate(samples, size=(height, width), mode="bilinear", antialias=True)
    if like.shape[0] % samples.shape[0]:
        raise ShapeError(
            f"The foreground's latent is a batch of {samples.shape[0]}, the pictures are {like.shape[0]}: use one "
            "foreground, or one for each picture."
        )
    return samples.repeat(like.shape[0] // samples.shape[0], 1, 1, 1)


class ProdgenICLight(io.ComfyNode):
    """An SD 1.5 model changed into IC-Light, conditioned on the product that it is to light."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenICLight",
            display_name="IC-Light Model",
            category=CATEGORY,
            description=(
                "Turns any SD 1.5 checkpoint into IC-Light: it paints a scene and lights the product in it. Adds the "
                "published offsets to the model's weights as a patch, like a LoRA, and feeds the product's latent "
                "(and a background's) beside the noise. Connect LoRAs before it."
            ),
            has_intermediate_output=True,
            search_aliases=["ic-light", "iclight", "relight", "light", "illumination", "harmonization"],
            inputs=[
                io.Model.Input("model", tooltip="An SD 1.5 checkpoint's model, with its LoRAs if it has any."),
                io.Combo.Input(
                    "iclight_name",
                    options=folder_paths.get_filename_list(_FOLDER),
                    tooltip="In models/diffusion_models: iclight_sd15_fc, or iclight_sd15_fbc with a background.",
                ),
                io.Latent.Input(
                    "foreground",
                    tooltip="VAE Encode of the product on middle grey (#7f7f7f), at the picture's size and place.",
                ),
                io.Latent.Input(
                    "background",
                    optional=True,
                    tooltip="VAE Encode of the background picture; for iclight_sd15_fbc only.",
                ),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=2.0,
                    step=0.01,
                    optional=True,
                    advanced=True,
                    tooltip="How much of the offsets is added; 1 is what IC-Light was trained as.",
                ),
            ],
            outputs=[
                io.Model.Output(display_name="model", tooltip="The model for the sampler."),
                io.String.Output(display_name="report", tooltip="JSON: kind of IC-Light, weights changed, channels."),
            ],
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        iclight_name: str,
        foreground: Mapping[str, Any],
        background: Mapping[str, Any] | None = None,
        strength: float = 1.0,
    ) -> io.NodeOutput:
        lit, report = with_iclight(model, iclight_name, foreground, background, strength)
        return output(lit, report=report)


def with_iclight(
    model: Any,
    iclight_name: str,
    foreground: Mapping[str, Any],
    background: Mapping[str, Any] | None = None,
    strength: float = 1.0,
) -> tuple[Any, dict[str, Any]]:
    """A patched clone of the model (the weights themselves are shared with it), and the report.

    Args:
        model: ComfyUI's model patcher of an SD 1.5 model.
        iclight_name: file below `models/diffusion_models`.
        foreground, background: ComfyUI latents, `samples` `[B,4,H/8,W/8]`, as VAE Encode gives them (unscaled).
        strength: share of the offsets that is added.

    Raises ParameterError where the file or the checkpoint does not fit or a background is missing or of no use, and
    ShapeError where the latents are not of one size.
    """
    network, config = model.model, model.model.model_config
    path = folder_paths.get_full_path_or_raise(_FOLDER, iclight_name)
    offsets = offsets_by_weight(comfy.utils.load_torch_file(path, safe_load=True), config.unet_config, iclight_name)
    weights = _unpatched(model)
    check_fit(offsets, weights, iclight_name, type(config).__name__)
    channels = offsets[_FIRST].shape[1]
    condition = _condition(network, channels, foreground, background, iclight_name)
    patches: dict[str, Any] = {f"{_UNET}{key}": ("diff", (value,)) for key, value in offsets.items() if key != _FIRST}
    patches[f"{_UNET}{_FIRST}"] = ("diff", (offsets[_FIRST], {"pad_weight": True}))
    lit = model.clone()
    changed = lit.add_patches(patches, strength)

    def feed(executor: Any, x: Tensor, t: Tensor, c_concat: Tensor | None = None, *args: Any, **kwargs: Any) -> Any:
        beside_x = beside(comfy.model_management.cast_to_device(condition, x.device, x.dtype), x)
        given = beside_x if c_concat is None else torch.cat((c_concat, beside_x), dim=1)
        return executor(x, t, given, *args, **kwargs)

    lit.add_wrapper_with_key(comfy.patcher_extension.WrappersMP.APPLY_MODEL, _WRAPPER, feed)
    report = {
        "kind": _KIND[channels],
        "file": iclight_name,
        "weights_changed": len(changed),
        "channels": channels,
        "strength": strength,
    }
    return lit, report


def _unpatched(model: Any) -> dict[str, Tensor]:
    """The UNet's weights as the checkpoint has them, also while an earlier run's patches are applied to the model."""
    kept = model.backup
    return {
        key.removeprefix(_UNET): kept[key].weight if key in kept else value
        for key, value in model.model.state_dict().items()
        if key.startswith(_UNET)
    }


def _condition(
    network: Any,
    channels: int,
    foreground: Mapping[str, Any],
    background: Mapping[str, Any] | None,
    name: str,
) -> Tensor:
    """What is fed beside the noisy latent: `[B,4,h,w]`, or 8 channels with a background, scaled as the model is."""
    if channels == 12 and background is None:
        raise ParameterError(
            f"{name} lights the product by a background picture: connect one to `background`, or choose "
            "iclight_sd15_fc.safetensors."
        )
    if channels == 8 and background is not None:
        raise ParameterError(
            f"{name} takes no background picture: choose iclight_sd15_fbc.safetensors, or disconnect `background`."
        )
    parts = [network.process_latent_in(check_finite(foreground["samples"].float(), "foreground"))]
    if background is not None:
        behind = network.process_latent_in(check_finite(background["samples"].float(), "background"))
        if behind.shape[-2:] != parts[0].shape[-2:]:
            raise ShapeError(
                f"The background's latent is {behind.shape[-1]}×{behind.shape[-2]}, the foreground's "
                f"{parts[0].shape[-1]}×{parts[0].shape[-2]}: bring both pictures to one size."
            )
        count = max(behind.shape[0], parts[0].shape[0])
        if count % behind.shape[0] or count % parts[0].shape[0]:
            raise ShapeError(
                f"There are {parts[0].shape[0]} foregrounds and {behind.shape[0]} backgrounds: use one, or as many."
            )
        parts = [part.repeat(count // part.shape[0], 1, 1, 1) for part in (parts[0], behind)]
    return torch.cat(parts, dim=1)
