"""Place Product: the cut-out product on a plain canvas, by pose."""

from __future__ import annotations

import math
from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ..imaging.colorspace import parse_hex
from ..imaging.compositing import place_on_background
from ..imaging.placement import Placement
from ..imaging.posing import POSES, Fit, pose_product
from ..imaging.reports import batch_report
from ..imaging.tensors import common_batch, same_size
from .common import CATEGORY, PlacementType, deliver, output, required_mask, work_device


def _notes(fit: Fit, placement: Placement) -> list[str]:
    """What the seller should know about one placed product, in words."""
    notes = []
    if fit.upscaled:
        side = int(max(placement.canvas_width, placement.canvas_height) / fit.scale)
        notes.append(
            f"The product was enlarged {fit.scale:.2f}×, more than the photo holds: use a larger photo, or a canvas of "
            f"at most {side} px on its longer side."
        )
    if fit.cropped > 0:
        notes.append(
            f"{fit.cropped:.1%} of the product lies outside the canvas: bring offset_x and offset_y closer to 0, or "
            "make fill smaller."
        )
    if fit.small_photo:
        notes.append(
            f"The product is only {max(fit.box.width, fit.box.height)} px long in the photo: too small for a sharp "
            "picture."
        )
    if fit.small_on_canvas:
        notes.append("The product is hardly visible on this canvas: make fill larger.")
    if fit.limited:
        notes.append(f"The canvas is too narrow for the fill asked: {fit.fill:.3f} is as large as it goes.")
    if fit.touches_frame:
        notes.append(
            "The mask reaches all four sides of the photo: if it comes from Load Image, invert it (1 = product here)."
        )
    return notes


_FREE = 0.5
"""Pixels of the canvas between its edge and a cut from which the cut is seen to stand free."""
_SIDES = {
    "left": ("left", "x", -1, "right"),
    "above": ("top", "y", -1, "below"),
    "right": ("right", "x", 1, "left"),
    "below": ("bottom", "y", 1, "above"),
}
"""Of a side of `Placement.cut_sides`: what people call it, the offset that moves a product there, and which way, and
the side opposite."""
_PLAIN = ("centered", "marketplace")
"""Poses on a plain canvas, whose edge may take the place of the photo's; a held product's cut is no canvas edge's."""


def _doubts(fit: Fit, placement: Placement, index: int, offsets: tuple[float, float]) -> list[str]:
    """Cuts by the photo's frame that stand free on the canvas, as if they were the product's outline.

    `offsets`: x and y as they are set, in fractions of the canvas.
    """
    left, top, right, bottom = fit.canvas_box
    width, height = placement.canvas_width, placement.canvas_height
    gaps = {
        "left": left / width,
        "above": top / height,
        "right": 1 - right / width,
        "below": 1 - bottom / height,
    }
    cut = placement.cut_sides(index)
    doubts = []
    for side in (side for side in cut if gaps[side] * max(width, height) > _FREE):
        name, axis, sign, opposite = _SIDES[side]
        now = offsets[axis == "y"]
        length = width if axis == "x" else height
        beyond = gaps[side] + (1 + fit.scale) / length  # a pixel of the photo and one of the canvas: the cut is soft
        onto = sign * math.ceil(1000 * (sign * now + beyond)) / 1000
        way = f", or lay the cut on the edge of the canvas by offset_{axis} {onto:.3f}"
        doubts.append(
            f"the photo's {name} edge cuts the product off, and the cut stands free on the canvas: photograph the "
            f"product whole{way if placement.pose in _PLAIN and opposite not in cut else ''}"
        )
    return doubts


def _figures(fit: Fit) -> dict[str, Any]:
    box = fit.box
    return {
        "fill": fit.fill,
        "scale": fit.scale,
        "upscaled": fit.upscaled,
        "upscale_factor": max(1.0, fit.scale),
        "product_box": [box.left, box.top, box.right, box.bottom],
        "canvas_box": list(fit.canvas_box),
        "off_canvas": fit.cropped > 0,
        "cropped_share": fit.cropped,
        "too_small": fit.small_photo or fit.small_on_canvas,
    }


def placement_report(
    placement: Placement, fits: list[Fit], pictures: int, offsets: tuple[float, float]
) -> dict[str, Any]:
    """The figures of the product, or of a batch what `batch_report` says, on the canvas of the pose.

    `pictures`: how many were placed; one mask, and so one fit, may be that of several.
    """
    reports = [
        {**_figures(fit), "notes": _notes(fit, placement), "doubts": _doubts(fit, placement, index, offsets)}
        for index, fit in enumerate(fits)
    ]
    faults = {key: any(one[key] for one in reports) for key in ("upscaled", "off_canvas", "too_small")}
    return {
        "pose": placement.pose,
        "canvas": [placement.canvas_width, placement.canvas_height],
        "pictures": pictures,
        **batch_report(reports, **faults),
    }


class ProdgenPlaceProduct(io.ComfyNode):
    """The product, cut out, on a plain canvas where its pose wants it."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenPlaceProduct",
            display_name="Place Product",
            category=CATEGORY,
            description=(
                "Puts the product on a plain canvas by the box around its mask, never by the photo's frame. Sub-pixel, "
                "in linear light, background exactly the colour given. The placement output remembers where the "
                "original pixels belong, for Paste Product Back, Product Fidelity and Ground and Shadow."
            ),
            has_intermediate_output=True,
            search_aliases=[
                "place product",
                "packshot",
                "canvas",
                "position",
                "center product",
                "resize",
                "pad",
                "fit",
            ],
            inputs=[
                io.Image.Input("product", tooltip="The product photo at full resolution, from Segment Product."),
                io.Mask.Input(
                    "mask", tooltip="Where the product is, 1 = product, at the photo's size, from Segment Product."
                ),
                io.Int.Input(
                    "width", default=1024, min=16, max=16384, step=1, tooltip="Width of the canvas in pixels."
                ),
                io.Int.Input(
                    "height", default=1024, min=16, max=16384, step=1, tooltip="Height of the canvas in pixels."
                ),
                io.Combo.Input(
                    "pose",
                    options=list(POSES),
                    default="centered",
                    tooltip=(
                        "Where the product goes and how large it is: in the middle, standing on a surface, in a hand "
                        "beside the hips, before the body or by the legs, or as shops want it (86 %)."
                    ),
                ),
                io.Float.Input(
                    "fill",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="The product's longest side over the canvas' matching side. 0 takes the pose's own.",
                ),
                io.Float.Input(
                    "offset_x",
                    default=0.0,
                    min=-2.0,
                    max=2.0,
                    step=0.005,
                    tooltip="Shift to the right, as a fraction of the canvas' width.",
                ),
                io.Float.Input(
                    "offset_y",
                    default=0.0,
                    min=-2.0,
                    max=2.0,
                    step=0.005,
                    tooltip="Shift downwards, as a fraction of the canvas' height.",
                ),
                io.String.Input(
                    "background", default="#ffffff", tooltip="Colour of the canvas as #rrggbb; #ffffff is pure white."
                ),
            ],
            outputs=[
                io.Image.Output(display_name="image"),
                io.Mask.Output(display_name="mask"),
                PlacementType.Output(display_name="placement"),
                io.String.Output(display_name="report"),
            ],
        )

    @classmethod
    def execute(
        cls,
        product: Tensor,
        mask: Tensor,
        width: int,
        height: int,
        pose: str,
        fill: float,
        offset_x: float,
        offset_y: float,
        background: str,
    ) -> io.NodeOutput:
        color = parse_hex(background)
        mask = required_mask(mask, product)
        same_size(product=product, mask=mask)
        common_batch(product=product, mask=mask)
        device = work_device()
        product, mask = product.to(device), mask.to(device)
        placement, fits = pose_product(mask, width, height, pose, fill, offset_x, offset_y, product)
        image, placed = deliver(*place_on_background(product, mask, placement, color))
        report = placement_report(placement, fits, len(image), (offset_x, offset_y))
        return output(image, placed, placement, report=report, preview=image, cls=cls)
