"""Ground and Shadow: what keeps a product from floating."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ..imaging.compositing import mask_on_canvas
from ..imaging.cut_off import lower_border
from ..imaging.placement import Placement
from ..imaging.reports import batch_report
from ..imaging.shadow import Light, ground_and_shadow
from .common import CATEGORY, PlacementType, deliver, output, required_mask, work_device
from .product_kind import identity, worn


class ProdgenGroundShadow(io.ComfyNode):
    """A contact shadow, a cast shadow where wanted, and the mask of the ground the product stands on."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenGroundShadow",
            display_name="Ground and Shadow",
            category=CATEGORY,
            description=(
                "Finds where the product touches the ground (a line, feet, or the underside of what lies there) and "
                "puts a studio's shadow there: a thin dark line at the contact, a faint broad shade around it and "
                "between feet, fading to exactly nothing. What hangs or flies gets none. The product itself is not "
                "touched. The ground mask keeps generated products from floating."
            ),
            has_intermediate_output=True,
            search_aliases=["shadow", "drop shadow", "contact shadow", "ground plane", "floating", "floor", "ambient"],
            inputs=[
                io.Image.Input(
                    "image", tooltip="The product on its canvas, from Place Product (or any finished picture)."
                ),
                io.Mask.Input(
                    "mask",
                    tooltip=(
                        "Where the product is in the image, 1 = product. With a placement, the mask of the product "
                        "photo will do as well."
                    ),
                ),
                PlacementType.Input(
                    "placement",
                    optional=True,
                    tooltip="From Place Product; needed only for a mask at the photo's size.",
                ),
                io.Float.Input(
                    "light_angle",
                    default=330.0,
                    min=-360.0,
                    max=360.0,
                    step=1.0,
                    tooltip=(
                        "Where the light of the cast shadow comes from, in degrees clockwise as on a clock seen from "
                        "above: 0 = from behind (the shadow falls towards you), 90 = from the right, 180 = from the "
                        "camera, 270 = from the left. The contact shadow does not depend on it."
                    ),
                ),
                io.Float.Input(
                    "light_height",
                    default=60.0,
                    min=5.0,
                    max=90.0,
                    step=1.0,
                    tooltip="Height of that light above the ground in degrees: 90 = overhead, low = long cast shadow.",
                ),
                io.Float.Input(
                    "softness",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="0 = tight and crisp, 1 = wide and soft.",
                ),
                io.Float.Input(
                    "opacity",
                    default=0.7,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip=(
                        "How dark the shadow is at its darkest: as a layer of black of this opacity in a picture "
                        "editor. 0 makes none."
                    ),
                ),
                io.Boolean.Input(
                    "contact_only",
                    default=True,
                    tooltip="Only the shadow at the contact, as packshots have it. Off adds the soft cast shadow.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="image"),
                io.Mask.Output(display_name="shadow", tooltip="Share of the light that the shadow takes."),
                io.Mask.Output(display_name="ground", tooltip="The plane under the product, with a soft horizon."),
                io.String.Output(display_name="report"),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, **_: Any) -> str:
        """Once the network that knows garments is installed, the answer may be another."""
        return identity()

    @classmethod
    def execute(
        cls,
        image: Tensor,
        mask: Tensor,
        light_angle: float,
        light_height: float,
        softness: float,
        opacity: float,
        contact_only: bool,
        placement: Placement | None = None,
    ) -> io.NodeOutput:
        mask = required_mask(mask, image)
        device = work_device()
        image, mask = image.to(device), mask.to(device)
        borders: list[float | None] = []
        if placement is not None:
            mask = mask_on_canvas(mask, placement, image.shape[2], image.shape[1])
            borders = [lower_border(placement, index) for index in range(len(placement))]
        light = Light(light_angle, light_height, softness, opacity, contact_only)
        done = ground_and_shadow(image, mask, light, borders, worn=worn)
        report = {"pictures": len(done.reports), **batch_report(done.reports)}
        shown, shadow, ground = deliver(done.image, done.shadow, done.ground)
        return output(shown, shadow, ground, report=report, preview=shown, cls=cls)
