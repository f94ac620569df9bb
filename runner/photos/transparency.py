"""What a picture's transparency becomes where a workflow takes none: white lies under it, as every viewer shows it."""

from __future__ import annotations

from PIL import Image

from runner.errors import PhotoError

_OPAQUE = 255
_NOTHING = 5
"""Alpha up to which a pixel is there for nobody: five steps for rounding, as the pack's own judge of transparency."""
LAID_ON_WHITE = "its transparency was laid on white: this workflow takes whole pictures, and makes no transparent one"


def has_transparency(picture: Image.Image) -> bool:
    """Whether any of its pixels lets something through. Decodes it, where it has an alpha channel."""
    return picture.mode == "RGBA" and _extremes(picture)[0] < _OPAQUE


def on_white(picture: Image.Image, name: str, notes: list[str]) -> Image.Image:
    """RGB or RGBA → a picture in which every pixel is there; `notes` says what was done.

    Raises PhotoError where nothing is to be seen in it.
    """
    if not has_transparency(picture):
        return picture
    if _extremes(picture)[1] <= _NOTHING:
        raise PhotoError(
            f"{name}: it is transparent everywhere: there is nothing to be seen in it.",
            advice="Export it again, with its layers shown.",
        )
    white = Image.new("RGB", picture.size, "white")
    white.paste(picture, mask=picture.getchannel("A"))
    notes.append(LAID_ON_WHITE)
    return white


def _extremes(picture: Image.Image) -> tuple[int, int]:
    lowest, highest = picture.getchannel("A").getextrema()
    return int(lowest), int(highest)  # type: ignore[arg-type] # of one channel they are numbers
