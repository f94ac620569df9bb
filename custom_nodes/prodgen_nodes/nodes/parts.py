"""Parts of the Product: a choice for the `parts` of Segment Product, as an input of a workflow."""

from __future__ import annotations

from typing import get_args

from comfy_api.latest import io

from ..imaging.segmentation.parts import Parts
from .common import CATEGORY, output

PARTS: tuple[str, ...] = get_args(Parts)


class ProdgenParts(io.ComfyNode):
    """A workflow's input is a node's title, and Segment Product's own title is taken by its method."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenParts",
            display_name="Parts of the Product",
            category=CATEGORY,
            description=(
                "Which separate parts of a photo are product, for the parts of one 'Segment Product' or several, or "
                "for a workflow's input (title it 'input: parts')."
            ),
            has_intermediate_output=True,
            search_aliases=["parts", "largest", "pair", "set", "primitive"],
            inputs=[
                io.Combo.Input(
                    "parts",
                    options=list(PARTS),
                    default="auto",
                    tooltip="auto: the largest and others of like size (a pair, a set); small things far away are left "
                    "out and named. all: everything. largest: one thing only.",
                )
            ],
            outputs=[
                io.Combo.Output(display_name="parts", options=list(PARTS), tooltip="The same choice."),
                io.String.Output(display_name="report", tooltip="JSON: the choice."),
            ],
        )

    @classmethod
    def execute(cls, parts: str) -> io.NodeOutput:
        return output(parts, report={"parts": parts})
