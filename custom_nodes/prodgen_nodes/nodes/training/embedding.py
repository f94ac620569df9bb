"""Picture Embedding: what a CLIP vision model makes of a picture, as numbers that can be compared."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..common import CATEGORY, output


class ProdgenEmbedding(io.ComfyNode):
    """Reports the embedding of each picture of core's 'CLIP Vision Encode'."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenEmbedding",
            display_name="Picture Embedding",
            category=CATEGORY,
            description=(
                "Reports what a CLIP vision model makes of a picture, as numbers: the cosine of two such rows says how "
                "alike two pictures are. `runner train --best` ranks the saves of a training by it."
            ),
            is_output_node=True,
            search_aliases=["clip vision", "embedding", "likeness", "similarity", "cosine"],
            inputs=[io.ClipVisionOutput.Input("clip_vision_output", tooltip="From 'CLIP Vision Encode'.")],
            outputs=[io.String.Output(display_name="report", tooltip="JSON: a row of numbers for each picture.")],
        )

    @classmethod
    def execute(cls, clip_vision_output: Any) -> io.NodeOutput:
        rows = clip_vision_output["image_embeds"].detach().float().cpu().flatten(1)
        # Numbers of about 1, for a report keeps five decimals.
        scaled = rows / rows.norm(dim=1, keepdim=True).clamp_min(1e-12) * rows.shape[1] ** 0.5
        return output(report={"title": "embedding", "rows": scaled.tolist()}, cls=cls)
