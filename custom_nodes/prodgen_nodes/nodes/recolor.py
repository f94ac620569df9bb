"""Recolor Product: one product in the colours of its range, from one photo."""

from __future__ import annotations

from comfy_api.latest import io
from torch import Tensor

from ..imaging.recolor import recolor, swatch_color, target_color
from ..imaging.reports import batch_report
from .common import CATEGORY, deliver, optional_mask, output, required_mask, work_device


class ProdgenRecolor(io.ComfyNode):
    """Gives one material of the product another colour; its shading, texture and highlights stay."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenRecolor",
            display_name="Recolor Product",
            category=CATEGORY,
            description=(
                "One product in the colours of its range, from one photo: a material gets another colour, its shading, "
                "texture and highlights stay, and metal, stitching and all other materials keep their very bits."
            ),
            has_intermediate_output=True,
            search_aliases=["recolour", "change color", "colour variants", "swatch", "hue", "color range"],
            inputs=[
                io.Image.Input("product", tooltip="The product photo, from Segment Product."),
                io.Mask.Input("mask", tooltip="Where the product is in it (1 = product), from the same node."),
                io.String.Input(
                    "color",
                    default="#aa2211",
                    tooltip="#rrggbb or lab(L, a, b): what most of the part has afterwards, gloss and light included.",
                ),
                io.Image.Input(
                    "swatch",
                    optional=True,
                    tooltip="A photo of the colour instead: what most of its middle has counts.",
                ),
                io.Mask.Input("part", optional=True, tooltip="What to recolour (1). Without it: the material."),
                io.Int.Input(
                    "material",
                    default=1,
                    min=1,
                    max=8,
                    optional=True,
                    tooltip="Without a part: which material by number, the largest is 1. The report lists them with "
                    "their colours and shares.",
                ),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    optional=True,
                    tooltip="How far it goes to the new colour; 0 = as it was.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="product", tooltip="The recoloured product photo."),
                io.Mask.Output(display_name="part", tooltip="What was recoloured (1)."),
                io.String.Output(display_name="report", tooltip="JSON: before, after, materials with numbers."),
            ],
        )

    @classmethod
    def execute(
        cls,
        product: Tensor,
        mask: Tensor,
        color: str,
        swatch: Tensor | None = None,
        part: Tensor | None = None,
        material: int = 1,
        strength: float = 1.0,
    ) -> io.NodeOutput:
        mask, part = required_mask(mask, product), optional_mask(part, product)
        device = work_device()
        target = target_color(color) if swatch is None else swatch_color(swatch)
        done = recolor(
            product.to(device),
            mask.to(device),
            target.to(device),
            None if part is None else part.to(device),
            material,
            strength,
        )
        image, chosen = deliver(done.image, done.part)
        return output(image, chosen, report=batch_report(done.reports), preview=image, cls=cls)
