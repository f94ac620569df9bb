"""Is the product in anybody's picture still the seller's? Found, laid over its photo, compared, and put into words."""

from .check import Checked, check_picture
from .seen import Seen, reduced, seen_in

__all__ = ["Checked", "Seen", "check_picture", "reduced", "seen_in"]
