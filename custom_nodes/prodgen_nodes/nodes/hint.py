"""Load Hint Mask: a rough mask from a file, for a workflow that can do without one."""

from __future__ import annotations

from comfy_api.latest import io

from ..imaging.hint import read_hint
from .common import CATEGORY, deliver, output
from .optional_picture import NONE, check_choice, choice_fingerprint, load_choice, picture_choices


class ProdgenLoadHint(io.ComfyNode):
    """A mask that says roughly what is product, or nothing."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenLoadHint",
            display_name="Load Hint Mask",
            category=CATEGORY,
            description=(
                "Loads a rough mask, white = product, for the hint of 'Segment Product'. With 'none' the hint stays "
                "empty, so that a workflow can have this node and do without a mask."
            ),
            has_intermediate_output=True,
            search_aliases=["hint", "load mask", "rough mask", "scribble", "trimap", "import mask"],
            inputs=[
                io.Combo.Input(
                    "mask",
                    options=picture_choices(),
                    default=NONE,
                    upload=io.UploadType.image,
                    tooltip="A picture: white = product, or painted over the product on a transparent layer. It may be "
                    "a smaller copy of the photo. none = no hint.",
                )
            ],
            outputs=[
                io.Mask.Output(display_name="mask", tooltip="1 = product; nothing at all with 'none'."),
                io.String.Output(display_name="report", tooltip="JSON: file, size, what was read, its share."),
            ],
        )

    @classmethod
    def validate_inputs(cls, mask: str = NONE) -> bool | str:
        return check_choice(mask)

    @classmethod
    def fingerprint_inputs(cls, mask: str) -> str:
        """A file that was replaced since the last run is read again."""
        return choice_fingerprint(mask)

    @classmethod
    def execute(cls, mask: str) -> io.NodeOutput:
        if mask == NONE:
            return output(None, report={"hint": None})
        picture, clear = load_choice(mask, "hint")
        hint, read = read_hint(picture[..., :3], None if clear is None else 1.0 - clear, mask)
        report = {
            "hint": mask,
            "size": [hint.shape[1], hint.shape[0]],
            "read": read,
            "share": float((hint > 0.5).float().mean()),
        }
        return output(*deliver(hint.unsqueeze(0)), report=report)
