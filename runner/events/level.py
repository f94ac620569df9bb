"""How much of a run people are told."""

from __future__ import annotations

from enum import IntEnum


class Level(IntEnum):
    """What a display leaves out."""

    QUIET = 0
    """All but results, warnings and failures."""
    NORMAL = 1
    VERBOSE = 2
    """Nothing."""
