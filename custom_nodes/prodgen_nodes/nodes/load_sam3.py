"""Load SAM 3 (optional): a network that finds what is named, for a workflow that can do without one."""

from __future__ import annotations

import folder_paths
from comfy_api.latest import io

from ..imaging.errors import ParameterError
from .common import CATEGORY, output

NONE = "none"


class ProdgenLoadSam3(io.ComfyNode):
    """SAM 3's checkpoint, or nothing."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenLoadSam3",
            display_name="Load SAM 3 (optional)",
            category=CATEGORY,
            description=(
                "Loads SAM 3, which finds objects by their names, with ComfyUI's own loader. With 'none' there is "
                "none, so that a workflow can have this node and do without."
            ),
            has_intermediate_output=True,
            search_aliases=["sam3", "segment anything", "text prompt", "load checkpoint", "detector"],
            inputs=[
                io.Combo.Input(
                    "checkpoint",
                    options=[NONE, *folder_paths.get_filename_list("checkpoints")],
                    default=NONE,
                    tooltip="SAM 3's file in models/checkpoints (sam3.1_multiplex_fp16.safetensors); none = without.",
                )
            ],
            outputs=[
                io.Model.Output(display_name="sam3_model", tooltip="Nothing at all with 'none'."),
                io.Clip.Output(display_name="sam3_clip", tooltip="Its text encoder; nothing at all with 'none'."),
                io.String.Output(display_name="report", tooltip="JSON: the file."),
            ],
        )

    @classmethod
    def execute(cls, checkpoint: str) -> io.NodeOutput:
        if checkpoint == NONE:
            return output(None, None, report={"sam3": None})
        from nodes import CheckpointLoaderSimple

        try:
            model, clip, *_ = CheckpointLoaderSimple().load_checkpoint(checkpoint)
        except RuntimeError as error:  # core: no model type fits the file
            raise ParameterError(f"{checkpoint} is no checkpoint that this ComfyUI knows. ({error})") from error
        return output(model, clip, report={"sam3": checkpoint})
