"""Register Product: where the product is in a picture that a model made around it."""

from __future__ import annotations

from comfy_api.latest import io
from torch import Tensor

from ..imaging.placement import Placement
from ..imaging.registration import moved_mask, recorded, register_product
from ..imaging.reports import batch_report
from .common import CATEGORY, PlacementType, deliver, optional_mask, output, required_mask, work_device


class ProdgenRegisterProduct(io.ComfyNode):
    """Finds the product again after an edit model has moved, scaled or turned it a little."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenRegisterProduct",
            display_name="Register Product",
            category=CATEGORY,
            description=(
                "Edit models move and rescale what they are given. Finds the product again in the generated picture, "
                "to a fraction of a pixel, in other light and behind fingers, so that the original can be pasted where "
                "it really is. Refuses when the product is not there."
            ),
            has_intermediate_output=True,
            search_aliases=["register", "align", "drift", "shift", "zoom", "match product", "find product"],
            inputs=[
                io.Image.Input("generated", tooltip="The picture the model made, at any size."),
                io.Image.Input("product", tooltip="The product photo at full resolution (from Segment Product)."),
                io.Mask.Input("mask", tooltip="Where the product is in that photo, 1 = product, same size as it."),
                PlacementType.Input("placement", tooltip="From Place Product: where the product was meant to be."),
                io.Mask.Input(
                    "ignore",
                    optional=True,
                    tooltip="What is not to be trusted (1 = ignore), for example a hand, at the generated picture's "
                    "or the canvas' size.",
                ),
                io.Mask.Input(
                    "canvas_mask",
                    optional=True,
                    tooltip="A mask of the canvas that belongs to the product, such as the erased part of its handle: "
                    "it is carried along.",
                ),
                io.Float.Input(
                    "max_shift",
                    default=0.15,
                    min=0.0,
                    max=0.5,
                    step=0.01,
                    optional=True,
                    advanced=True,
                    tooltip="How far the product may have moved, as a share of the picture's longer side.",
                ),
                io.Float.Input(
                    "max_scale",
                    default=0.2,
                    min=0.0,
                    max=0.5,
                    step=0.01,
                    optional=True,
                    advanced=True,
                    tooltip="How much larger or smaller the product may have become: 0.2 is ±20 %.",
                ),
                io.Float.Input(
                    "max_rotation",
                    default=8.0,
                    min=0.0,
                    max=45.0,
                    step=0.5,
                    optional=True,
                    advanced=True,
                    tooltip="How far the product may have been turned, in degrees.",
                ),
                io.Float.Input(
                    "min_confidence",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    optional=True,
                    advanced=True,
                    tooltip="Below this the node refuses. 0 = never refuse: the best guess, doubted in the report.",
                ),
                io.String.Input(
                    "known",
                    default="",
                    multiline=True,
                    optional=True,
                    advanced=True,
                    tooltip=(
                        "The .json that was saved beside the generated picture, as text, or the report of Register "
                        "Product or Paste Product Back: it says where the product is, and nothing is searched."
                    ),
                ),
            ],
            outputs=[
                PlacementType.Output(
                    display_name="placement", tooltip="Where the product is in the generated picture, at its size."
                ),
                io.Image.Output(
                    display_name="aligned",
                    tooltip="The generated picture moved onto the original canvas, the product at its given place.",
                ),
                io.Mask.Output(
                    display_name="moved_mask", tooltip="canvas_mask, carried along to the generated picture's product."
                ),
                io.String.Output(display_name="report", tooltip="JSON: shift, scale, rotation, confidence, residual."),
            ],
        )

    @classmethod
    def execute(
        cls,
        generated: Tensor,
        product: Tensor,
        mask: Tensor,
        placement: Placement,
        *,
        ignore: Tensor | None = None,
        canvas_mask: Tensor | None = None,
        max_shift: float = 0.15,
        max_scale: float = 0.2,
        max_rotation: float = 8.0,
        min_confidence: float = 0.5,
        known: str = "",
    ) -> io.NodeOutput:
        mask = required_mask(mask, product)
        ignore = optional_mask(ignore, generated)
        device = work_device()
        done = register_product(
            generated.to(device),
            product.to(device),
            mask.to(device),
            placement,
            ignore=None if ignore is None else ignore.to(device),
            max_shift=max_shift,
            max_scale=max_scale,
            max_rotation=max_rotation,
            min_confidence=min_confidence,
            known=known,
        )
        if canvas_mask is None:
            carried = generated.new_zeros((1, *generated.shape[1:3]))
        else:
            carried = moved_mask(canvas_mask.to(device), placement, done.placement)
        aligned, carried = deliver(done.aligned, carried)
        report = batch_report(done.reports) | {"placement": recorded(done.placement)}
        return output(done.placement, aligned, carried, report=report, preview=aligned, cls=cls)
