"""Grip Zone: where a hand holds a product that has no handle."""

from __future__ import annotations

from comfy_api.latest import io
from torch import Tensor

from ..imaging.grip import GRIPS, open_zone
from ..imaging.reports import batch_report
from .common import CATEGORY, deliver, output, required_mask, tinted, work_device


class ProdgenGripZone(io.ComfyNode):
    """Chooses where a hand holds a product without a handle, and opens that zone for painting."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenGripZone",
            display_name="Grip Zone",
            category=CATEGORY,
            description=(
                "Chooses where a hand holds a product without a handle, from its outline and size: around a bottle's "
                "body, at a phone's edges, at a suitcase's pole. The zone is opened so that a hand can be painted in "
                "front of the product. Where Erase Handle opened a handle, nothing is changed."
            ),
            has_intermediate_output=True,
            search_aliases=["grip", "hold bottle", "hold phone", "hand zone", "no handle", "hold product", "prodgen"],
            inputs=[
                io.Image.Input("image", tooltip="The placed product, best the picture of Erase Handle."),
                io.Mask.Input("mask", tooltip="The product in that picture (1 = product), best of Erase Handle."),
                io.Mask.Input(
                    "erased",
                    optional=True,
                    tooltip="From Erase Handle: where a handle was opened, no zone is.",
                ),
                io.Combo.Input(
                    "grip",
                    options=list(GRIPS),
                    default=GRIPS[0],
                    optional=True,
                    tooltip="auto chooses by shape and size; or around_body, edges, pole.",
                ),
                io.Float.Input(
                    "longest_cm",
                    default=0.0,
                    min=0.0,
                    max=1000.0,
                    step=0.5,
                    optional=True,
                    tooltip="The product's longest side in centimetres; 0 = as is usual for its kind.",
                ),
                io.String.Input(
                    "background",
                    default="#ffffff",
                    optional=True,
                    tooltip="Colour to which the picture fades in the zone, as #rrggbb: that of the canvas.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="image", tooltip="The picture with the zone faded to the background."),
                io.Mask.Output(display_name="mask", tooltip="What of the product is kept out of the painting."),
                io.Mask.Output(
                    display_name="zone",
                    tooltip="Where the hand goes; connect it to zone of Keep Fingers in Front and Product Fidelity.",
                ),
                io.String.Output(display_name="words", tooltip="How it is held, for the prompt; empty with a handle."),
                io.String.Output(
                    display_name="report", tooltip="JSON: opened, kind, words, reason, share, boxes in pixels, size."
                ),
            ],
        )

    @classmethod
    def execute(
        cls,
        image: Tensor,
        mask: Tensor,
        erased: Tensor | None = None,
        *,
        grip: str = GRIPS[0],
        longest_cm: float = 0.0,
        background: str = "#ffffff",
    ) -> io.NodeOutput:
        mask = required_mask(mask, image)
        device = work_device()
        done = open_zone(
            image.to(device),
            mask.to(device),
            None if erased is None else erased.to(device),
            grip=grip,
            longest_cm=longest_cm,
            background=background,
        )
        reports = done.reports
        report = batch_report(reports, opened=all(one["opened"] for one in reports))
        preview = tinted(done.image[:4, ..., :3], done.zone[:4], 0.5)
        picture, left, zone = deliver(done.image, done.mask, done.zone)
        return output(picture, left, zone, done.words[0], report=report, preview=preview, cls=cls)
