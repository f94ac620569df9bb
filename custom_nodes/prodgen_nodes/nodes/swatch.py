"""Load Swatch Photo: the photo of a colour, for a workflow that can do without one."""

from __future__ import annotations

from comfy_api.latest import io

from ..imaging.colorspace import hex_color, linear_to_srgb
from ..imaging.recolor import swatch_color
from .common import CATEGORY, deliver, output
from .optional_picture import NONE, check_choice, choice_fingerprint, load_choice, picture_choices


class ProdgenLoadSwatch(io.ComfyNode):
    """A photo of leather, cloth or paint whose colour something else is to have; or nothing."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenLoadSwatch",
            display_name="Load Swatch Photo",
            category=CATEGORY,
            description=(
                "Loads the photo of a colour, for the swatch of 'Recolor Product'. With 'none' there is none, so that "
                "a workflow can have this node and do without."
            ),
            has_intermediate_output=True,
            search_aliases=["swatch", "color sample", "colour sample", "pantone", "leather sample", "load image"],
            inputs=[
                io.Combo.Input(
                    "photo",
                    options=picture_choices(),
                    default=NONE,
                    upload=io.UploadType.image,
                    tooltip="What most of its middle has is the colour. Take it in the light of the product's photo. "
                    "none = no swatch.",
                )
            ],
            outputs=[
                io.Image.Output(display_name="swatch", tooltip="The photo; nothing at all with 'none'."),
                io.String.Output(display_name="report", tooltip="JSON: file, size, its colour."),
            ],
        )

    @classmethod
    def validate_inputs(cls, photo: str = NONE) -> bool | str:
        return check_choice(photo)

    @classmethod
    def fingerprint_inputs(cls, photo: str) -> str:
        """A file that was replaced since the last run is read again."""
        return choice_fingerprint(photo)

    @classmethod
    def execute(cls, photo: str) -> io.NodeOutput:
        if photo == NONE:
            return output(None, report={"swatch": None})
        picture, _ = load_choice(photo, "swatch")
        swatch = picture[None, ..., :3]
        report = {
            "swatch": photo,
            "size": [swatch.shape[2], swatch.shape[1]],
            "color": hex_color(linear_to_srgb(swatch_color(swatch))),
        }
        (image,) = deliver(swatch)
        return output(image, report=report, preview=image, cls=cls)
