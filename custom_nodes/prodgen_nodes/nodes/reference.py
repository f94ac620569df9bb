"""Load Reference Photo: your own product, cut out, for a workflow that can do without one."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..imaging.errors import UntrustedCutoutError
from .background_removal import identity_of_best
from .common import CATEGORY, deliver, output, progress_callback, work_device
from .optional_picture import NONE, check_choice, choice_fingerprint, load_choice, picture_choices
from .segmentation import STEPS, Choice, cut_out, stages

_LEAST = 0.3
"""Confidence of the cut-out: below, the product would be compared with a guess."""


class ProdgenLoadReference(io.ComfyNode):
    """A photo of the product that pictures are to hold, cut out; or nothing."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenLoadReference",
            display_name="Load Reference Photo",
            category=CATEGORY,
            description=(
                "Loads a photo of your own product and cuts it out, for 'Require Product' to compare with. With 'none' "
                "there is none, so that a workflow can have this node and do without."
            ),
            has_intermediate_output=True,
            search_aliases=["reference image", "product photo", "compare", "likeness"],
            inputs=[
                io.Combo.Input(
                    "photo",
                    options=picture_choices(),
                    default=NONE,
                    upload=io.UploadType.image,
                    tooltip="The product alone, best on a plain backdrop or already cut out. none = no reference.",
                )
            ],
            outputs=[
                io.Image.Output(display_name="product", tooltip="Its colours; nothing at all with 'none'."),
                io.Mask.Output(display_name="mask", tooltip="1 = product; nothing at all with 'none'."),
                io.String.Output(display_name="report", tooltip="JSON: file, method, confidence, notes."),
            ],
        )

    @classmethod
    def validate_inputs(cls, photo: str = NONE) -> bool | str:
        return check_choice(photo)

    @classmethod
    def fingerprint_inputs(cls, photo: str) -> str:
        """A photo that was replaced since the last run is read again."""
        return f"{choice_fingerprint(photo)} {identity_of_best() if photo != NONE else ''}"

    @classmethod
    def execute(cls, photo: str) -> io.NodeOutput:
        if photo == NONE:
            return output(None, None, report={"reference": None})
        picture, clear = load_choice(photo, "reference")
        alpha = None if clear is None else 1.0 - clear
        step = progress_callback(STEPS)
        choice = Choice("auto", None, "squash", "all")
        cut = cut_out(picture[..., :3], alpha, None, choice, stages(step, 0, 1), work_device())
        if cut.confidence < _LEAST:
            raise UntrustedCutoutError(
                f"the product of the reference {photo} could not be cut out (confidence {cut.confidence:.2f}). What to "
                "try: a photo of it alone on a plain backdrop, or a PNG that is already cut out."
            )
        product, mask = deliver(cut.product.unsqueeze(0), cut.alpha.unsqueeze(0))
        facts: dict[str, Any] = {
            name: cut.report[name] for name in ("method", "model", "confidence", "notes") if name in cut.report
        }
        return output(product, mask, report={"reference": photo, **facts}, preview=product, cls=cls)
