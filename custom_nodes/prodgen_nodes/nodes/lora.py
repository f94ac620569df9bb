"""Optional LoRA: a LoRA that a workflow is better with, but can do without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import comfy.lora
import comfy.lora_convert
import comfy.sd
import comfy.utils
import folder_paths
from comfy_api.latest import io

from ..imaging.errors import ParameterError
from .common import CATEGORY, output
from .lora_fit import check_fit, fit

NONE = "none"
_PEOPLE = "without it fewer pictures show a person who really holds the bag"
_HANDS = "without it more hands miss the handle or have wrong fingers"
OPTIONAL_LORAS = {
    "ecommerce_imagen3_sdxl_juggernautRagnarok-000070.safetensors": _PEOPLE,
    "people_holding_bags.safetensors": _PEOPLE,
    "ecommerce_imagen3_hands_grasp_sdxl_juggernautRagnarok.safetensors": _HANDS,
    "hands_gripping_handles.safetensors": _HANDS,
    "more_details.safetensors": "without it the scene has less fine detail",
    "SDXLrender_v2.0.safetensors": "without it the scene's textures are softer",
}
"""File name -> what its absence costs. Offered even where they are not installed: a graph may name them. The schema
says under `missing` which of them are not, so that a client can tell its user before the run."""
_SAME = {
    name: other
    for pair in (
        ("ecommerce_imagen3_sdxl_juggernautRagnarok-000070.safetensors", "people_holding_bags.safetensors"),
        ("ecommerce_imagen3_hands_grasp_sdxl_juggernautRagnarok.safetensors", "hands_gripping_handles.safetensors"),
    )
    for name, other in (pair, pair[::-1])
}
"""Two names of one file: its author's, and the one that this pack's first graphs gave it."""


def installed_as(lora_name: str) -> str | None:
    """The name by which a LoRA is installed: its own, or the other one of the same file; None where it is not."""
    names = [lora_name, *([_SAME[lora_name]] if lora_name in _SAME else [])]
    return next((name for name in names if folder_paths.get_full_path("loras", name) is not None), None)


def missing_loras() -> dict[str, str]:
    """The optional LoRAs that are not installed, under none of their names, and what the absence of each costs."""
    return {name: cost for name, cost in OPTIONAL_LORAS.items() if installed_as(name) is None}


class ProdgenOptionalLora(io.ComfyNode):
    """Applies a LoRA if it is installed; if it is not, the model goes on without it and the report says so."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        missing = missing_loras()
        installed = folder_paths.get_filename_list("loras")
        return io.Schema(
            node_id="ProdgenOptionalLora",
            display_name="Optional LoRA",
            category=CATEGORY,
            description=(
                "Applies a LoRA to model and text encoder. One of the LoRAs that this pack's workflows can do without "
                "may be missing: the model then goes on without it, and the report says what that costs."
            ),
            has_intermediate_output=True,
            search_aliases=["lora", "load lora", "optional lora", "skip missing lora"],
            inputs=[
                io.Model.Input("model", tooltip="The model that the LoRA changes."),
                io.Clip.Input("clip", tooltip="The text encoder that the LoRA changes."),
                io.Combo.Input(
                    "lora_name",
                    options=[NONE, *installed, *(name for name in OPTIONAL_LORAS if name not in installed)],
                    default=NONE,
                    tooltip="The file in models/loras; none applies none.",
                    extra_dict={"missing": missing},
                ),
                io.Float.Input(
                    "strength_model",
                    default=1.0,
                    min=-10.0,
                    max=10.0,
                    step=0.01,
                    tooltip="How strongly it changes the model; 0 not at all.",
                ),
                io.Float.Input(
                    "strength_clip",
                    default=1.0,
                    min=-10.0,
                    max=10.0,
                    step=0.01,
                    tooltip="How strongly it changes the text encoder; 0 not at all.",
                ),
            ],
            outputs=[
                io.Model.Output(display_name="model"),
                io.Clip.Output(display_name="clip"),
                io.String.Output(display_name="report", tooltip="JSON: whether it was applied, and if not, why."),
                io.Boolean.Output(
                    display_name="applied",
                    tooltip="Whether it was applied: for a switch, where a LoRA brings its own steps and cfg.",
                ),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, lora_name: str, **_: Any) -> str:
        """A LoRA that was put into its folder, or there in place of another, since the last run is found."""
        file = installed_as(lora_name)
        path = None if file is None else folder_paths.get_full_path("loras", file)
        if path is None:
            return "none"
        state = Path(path).stat()
        return f"{path} {state.st_size} {state.st_mtime_ns}"

    @classmethod
    def execute(
        cls, model: Any, clip: Any, lora_name: str, strength_model: float, strength_clip: float
    ) -> io.NodeOutput:
        report: dict[str, Any] = {"lora": lora_name, "applied": False, "missing": False, "notes": []}
        if lora_name == NONE or (strength_model == 0 and strength_clip == 0):
            return output(model, clip, report=report, after=(False,))
        file = installed_as(lora_name)
        if file is None:
            cost = OPTIONAL_LORAS.get(lora_name)
            if cost is None:
                raise FileNotFoundError(
                    f"The LoRA {lora_name!r} is not in models/loras. Put the file there, choose another one, or none."
                )
            report |= {"missing": True, "notes": [f"{lora_name} is not in models/loras: {cost}."]}
            return output(model, clip, report=report, after=(False,))
        changed_model, changed_clip, notes = _applied(model, clip, file, strength_model, strength_clip)
        report |= {"applied": True, "strength_model": strength_model, "strength_clip": strength_clip, "notes": notes}
        return output(changed_model, changed_clip, report=report, after=(True,))


def _applied(
    model: Any, clip: Any, file: str, strength_model: float, strength_clip: float
) -> tuple[Any, Any, list[str]]:
    """Model and text encoder with the LoRA, and what to say of it, as core's loader does it.

    Raises ParameterError where it is a LoRA of another base: core would go on without a word.
    """
    path = folder_paths.get_full_path_or_raise("loras", file)
    try:
        lora, metadata = comfy.utils.load_torch_file(path, safe_load=True, return_metadata=True)
    except Exception as error:  # core's readers raise anything for a damaged file
        raise ParameterError(f"The LoRA {file!r} cannot be read ({error}): it is damaged, or no LoRA.") from error
    keys: dict[str, Any] = comfy.lora.model_lora_keys_unet(model.model, {})
    weights: dict[str, Any] = dict(model.model.state_dict())
    texts: dict[str, Any] = {}
    if clip is not None:
        keys = comfy.lora.model_lora_keys_clip(clip.cond_stage_model, keys)
        texts = clip.cond_stage_model.state_dict()
    patches = comfy.lora.load_lora(comfy.lora_convert.convert_lora(dict(lora)), keys, log_missing=False)
    kind = type(model.model.model_config).__name__
    notes = check_fit(fit(lora, patches, weights | texts, texts), file, metadata or {}, kind)
    changed = comfy.sd.load_lora_for_models(model, clip, lora, strength_model, strength_clip, lora_metadata=metadata)
    return changed[0], changed[1], notes
