"""What can be wrong with a model file or with what it is run by."""

from __future__ import annotations

from ..imaging.errors import ImagingError


class ModelFileError(ImagingError):
    """The file is damaged, is no background-removal model, or cannot be run here."""
