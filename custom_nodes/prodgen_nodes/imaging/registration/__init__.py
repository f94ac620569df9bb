"""Registering a product to a generated picture: edit models shift, rescale and turn what they were given."""

from .align import moved_mask
from .known import known_placement, recorded
from .product import Registered, register_product

__all__ = ["Registered", "known_placement", "moved_mask", "recorded", "register_product"]
