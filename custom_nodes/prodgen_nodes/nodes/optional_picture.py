"""A picture of ComfyUI's input folder that a workflow can do without."""

from __future__ import annotations

from pathlib import Path

import folder_paths
from nodes import LoadImage
from PIL import UnidentifiedImageError
from torch import Tensor

from ..imaging.errors import ParameterError
from ..imaging.tensors import is_placeholder

NONE = "none"


def picture_choices() -> list[str]:
    """`none`, and the pictures of ComfyUI's input folder as 'Load Image' lists them."""
    folder = Path(folder_paths.get_input_directory())
    names = [path.name for path in folder.iterdir() if path.is_file()]
    return [NONE, *sorted(folder_paths.filter_files_content_types(names, ["image"]))]


def check_choice(name: str) -> bool | str:
    """True, or what is wrong with this choice."""
    if name == NONE or _is_there(name):
        return True
    return f"{name} is not in ComfyUI's input folder: choose another picture, or upload it again."


def choice_fingerprint(name: str) -> str:
    """Another one for a file that was replaced since the last run."""
    return str(LoadImage.IS_CHANGED(name)) if name != NONE and _is_there(name) else name


def load_choice(name: str, what: str) -> tuple[Tensor, Tensor | None]:
    """The first picture `[H,W,C]` of a file, and where it is transparent `[H,W]` (None: nowhere). `what` it is for."""
    try:
        pictures, transparent = LoadImage().load_image(name)
    except (OSError, UnidentifiedImageError) as error:
        raise ParameterError(f"{name} cannot be read as a picture: save the {what} as PNG. ({error})") from error
    picture = pictures[0].float()
    return picture, None if is_placeholder(transparent, *picture.shape[:2]) else transparent[0].float()


def _is_there(name: str) -> bool:
    """Whether this is a file below the input folder (or, annotated, the output or temp folder), as core checks it."""
    exists = folder_paths.exists_annotated_filepath(name)
    return bool(exists) and Path(folder_paths.get_annotated_filepath(name)).is_file()
