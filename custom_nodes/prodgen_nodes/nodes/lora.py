"""Optional LoRA: a LoRA that a workflow is better with, but can do without."""

from __future__ import annotations

from typing import Any

import folder_paths
from comfy_api.latest import io

from .common import CATEGORY, output

NONE = "none"
OPTIONAL_LORAS = {
    "people_holding_bags.safetensors": "without it fewer pictures show a person who really holds the bag",
    "hands_gripping_handles.safetensors": "without it more hands miss the handle or have wrong fingers",
    "more_details.safetensors": "without it the scene has less fine detail",
    "SDXLrender_v2.0.safetensors": "without it the scene's textures are softer",
}
"""File name → what its absence costs. Offered even where they are not installed: a graph may name them. The schema says
under `missing` which of them are not, so that a client can tell its user before the run."""


def missing_loras() -> dict[str, str]:
    """The optional LoRAs that are not installed, and what the absence of each costs."""
    installed = folder_paths.get_filename_list("loras")
    return {name: cost for name, cost in OPTIONAL_LORAS.items() if name not in installed}


class ProdgenOptionalLora(io.ComfyNode):
    """Applies a LoRA if it is installed; if it is not, the model goes on without it and the report says so."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        missing = missing_loras()
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
                    options=[NONE, *folder_paths.get_filename_list("loras"), *missing],
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
        """A LoRA that was put into its folder since the last run is found."""
        return str(folder_paths.get_full_path("loras", lora_name))

    @classmethod
    def execute(
        cls, model: Any, clip: Any, lora_name: str, strength_model: float, strength_clip: float
    ) -> io.NodeOutput:
        report: dict[str, Any] = {"lora": lora_name, "applied": False, "missing": False, "notes": []}
        if lora_name == NONE or (strength_model == 0 and strength_clip == 0):
            return output(model, clip, report=report, after=(False,))
        if folder_paths.get_full_path("loras", lora_name) is None:
            cost = OPTIONAL_LORAS.get(lora_name)
            if cost is None:
                raise FileNotFoundError(
                    f"The LoRA {lora_name!r} is not in models/loras. Put the file there, choose another one, or none."
                )
            report |= {"missing": True, "notes": [f"{lora_name} is not in models/loras: {cost}."]}
            return output(model, clip, report=report, after=(False,))
        from nodes import LoraLoader

        changed_model, changed_clip = LoraLoader().load_lora(model, clip, lora_name, strength_model, strength_clip)
        report |= {"applied": True, "strength_model": strength_model, "strength_clip": strength_clip}
        return output(changed_model, changed_clip, report=report, after=(True,))
