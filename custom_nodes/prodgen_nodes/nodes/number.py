"""Number: a value of any precision for a workflow's input."""

from __future__ import annotations

from comfy_api.latest import io

from .common import CATEGORY, report_text

_MOST = 1_000_000.0
"""Larger than any size, count or strength that a node takes."""


class ProdgenNumber(io.ComfyNode):
    """Hands a number on as it is. Core's Float is rounded to one decimal by the canvas, which turns 0.35 into 0.3."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenNumber",
            display_name="Number",
            category=CATEGORY,
            has_intermediate_output=True,
            description=(
                "A number for several nodes, or for a workflow's input (title it 'input: name'). Keeps three decimals "
                "on the canvas, where core's Float keeps one."
            ),
            search_aliases=["float", "number", "value", "constant", "slider", "primitive"],
            inputs=[
                io.Float.Input(
                    "value",
                    default=0.0,
                    min=-_MOST,
                    max=_MOST,
                    step=0.001,
                    tooltip="The number. Its range is that of the input it is connected to.",
                )
            ],
            outputs=[
                io.Float.Output(display_name="value", tooltip="The same number."),
                io.String.Output(display_name="report", tooltip="JSON: the number."),
            ],
        )

    @classmethod
    def execute(cls, value: float) -> io.NodeOutput:
        return io.NodeOutput(value, report_text({"value": value}))
