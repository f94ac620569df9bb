"""Add to Turn, Turntable: the photos of a turntable as one turn."""

from __future__ import annotations

from comfy_api.latest import io
from torch import Tensor

from ..imaging.colorspace import parse_hex
from ..imaging.errors import ParameterError
from ..imaging.spin import Frame, frame_of, turned
from .common import CATEGORY, deliver, output, required_mask

TurnType = io.Custom("PRODGEN_TURN")
_MOST = 120
"""Photos of a turn: one each three degrees. All frames of a turn are in memory at once."""


class ProdgenSpinFrame(io.ComfyNode):
    """One photo of a turn, behind those before it."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenSpinFrame",
            display_name="Add to Turn",
            category=CATEGORY,
            description=(
                "Adds one photo's cut-out to a turn. Chain one for each photo of the turntable, in their order; the "
                "last goes to Turntable. Photos may differ in size."
            ),
            has_intermediate_output=True,
            search_aliases=["spin", "360", "turntable", "frame"],
            inputs=[
                io.Image.Input("product", tooltip="The product, from Segment Product."),
                io.Mask.Input("mask", tooltip="Where the product is, 1 = product, from Segment Product."),
                io.Image.Input("photo", optional=True, tooltip="The photo itself: its backdrop tells how it was lit."),
                TurnType.Input("before", optional=True, tooltip="The photos before this one."),
            ],
            outputs=[
                TurnType.Output(display_name="turn", tooltip="The turn so far."),
                io.String.Output(display_name="report", tooltip="JSON: picture, product_box, backdrop."),
            ],
        )

    @classmethod
    def execute(
        cls, product: Tensor, mask: Tensor, photo: Tensor | None = None, before: tuple[Frame, ...] = ()
    ) -> io.NodeOutput:
        before = before or ()
        if len(before) >= _MOST:
            raise ParameterError(f"a turn holds at most {_MOST} photos.", advice="Leave out every second one.")
        frame = frame_of(product, required_mask(mask, product), photo)
        box = [frame.box.left, frame.box.top, frame.box.right, frame.box.bottom]
        lit = None if frame.backdrop is None else list(frame.backdrop)
        return output((*before, frame), report={"picture": len(before) + 1, "product_box": box, "backdrop": lit})


class ProdgenSpin(io.ComfyNode):
    """All photos of a turn at one size, on one line, under one light."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenSpin",
            display_name="Turntable",
            category=CATEGORY,
            description=(
                "Brings the photos of a turntable to one scale, one baseline and one light, on a plain ground. Photos "
                "of a camera on a stand keep their perspective; where the camera was moved each is fitted by itself. "
                "Light and white are evened by the backdrops. Pixels are moved and lit, never painted."
            ),
            has_intermediate_output=True,
            search_aliases=["spin", "360", "turntable", "rotation", "product viewer"],
            inputs=[
                TurnType.Input("turn", tooltip="From the last 'Add to Turn'."),
                io.Int.Input("width", default=1200, min=64, max=4096, tooltip="Width of each picture in pixels."),
                io.Int.Input("height", default=1200, min=64, max=4096, tooltip="Height of each picture in pixels."),
                io.Float.Input(
                    "fill",
                    default=0.8,
                    min=0.05,
                    max=1.0,
                    step=0.01,
                    tooltip="The longest side of the whole turn over the canvas' matching side.",
                ),
                io.String.Input("background", default="#ffffff", tooltip="Colour of the ground as #rrggbb."),
            ],
            outputs=[
                io.Image.Output(display_name="images", tooltip="The turn, a picture each."),
                io.Mask.Output(display_name="masks", tooltip="Where the product is in each, 1 = product."),
                io.String.Output(display_name="report", tooltip="JSON: camera, scales, gains, notes, ..."),
            ],
        )

    @classmethod
    def execute(cls, turn: tuple[Frame, ...], width: int, height: int, fill: float, background: str) -> io.NodeOutput:
        done = turned(turn, width, height, fill, parse_hex(background))
        images, masks = deliver(done.images, done.masks)
        return output(images, masks, report=done.report)
