"""Keep Fingers in Front: what of the scene a paste of the product must not cover."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ..imaging.hands.keypoints import parse_frames
from ..imaging.occlusion import keep_in_front
from ..imaging.placement import Placement
from ..imaging.reports import batch_report
from .common import CATEGORY, PlacementType, deliver, optional_mask, output, required_mask, tinted, work_device
from .hands.wires import KeypointsType
from .segment_anything import identity, see


class ProdgenKeepInFront(io.ComfyNode):
    """Finds fingers over the product's edge or handle, so that the original is pasted behind them."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenKeepInFront",
            display_name="Keep Fingers in Front",
            category=CATEGORY,
            description=(
                "Finds where the generated scene shows a hand in front of the product, so that pasting the original "
                "never cuts a finger. Changes inside the product (a redrawn logo, a highlight) are not kept: there the "
                "original wins."
            ),
            has_intermediate_output=True,
            search_aliases=["fingers", "hand in front", "occlusion", "keep in front", "hold product", "skin mask"],
            inputs=[
                io.Image.Input("scene", tooltip="The generated picture the product is pasted into."),
                io.Image.Input("product", tooltip="The product photo at full resolution (from Segment Product)."),
                io.Mask.Input("mask", tooltip="Where the product is in that photo, 1 = product, same size as it."),
                PlacementType.Input(
                    "placement", tooltip="Where the product is in the scene: best from Register Product."
                ),
                io.Mask.Input(
                    "erased",
                    optional=True,
                    tooltip="From Erase Handle, at the scene's size: stays the hand's where the scene painted one.",
                ),
                KeypointsType.Input(
                    "keypoints",
                    optional=True,
                    tooltip="Pose points found in the scene. Needed for gloves; helps where skin and product look "
                    "alike.",
                ),
                io.Float.Input(
                    "sensitivity",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    optional=True,
                    tooltip="Higher finds fingers that differ less from the product, but may keep changes of the "
                    "model.",
                ),
                io.Float.Input(
                    "grow",
                    default=0.0,
                    min=0.0,
                    max=32.0,
                    step=1.0,
                    optional=True,
                    advanced=True,
                    tooltip="Pixels by which the kept area is widened.",
                ),
                io.Mask.Input(
                    "zone",
                    optional=True,
                    tooltip="From Grip Zone, at the scene's size: where it holds anything, only what reaches into it "
                    "is a hand, and nothing else of the scene stays in front.",
                ),
            ],
            outputs=[
                io.Mask.Output(
                    display_name="keep_in_front",
                    tooltip="1 = the scene stays in front. Connect it to keep_in_front of Paste Product Back.",
                ),
                io.String.Output(display_name="report", tooltip="JSON: covered share, regions, evidence, warnings."),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, **_: Any) -> str:
        """A network that was installed since sees the rest of a hand."""
        return identity()

    @classmethod
    def execute(
        cls,
        scene: Tensor,
        product: Tensor,
        mask: Tensor,
        placement: Placement,
        *,
        erased: Tensor | None = None,
        keypoints: Any = None,
        sensitivity: float = 0.5,
        grow: float = 0.0,
        zone: Tensor | None = None,
    ) -> io.NodeOutput:
        mask = required_mask(mask, product)
        erased, zone = optional_mask(erased, scene), optional_mask(zone, scene)
        people = parse_frames(keypoints, scene.shape[2], scene.shape[1], scene.shape[0]) if keypoints else None
        device = work_device()
        kept = keep_in_front(
            scene.to(device),
            product.to(device),
            mask.to(device),
            placement,
            erased=None if erased is None else erased.to(device),
            zone=None if zone is None else zone.to(device),
            people=people,
            sensitivity=sensitivity,
            grow=grow,
            see=see,
        )
        (front,) = deliver(kept.mask)
        shown = scene[:4, ..., :3].float()
        preview = tinted(shown, front[: shown.shape[0]], 0.6)
        return output(front, report=batch_report(kept.reports), preview=preview, cls=cls)
