"""What can be wrong with a picture or a mask, one type per kind, each worded for the person who supplied it."""

from __future__ import annotations


class ImagingError(ValueError):
    """Base of all refusals of this package: the message says what is wrong and what to try."""


class ShapeError(ImagingError):
    """Two inputs do not fit together, or one has an impossible shape."""


class NotFiniteError(ImagingError):
    """A picture or a mask holds values that are no numbers (NaN) or infinite."""


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
