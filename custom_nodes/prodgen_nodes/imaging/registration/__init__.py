"""Registering a product to a generated picture: edit models shift, rescale and turn what they were given."""

from .align import moved_mask
from .product import Registered, register_product
from .record import known_placement, recorded
from .stretch import stretch_of

__all__ = ["Registered", "known_placement", "moved_mask", "recorded", "register_product", "stretch_of"]
