"""Load Hint Mask: a rough mask from a file, for a workflow that can do without one."""

from __future__ import annotations

from pathlib import Path

import folder_paths
from comfy_api.latest import io
from nodes import LoadImage
from PIL import UnidentifiedImageError

from ..imaging.errors import ParameterError
from ..imaging.hint import read_hint
from ..imaging.tensors import is_placeholder
from .common import CATEGORY, deliver, output

NONE = "none"


def _pictures() -> list[str]:
    """The pictures of ComfyUI's input folder, as 'Load Image' lists them."""
    folder = Path(folder_paths.get_input_directory())
    names = [path.name for path in folder.iterdir() if path.is_file()]
    return sorted(folder_paths.filter_files_content_types(names, ["image"]))


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
                    options=[NONE, *_pictures()],
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
        if mask == NONE or _is_there(mask):
            return True
        return f"{mask} is not in ComfyUI's input folder: choose another picture, or upload it again."

    @classmethod
    def fingerprint_inputs(cls, mask: str) -> str:
        """A file that was replaced since the last run is read again."""
        return str(LoadImage.IS_CHANGED(mask)) if mask != NONE and _is_there(mask) else mask

    @classmethod
    def execute(cls, mask: str) -> io.NodeOutput:
        if mask == NONE:
            return output(None, report={"hint": None})
        try:
            pictures, transparent = LoadImage().load_image(mask)
        except (OSError, UnidentifiedImageError) as error:
            raise ParameterError(f"{mask} cannot be read as a picture: save the hint as PNG. ({error})") from error
        picture = pictures[0].float()
        clear = None if is_placeholder(transparent, *picture.shape[:2]) else transparent[0].float()
        hint, read = read_hint(picture[..., :3], None if clear is None else 1.0 - clear, mask)
        report = {
            "hint": mask,
            "size": [hint.shape[1], hint.shape[0]],
            "read": read,
            "share": float((hint > 0.5).float().mean()),
        }
        return output(*deliver(hint.unsqueeze(0)), report=report)


def _is_there(name: str) -> bool:
    """Whether this is a file below the input folder (or, annotated, the output or temp folder), as core checks it."""
    exists = folder_paths.exists_annotated_filepath(name)
    return bool(exists) and Path(folder_paths.get_annotated_filepath(name)).is_file()
