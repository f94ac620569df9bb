"""What can go wrong with a Segment Anything network's file."""

from __future__ import annotations


class SegmentAnythingError(ValueError):
    """The file, or a package that runs it, is missing, damaged or of another kind."""
