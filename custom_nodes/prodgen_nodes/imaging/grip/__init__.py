"""Where a hand holds a product that has no handle, and how that zone is opened for painting."""

from .opening import OpenedZone, open_zone
from .zone import GRIPS, Grip, find_grip

__all__ = ["GRIPS", "Grip", "OpenedZone", "find_grip", "open_zone"]
