"""Erase Handle: open a gap in the product's handle where a hand will be painted."""

from __future__ import annotations

from comfy_api.latest import io
from torch import Tensor

from ..imaging.handle import FILLS, erase_handle
from ..imaging.reports import batch_report
from .common import CATEGORY, deliver, output, required_mask, tinted, work_device


class ProdgenEraseHandle(io.ComfyNode):
    """Finds the handle in the mask, erases part of it and reports where a hand goes."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenEraseHandle",
            display_name="Erase Handle",
            category=CATEGORY,
            description=(
                "Opens a gap in a product's handle so that a hand can be painted there. The handle is found from the "
                "mask: arches, twin straps (opened together), short grips, shoulder straps, tilted or partly hidden. "
                "A product without a handle is left alone and the report says why."
            ),
            has_intermediate_output=True,
            search_aliases=["handle gap", "strap", "grip", "bag handle", "cut handle", "hold product", "prodgen"],
            inputs=[
                io.Image.Input("image", tooltip="The product, best on the plain canvas of Place Product."),
                io.Mask.Input("mask", tooltip="The product in that picture (1 = product), at the picture's size."),
                io.Float.Input(
                    "gap",
                    default=0.3,
                    min=0.01,
                    max=0.99,
                    step=0.01,
                    tooltip="How much of the handle's length to open: 0.3 is 30 %. A short stub stays at each end.",
                ),
                io.Float.Input(
                    "position",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Where along the handle: 0 = its left (or upper) end, 0.5 = its middle, 1 = its other end.",
                ),
                io.String.Input(
                    "background",
                    default="#ffffff",
                    tooltip="Colour that fills the gap, as #rrggbb. Use the canvas colour of Place Product.",
                ),
                io.Combo.Input(
                    "fill",
                    options=list(FILLS),
                    default="background",
                    optional=True,
                    advanced=True,
                    tooltip="background: the colour above. surroundings: continue the picture's own backdrop, for a "
                    "product that still stands in its photo.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="image", tooltip="The picture with the gap filled."),
                io.Mask.Output(display_name="mask", tooltip="What is left of the product."),
                io.Mask.Output(
                    display_name="erased",
                    tooltip="What was erased; also connect it to keep_in_front of Paste Product Back.",
                ),
                io.String.Output(
                    display_name="report", tooltip="JSON: found, kind, grip_point, axis, sizes in pixels."
                ),
            ],
        )

    @classmethod
    def execute(
        cls,
        image: Tensor,
        mask: Tensor,
        gap: float,
        *,
        position: float,
        background: str,
        fill: str = "background",
    ) -> io.NodeOutput:
        mask = required_mask(mask, image)
        device = work_device()
        done = erase_handle(image.to(device), mask.to(device), gap, position, background=background, fill=fill)
        reports = done.reports
        report = batch_report(reports, found=all(one["found"] for one in reports))
        preview = tinted(done.image[:4, ..., :3], done.erased[:4], 0.75)
        results = deliver(done.image, done.mask, done.erased, preview)
        return output(*results[:3], report=report, preview=results[3], cls=cls)
