"""Marketplace Preset: a shop's canvas, fill, background and shadow, and its rules for the export to check."""

from __future__ import annotations

from dataclasses import asdict

from comfy_api.latest import io

from ..shops.channels import CHANNELS, RECHECK_NOTE, channel_named
from .common import CATEGORY, output

ChannelType = io.Custom("PRODGEN_CHANNEL")


class ProdgenChannel(io.ComfyNode):
    """One choice instead of six: what a marketplace wants its main picture to be."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenChannel",
            display_name="Marketplace Preset",
            category=CATEGORY,
            description=(
                "Canvas size, product fill, background and shadow of a marketplace's main picture, and its rules for "
                f"'Export for Marketplace' to check. {RECHECK_NOTE}"
            ),
            has_intermediate_output=True,
            search_aliases=[*CHANNELS, "google shopping", "packshot size", "channel", "marketplace"],
            inputs=[
                io.Combo.Input(
                    "channel",
                    options=list(CHANNELS),
                    default="master",
                    tooltip="The shop the picture is for. 'master' is one large white picture that suits every shop.",
                ),
                io.Int.Input(
                    "width",
                    default=0,
                    min=0,
                    max=16384,
                    optional=True,
                    advanced=True,
                    tooltip="Canvas width in pixels; 0 = the channel's own.",
                ),
                io.Int.Input(
                    "height",
                    default=0,
                    min=0,
                    max=16384,
                    optional=True,
                    advanced=True,
                    tooltip="Canvas height in pixels; 0 = the channel's own.",
                ),
                io.Float.Input(
                    "fill",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    optional=True,
                    advanced=True,
                    tooltip="The product's longest side as a share of the canvas; 0 = the channel's own.",
                ),
                io.String.Input(
                    "background",
                    default="",
                    optional=True,
                    advanced=True,
                    tooltip="Background colour as #rrggbb; empty = the channel's own (white).",
                ),
                io.Float.Input(
                    "shadow",
                    default=-1.0,
                    min=-1.0,
                    max=1.0,
                    step=0.05,
                    optional=True,
                    advanced=True,
                    tooltip="Opacity of the contact shadow, 0 = none; -1 = the channel's own (none where a shop "
                    "does not clearly allow one).",
                ),
            ],
            outputs=[
                io.Int.Output("width", tooltip="Canvas width in pixels."),
                io.Int.Output("height", tooltip="Canvas height in pixels."),
                io.Float.Output("fill", tooltip="The product's longest side over the matching canvas side."),
                io.String.Output("background", tooltip="Background colour as #rrggbb."),
                io.Float.Output("shadow", tooltip="Opacity of the contact shadow, 0 = none."),
                io.Boolean.Output(
                    "with_shadow", tooltip="Whether there is a shadow: 'Product Fidelity' expects one then."
                ),
                ChannelType.Output("channel", tooltip="The shop's rules, for 'Export for Marketplace'."),
                io.String.Output("report", tooltip="The rules as JSON."),
            ],
        )

    @classmethod
    def execute(
        cls,
        *,
        channel: str,
        width: int = 0,
        height: int = 0,
        fill: float = 0.0,
        background: str = "",
        shadow: float = -1.0,
    ) -> io.NodeOutput:
        rules = channel_named(channel, width=width, height=height, fill=fill, background=background, shadow=shadow)
        report = {**asdict(rules), "note": f"{rules.note} {RECHECK_NOTE}".strip()}
        return output(
            rules.width,
            rules.height,
            rules.fill,
            rules.background,
            rules.shadow,
            rules.shadow > 0,
            rules,
            report=report,
        )
