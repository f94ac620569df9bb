"""What can be wrong with a picture or a mask, one type per kind, each worded for the person who supplied it."""

from __future__ import annotations


class ImagingError(ValueError):
    """Base of all refusals of this package: what is wrong, and below it what to try, on lines of their own.

    What helps on the canvas only, and what on the command line only, stand on lines that begin so: the canvas shows all
    of it, a program the lines that its reader can use (`docs/node-reports.md`).
    """

    def __init__(self, message: str, *, advice: str = "", canvas: str = "", command: str = "") -> None:
        lines = {"What to try": advice, "On the canvas": canvas, "On the command line": command}
        super().__init__("\n".join([message, *(f"{head}: {text}" for head, text in lines.items() if text)]))


class ShapeError(ImagingError):
    """Two inputs do not fit together, or one has an impossible shape."""


class NotFiniteError(ImagingError):
    """A picture or a mask holds values that are no numbers (NaN) or infinite."""


class RangeError(ImagingError):
    """The values of a picture or a mask are numbers, but not those of one: 0 to 255, or from -1 on."""


class EmptyMaskError(ImagingError):
    """The mask holds no product."""


class ParameterError(ImagingError):
    """A setting is outside what makes sense."""


class UntrustedCutoutError(ImagingError):
    """The cut-out would be a guess; refused rather than delivered silently wrong."""


class KeypointError(ImagingError):
    """Pose points that are not what a pose detector delivers, or do not belong to the pictures."""


class NotRegisteredError(ImagingError):
    """The product was not found again in a generated picture, or not where and as it may be."""
