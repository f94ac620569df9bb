"""Whether two photos show one product, without a network: by its colours, its outline, and which colour is where."""

from .compare import Likeness, compare
from .looks import Looks, looks_of
from .verdict import FOUND, NOT_FOUND, PRESETS, UNSURE, Limits, Sighting, judged, limits_of

__all__ = [
    "FOUND",
    "NOT_FOUND",
    "PRESETS",
    "UNSURE",
    "Likeness",
    "Limits",
    "Looks",
    "Sighting",
    "compare",
    "judged",
    "limits_of",
    "looks_of",
]
