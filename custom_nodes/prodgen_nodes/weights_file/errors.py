"""What can go wrong with a trained network's file."""

from __future__ import annotations


class WeightsFileError(ValueError):
    """The file, or a package that the network runs on, is missing, damaged or of another kind."""
