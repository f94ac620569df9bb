"""Paste Product Back: the seller's own pixels over what was generated around them."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ..imaging.pasting import MAX_FEATHER, Pasted, paste_back
from ..imaging.placement import Placement
from ..imaging.registration import recorded
from ..imaging.reports import batch_report
from .common import CATEGORY, PlacementType, deliver, optional_mask, output, required_mask, work_device


def paste_report(pasted: Pasted, scale: float, feather: float, product_height: int) -> dict[str, Any]:
    """What was pasted and how, with words where the result could surprise."""
    image = pasted.image
    total = pasted.transforms[0]
    shares = [{"pasted_share": float(mask.mean())} for mask in pasted.mask]
    notes = []
    if total.a > 1.0005:
        notes.append(
            f"The product was enlarged {total.a:.2f}×, more than its {product_height} px high photo holds: expect it "
            "softer than the scene."
        )
    if pasted.canvas_factor != 1.0:
        notes.append(
            f"The scene is {pasted.canvas_factor:.3f}× the size of the canvas the product was placed on; the placement "
            "was scaled to it."
        )
    return {
        "scale": scale,
        "feather": feather,
        "scene": [image.shape[2], image.shape[1]],
        "pictures": image.shape[0],
        "product_scale": total.a,
        "upscaled": total.a > 1.0005,
        "canvas_factor": pasted.canvas_factor,
        "placement": recorded(pasted.placement),
        "notes": notes,
        **batch_report(shares),
    }


class ProdgenPasteBack(io.ComfyNode):
    """The original product over a generated scene, pixel for pixel where it was placed."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenPasteBack",
            display_name="Paste Product Back",
            category=CATEGORY,
            description=(
                "Pastes the product's own full-resolution pixels over a generated scene, where the placement says they "
                "belong. Mixed in linear light; outside the pasted area the scene stays bit for bit as it was."
            ),
            has_intermediate_output=True,
            search_aliases=["paste back", "stitch", "composite product", "overlay", "restore product", "keep product"],
            inputs=[
                io.Image.Input("scene", tooltip="The generated picture the product goes back into."),
                io.Image.Input(
                    "product",
                    tooltip="The product photo at full resolution (from Segment Product), not the placed copy of it.",
                ),
                io.Mask.Input("mask", tooltip="Where the product is in that photo, 1 = product, same size as it."),
                PlacementType.Input(
                    "placement",
                    optional=True,
                    tooltip=(
                        "From Place Product: where the photo's pixels belong in the scene. Without it the product must "
                        "already have the scene's size and lie in its place."
                    ),
                ),
                io.Float.Input(
                    "scale",
                    default=1.01,
                    min=0.5,
                    max=2.0,
                    step=0.001,
                    tooltip=(
                        "Enlarges the product about its own centre. 1.01 hides the thin seam of the generation; "
                        "1.00 is pixel-exact."
                    ),
                ),
                io.Float.Input(
                    "feather",
                    default=0.0,
                    min=0.0,
                    max=MAX_FEATHER,
                    step=0.5,
                    tooltip="Pixels over which the product's edge fades, inward only. 0 keeps its own clean edge.",
                ),
                io.Mask.Input(
                    "keep_in_front",
                    optional=True,
                    tooltip=(
                        "Where the scene stays in front of the product (1 = scene wins), at the scene's size: fingers, "
                        "or the part of the handle that was erased."
                    ),
                ),
            ],
            outputs=[
                io.Image.Output(display_name="image"),
                io.Mask.Output(display_name="mask"),
                io.String.Output(display_name="report"),
            ],
        )

    @classmethod
    def execute(
        cls,
        scene: Tensor,
        product: Tensor,
        mask: Tensor,
        scale: float,
        feather: float,
        placement: Placement | None = None,
        keep_in_front: Tensor | None = None,
    ) -> io.NodeOutput:
        mask = required_mask(mask, product)
        keep_in_front = optional_mask(keep_in_front, scene)
        device = work_device()
        pasted = paste_back(
            scene.to(device),
            product.to(device),
            mask.to(device),
            placement,
            scale,
            feather,
            None if keep_in_front is None else keep_in_front.to(device),
        )
        image, laid = deliver(pasted.image, pasted.mask)
        report = paste_report(pasted, scale, feather, product.shape[1])
        return output(image, laid, report=report, preview=image, cls=cls)
